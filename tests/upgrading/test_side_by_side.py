"""An upgrade with visitors: both releases serve, on one database that has been migrated under the old one."""

import inspect
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from mydesklive.celery import app
from tests.upgrading import traffic as visits
from tests.upgrading.releases import COLLECT, Release, archive, finish, old_and_new
from tests.upgrading.traffic import Traffic, Visitor

# The release to upgrade from. Each release raises it to the one before.
OLD = "6031e79853be2ec68fb434b70eded16a0dad1916"
STAY = 2  # seconds that each state of the upgrade lasts

FILL = """
import inspect, json
from django.test import Client
from django.utils import timezone
from agencies.models import SystemToken
from mydesklive.celery import app
from tests import builders
branch = builders.an_always_open_branch(since=timezone.now(), desks=60)
SystemToken.objects.create(agency=branch.agency, label="Register", digest=SystemToken.digest_of("the token"))
def session(user):
    client = Client()
    client.force_login(user)
    return client.session.session_key
app.loader.import_default_modules()
print(json.dumps({
    "officer": session(builders.an_officer(branch)),
    "citizen": session(builders.a_user()),
    "tasks": {name: list(inspect.signature(task.run).parameters) for name, task in app.tasks.items()},
}))
"""
# A later migration, which the linter refuses while old code runs: statements that are prepared get another result type.
WIDEN = """
from django.db import connection
with connection.cursor() as cursor:
    for column in ("appointment ALTER COLUMN name", "notification ALTER COLUMN last_error"):
        cursor.execute(f"ALTER TABLE appointments_{column} TYPE varchar(300)")
    cursor.execute("ALTER TABLE agencies_branch ALTER COLUMN city_el TYPE varchar(300)")
    cursor.execute("ALTER TABLE accounts_user ALTER COLUMN name TYPE varchar(300)")
print("null")
"""
LEFT = """
import json
from collections import Counter
from appointments.models import Appointment, Notification, TimeSlot
booked = list(Appointment.objects.filter(status="booked").values_list("reference", flat=True))
held = Counter(slot for slots in Appointment.objects.values_list("slot_ids", flat=True) for slot in slots)
taken = dict(TimeSlot.objects.filter(taken__gt=0).values_list("pk", "taken"))
wait = Notification.objects.filter(kind="confirmation").exclude(state="sent").count()
print(json.dumps({"booked": booked, "off": [pk for pk in held | taken if held[pk] != taken.get(pk)], "wait": wait}))
"""


@pytest.fixture(scope="module")
def files() -> bytes:
    found = archive(OLD)
    if found is None:
        pytest.skip(f"the history has no commit {OLD}: this is a shallow clone")
    return found


def static_names_unknown(traffic: Traffic, fronts: dict[str, bool]) -> list[str]:
    """Returns which of the files that pages have named a front does not have. `fronts` says which answer for the other."""
    asker = Visitor(traffic, "static")
    return [
        f"{front} does not have {name}, which a page of {named_by} names"
        for named_by, name in sorted(traffic.static)
        for front, answers_for_other in fronts.items()
        if front == named_by or answers_for_other
        if asker.get(name, only=front).status_code != 200
    ]


def confirmed(new: Release) -> dict[str, Any]:
    """Returns what is in the database, once every confirmation has been sent or twenty seconds are over."""
    deadline = time.monotonic() + 20
    while (left := new.run(LEFT))["wait"] and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def answers_for_others(release: Release) -> bool:
    """Returns whether the release already answers for files of another one."""
    return (release.folder / "mydesklive/pages/files.py").exists()


def visitors(sessions: dict[str, Any]) -> list[visits.Comes]:
    return [
        visits.look_around,
        visits.book,
        visits.book,
        partial(visits.book_by_program, token="the token"),
        partial(visits.watch, session=sessions["officer"], path=visits.QUEUE, shows="ΚΕΠ Χανίων"),
        partial(visits.watch, session=sessions["citizen"], path="/en/appointments/", shows="My appointments"),
    ]


def parameters(task: str) -> list[str]:
    app.loader.import_default_modules()
    return list(inspect.signature(app.tasks[task].run).parameters) if task in app.tasks else ["unknown"]


@dataclass
class Seen:
    """What came of an upgrade."""

    traffic: Traffic
    tasks: dict[str, list[str]]  # those of the old worker, with their parameters
    unknown: list[str]
    left: dict[str, Any]
    logs: str


def upgrade(files: bytes) -> Seen:
    """Goes through the steps of docs/operations.md: migrate, replace the worker, put new web processes beside the old."""
    traffic = Traffic()
    with old_and_new(files) as (old, new), ExitStack() as processes:
        finish(old.manage(*COLLECT), new.manage(*COLLECT), old.manage("migrate"))
        filled = old.run(FILL)
        old_web, old_worker = processes.enter_context(ExitStack()), processes.enter_context(ExitStack())
        old_web.enter_context(old.web())
        old_worker.enter_context(old.worker())
        traffic.open("old", old.address)
        with traffic.running(*visitors(filled)):
            time.sleep(STAY)
            finish(new.manage("migrate", "--no-input"))
            processes.enter_context(new.worker())
            processes.enter_context(new.beat())
            time.sleep(STAY)
            old_worker.close()
            processes.enter_context(new.web())
            traffic.open("new", new.address)
            time.sleep(2 * STAY)
            unknown = static_names_unknown(traffic, {"new": True, "old": answers_for_others(old)})
            traffic.drain("old")
            old_web.close()
            new.run(WIDEN)
            time.sleep(STAY)
        return Seen(traffic, filled["tasks"], unknown, confirmed(new), old.log("worker") + new.log("worker"))


@pytest.mark.slow
def test_visitors_notice_nothing_of_an_upgrade(files: bytes) -> None:
    seen = upgrade(files)
    traffic, left, told = seen.traffic, seen.left, str(seen.traffic)
    assert traffic.refused() == [], told
    assert traffic.broken == [], told
    assert seen.unknown == [], told
    assert traffic.mixed > 0, told  # begun on one release, and ended on the other
    assert Counter(left["booked"]) == Counter(traffic.booked), told  # none lost, none twice
    assert left == {"booked": left["booked"], "off": [], "wait": 0}, seen.logs
    assert "Traceback" not in seen.logs
    assert {name: parameters(name) for name in seen.tasks} == seen.tasks  # the new worker does what the old one queued
