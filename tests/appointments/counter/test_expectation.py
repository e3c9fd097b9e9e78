from datetime import timedelta

from appointments.counter.expectation import OVERRUN, Turn, expected, free_at
from tests.builders import at, minutes

NOW = at(9)


def a_turn(key: str, due: int, *, ready: int = 0, length: int = 10, priority: bool = False) -> Turn:
    """Minutes from nine o'clock."""
    return Turn(key, NOW + minutes(due), NOW + minutes(ready), minutes(length), priority)


def after(turns: list[Turn], *desks: int) -> dict[object, int]:
    begins = expected(turns, [NOW + minutes(free) for free in desks], now=NOW)
    return {key: (begun - NOW) // timedelta(minutes=1) for key, begun in begins.items()}


def test_two_desks_share_the_line() -> None:
    turns = [a_turn("a", -3), a_turn("b", -2), a_turn("c", -1, length=20), a_turn("d", 0)]
    assert after(turns, 0, 5) == {"a": 0, "b": 5, "c": 10, "d": 15}


def test_priority_goes_first() -> None:
    assert after([a_turn("a", -3), a_turn("b", 0, priority=True)], 0) == {"b": 0, "a": 10}


def test_no_desk_waits_for_who_is_still_to_come() -> None:
    assert after([a_turn("soon", 5, ready=5), a_turn("here", 30)], 0) == {"here": 0, "soon": 10}


def test_desk_idles_until_the_next_one_comes() -> None:
    assert after([a_turn("later", 40, ready=40)], 0) == {"later": 40}


def test_without_desks_nothing_can_be_told() -> None:
    assert after([a_turn("a", 0)]) == {}


def test_free_at_counts_the_planned_time_and_some_when_it_is_overrun() -> None:
    assert free_at(serving_since=NOW - minutes(4), length=minutes(10), now=NOW) == NOW + minutes(6)
    assert free_at(serving_since=NOW - minutes(30), length=minutes(10), now=NOW) == NOW + OVERRUN
