"""Waking the worker once a change is committed. Its periodic sweeps find the rows anyway, only later."""

import math
from contextlib import suppress
from time import monotonic
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

# Seconds that a request waits for a broker that hangs; one that is down refuses at once.
BROKER_PATIENCE = 0.05
# Seconds after which nobody needs waking any more: the periodic sweep has been there.
WAKE_EXPIRES = 60
# Seconds between two wakings by one process: however many bookings a second brings, one sweep serves them all.
WAKE_PAUSE = 1.0
_latest_waking: dict[str, float] = {}


def wake_worker(task: str) -> None:
    """Run the sweep when this transaction commits. If the broker is away, the sweep comes by itself soon after."""
    transaction.on_commit(lambda: _send_task(task), robust=True)


def ask_worker(task: str, *args: object) -> None:
    """Run the task with these arguments when this transaction commits. Each asking counts; none if the broker is away."""
    transaction.on_commit(lambda: _is_sent(task, args=args), robust=True)


def _send_task(task: str) -> None:
    """Enqueue the sweep, unless one still to come has been: at once, or when the pause since the last one is over."""
    now = monotonic()
    latest = _latest_waking.get(task, -math.inf)
    if latest <= now:
        begins = max(now, latest + WAKE_PAUSE)
        if _is_sent(task, countdown=begins - now or None, expires=WAKE_EXPIRES):
            _latest_waking[task] = begins


def _is_sent(task: str, **options: Any) -> bool:
    """Enqueue through connections of our own, which give up sooner than a worker's."""
    broker = current_app.connection_for_write(transport_options={"socket_timeout": BROKER_PATIENCE})
    lease = {"block": True, "timeout": BROKER_PATIENCE}
    with suppress(OperationalError, LimitExceeded), producers[broker].acquire(**lease) as producer:
        current_app.send_task(task, producer=producer, **options)
        return True
    return False
