"""Limits that the database counts: exact at any moment, closed without Redis, and nothing in them tells who it was."""

from datetime import timedelta

import pytest

from accounts import limits
from accounts.limits import DatabaseLimit, any_passed
from accounts.models import Count
from tests.builders import NOW
from tests.races import at_once

pytestmark = pytest.mark.django_db
LIMIT = DatabaseLimit("tries", 3, 60)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_limits_in_a_row_count_until_one_is_passed() -> None:
    """What the first refuses does not use up the second."""
    hour, day = DatabaseLimit("an-hour", 2, 3600), DatabaseLimit("a-day", 3, 24 * 3600)
    later = NOW + seconds(3600)
    assert [any_passed([hour, day], "somebody", now=NOW) for _ in range(5)] == [False] * 2 + [True] * 3
    assert [any_passed([hour, day], "somebody", now=later) for _ in range(2)] == [False, True]


def test_looking_counts_nothing() -> None:
    for _ in range(3):
        assert not LIMIT.reached("somebody", now=NOW)
        LIMIT.passed("somebody", now=NOW)
    assert LIMIT.reached("somebody", now=NOW)


def test_right_try_is_taken_back_and_the_wrong_ones_stay() -> None:
    for _ in range(3):
        LIMIT.passed("somebody", now=NOW)
    LIMIT.uncount("somebody", now=NOW)
    LIMIT.uncount("other", now=NOW)
    assert [LIMIT.passed("somebody", now=NOW) for _ in range(2)] == [False, True]


def test_nothing_in_the_table_tells_who_it_was() -> None:
    LIMIT.passed("somebody@example.org", now=NOW)
    assert "somebody" not in str(Count.objects.values_list())


def test_counts_are_deleted_after_their_period() -> None:
    LIMIT.passed("somebody", now=NOW)
    DatabaseLimit("tries-of-a-day", 3, 24 * 3600).passed("somebody", now=NOW)
    assert limits.forget_past(now=NOW + seconds(60)) == 1
    assert Count.objects.get().what == "tries-of-a-day"


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_all_counted() -> None:
    results = at_once([lambda: "passed" if LIMIT.passed("somebody", now=NOW) else ""] * 40)
    assert results == {"": 3, "done": 37}


def test_limit_stays_closed_while_the_cache_is_lost(no_redis: None) -> None:
    assert [LIMIT.passed("somebody", now=NOW) for _ in range(5)] == [False] * 3 + [True] * 2
    assert LIMIT.reached("somebody", now=NOW)
