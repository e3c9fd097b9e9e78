"""Waking the worker once a change is committed. If that fails, its periodic sweeps find the rows later."""

import math
from contextlib import suppress
from time import monotonic
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

# Seconds that a request waits for a broker that does not answer. A broker that is down refuses at once.
BROKER_PATIENCE = 0.05
# Seconds after which waking the worker is useless, because the periodic sweep has run meanwhile.
WAKE_EXPIRES = 60
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
    """Enqueue the sweep, at once or when the pause after the last one is over, unless it is enqueued already."""
    now = monotonic()
    latest = _latest_waking.get(task, -math.inf)
    if latest <= now:
        begins = max(now, latest + WAKE_PAUSE)
        if _is_sent(task, countdown=begins - now or None, expires=WAKE_EXPIRES):
            _latest_waking[task] = begins


def _is_sent(task: str, **options: Any) -> bool:
    """Enqueue the task and return whether the broker took it. Uses connections that give up sooner than a worker's."""
    broker = current_app.connection_for_write(transport_options={"socket_timeout": BROKER_PATIENCE})
    lease = {"block": True, "timeout": BROKER_PATIENCE}
    with suppress(OperationalError, LimitExceeded), producers[broker].acquire(**lease) as producer:
        current_app.send_task(task, producer=producer, **options)
        return True
    return False
