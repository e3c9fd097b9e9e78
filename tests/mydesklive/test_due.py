"""Since when work is due, lane by lane: nothing, what is due, and what has waited for too long."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import AccountMail, Planned
from accounts.work.due import due, lanes, late
from agencies.models import Branch, Channel, Search
from appointments import booking, disruptions
from appointments.messages.returned import reading
from appointments.models import (
    Alert,
    AlertMail,
    Appointment,
    ChangedDay,
    Disruption,
    Journey,
    Mailbox,
    Miscount,
    NothingFree,
    Notice,
    Notification,
)
from reports.models import SampledDay, Sending, Subscription
from tests.builders import (
    GUEST,
    NOW,
    WORKER,
    a_strike,
    a_user,
    a_walk_in,
    an_appointment,
    an_officer,
    an_open_branch,
    minutes,
    slots_of,
)
from tests.pages import signed_in, text_of
from tests.reports.mailing.lists import a_list
from videocalls.models import Meeting, VideoCall
from videocalls.rooms import KEPT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
DAY = timedelta(days=1)
PATIENCE = {lane.name: lane.patience for lane in lanes()}


@pytest.fixture(autouse=True)
def _mailbox(settings: Settings) -> None:
    settings.BOUNCE_URL = "imaps://bounces:word@mail.example.org/INBOX"


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


def own_apps() -> list[str]:
    root = Path(configured.BASE_DIR)
    return [app.label for app in apps.get_app_configs() if Path(app.path).parent == root]


def a_message(branch: Branch, kind: str, medium: str) -> None:
    appointment = an_appointment(slots_of(branch)[40])
    appointment.notifications.all().delete()
    Notification.objects.create(appointment=appointment, kind=kind, medium=medium, language="el", due_at=NOW)


def a_notice(branch: Branch, medium: str) -> None:
    ticket = a_walk_in(branch, NOW)
    Notice.objects.create(ticket=ticket, kind="next", medium=medium, address="m@example.org", language="el", due_at=NOW)


def a_hold(branch: Branch) -> None:
    slot = slots_of(branch)[20]
    booking.hold(slot.pk, branch.agency.procedures.get(), Channel.IN_PERSON, by=GUEST, now=NOW)
    Appointment.objects.update(expires_at=NOW)


def a_video_appointment(branch: Branch) -> None:
    an_appointment(slots_of(branch)[40], channel=Channel.VIDEO).notifications.all().delete()


def a_call(branch: Branch) -> None:
    call = VideoCall.objects.create(
        provider="room", opens_at=NOW + timedelta(days=1), closes_at=NOW + timedelta(days=2)
    )
    VideoCall.objects.filter(pk=call.pk).update(created_at=NOW)


def a_name(branch: Branch) -> None:
    window = {"opens_at": NOW - timedelta(hours=2), "closes_at": NOW - KEPT}
    call = VideoCall.objects.create(provider="room", state=VideoCall.State.READY, **window)
    call.participants.create(role="visitor", key="citizen", name="Μαρία")


def an_old_meeting(branch: Branch) -> None:
    closed = {"opens_at": NOW - timedelta(days=1), "closes_at": NOW, "state": VideoCall.State.READY}
    Meeting.objects.create(call=VideoCall.objects.create(provider="webex", **closed), provider="webex", unneeded_at=NOW)


def an_alert_mail(branch: Branch) -> None:
    alert = Alert.objects.create(branch=branch, kind=Alert.Kind.UNPLACED, raised_at=NOW)
    AlertMail.objects.create(alert=alert, user=a_user("supervisor@example.org"))


def an_unused_role(branch: Branch) -> None:
    role = an_officer(branch).memberships
    role.update(given_at=NOW - timedelta(days=configured.RIGHTS_LAPSE_DAYS - configured.RIGHTS_WARNING_DAYS))


def a_code(branch: Branch) -> None:
    AccountMail.objects.create(
        kind="login_code",
        recipient="citizen@example.org",
        language="el",
        content=b"sealed",
        asked_by="a browser",
        awaited_since=NOW,
        created_at=NOW,
        due_at=NOW,
        useless_at=NOW + timedelta(days=1),
    )


def a_branch_not_looked_at(branch: Branch) -> None:
    SampledDay.objects.create(branch=branch, day=NOW.date() - DAY, sampled_at=NOW - DAY)


VISIT: dict[str, Any] = {"channel": "in_person", "device": "phone", "language": "el", "procedure_id": 1, "visitor": "a"}


def a_journey(branch: Branch) -> None:
    at = NOW - 4 * DAY
    Journey.objects.create(
        agency_id=branch.agency_id, branch_id=branch.pk, day=at.date(), token="a", held_at=at, **VISIT
    )


def nothing_free(branch: Branch) -> None:
    at = NOW - 4 * DAY
    NothingFree.objects.create(agency_id=branch.agency_id, day=at.date(), at=at, **VISIT)


def a_search(_branch: Branch) -> None:
    at = NOW - 4 * DAY
    Search.objects.create(language="el", text="ψαρεμα", network="a", crowd=1, day=at.date(), at=at)


def a_report(**fields: datetime) -> Subscription:
    report = a_list(a_user("official@example.org", is_official=True), now=NOW + timedelta(days=30))
    Subscription.objects.update(**fields)
    return report


def a_mail_with_a_report() -> None:
    Sending.objects.create(recipient=a_report().recipients.get(), moment=NOW, retry_at=NOW)


ROWS: dict[str, tuple[str, Callable[[Branch], object]]] = {
    "code": ("codes", a_code),
    "unused role": ("unused rights", an_unused_role),
    "verification": ("urgent mail", lambda branch: a_message(branch, "verify", "email")),
    "confirmation": ("urgent mail", lambda branch: a_message(branch, "confirmation", "email")),
    "mail": ("mail", lambda branch: a_message(branch, "reminder", "email")),
    "urgent sms": ("urgent sms", lambda branch: a_message(branch, "delayed", "sms")),
    "notice": ("urgent mail", lambda branch: a_notice(branch, "email")),
    "notice by sms": ("urgent sms", lambda branch: a_notice(branch, "sms")),
    "sms": ("sms", lambda branch: a_message(branch, "reminder", "sms")),
    "hold": ("holds", a_hold),
    "disruption": ("disruptions", lambda branch: a_strike(branch, prepared=False)),
    "appointment without a call": ("video", a_video_appointment),
    "call without a room": ("video", a_call),
    "mailbox": (
        "mailbox",
        lambda _branch: Mailbox.objects.create(key=reading.current(), due_at=NOW, retry_at=NOW),
    ),
    "person in a room that is closed": ("video rooms", a_name),
    "meeting to remove": ("old rooms", an_old_meeting),
    "alert": ("alerts", an_alert_mail),
    "changed day": ("figures", lambda branch: ChangedDay.objects.create(branch_id=branch.pk, since=NOW)),
    "wrong figures": (
        "wrong figures",
        lambda branch: Miscount.objects.create(agency=branch.agency, first_day=NOW, days=1, found_at=NOW),
    ),
    "first free times": ("first free times", a_branch_not_looked_at),
    "visit": ("visits", a_journey),
    "told that nothing is free": ("visits", nothing_free),
    "search in vain": ("visits", a_search),
    "list of a report": ("reports", lambda _branch: a_report(due_at=NOW)),
    "mail with a report": ("reports", lambda _branch: a_mail_with_a_report()),
    "planned task": (
        "planned tasks",
        lambda _branch: Planned.objects.create(task="appointments.tasks.publish_all", ended_at=NOW, next_at=NOW),
    ),
}


NAMES_LANES = re.compile(r"^from accounts\.work\.due import .*\bLane\b.*\bLane\(", re.MULTILINE | re.DOTALL)


def test_every_lane_is_tried() -> None:
    assert {lane for lane, _make in ROWS.values()} == set(PATIENCE)


def test_no_app_has_forgotten_to_list_its_lanes() -> None:
    root = Path(configured.BASE_DIR)
    files = (path for app in own_apps() for path in (root / app).rglob("*.py") if NAMES_LANES.search(path.read_text()))
    assert {".".join(path.relative_to(root).with_suffix("").parts) for path in files} == {*configured.DUE_WORK}


def test_lanes_have_names_of_their_own() -> None:
    names = [lane.name for lane in lanes()]
    assert len(names) == len({*names})


def test_every_table_of_leased_work_is_looked_at() -> None:
    """A new one without a lane could stand still, and nobody would know."""
    found = [lane.oldest(NOW) for lane in lanes()]
    looked_at = {rows.model for one in found for rows in (one if isinstance(one, tuple) else (one,))}
    models = [model for app in own_apps() for model in apps.get_app_config(app).get_models()]
    leased = {one for one in models if "leased_until" in {field.name for field in one._meta.fields}}
    assert AccountMail in leased
    assert {model.__name__ for model in leased - looked_at} == set()


def test_nothing_is_due_in_peace(branch: Branch) -> None:
    assert {one.age for one in due(lanes(), now=NOW + timedelta(days=3))} == {0}


@pytest.mark.parametrize("row", ROWS)
def test_due_row_makes_its_lane_late_when_its_patience_is_over(branch: Branch, row: str) -> None:
    lane, make = ROWS[row]
    make(branch)
    patience = PATIENCE[lane]
    assert late(lanes(), now=NOW + patience) == []
    behind = {one.lane.name: one.age for one in late(lanes(), now=NOW + patience + minutes(1))}
    assert behind[lane] == patience.total_seconds() + 60
    assert set(behind) <= {lane, lane.removeprefix("urgent ")}  # a mail that somebody waits for is a mail too


def test_message_that_is_tried_again_later_is_not_due(branch: Branch) -> None:
    a_message(branch, "confirmation", "email")
    Notification.objects.update(due_at=NOW + minutes(60), attempts=2)
    assert late(lanes(), now=NOW + minutes(59)) == []


def test_disruption_that_goes_on_is_due_since_its_last_appointment(branch: Branch) -> None:
    strike = a_strike(branch, prepared=False)
    disruptions.look_after(strike, by=WORKER, now=NOW)
    later = NOW + timedelta(hours=5)
    Disruption.objects.update(state=Disruption.State.OPEN)
    strike.refresh_from_db()
    Disruption.objects.update(state=Disruption.State.PREPARING, preparing_since=later)
    assert late(lanes(), now=later + minutes(15)) == []
    assert [one.lane.name for one in late(lanes(), now=later + minutes(16))] == ["disruptions"]


def test_task_that_is_no_longer_planned_is_not_missed(branch: Branch) -> None:
    Planned.objects.create(task="appointments.tasks.of_before", ended_at=NOW, next_at=NOW)
    assert late(lanes(), now=NOW + timedelta(days=1)) == []


def test_operators_page_says_that_work_is_late(client: Client, branch: Branch) -> None:
    signed_in(client, a_user("operator@example.org", is_operator=True))
    page = "/en/admin/appointments/appointment/watch/"
    assert "work in the background" not in text_of(client.get(page))
    a_message(branch, "reminder", "email")
    Notification.objects.update(due_at=NOW - minutes(7))
    assert "Somebody has to look at the worker: Mails (7 minutes)" in text_of(client.get(page))
