"""Waking the worker once a change is committed. If that fails, its periodic sweeps find the rows later."""

import math
from contextlib import suppress
from threading import Timer
from time import monotonic
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.connection import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

from accounts.work import breaker

# Seconds between two wakings for one task by one process. One sweep deals with all bookings of that time.
WAKE_PAUSE = 1.0
_latest_waking: dict[str, float] = {}


def wake_worker(task: str) -> None:
    """Have the worker run this sweep when the transaction commits. Without a broker, it runs later by itself."""
    transaction.on_commit(lambda: _send_task(task), robust=True)


def ask_worker(task: str, *args: object) -> None:
    """Have the worker run the task with these arguments once for each call, when the transaction commits.

    Without a broker the task does not run.
    """
    transaction.on_commit(lambda: _is_sent(task, args=args), robust=True)


def _send_task(task: str) -> None:
    """Enqueue the sweep, at once or when the pause after the last one is over, unless it is about to be enqueued already.

    This process waits, not the worker. A time in the message would be compared with another machine's clock.
    """
    now = monotonic()
    latest = _latest_waking.get(task, -math.inf)
    if latest > now:
        return
    wait = latest + WAKE_PAUSE - now
    if wait > 0:
        _latest_waking[task] = now + wait
        later = Timer(wait, _is_sent, [task])
        later.daemon = True
        later.start()
    elif _is_sent(task):
        _latest_waking[task] = now


def _is_sent(task: str, **options: Any) -> bool:
    """Enqueue the task and return whether the broker took it. Uses connections that give up sooner than a worker's."""
    if breaker.redis.is_open:
        return False
    since = monotonic()
    broker = _broker()
    lease = {"block": True, "timeout": breaker.PATIENCE}
    with suppress(OperationalError, LimitExceeded), producers[broker].acquire(**lease) as producer:
        current_app.send_task(task, producer=producer, **options)
        return True
    breaker.redis.failed(since, _ping)
    return False


def _broker() -> Connection:
    return current_app.connection_for_write(transport_options={"socket_timeout": breaker.PATIENCE})


def _ping() -> None:
    with _broker() as broker:
        broker.connect()
