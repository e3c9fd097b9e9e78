"""Closed hours on nights in which clocks change: disruptions, closures and their previews mean the same times."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import pytest

from agencies.models import Branch, Closure
from appointments.models import Appointment, Disruption, TimeSlot
from appointments.times.previews import preview_of_many
from appointments.times.publishing import publish
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, an_appointment
from tests.zones import MINUTE, changes, walk, zones_of_branches

DAY = timedelta(days=1)
YEAR = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
CHANGES = [(zone, change) for zone in zones_of_branches() for change in changes(zone, *YEAR)]


def first_moment(shown: dict[datetime, datetime], local: datetime) -> datetime:
    while local not in shown:
        local += MINUTE
    return shown[local]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_windows_agree_with_a_walk_over_every_minute(zone: str, change: datetime) -> None:
    """The closed hours begin and end in the hour that is missing, or comes twice."""
    branch, shown = Branch(timezone=zone), walk(zone, change - 2 * DAY, change + 2 * DAY)
    before = branch.local(change - MINUTE).replace(tzinfo=None) + MINUTE
    for begins in (before + number * 15 * MINUTE for number in range(-5, 5)):
        ends = begins + 40 * MINUTE
        if ends.date() != begins.date():
            continue
        days = {"from_date": begins.date(), "until_date": begins.date()}
        [window] = Disruption(**days, from_time=begins.time(), until_time=ends.time()).windows(branch)
        assert window == (first_moment(shown, begins), first_moment(shown, ends))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("night", "from_time", "until_time", "closed"),
    [
        (date(2026, 3, 29), time(3, 30), time(4, 30), ["04:00"]),
        (date(2026, 3, 29), time(2, 30), time(3, 30), ["02:30"]),
        (date(2026, 3, 29), time(3, 10), time(3, 50), []),
        (date(2026, 10, 25), time(3, 30), time(4, 30), ["03:30", "04:00"]),
        (date(2026, 10, 25), time(2, 30), time(3, 30), ["02:30", "03:00"]),
    ],
)
def test_disruption_closure_and_preview_mean_the_same_times(
    night: date, from_time: time, until_time: time, closed: list[str]
) -> None:
    branch = a_branch(an_agency())
    a_procedure(branch.agency)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(0), closes_at=time(6), slot_minutes=30)
    now = branch.midnight(night) - DAY
    publish([branch.pk], now=now)
    slots = TimeSlot.objects.filter(starts_at__gte=branch.midnight(night), starts_at__lt=branch.midnight(night + DAY))
    for number, slot in enumerate(slots):
        an_appointment(slot, number, now=now)
    hours = {"from_date": night, "until_date": night, "from_time": from_time, "until_time": until_time}
    disruption = Disruption.objects.create(agency=branch.agency, created_at=now, **hours)
    closure = Closure(agency=branch.agency, branch=branch, **hours)
    displaced = preview_of_many([branch], closure, now=now).displaced
    closure.save()
    publish([branch.pk], now=now)

    def begins(found: Iterable[int]) -> list[str]:
        chosen = Appointment.objects.filter(pk__in=found).order_by("starts_at")
        return [f"{branch.local(one.starts_at):%H:%M}" for one in chosen]

    hit = disruption.hits([branch]).values_list("pk", flat=True)
    unplaced = Appointment.objects.unplaced(now=now).values_list("pk", flat=True)
    assert [begins(found) for found in (hit, displaced, unplaced)] == [closed] * 3
