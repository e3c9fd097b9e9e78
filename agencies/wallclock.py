"""The one way from local time to UTC: for a moment, for the beginning of a day, and for spans without a clock change."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)
# The days that a request can name. Arithmetic with them stays far from the ends of Python's calendar.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)

# The release of the data from which all time zones come, for example 2026.6 (see `mydesklive/__init__.py`).
ZONE_DATA = version("tzdata")
# Each year brings some releases. Data of a past year is old when half of the next year is over.
OLD_AFTER = (7, 1)


def is_old(release: str, today: date) -> bool:
    """Returns whether countries are likely to have changed their clocks since this release of the time zone data."""
    return today >= date(int(release[:4]) + 1, *OLD_AFTER)


def instant(local: datetime, zone: tzinfo) -> datetime:
    """Returns the moment (UTC) at which the zone's clock shows `local` (naive).

    A time in a missing hour gives the first moment after that hour. A time in a repeated hour gives the first of the two.
    """
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _naive(moment.astimezone(zone)) == local:
        return moment
    # The clock jumps over this time. Read with the offset after the jump, it is a moment before the jump. Read with the
    # offset before the jump, it is a moment at or after the jump.
    return _jump_between(zone, local.replace(tzinfo=zone, fold=1).astimezone(UTC), moment)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Returns the first moment (UTC) of the zone's local day, also if the clock jumps over midnight."""
    return instant(datetime.combine(day, time()), zone)


def parse_day(text: str) -> date | None:
    """Returns the day of an ISO 8601 text, or None if there is none or it is out of range."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


class Span(NamedTuple):
    """Local times (naive) from `begins` until `ends` are UTC plus `offset`.

    The spans of a zone do not overlap. A repeated hour belongs only to the first span, and a missing hour belongs to no
    span. So a look-up finds a local time once, or not at all.
    """

    zone: str
    begins: datetime
    ends: datetime
    offset: timedelta
    since: datetime
    """The moment (UTC) at which the span begins. In a repeated hour the clock shows an earlier time than `begins` then."""


def spans(zone: str, since: datetime, until: datetime) -> list[Span]:
    """Returns the zone's spans from `since` to `until` (aware), in order."""
    clock = ZoneInfo(zone)
    found: list[Span] = []
    begins = since.astimezone(UTC)
    while begins < until:
        ends = _next_jump(clock, begins, until)
        offset = _offset(clock, begins)
        local = _naive(begins) + offset
        if found:
            local = max(local, found[-1].ends)
        found.append(Span(zone, local, _naive(ends) + offset, offset, begins))
        begins = ends
    return found


# The clocks of zones in SQL: one row for each zone, with parallel arrays. The parameters come from `clocks`.
CLOCKS = """(
    SELECT zone, array_agg(since ORDER BY since) AS begins, array_agg(utc_offset ORDER BY since) AS offsets
    FROM unnest(%(clock_zones)s::text[], %(clock_begins)s::timestamptz[], %(clock_offsets)s::interval[])
        AS span (zone, since, utc_offset)
    GROUP BY zone
)"""
# The local time that a row `clock` of CLOCKS shows at a moment. Joined from the left, a zone that is not known has no row,
# and then it is the time in UTC.
ON_CLOCK = """{at} AT TIME ZONE 'UTC'
    + coalesce(clock.offsets[greatest(width_bucket({at}, clock.begins), 1)], interval '0')"""


def clocks(zones: Iterable[str], since: date, until: date) -> dict[str, Any]:
    """Returns the parameters of CLOCKS for the days from `since` to `until` in any of the zones."""
    first, last = (midnight(min(max(day, FIRST_DAY), LAST_DAY), UTC) for day in (since, until))
    found = [span for zone in sorted(known(zones)) for span in _kept_spans(zone, first - WEEK, last + WEEK)]
    return {
        "clock_zones": [span.zone for span in found],
        "clock_begins": [span.since for span in found],
        "clock_offsets": [span.offset for span in found],
    }


@lru_cache(maxsize=1024)
def _kept_spans(zone: str, since: datetime, until: datetime) -> tuple[Span, ...]:
    """Returns the spans of whole days, which every page of a day asks for: years of a clock take milliseconds."""
    return tuple(spans(zone, since, until))


@cache
def all_zones() -> set[str]:
    """Returns the names of all time zones. They are read from disk once. “Factory” stands for a zone that nobody has set."""
    return available_timezones() - {"Factory"}


def known(zones: Iterable[str]) -> set[str]:
    """Returns those that are time zones. A row can name another one if it was stored under other time zone data."""
    return {*zones} & all_zones()


def zone_of(name: str) -> ZoneInfo:
    """Returns the time zone of a row. If it is not known, returns UTC, so that one wrong row stops no page or task of others."""
    return ZoneInfo(name if name in all_zones() else "UTC")


def _next_jump(clock: ZoneInfo, moment: datetime, until: datetime) -> datetime:
    """Returns the first moment after `moment` at which the clock's offset changes, to the second, or `until` if it does not.

    No clock changes twice in a week.
    """
    offset = _offset(clock, moment)
    before, after = moment, moment
    while after < until and _offset(clock, after) == offset:
        before, after = after, after + WEEK
    return after if _offset(clock, after) == offset else _jump_between(clock, before, after)


def _jump_between(clock: tzinfo, before: datetime, after: datetime) -> datetime:
    """Returns the first moment with another offset than `before`, to the second. `after` must have another offset."""
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
