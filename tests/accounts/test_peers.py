"""A server of others that does not work is left alone for a while, and then asked by one process at a time."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts import models
from accounts.peers import Dealt, Peer, PeerAway
from tests.builders import NOW

PEER = Peer("test gateway", pauses=(10, 60), probe=timedelta(minutes=2))

pytestmark = pytest.mark.django_db


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def fails(seconds: float = 0, pause: timedelta | None = None) -> None:
    """Somebody asks the peer at this second, and it does not work."""
    ask, error = PEER.ask(now=after(seconds)), PeerAway("it hangs")
    error.pause = pause
    assert ask
    ask.failed(error, now=after(seconds))


def is_left_alone(seconds: float) -> bool:
    """Whether nobody may ask at this second. It takes the probe if it may."""
    return PEER.ask(now=after(seconds)) is None


def test_peer_that_works_is_asked_by_everybody() -> None:
    assert [PEER.ask(now=NOW) for _ in range(3)] == [PEER.ask(now=NOW)] * 3
    assert not models.Peer.objects.exists()


def test_peer_that_fails_is_left_alone_longer_each_time() -> None:
    fails()
    assert is_left_alone(9.9)
    fails(10)
    assert is_left_alone(69.9)
    fails(70)
    assert is_left_alone(129.9)  # the last pause stays
    assert models.Peer.objects.get().failures == 3


def test_one_asks_when_the_pause_is_over_and_the_others_wait_for_what_is_heard() -> None:
    fails()
    ask = PEER.ask(now=after(10))
    assert ask
    assert is_left_alone(10)
    ask.answered()
    assert not is_left_alone(10)
    assert not models.Peer.objects.exists()


def test_whoever_dies_while_asking_holds_up_the_others_for_a_while_only() -> None:
    fails()
    assert not is_left_alone(10)
    assert is_left_alone(10 + 119)
    assert not is_left_alone(10 + 120)


def test_whoever_has_nothing_to_ask_lets_the_next_one_ask() -> None:
    fails()
    ask = PEER.ask(now=after(10))
    assert ask
    ask.passed_up(now=after(10))
    assert not is_left_alone(10)


def test_those_who_waited_together_count_as_one_failure() -> None:
    together = [PEER.ask(now=NOW) for _ in range(3)]
    for ask in together:
        assert ask
        ask.failed(PeerAway("it hangs"), now=NOW)
    assert models.Peer.objects.get().failures == 1
    assert not is_left_alone(10)


def test_peer_gets_the_pause_that_it_asks_for() -> None:
    fails(pause=timedelta(minutes=10))
    assert is_left_alone(599)
    assert not is_left_alone(600)


def test_log_tells_once_that_it_does_not_work_and_once_that_it_does(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        fails()
        fails(10)
        ask = PEER.ask(now=after(70))
        assert ask
        ask.answered()
        ask.answered()
    assert [record.getMessage() for record in caplog.records] == [
        "The test gateway does not work, and is left alone for a while: it hangs",
        "The test gateway works again",
    ]


def test_work_goes_on_until_the_peer_fails_and_begins_again_with_one_row() -> None:
    told: list[bool] = []

    def step(works: bool) -> Dealt:
        told.append(works)
        if len(told) == 4:
            raise PeerAway("it hangs")
        return Dealt(1, len(told) > 1)  # the first row was no longer to be sent

    PEER.work(step, clock=lambda: NOW, seconds=10)
    assert told == [False, False, True, True]
    PEER.work(step, clock=lambda: NOW, seconds=10)
    assert len(told) == 4
    PEER.work(lambda _works: Dealt(0, 0), clock=lambda: after(10), seconds=10)
    assert not is_left_alone(10)


@pytest.mark.django_db(transaction=True)
def test_processes_side_by_side_let_one_ask() -> None:
    fails()

    def ask(_number: int) -> bool:
        try:
            return PEER.ask(now=after(10)) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as processes:
        assert sum(processes.map(ask, range(16))) == 1
