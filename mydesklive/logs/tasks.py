"""One line for each task of the worker: how it ended, and how long it took."""

import logging
import time
from typing import Any

from celery.signals import task_postrun, task_prerun

from accounts.security import CURRENT, Actor, Work

logger = logging.getLogger("mydesklive.task")

WORKER = Actor(role="worker")
_begun: dict[str, tuple[float, Any]] = {}


@task_prerun.connect
def begin(task_id: str, **kwargs: Any) -> None:
    _begun[task_id] = time.perf_counter(), CURRENT.set(Work(task_id, lambda: WORKER))


@task_postrun.connect
def end(task_id: str, task: Any, state: str | None = None, **kwargs: Any) -> None:
    begun, token = _begun.pop(task_id, (time.perf_counter(), None))
    told = {
        "task": task.name,
        "outcome": (state or "unknown").lower(),
        "ms": round((time.perf_counter() - begun) * 1000, 1),
    }
    logger.info("task", extra={"told": told})
    if token:
        CURRENT.reset(token)
