from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agencies.wallclock import FIRST_DAY, LAST_DAY, Span, instant, midnight, parse_day, spans
from tests.zones import MINUTE, ZONES, walk, zones_of_branches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def utc_of(found: list[Span], local: datetime) -> datetime | None:
    hits = [span for span in found if span.begins <= local < span.ends]
    assert len(hits) <= 1
    return (local - hits[0].offset).replace(tzinfo=UTC) if hits else None


@example("Asia/Beirut", datetime(2021, 10, 30, 23, fold=1))
@given(st.sampled_from(ZONES), st.datetimes(datetime(2011, 1, 1), datetime(2037, 1, 1)))
def test_spans_agree_with_the_zone(zone: str, local: datetime) -> None:
    """A repeated time is found once, as the first of its two moments. A time that the clock jumps over is not found."""
    clock = ZoneInfo(zone)
    local = local.replace(microsecond=0, fold=0)
    moment = local.replace(tzinfo=clock).astimezone(UTC)
    exists = moment.astimezone(clock).replace(tzinfo=None) == local
    found = spans(zone, moment - timedelta(days=5), moment + timedelta(days=5))
    assert utc_of(found, local) == (moment if exists else None)


@pytest.mark.parametrize(
    ("zone", "missing", "repeated"),
    [
        ("Europe/Athens", datetime(2026, 3, 29, 3, 30), datetime(2026, 10, 25, 3, 30)),
        ("America/New_York", datetime(2026, 3, 8, 2, 30), datetime(2026, 11, 1, 1, 30)),
        ("Australia/Melbourne", datetime(2026, 10, 4, 2, 30), datetime(2026, 4, 5, 2, 30)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 15), datetime(2026, 4, 5, 1, 45)),
        ("America/Santiago", datetime(2026, 9, 6, 0, 30), datetime(2026, 4, 4, 23, 30)),
        ("Africa/Cairo", datetime(2026, 4, 24, 0, 30), datetime(2026, 10, 29, 23, 30)),
    ],
)
def test_spans_at_clock_changes(zone: str, missing: datetime, repeated: datetime) -> None:
    around = spans(zone, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert utc_of(around, missing) is None
    first = repeated.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    second = repeated.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    assert first != second
    assert utc_of(around, repeated) == first


# Moments of a local time


def jumps(zone: str) -> Iterator[date]:
    """Yields the local days of 2024 to 2028 that begin or end near a change of the zone's clock."""
    clock = ZoneInfo(zone)
    day, last = datetime(2024, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    while day < last:
        if day.astimezone(clock).utcoffset() != (day + DAY).astimezone(clock).utcoffset():
            yield from {(day + number * DAY).astimezone(clock).date() for number in (0, 1)}
        day += DAY


CHANGES = [(zone, day) for zone in zones_of_branches() for day in jumps(zone)]


def test_changes_are_many() -> None:
    """Half of the zones change their clocks, most of them twice a year."""
    assert len({zone for zone, _day in CHANGES}) > 35
    assert len(CHANGES) > 500


@pytest.mark.parametrize("zone", sorted({zone for zone, _day in CHANGES}))
def test_instant_and_midnight_agree_with_a_walk_over_the_day(zone: str) -> None:
    """Tries every quarter of an hour around each clock change, and the first moment of the day."""
    for day in (day for where, day in CHANGES if where == zone):
        begin, clock = datetime.combine(day, time()), ZoneInfo(zone)
        # This plain way is the oracle.
        step = 5 * MINUTE
        shown = walk(zone, begin.replace(tzinfo=UTC) - 15 * HOUR, begin.replace(tzinfo=UTC) + 39 * HOUR, step)
        assert midnight(day, clock) == min(moment for local, moment in shown.items() if local.date() == day)
        for local in (begin + number * 15 * MINUTE for number in range(96)):
            exists = next(later for later in (local + number * step for number in range(25 * 12)) if later in shown)
            assert instant(local, clock) == shown[exists], (zone, local)


@given(st.sampled_from(ZONES), st.datetimes(datetime(2011, 1, 1), datetime(2037, 1, 1)))
def test_instant_shows_the_time_or_the_first_one_after_it(zone: str, local: datetime) -> None:
    clock, moment = ZoneInfo(zone), instant(local, ZoneInfo(zone))
    shown = moment.astimezone(clock).replace(tzinfo=None)
    assert moment.tzinfo is UTC
    assert shown >= local
    if shown > local:  # this local time does not exist, and the second before shows an earlier one
        assert (moment - timedelta(seconds=1)).astimezone(clock).replace(tzinfo=None) < local
    else:
        assert moment == local.replace(tzinfo=clock, fold=0).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "day", "shows"),
    [
        ("Africa/Cairo", date(2026, 4, 24), time(1)),
        ("Asia/Beirut", date(2026, 3, 29), time(1)),
        ("America/Santiago", date(2026, 9, 6), time(1)),
        ("America/Havana", date(2026, 3, 8), time(1)),
        ("America/Havana", date(2026, 11, 1), time(0)),
        ("Europe/Athens", date(2026, 3, 29), time(0)),
    ],
)
def test_midnight_is_the_first_moment_of_the_day(zone: str, day: date, shows: time) -> None:
    first = midnight(day, ZoneInfo(zone))
    assert first.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == datetime.combine(day, shows)
    assert (first - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == day - DAY


def test_midnight_of_a_day_that_does_not_exist() -> None:
    """Samoa skipped the 30th and went from the 29th to the 31st."""
    assert midnight(date(2011, 12, 30), ZoneInfo("Pacific/Apia")) == midnight(
        date(2011, 12, 31), ZoneInfo("Pacific/Apia")
    )


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-02", date(2026, 3, 2)),
        ("2000-01-01", FIRST_DAY),
        ("2199-12-31", LAST_DAY),
        ("1999-12-31", None),
        ("2200-01-01", None),
        ("0001-01-01", None),
        ("9999-12-31", None),
        ("2026-02-30", None),
        ("tomorrow", None),
        ("2026-03-02T08:00", None),
        ("", None),
    ],
)
def test_parse_day(text: str, day: date | None) -> None:
    assert parse_day(text) == day
