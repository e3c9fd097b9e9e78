"""The first free times of everything at once are those that each page of free times shows."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agencies.models import Agency, Branch, Procedure
from agencies.offering import current
from appointments.models import TimeSlot
from appointments.times.availability import earliest, free_times
from appointments.times.everywhere import FIRST_TIMES
from appointments.times.publishing import publish
from tests.builders import MONDAY, NOW, a_branch, a_procedure, a_rule, an_agency

pytestmark = pytest.mark.django_db
CHANNELS = st.sampled_from([["in_person"], ["video"], ["in_person", "video"], ["in_person", "video", "phone"]])
PURPOSES = st.sampled_from(["public", "public", "public", "assisted", "walk_in"])
RULES = st.tuples(st.integers(0, 1), st.integers(8, 10), st.sampled_from([10, 20]), CHANNELS, PURPOSES, st.booleans())


def everywhere(now: datetime) -> dict[Any, Any]:
    asked = {"branches": [*Branch.objects.values_list("pk", flat=True)], "live": [*Agency.LIVE], "now": now}
    with connection.cursor() as cursor:
        cursor.execute(FIRST_TIMES, asked)
        return {(branch, *key): (first, third) for _agency, branch, *key, first, third, _last in cursor.fetchall()}


def on_pages(now: datetime) -> dict[Any, Any]:
    """The same, one service, branch and channel after the other."""
    offered, found = current(), {}
    for service in offered.services.values():
        for channel in service.channels:
            first = earliest(service, channel, now=now)
            for branch in offered.serving(service, channel):
                until = now + timedelta(days=90)
                times = sorted(free_times(service, branch, channel, now=now, since=now, until=until), key=by_time)
                moments = [one.starts_at for one in times]
                assert moments[:1] == ([first[branch.pk].starts_at] if branch.pk in first else [])
                key = branch.pk, service.pk, channel
                found[key] = moments[0] if moments else None, moments[2] if len(moments) > 2 else None
    return found


def by_time(one: Any) -> datetime:
    return one.starts_at


@settings(max_examples=25, deadline=None)
@given(
    rules=st.lists(RULES, max_size=4),
    taken=st.sets(st.integers(0, 60), max_size=60),
    after=st.integers(0, 12 * 60),
    service=st.sampled_from([(10, True), (30, True), (20, False)]),
    offer=st.tuples(st.booleans(), st.sampled_from(["production", "production", "pilot", "joining"])),
)
@example(
    rules=[(0, 8, 10, ["in_person"], "public", False)] * 2,
    taken=set(range(11)),
    after=0,
    service=(10, True),
    offer=(True, "production"),
)
def test_first_times_are_those_of_the_pages(
    rules: list[tuple[Any, ...]], taken: set[int], after: int, service: tuple[int, bool], offer: tuple[bool, str]
) -> None:
    is_open, stage = offer
    agency = an_agency(stage=stage, horizon_days=3)
    branches = [a_branch(agency), a_branch(agency, "kep-melbourne", timezone="Australia/Melbourne", is_open=is_open)]
    one = a_procedure(agency)
    a_procedure(agency, "kep-other", duration_minutes=service[0], is_offered=service[1])
    for place, opens, minutes, channels, purpose, is_only in rules:
        rule = a_rule(
            branches[place],
            opens_at=time(opens),
            closes_at=time(12),
            slot_minutes=minutes,
            channels=channels,
            purpose=purpose,
        )
        if is_only:
            rule.procedures.add(one)
    publish([branch.pk for branch in branches], now=NOW)
    for number, slot in enumerate(TimeSlot.objects.order_by("starts_at", "pk")):
        if number in taken:
            TimeSlot.objects.filter(pk=slot.pk).update(taken=slot.capacity)
    now = NOW + timedelta(minutes=after)
    assert everywhere(now) == on_pages(now)
    clean(agency)


def clean(agency: Agency) -> None:
    TimeSlot.objects.all().delete()
    for rows in (Procedure.objects, Branch.objects):
        rows.filter(agency=agency).delete()
    agency.delete()


def test_reach_is_the_last_time_that_is_open_for_booking() -> None:
    agency = an_agency(horizon_days=5)
    branch = a_branch(agency)
    a_procedure(agency)
    a_rule(branch)
    publish([branch.pk], now=NOW)
    TimeSlot.objects.update(taken=1)
    last = TimeSlot.objects.latest("starts_at").starts_at
    with connection.cursor() as cursor:
        cursor.execute(FIRST_TIMES, {"branches": [branch.pk], "live": [*Agency.LIVE], "now": NOW})
        assert {row[4:] for row in cursor.fetchall()} == {(None, None, last)}
    assert last.date() > MONDAY
