from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agencies.wallclock import Span, spans

ZONES = [
    "Europe/Athens",
    "America/New_York",
    "Australia/Melbourne",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
]


def utc_of(found: list[Span], local: datetime) -> datetime | None:
    hits = [span for span in found if span.begins <= local < span.ends]
    assert len(hits) <= 1
    return (local - hits[0].offset).replace(tzinfo=UTC) if hits else None


@given(st.sampled_from(ZONES), st.datetimes(datetime(2011, 1, 1), datetime(2037, 1, 1)))
def test_spans_agree_with_the_zone(zone: str, local: datetime) -> None:
    """A wall-clock time is found once, as the first of its two moments, and not at all where the clock jumps over it."""
    clock = ZoneInfo(zone)
    local = local.replace(microsecond=0)
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
