import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from subprocess import PIPE, Popen
from time import monotonic
from unittest.mock import Mock

import pytest
from django.core.cache import cache, caches
from pytest_django.fixtures import Settings

from accounts.limits import _ROUGHLY, DatabaseLimit, Limit, RoughLimit
from tests.builders import NOW

Kind = type[Limit] | type[DatabaseLimit]
LIMIT = Limit("tries", 3, 60)
OFTEN = 10  # tries of each process

PASSES = f"""
import django
django.setup()
from datetime import datetime
from accounts.limits import Limit
now = datetime.fromisoformat("{NOW.isoformat()}")
print(sum(not Limit("tries", 20, 60).passed("somebody", now=now) for _ in range({OFTEN})))
"""


ROUGH = RoughLimit("programs", 10, 60, step=4)


@pytest.fixture(autouse=True)
def _new_process() -> None:
    _ROUGHLY.clear()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Limit, DatabaseLimit])
def test_so_many_pass_in_each_stretch_of_time(kind: Kind) -> None:
    limit = kind("tries", 3, 60)
    assert [limit.passed("somebody", now=NOW + seconds(late)) for late in (0, 20, 59, 59)] == [False] * 3 + [True]
    assert not limit.passed("somebody", now=NOW + seconds(60))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Limit, DatabaseLimit])
def test_others_and_other_limits_are_counted_for_themselves(kind: Kind) -> None:
    limit = kind("tries", 3, 60)
    for _ in range(4):
        limit.passed("somebody", now=NOW)
    assert limit.passed("somebody", now=NOW)
    assert not limit.passed("other", now=NOW)
    assert not kind("holds", 3, 60).passed("somebody", now=NOW)


@pytest.mark.parametrize(("late", "wait"), [(0, 60), (1, 59), (59.5, 0.5), (60, 60)])
def test_wait_ends_with_the_stretch(late: float, wait: float) -> None:
    assert LIMIT.wait(NOW + seconds(late)) == pytest.approx(wait)
    for _ in range(4):
        LIMIT.passed("somebody", now=NOW + seconds(late))
    assert not LIMIT.passed("somebody", now=NOW + seconds(late + wait))


def test_processes_share_one_count() -> None:
    with ExitStack() as processes:
        command = [sys.executable, "-c", PASSES]
        started = [processes.enter_context(Popen(command, stdout=PIPE, text=True)) for _ in range(3)]
        assert sum(int(process.communicate()[0].split()[-1]) for process in started) == 20


def test_rough_limit_is_exact_within_one_process() -> None:
    for period in (0, 60):
        assert [ROUGH.passed("a", now=NOW + seconds(period)) for _ in range(12)] == [False] * 10 + [True] * 2
    assert not ROUGH.passed("b", now=NOW)
    assert not RoughLimit("others", 10, 60, step=4).passed("a", now=NOW)


def test_rough_limit_tells_the_others_at_first_and_after_each_step() -> None:
    told = []
    for _ in range(9):
        ROUGH.passed("a", now=NOW)
        told.append(cache.get(ROUGH._key("a", NOW)))
    assert told == [1, 1, 1, 1, 5, 5, 5, 5, 9]


def test_rough_limit_is_shared_by_processes_up_to_a_step_of_each() -> None:
    rough = PASSES.replace("import Limit", "import RoughLimit").replace(
        'Limit("tries", 20, 60)', 'RoughLimit("tries", 20, 60, step=4)'
    )
    with ExitStack() as processes:
        command = [sys.executable, "-c", rough]
        started = [processes.enter_context(Popen(command, stdout=PIPE, text=True)) for _ in range(3)]
        assert 20 <= sum(int(process.communicate()[0].split()[-1]) for process in started) <= 20 + 2 * 3


def test_rough_limit_refuses_nobody_while_the_cache_is_lost(no_redis: None) -> None:
    assert not any(ROUGH.passed("a", now=NOW) for _ in range(9))


def test_two_at_once_are_both_counted() -> None:
    with ThreadPoolExecutor(8) as threads:
        passed = threads.map(lambda _: LIMIT.passed("somebody", now=NOW), range(40))
        assert [*passed].count(False) == 3


def test_emptied_cache_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is emptied between the two steps of the first count."""
    monkeypatch.setattr(cache, "add", Mock(return_value=False), raising=False)
    assert not Limit("tries", 1, 60).passed("somebody", now=NOW)


def test_counts_do_not_stay(settings: Settings) -> None:
    LIMIT.passed("somebody", now=NOW)
    redis = caches["default"]._cache.get_client()
    lives = [redis.ttl(key) for key in redis.keys("*limits*")]
    assert len(lives) == 1
    assert 0 < lives[0] <= 60


def test_lost_cache_refuses_nobody(no_redis: None) -> None:
    assert not any(LIMIT.passed("somebody", now=NOW) for _ in range(10))


@pytest.fixture
def silent_redis(settings: Settings) -> Iterator[None]:
    """A Redis that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": address}}
        yield


def test_silent_cache_is_waited_for_once(silent_redis: None) -> None:
    """Nobody is refused, and the bookings of the next second do not wait half a second each."""
    since = monotonic()
    assert not any(LIMIT.passed("somebody", now=NOW) for _ in range(10))
    assert monotonic() - since < 1
