"""When reports are mailed and about which months. Hours are those of Athens, whatever its clock does."""

from datetime import date, datetime, timedelta

import pytest

from reports.mailing import schedule
from reports.mailing.schedule import ATHENS
from tests.builders import NOW


def at(year: int, month: int, day: int, hour: int = 7) -> datetime:
    return datetime(year, month, day, hour, tzinfo=ATHENS)


@pytest.mark.parametrize(
    ("kind", "after", "next_one"),
    [
        ("weekly", at(2026, 3, 2, 6), at(2026, 3, 2)),
        ("weekly", at(2026, 3, 2), at(2026, 3, 9)),
        ("monthly", at(2026, 3, 1), at(2026, 3, 2)),
        ("monthly", at(2026, 12, 2, 8), at(2027, 1, 2)),
        ("quarter", at(2026, 1, 2), at(2026, 4, 2)),
        ("quarter", at(2026, 10, 2, 12), at(2027, 1, 2)),
        ("quarter", at(2026, 10, 2, 6), at(2026, 10, 2)),
    ],
)
def test_next_moment_comes_after_the_given_one(kind: str, after: datetime, next_one: datetime) -> None:
    assert schedule.following(kind, after) == next_one


def test_it_is_seven_in_athens_before_and_after_a_change_of_the_clock() -> None:
    before = schedule.following("weekly", at(2026, 3, 22, 12))
    after = schedule.following("weekly", before)  # the clock changes on Sunday 29 March
    assert [one.isoformat() for one in (before, after)] == ["2026-03-23T05:00:00+00:00", "2026-03-30T04:00:00+00:00"]
    assert after - before == timedelta(days=7, hours=-1)
    winter = schedule.following("weekly", at(2026, 10, 20))  # and again on Sunday 25 October
    assert winter.isoformat() == "2026-10-26T05:00:00+00:00"


def test_every_moment_of_ten_years_is_found_once_from_any_hour() -> None:
    moment, found = NOW, []
    while moment.year < 2036:
        moment = schedule.following("monthly", moment)
        found.append(moment)
        assert schedule.following("monthly", moment - timedelta(seconds=1)) == moment
    local = [one.astimezone(ATHENS) for one in found]
    assert {(one.day, one.hour, one.minute) for one in local} == {(2, 7, 0)}
    assert len({(one.year, one.month) for one in local}) == len(local)


@pytest.mark.parametrize(
    ("period", "day", "first", "last", "last_day"),
    [
        ("current", date(2026, 3, 9), date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 8)),
        ("current", date(2026, 6, 1), date(2026, 5, 1), date(2026, 5, 1), date(2026, 5, 31)),
        ("month", date(2026, 1, 2), date(2025, 12, 1), date(2025, 12, 1), date(2025, 12, 31)),
        ("quarter", date(2026, 4, 2), date(2026, 1, 1), date(2026, 3, 1), date(2026, 3, 31)),
        ("quarter", date(2026, 2, 23), date(2025, 10, 1), date(2025, 12, 1), date(2025, 12, 31)),
        ("quarter", date(2026, 12, 2), date(2026, 7, 1), date(2026, 9, 1), date(2026, 9, 30)),
        ("year", date(2026, 3, 2), date(2025, 3, 1), date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_months_are_those_before_the_moment(period: str, day: date, first: date, last: date, last_day: date) -> None:
    moment = schedule.at_seven(day)
    assert schedule.months_of(period, moment) == (first, last)
    assert schedule.last_day(period, moment) == last_day


def test_missed_moments_end_with_the_last_that_has_come() -> None:
    missed = schedule.missed("monthly", at(2026, 1, 2), now=at(2026, 4, 1))
    assert missed == [at(2026, 1, 2), at(2026, 2, 2), at(2026, 3, 2)]
    assert schedule.missed("monthly", at(2026, 1, 2), now=at(2026, 1, 2)) == [at(2026, 1, 2)]
