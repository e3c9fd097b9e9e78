"""The puzzle that a guest's browser solves: good for one thing, once, and for a few minutes."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import altcha
import pytest
import time_machine

from accounts.limits import work
from accounts.limits.work import LONGEST, Proof, puzzle
from tests.builders import NOW
from tests.pages import solution_of

pytestmark = pytest.mark.django_db
THING = "hold 7"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    monkeypatch.setattr(work, "COST", 1)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def test_solution_is_good_once_and_only_for_its_thing() -> None:
    sent = solution_of(puzzle(THING, now=NOW))
    assert not Proof(sent).is_for("hold 8", now=NOW)
    assert Proof(sent).is_for(THING, now=NOW)
    assert not Proof(sent).is_for(THING, now=NOW)


@pytest.mark.parametrize("minutes", [0, 9])
def test_solution_is_no_good_twice_at_any_moment(cheap: time_machine.Traveller, minutes: int) -> None:
    """Also over the end of a day, where counts begin anew."""
    late = NOW.replace(hour=23, minute=59)
    cheap.move_to(late)
    sent = solution_of(puzzle(THING, now=late))
    assert Proof(sent).is_for(THING, now=late)
    cheap.move_to(late + timedelta(minutes=minutes))
    assert not Proof(sent).is_for(THING, now=late + timedelta(minutes=minutes))


def test_solution_that_comes_late_is_refused(cheap: time_machine.Traveller) -> None:
    sent = solution_of(puzzle(THING, now=NOW))
    cheap.move_to(NOW + work.VALID)
    assert not Proof(sent).is_for(THING, now=NOW + work.VALID)


def changed(sent: str, **parameters: object) -> str:
    payload = json.loads(base64.b64decode(sent))
    payload["challenge"]["parameters"] |= parameters
    return base64.b64encode(json.dumps(payload).encode()).decode()


def test_nobody_makes_a_puzzle_or_changes_one() -> None:
    sent = solution_of(puzzle(THING, now=NOW))
    for part in (
        {"cost": 0},
        {"keyPrefix": ""},
        {"expiresAt": 99999999999},
        {"data": {"for": "x"}},
        {"keySignature": None},
    ):
        assert not Proof(changed(sent, **part)).is_for(THING, now=NOW)
    own = altcha.create_challenge(work.ALGORITHM, 1, counter=1, hmac_secret=b"own", expires_at=9999999999)
    assert not Proof(solution_of(json.dumps(own.to_dict()))).is_for(THING, now=NOW)
    assert Proof(sent).is_for(THING, now=NOW)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        "é",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"challenge": [], "solution": 1}').decode(),
        base64.b64encode(b'{"challenge": {"parameters": {}}}').decode(),
        base64.b64encode(b"[" * 2900).decode(),
        "A" * (LONGEST + 1),
    ],
)
def test_anything_else_is_no_solution(sent: str) -> None:
    assert not Proof(sent).is_for(THING, now=NOW)


@pytest.mark.parametrize("expires_at", ["x", -1, 1e300, [], {}, True])
def test_any_end_of_a_puzzle_is_refused_that_we_did_not_write(expires_at: object) -> None:
    assert not Proof(changed(solution_of(puzzle(THING, now=NOW)), expiresAt=expires_at)).is_for(THING, now=NOW)
