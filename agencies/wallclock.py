"""From wall-clock time to UTC: the stretches of time in which a zone's clock runs without a jump."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


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
    if _offset(clock, after) == offset:
        return after
    while after - before > SECOND:
        middle = before + (after - before) / 2
        before, after = (middle, after) if _offset(clock, middle) == offset else (before, middle)
    return after.replace(microsecond=0)


def _offset(clock: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(clock).utcoffset()
    assert offset is not None  # noqa: S101 (a ZoneInfo always answers)
    return offset


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
