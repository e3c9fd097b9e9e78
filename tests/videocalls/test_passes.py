from datetime import timedelta

import pytest

from tests.builders import NOW
from videocalls import passes
from videocalls.passes import ENTRY, Holder

ANNA = Holder("0123456789abcdef", "officer-7", "/appointments/K7M4Q2XDBN/join/")


def test_pass_is_good_for_a_minute_and_then_only_says_where_to_go_back() -> None:
    made = passes.pass_for(ANNA, now=NOW)
    assert passes.read_pass(made, ANNA.room, now=NOW + ENTRY - timedelta(seconds=1)) == (ANNA, True)
    assert passes.read_pass(made, ANNA.room, now=NOW + ENTRY) == (ANNA, False)


def test_nothing_can_be_read_in_a_pass_or_a_cookie() -> None:
    for made in (passes.pass_for(ANNA, now=NOW), passes.cookie_for(ANNA)):
        assert "officer" not in made
        assert "K7M4Q2XDBN" not in made


@pytest.mark.parametrize(
    "wrong", ["", "x", "ψ", "A" * 200, passes.pass_for(ANNA, now=NOW)[:-1], passes.cookie_for(ANNA)]
)
def test_anything_else_is_no_pass(wrong: str) -> None:
    assert passes.read_pass(wrong, ANNA.room, now=NOW) == (None, False)


def test_each_is_for_one_room_and_one_purpose() -> None:
    made, cookie = passes.pass_for(ANNA, now=NOW), passes.cookie_for(ANNA)
    assert passes.read_pass(made, "another", now=NOW) == (None, False)
    assert passes.read_cookie(cookie, ANNA.room) == ANNA
    assert passes.read_cookie(cookie, "another") is None
    assert passes.read_cookie(made, ANNA.room) is None
