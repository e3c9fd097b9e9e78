"""Free times by day, on the branch's clock and calendar.

Citizens see a week from Monday to Sunday, with the times of one day. Officers see the times of seven days from the day
they ask for, up to the last minute.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch, Procedure
from appointments.times.availability import FreeTime, free_days, free_times

NOON, EVENING = time(12), time(17)
SEVEN_DAYS = timedelta(days=7)
# Times of a day that a person finds at a glance. More than these are listed by the hour.
MANY = 24


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A free time on the branch's clock."""

    slot: int
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """Times that stand together: those of an hour that begins at `since`, or without it those of a part of the day."""

    since: time | None
    times: list[LocalTime]


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    times: tuple[LocalTime, ...] = ()

    @property
    def parts(self) -> list[tuple[str | Promise, list[Hour]]]:
        """The times of the day in pairs of a heading and what stands below it."""
        return [(label, self._hours(times)) for label, times in groupby(self.times, key=_part)]

    @property
    def hours(self) -> list[time]:
        """The hours that have a heading of their own."""
        return [hour.since for _label, hours in self.parts for hour in hours if hour.since]

    def _hours(self, times: Iterable[LocalTime]) -> list[Hour]:
        if len(self.times) <= MANY:
            return [Hour(None, list(times))]
        return [Hour(since, list(ones)) for since, ones in groupby(times, key=_hour)]


@dataclass(frozen=True, slots=True)
class Week:
    """What citizens see: Monday to Sunday with the number of free times, the `open` day with its times, and other free days.

    `first` is the first of all free days; `previous` and `next` are days in the weeks before and after.
    """

    days: list[tuple[date, int]]
    open: Day
    first: date
    previous: date | None
    next: date | None


@dataclass(frozen=True, slots=True)
class SevenDays:
    """What officers see: the days with free times of seven days. If there are none, `soonest` is the next such day."""

    since: date
    previous: date | None
    next: date
    days: list[Day]
    soonest: date | None


def find_week(procedure: Procedure, branch: Branch, channel: str, *, asked: date | None, now: datetime) -> Week | None:
    """Return the week of the first free day from `asked` on, or of the last free day if nothing is free from then on.

    Returns None if nothing is free at all. Two queries, one of them up to the agency's booking horizon.
    """
    numbers = free_days(procedure, branch, channel, now=now, until=_horizon(procedure, now))
    free = [*numbers]
    if not free:
        return None
    opened = next((day for day in free if asked is None or day >= asked), free[-1])
    begin, end = branch.day_span(opened)
    times = free_times(procedure, branch, channel, now=now, since=begin, until=end)
    monday = opened - timedelta(days=opened.weekday())
    dates = [monday + timedelta(days=number) for number in range(7)]
    return Week(
        days=[(day, numbers.get(day, 0)) for day in dates],
        open=next(iter(_days(times, branch)), Day(opened)),
        first=free[0],
        previous=next((_monday_or_first(day, free) for day in reversed(free) if day < monday), None),
        next=next((day for day in free if day > dates[-1]), None),
    )


def find_seven_days(
    procedure: Procedure, branch: Branch, channel: str, *, asked: date | None, now: datetime
) -> SevenDays:
    """Return the seven days from `asked` on, or from today if that is None or past. Two queries at most."""
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
    """Return the first day with a time that officers may book, even if the public never sees that time."""
    until = _horizon(procedure, now)
    found = free_times(procedure, branch, channel, now=now, since=now, until=until, assisted=True)
    return branch.local(found[0].starts_at).date() if found else None


def _horizon(procedure: Procedure, now: datetime) -> datetime:
    """Return a moment after all published times in any time zone."""
    return now + timedelta(days=procedure.agency.horizon_days + 2)


def _days(times: Iterable[FreeTime], branch: Branch) -> list[Day]:
    local = [LocalTime(time.slot, branch.local(time.starts_at)) for time in times]
    return [Day(day, tuple(ones)) for day, ones in groupby(local, key=lambda one: one.starts_at.date())]


def _part(one: LocalTime) -> str | Promise:
    clock = one.starts_at.time()
    if clock < NOON:
        return _("Morning")
    return _("Afternoon") if clock < EVENING else _("Evening")


def _hour(one: LocalTime) -> time:
    return time(one.starts_at.hour)


def _monday_or_first(last: date, days: list[date]) -> date:
    """Return the first free day of the week that `last` is in."""
    monday = last - timedelta(days=last.weekday())
    return next(day for day in days if day >= monday)
