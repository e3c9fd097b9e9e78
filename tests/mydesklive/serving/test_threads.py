"""When a job starts, and when a thread ends."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event
from unittest.mock import Mock

import pytest

from mydesklive.serving import threads
from mydesklive.serving.threads import Job, Threads


def soon(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_thread_ends_without_work_and_the_last_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE", 0.1)
    ended: list[str] = []
    pool, gate, done = Threads(3, lambda: ended.append("ended")), Event(), SimpleQueue[str]()
    for _job in range(5):
        pool.add(Job(lambda: gate.wait(60) and done.put("done"), lambda: None))
    soon(lambda: not pool.look(60) and len(pool._running) == 3)
    gate.set()
    assert [done.get(timeout=60) for _job in range(5)] == ["done"] * 5
    soon(lambda: len(ended) == 2)
    pool.add(Job(lambda: done.put("again"), lambda: None))
    assert done.get(timeout=60) == "again"
    assert len(ended) == 2


def test_a_job_that_computes_has_the_process_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, gate = Threads(3, lambda: None), Event()
    for _job in range(2):
        pool.add(Job(lambda: gate.wait(60) and None, lambda: None))
    monkeypatch.setattr(threads.time, "process_time", time.monotonic)  # all the time is computed
    time.sleep(2 * threads.WAITS)
    pool.look(60)
    assert len(pool._running) == 1
    time.sleep(threads.LONG)
    pool.look(60)
    assert len(pool._running) == 2
    gate.set()


def test_a_thread_that_cannot_start_loses_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, done = Threads(3, lambda: None), Event()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError))
        pool.add(Job(done.set, lambda: None))
    assert pool.look(60) == []
    assert done.wait(60)
