import os
import threading
from collections.abc import Iterator
from time import monotonic, sleep
from unittest.mock import Mock

import pytest

from accounts.work import breaker
from accounts.work.breaker import PATIENCE, WAITED, Breaker


@pytest.fixture
def door() -> Iterator[Breaker]:
    door = Breaker()
    yield door
    door.close()


def soon(condition: object, seconds: float = 5) -> bool:
    since = monotonic()
    while not (done := condition()) and monotonic() - since < seconds:  # type: ignore[operator]
        sleep(0.01)
    return bool(done)


def probes() -> int:
    return sum(thread.name == "redis-probe" for thread in threading.enumerate())


def test_one_wait_opens_it_until_the_server_answers(door: Breaker) -> None:
    ping = Mock(side_effect=[TimeoutError, TimeoutError, True])
    assert not door.is_open
    door.failed(monotonic() - PATIENCE, ping)
    assert door.is_open
    assert soon(lambda: not door.is_open)
    assert ping.call_count == 3


def test_refusal_at_once_does_not_open_it(door: Breaker) -> None:
    door.failed(monotonic(), Mock())
    assert not door.is_open


def test_many_waits_at_once_have_one_thread(door: Breaker) -> None:
    assert soon(lambda: probes() == 0)  # one of an earlier test may still wait for its answer
    for _ in range(20):
        door.failed(monotonic() - 1, Mock(side_effect=TimeoutError))
    assert probes() == 1
    door.close()
    assert soon(lambda: probes() == 0)


def test_a_child_begins_with_a_closed_breaker(door: Breaker) -> None:
    """It has no thread that would close it."""
    door.failed(monotonic() - 1, Mock(side_effect=TimeoutError))
    child = os.fork()
    if not child:
        os._exit(int(door.is_open))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert door.is_open


def test_nothing_runs_before_the_first_wait() -> None:
    assert soon(lambda: probes() == 0)
    assert WAITED < PATIENCE
    assert not breaker.redis.is_open
