"""The watch inside the worker's main process. It looks at the tasks that wait, and at what the worker takes.

The worker's own answer to a ping says only that its event loop turns.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker import state
from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from mydesklive.alive import broker, ending, pulse, reports

logger = logging.getLogger(__name__)

# Seconds between two looks.
EVERY = 5.0
# Seconds during which tasks wait, a process is free, and nothing is taken. Then the worker is stuck.
STUCK = 60.0
# Seconds after a task's limit at which the worker should have killed it.
OVERDUE = 60.0


class Watch:
    """Sees a worker that is stuck. Its arguments ask the worker and Redis; times are those of `time.monotonic()`."""

    def __init__(self, taken: Callable[[], int], waiting: Callable[[], int], processes: Callable[[], int]) -> None:
        self.taken, self.waiting, self.processes = taken, waiting, processes
        self.count, self.since = taken(), time.monotonic()
        self.begun: dict[str, float] = {}

    def stuck(self, running: dict[str, float], now: float) -> str:
        """Returns why the worker is stuck, or "". `running` are the limits (seconds) of the tasks that run, by id."""
        self.begun = {task: self.begun.get(task, now) for task in running}
        for task, limit in running.items():
            if now - self.begun[task] > limit + OVERDUE:
                return f"A task runs for {now - self.begun[task]:.0f} s, and its limit of {limit:.0f} s did not end it"
        count = self.taken()
        if count != self.count or len(running) >= self.processes() or not self.waiting():
            self.count, self.since = count, now
        if now - self.since > STUCK:
            return f"The worker has taken nothing for {now - self.since:.0f} s, and tasks wait"
        return ""


class Step(StartStopStep):
    """Celery takes this step when it has made its processes, and before it asks for Redis, which may be away."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:
        """Begins to watch this worker."""
        watch = Watch(lambda: state.all_total_count[0], Queues(parent).waiting, lambda: parent.pool.num_processes)
        threading.Thread(target=_watch_for_ever, args=(watch,), name="watch", daemon=True).start()
        reports.start()
        broker.start(parent)


def _watch_for_ever(watch: Watch) -> None:
    while True:
        pulse.beat("worker")
        try:
            reason = watch.stuck(_running(), time.monotonic())
        except Exception:
            logger.exception("The watch of the worker failed")
        else:
            if reason:
                ending.end(reason)
        time.sleep(EVERY)


def _running() -> dict[str, float]:
    """Returns the limits (seconds) of the tasks that run, by their id."""
    requests = [*state.active_requests]
    return {
        one.id: (one.time_limits or [None])[0] or one.task.time_limit or settings.CELERY_TASK_TIME_LIMIT
        for one in requests
    }


class Queues:
    """Asks Redis how many tasks wait, over a connection that is not the worker's."""

    def __init__(self, worker: Any) -> None:
        prefix = worker.app.conf.broker_transport_options["global_keyprefix"]
        self.keys = [f"{prefix}{queue}" for queue in worker.app.amqp.queues.consume_from]
        self.redis = Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    def waiting(self) -> int:
        """Returns the number, or 0 if Redis does not answer. A worker without Redis waits for it."""
        try:
            return sum(self.redis.llen(key) for key in self.keys)
        except RedisError:
            return 0
