"""Publishing under any rules, closures, zones and bookings: what must hold for each of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agencies.models import Branch, OpeningRule, Procedure
from appointments.errors import BookingError
from appointments.models import Appointment, TimeSlot
from appointments.times.publishing import NEVER, Published, publish
from tests.builders import a_branch, a_closure, a_procedure, a_rule, an_agency, an_appointment
from tests.zones import ZONES

SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.django_db
examples = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Days around which clocks change somewhere in ZONES, and ordinary ones.
mornings = st.sampled_from([date(2026, month, day) for month in (3, 4, 6, 9, 10) for day in (1, 22, 27)])
minute_steps = st.integers(0, 287).map(lambda step: time(step * 5 // 60, step * 5 % 60))


@st.composite
def openings(draw: st.DrawFn) -> dict[str, Any]:
    opens_at, closes_at = sorted(draw(st.lists(minute_steps, min_size=2, max_size=2, unique=True)))
    closes_at = draw(st.sampled_from([closes_at, closes_at, time(0)]))  # midnight is the end of the day
    return {
        "opens_at": opens_at,
        "closes_at": closes_at,
        "weekdays": draw(st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True)),
        "slot_minutes": draw(st.sampled_from([5, 10, 15, 20, 45, 60, 90])),
        "desks": draw(st.integers(1, 4)),
        "every_n_weeks": draw(st.integers(1, 3)),
        "purpose": draw(st.sampled_from(["public", "public", "assisted", "walk_in"])),
    }


@st.composite
def closures(draw: st.DrawFn) -> dict[str, Any]:
    times = draw(st.none() | st.lists(minute_steps, min_size=2, max_size=2, unique=True).map(sorted))
    return {
        "day": draw(st.integers(0, 8)),
        "days": draw(st.integers(0, 2)),
        "from_time": times[0] if times else None,
        "until_time": draw(st.sampled_from([times[1], times[1], time(0)])) if times else None,
        "desks": draw(st.none() | st.integers(1, 2)),
    }


@contextmanager
def a_world(zone: str, first: date, rules: list[dict], closed: list[dict]) -> Iterator[tuple[Branch, datetime]]:
    """A branch with these rules and closures, on the first day's midnight; gone afterwards."""
    with transaction.atomic():
        branch = a_branch(an_agency(horizon_days=10), timezone=zone)
        a_procedure(branch.agency, duration_minutes=10)
        for rule in rules:
            a_rule(branch, **rule)
        close(branch, first, closed)
        yield branch, datetime.combine(first, time(0), ZoneInfo(zone)).astimezone(UTC)
        transaction.set_rollback(True)


def close(branch: Branch, first: date, closed: list[dict]) -> None:
    for one in closed:
        day = first + timedelta(days=one["day"])
        until = day + timedelta(days=one["days"])
        times = {key: one[key] for key in ("from_time", "until_time", "desks")}
        a_closure(branch, day, until_date=until, **times)


def as_it_is(branch: Branch) -> Branch:
    """With its rules and closures read once, not for each of its times."""
    return Branch.objects.prefetch_related("opening_rules", "closures").get(pk=branch.pk)


def wall(branch: Branch, moment: datetime) -> datetime:
    return branch.local(moment).replace(tzinfo=None)


def end_of(day: date, until: time) -> datetime:
    """On the wall clock. Midnight is the end of the day."""
    return datetime.combine(day, until) + (timedelta(days=1) if until == time(0) else timedelta(0))


def desks_away(branch: Branch, start: datetime, end: datetime) -> int:
    """Desks that closures take from the branch at the wall-clock time; a thousand for all of them."""
    away = 0
    for closure in branch.closures.all():
        if not closure.from_date <= start.date() <= closure.until_date:
            continue
        from_time, until_time = closure.from_time or time.min, closure.until_time or time.min
        if start < end_of(start.date(), until_time) and datetime.combine(start.date(), from_time) < end:
            away += closure.desks or 1000
    return away


def desks_taken(branch: Branch, rule: OpeningRule, start: datetime, end: datetime) -> int:
    """Of the desks that are away, those that no larger rule over the whole of this time has to spare."""
    away = desks_away(branch, start, end)
    if away >= 1000:
        return away
    larger = [other for other in branch.opening_rules.all() if _size(other) > _size(rule) and other.is_on(start.date())]
    over_it = [
        other for other in larger if other.opens_at <= start.time() and end_of(start.date(), other.closes_at) >= end
    ]
    return max(away - sum(other.desks for other in over_it), 0)


def _size(rule: OpeningRule) -> tuple[int, bool, int]:
    return rule.desks, rule.purpose == OpeningRule.Purpose.WALK_IN, -rule.pk


def grid(branch: Branch, rule: OpeningRule, first: date, now: datetime) -> Iterator[tuple[datetime, datetime, int]]:
    """What the rule promises, one wall-clock time after the other: (start, end) in UTC and desks."""
    if rule.purpose == OpeningRule.Purpose.WALK_IN:
        return
    branch, length = as_it_is(branch), timedelta(minutes=rule.slot_minutes)
    week = rule.valid_from - timedelta(days=rule.valid_from.weekday())
    for day in (first + timedelta(days=number) for number in range(11)):
        if day.isoweekday() not in rule.weekdays or (day - week).days // 7 % rule.every_n_weeks:
            continue
        start = datetime.combine(day, rule.opens_at)
        while start + length <= end_of(day, rule.closes_at):
            desks = rule.desks - desks_taken(branch, rule, start, start + length)
            begins = start.replace(tzinfo=branch.zone).astimezone(UTC)
            ends = begins + length
            last = wall(branch, ends - SECOND)
            if desks > 0 and begins > now and wall(branch, begins) == start and last == start + length - SECOND:
                yield begins, ends, desks
            start += length


@examples
@given(st.sampled_from(ZONES), mornings, st.lists(openings(), min_size=1, max_size=3), st.lists(closures(), max_size=4))
def test_slots_are_exactly_what_rules_and_closures_give(
    zone: str, first: date, rules: list[dict], closed: list[dict]
) -> None:
    with a_world(zone, first, rules, closed) as (branch, now):
        publish([branch.pk], now=now)
        for rule in branch.opening_rules.all():
            slots = TimeSlot.objects.filter(rule=rule).order_by("starts_at")
            assert list(slots.values_list("starts_at", "ends_at", "capacity")) == list(grid(branch, rule, first, now))
            assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(slots))
            assisted = rule.purpose == OpeningRule.Purpose.ASSISTED
            assert {slot.bookable_from for slot in slots} <= {NEVER if assisted else None}
            assert {branch.local(slot.starts_at).date() for slot in slots} <= {
                day for number in range(11) if rule.is_on(day := first + timedelta(days=number))
            }
        assert_who_is_away_serves_nobody(branch)
        assert publish([branch.pk], now=now) == Published()


@examples
@given(
    st.sampled_from(ZONES),
    mornings,
    openings(),
    st.lists(st.integers(0, 400), max_size=12),
    openings(),
    st.lists(closures(), max_size=3),
)
def test_a_change_never_loses_a_taken_slot(  # noqa: PLR0917 (hypothesis gives them by position)
    zone: str, first: date, before: dict, wishes: list[int], after: dict, closed: list[dict]
) -> None:
    """Book, then change the rule and close days: all keep their times, and exactly those without room are reported."""
    with a_world(zone, first, [before], []) as (branch, now):
        publish([branch.pk], now=now)
        book_some(branch, wishes, now)
        held = {appointment.pk: appointment.slot_ids for appointment in Appointment.objects.all()}
        OpeningRule.objects.update(**after)
        close(branch, first, closed)
        publish([branch.pk], now=now)

        assert {appointment.pk: appointment.slot_ids for appointment in Appointment.objects.all()} == held
        assert set(Appointment.objects.unplaced(now=now)) == set(without_room(branch, first, now))
        assert_desks_suffice(branch)
        assert publish([branch.pk], now=now) == Published()


def assert_who_is_away_serves_nobody(branch: Branch) -> None:
    """At no moment do all rules together give more desks than they have without those that are away."""
    branch = as_it_is(branch)
    rules = list(branch.opening_rules.all())
    for moment, offered in desks_given(TimeSlot.objects.all()).items():
        local = wall(branch, moment)
        today = [rule for rule in rules if rule.is_on(local.date()) and rule.opens_at <= local.time()]
        there = [rule for rule in today if local < end_of(local.date(), rule.closes_at)]
        away = desks_away(branch, local, local + SECOND)
        assert offered <= max(sum(rule.desks for rule in there) - away, 0)


def desks_given(slots: Iterable[TimeSlot]) -> dict[datetime, int]:
    """How many desks all slots together have at each moment when one begins or ends, until the next."""
    changes = Counter[datetime]()
    for slot in slots:
        changes[slot.starts_at] += slot.desks
        changes[slot.ends_at] -= slot.desks
    moments = sorted(changes)
    return dict(zip(moments, accumulate(changes[moment] for moment in moments), strict=True))


def book_some(branch: Branch, wishes: list[int], now: datetime) -> None:
    slots = list(TimeSlot.objects.order_by("starts_at"))
    procedure = Procedure.objects.select_related("agency").get()
    for person, wish in enumerate(wishes):
        if slots:
            try:
                an_appointment(slots[wish % len(slots)], person, procedure=procedure, now=now)
            except BookingError:
                continue  # full, or the day's first minutes


def without_room(branch: Branch, first: date, now: datetime) -> Iterator[Appointment]:
    """Told from rules and closures alone: for each slot held, who booked after its desks were gone."""
    rule = branch.opening_rules.get()
    desks = {(start, end): count for start, end, count in grid(branch, rule, first, now)}
    in_order = list(Appointment.objects.order_by("created_at", "pk"))
    reported = set()
    for slot in TimeSlot.objects.filter(taken__gt=0):
        holders = [appointment for appointment in in_order if slot.pk in appointment.slot_ids]
        given = min(desks.get((slot.starts_at, slot.ends_at), 0), slot.desks)
        reported |= set(holders[given:])
    yield from reported


def assert_desks_suffice(branch: Branch) -> None:
    """What is still offered plus what is booked never needs more desks at one moment than the rule has, or booked has."""
    rule = branch.opening_rules.get()
    slots = list(TimeSlot.objects.all())
    for moment in {slot.starts_at for slot in slots}:
        running = [slot for slot in slots if slot.starts_at <= moment < slot.ends_at]
        booked = sum(slot.taken for slot in running)
        assert sum(slot.capacity for slot in running) <= max(rule.desks, booked)
