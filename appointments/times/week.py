"""Free times as people look through them, on the branch's clock and calendar: citizens a week of days with one day open,
officers seven days from the one they ask for, up to the last minute."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch, Procedure
from appointments.times.availability import FreeTime, free_times

NOON, EVENING = time(12), time(17)
SEVEN_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A free time on the branch's wall clock."""

    slot: int
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    times: tuple[LocalTime, ...] = ()

    @property
    def parts(self) -> list[tuple[str | Promise, list[LocalTime]]]:
        """The times under the headings that they are shown under."""
        return [(label, list(times)) for label, times in groupby(self.times, key=_part)]


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday around the day that is open, and where free times go on before and after: what citizens see."""

    days: list[Day]
    open: Day
    first: Day
    previous: date | None
    next: date | None


@dataclass(frozen=True, slots=True)
class SevenDays:
    """Seven days, of which those with free times are there, as officers see them; `soonest` where there are none."""

    since: date
    previous: date | None
    next: date
    days: list[Day]
    soonest: date | None


def find_week(procedure: Procedure, branch: Branch, channel: str, *, asked: date | None, now: datetime) -> Week | None:
    """The week with the first free day from the `asked` one on; the last free day where nothing is free after it.

    None if nothing is free at all. One query, up to the agency's booking horizon.
    """
    found = free_times(procedure, branch, channel, now=now, since=now, until=_horizon(procedure, now))
    days = _days(found, branch)
    if not days:
        return None
    opened = next((day for day in days if asked is None or day.date >= asked), days[-1])
    monday = opened.date - timedelta(days=opened.date.weekday())
    dates = [monday + timedelta(days=number) for number in range(7)]
    by_date = {day.date: day for day in days}
    return Week(
        days=[by_date.get(one, Day(one)) for one in dates],
        open=opened,
        first=days[0],
        previous=next((_monday_or_first(day.date, days) for day in reversed(days) if day.date < monday), None),
        next=next((day.date for day in days if day.date > dates[-1]), None),
    )


def find_seven_days(
    procedure: Procedure, branch: Branch, channel: str, *, asked: date | None, now: datetime
) -> SevenDays:
    """From the `asked` day on, or from today where none is asked for, or one that is over. Two queries at most."""
    today = branch.today(now)
    since = max(asked or today, today)
    begin, end = branch.midnight(since), branch.midnight(since + SEVEN_DAYS)
    found = free_times(procedure, branch, channel, now=now, since=max(begin, now), until=end, assisted=True)
    return SevenDays(
        since=since,
        previous=max(since - SEVEN_DAYS, today) if since > today else None,
        next=since + SEVEN_DAYS,
        days=_days(found, branch),
        soonest=None if found else _soonest(procedure, branch, channel, now),
    )


def _soonest(procedure: Procedure, branch: Branch, channel: str, now: datetime) -> date | None:
    """The first day on which an officer finds a time, those that the public never sees included."""
    until = _horizon(procedure, now)
    found = free_times(procedure, branch, channel, now=now, since=now, until=until, assisted=True)
    return branch.local(found[0].starts_at).date() if found else None


def _horizon(procedure: Procedure, now: datetime) -> datetime:
    """A moment after all that is published: the last day is over somewhere later than here."""
    return now + timedelta(days=procedure.agency.horizon_days + 2)


def _days(times: Iterable[FreeTime], branch: Branch) -> list[Day]:
    """Days with their times; one of each time, where two rules of the branch give the same."""
    slots = {time.starts_at: time.slot for time in times}
    local = [LocalTime(slot, branch.local(starts_at)) for starts_at, slot in slots.items()]
    return [Day(day, tuple(ones)) for day, ones in groupby(local, key=lambda one: one.starts_at.date())]


def _part(one: LocalTime) -> str | Promise:
    clock = one.starts_at.time()
    if clock < NOON:
        return _("Morning")
    return _("Afternoon") if clock < EVENING else _("Evening")


def _monday_or_first(last: date, days: list[Day]) -> date:
    """The first free day of the week that `last` is in."""
    monday = last - timedelta(days=last.weekday())
    return next(day.date for day in days if day.date >= monday)
