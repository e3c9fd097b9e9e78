"""From wall-clock time to UTC, the one way: a moment, a day's beginning, and the spans in which a clock runs without a jump."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
# Days that somebody may ask for: arithmetic with them stays far from the ends of Python's calendar.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


def instant(local: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the zone's clock shows `local` (naive).

    A time in a missing hour means the first moment that exists after it; one in a repeated hour the first of the two.
    """
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _naive(moment.astimezone(zone)) == local:
        return moment
    # The clock jumps over it. By the offset after the jump it is before the jump, and by the one before, not before it.
    return _jump_between(zone, local.replace(tzinfo=zone, fold=1).astimezone(UTC), moment)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment (UTC) of the zone's local day, also where the clock jumps over midnight."""
    return instant(datetime.combine(day, time()), zone)


def parse_day(text: str) -> date | None:
    """The day that the text names (ISO 8601); None if it names none, or one that nobody means."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


class Span(NamedTuple):
    """Local wall-clock times (naive) from `begins` until `ends` are UTC plus `offset`.

    Spans of a zone do not overlap: an hour that the clock shows twice belongs to the first span only, and an hour that it
    leaves out belongs to none. So a time is used once, or skipped, by looking it up here.
    """

    zone: str
    begins: datetime
    ends: datetime
    offset: timedelta


def spans(zone: str, since: datetime, until: datetime) -> list[Span]:
    """The zone's spans that cover the time from `since` to `until` (aware), in order."""
    clock = ZoneInfo(zone)
    found: list[Span] = []
    begins = since.astimezone(UTC)
    while begins < until:
        ends = _next_jump(clock, begins, until)
        offset = _offset(clock, begins)
        local = _naive(begins) + offset
        if found:
            local = max(local, found[-1].ends)
        found.append(Span(zone, local, _naive(ends) + offset, offset))
        begins = ends
    return found


def _next_jump(clock: ZoneInfo, moment: datetime, until: datetime) -> datetime:
    """The first moment after the given one at which the clock's offset differs, to the second; `until` if none does."""
    offset = _offset(clock, moment)
    before, after = moment, moment
    while after < until and _offset(clock, after) == offset:
        before, after = after, after + DAY
    return after if _offset(clock, after) == offset else _jump_between(clock, before, after)


def _jump_between(clock: tzinfo, before: datetime, after: datetime) -> datetime:
    """The first moment, to the second, at which the clock's offset is no longer that of `before`; `after` has another one."""
    offset = _offset(clock, before)
    while after - before > SECOND:
        middle = before + (after - before) / 2
        before, after = (middle, after) if _offset(clock, middle) == offset else (before, middle)
    return after.replace(microsecond=0)


def _offset(clock: tzinfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(clock).utcoffset()
    assert offset is not None  # noqa: S101 (a ZoneInfo always answers)
    return offset


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
