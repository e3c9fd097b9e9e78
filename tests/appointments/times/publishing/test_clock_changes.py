"""Publishing around every change of every branch's clock, compared with a walk over every minute of that clock."""

import json
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest

from agencies.models import Branch
from appointments.models import TimeSlot
from appointments.times.availability import free_times_json
from appointments.times.publishing import Published, publish
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, an_appointment
from tests.zones import MINUTE, changes, walk, zones_of_branches

pytestmark = pytest.mark.django_db
LENGTH, DAY, HOUR = timedelta(minutes=30), timedelta(days=1), timedelta(hours=1)
YEAR = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
HORIZON = 1


@cache
def zones_by_change() -> dict[datetime, list[str]]:
    found: dict[datetime, list[str]] = {}
    for zone in zones_of_branches():
        for moment in changes(zone, *YEAR):
            found.setdefault(moment, []).append(zone)
    return found


def an_open_clock(zone: str, change: datetime) -> Branch:
    """A branch that is open around the clock. Its times are released one day before, in the hour of the change."""
    branch = a_branch(
        an_agency(zone.lower().replace("/", "-"), horizon_days=HORIZON), zone.lower().replace("/", "-"), timezone=zone
    )
    released = branch.local(change - MINUTE).replace(tzinfo=None) + 11 * MINUTE
    common = {"weekdays": EVERY_DAY, "slot_minutes": 30, "release_days": 1, "release_at": released.time()}
    a_rule(branch, opens_at=time(0), closes_at=time(23, 30), valid_from=date(2027, 1, 1), **common)
    return branch


def given_by_the_clock(branch: Branch, shown: dict[datetime, datetime], day: date) -> list[tuple[datetime, datetime]]:
    """Returns when each time of the day begins and when it is released. This plain way is the oracle."""
    [rule] = branch.opening_rules.all()
    released = datetime.combine(day - DAY, rule.release_at)
    while released not in shown:
        released += MINUTE
    found, local = [], datetime.combine(day, rule.opens_at)
    while local + LENGTH <= datetime.combine(day, rule.closes_at):
        begins = shown.get(local)
        runs = (shown.get(local + number * MINUTE) for number in range(30))
        if begins and [*runs] == [begins + number * MINUTE for number in range(30)]:
            found.append((begins, shown[released]))
        local += LENGTH
    return found


@pytest.mark.parametrize("change", sorted(zones_by_change()), ids=str)
def test_publish_at_any_time_around_a_change_agrees_with_the_clock(change: datetime) -> None:
    """The nightly run may be at any of these times, one after the other."""
    branches = [an_open_clock(zone, change) for zone in zones_by_change()[change]]
    shown = {branch.pk: walk(branch.timezone, change - 4 * DAY, change + 4 * DAY) for branch in branches}
    on_day = cache(lambda branch, day: given_by_the_clock(branch, shown[branch.pk], day))
    for now in (change + number * HOUR / 2 for number in range(-5, 6)):
        publish([branch.pk for branch in branches], now=now)
        for branch in branches:
            slots = TimeSlot.objects.filter(branch=branch, starts_at__gt=now).order_by("starts_at")
            found = [*slots.values_list("starts_at", "bookable_from")]
            days = (branch.local(now).date() + number * DAY for number in range(HORIZON + 1))
            given = [one for day in days for one in on_day(branch, day) if one[0] > now]
            assert found == given, (branch.timezone, now)


def test_changes_are_many() -> None:
    assert len(zones_by_change()) > 20
    assert len({zone for zones in zones_by_change().values() for zone in zones}) > 35


def test_publish_in_the_second_pass_of_a_repeated_hour_keeps_all_times() -> None:
    """In Tel Aviv the hour from one comes twice. In its second pass the same is published as an hour before."""
    branch = a_branch(an_agency("consul"), "consul-telaviv", timezone="Asia/Jerusalem")
    a_procedure(branch.agency)
    a_rule(branch)
    first, second = (datetime(2027, 10, 30, hour, 30, tzinfo=UTC) for hour in (22, 23))
    publish([branch.pk], now=first)
    appointment = an_appointment(TimeSlot.objects.earliest("starts_at"), now=first)
    assert publish([branch.pk], now=second) == Published()
    assert not type(appointment).objects.unplaced(now=second).exists()


def test_release_at_a_midnight_that_does_not_exist_is_the_first_moment_of_the_day() -> None:
    branch = a_branch(an_agency("consul"), "consul-cairo", timezone="Africa/Cairo")
    a_rule(branch, weekdays=EVERY_DAY, release_days=7, release_at=time(0))
    publish([branch.pk], now=datetime(2026, 4, 22, 9, tzinfo=UTC))
    slots = TimeSlot.objects.filter(
        starts_at__range=(branch.midnight(date(2026, 5, 1)), branch.midnight(date(2026, 5, 2)))
    )
    assert {slot.bookable_from for slot in slots} == {datetime(2026, 4, 23, 22, tzinfo=UTC)}


@pytest.mark.parametrize(("opens", "told"), [(3, "03:00:00+02:00"), (2, "03:00:00+03:00")])
def test_json_tells_an_end_on_the_clock_of_its_moment(opens: int, told: str) -> None:
    """In Athens the hour from three comes twice. A time that ends with its first pass ends as the second one begins."""
    branch = a_branch(an_agency())
    service = a_procedure(branch.agency, duration_minutes=60)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(opens), closes_at=time(opens + 1), slot_minutes=60)
    night = date(2026, 10, 25)
    now = branch.midnight(night) - DAY
    publish([branch.pk], now=now)
    since, until = branch.day_span(night)
    [found] = json.loads(free_times_json(service, branch, "in_person", now=now, since=since, until=until))
    assert found["ends_at"] == f"2026-10-25T{told}"
    assert datetime.fromisoformat(found["ends_at"]) - datetime.fromisoformat(found["starts_at"]) == HOUR
