"""Free times as officers choose them: a week at a time, on the branch's clock, up to the last minute."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from agencies.models import Branch, Procedure
from agencies.wallclock import parse_day
from appointments.times.availability import free_times

SPAN = timedelta(days=7)


@dataclass(frozen=True)
class LocalTime:
    slot: int
    starts_at: datetime
    free: int


@dataclass(frozen=True)
class Window:
    """Seven days of free times; `soonest` is the first free day where these have none."""

    since: date
    previous: date | None
    next: date
    days: list[tuple[date, list[LocalTime]]]
    soonest: date | None


def window(procedure: Procedure, branch: Branch, channel: str, *, asked: str, now: datetime) -> Window:
    """The week from the `asked` day (ISO) on, or from today where that is no day, or a day that is over."""
    today = branch.today(now)
    since = max(parse_day(asked) or today, today)
    begin, end = branch.midnight(since), branch.midnight(since + SPAN)
    found = free_times(procedure, branch, channel, now=now, since=max(begin, now), until=end, assisted=True)
    # Two rules of a branch may give one time twice: one of them is enough to choose from.
    local = {one.starts_at: LocalTime(one.slot, branch.local(one.starts_at), one.free) for one in found}
    days = [(day, list(times)) for day, times in groupby(local.values(), key=lambda one: one.starts_at.date())]
    return Window(
        since=since,
        previous=max(since - SPAN, today) if since > today else None,
        next=since + SPAN,
        days=days,
        soonest=None if days else _soonest(procedure, branch, channel, now),
    )


def _soonest(procedure: Procedure, branch: Branch, channel: str, now: datetime) -> date | None:
    """The first day on which an officer finds a time, those that the public never sees included."""
    until = now + timedelta(days=procedure.agency.horizon_days + 2)
    found = free_times(procedure, branch, channel, now=now, since=now, until=until, assisted=True)
    return branch.local(found[0].starts_at).date() if found else None
