"""Sees, inside the worker's main process, that Redis gives it no tasks, and has a second process do the sweeps meanwhile.

The second process (`mydesklive.alive.standin`) lives only during the outage, and ends when this one ends, however that is.
"""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from os import getpid
from typing import Any

from celery.bootsteps import RUN
from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

# Seconds between two looks, and how long one waits for Redis.
EVERY = 1.0
# Seconds without Redis after which the sweeps begin. A restart of Redis takes less.
SILENT = 3.0
# Seconds from one start of the second process to the next, if it should end by itself.
AGAIN = 10.0
KEY, KEPT = "mydesklive:takes-writes", 60


class Deputy:
    """Keeps the second process. `gets_tasks` tells whether Redis works for this worker, and `start` starts the process."""

    def __init__(self, gets_tasks: Callable[[], bool], start: Callable[[], Any]) -> None:
        self.gets_tasks, self.start = gets_tasks, start
        self.process: Any = None
        self.ending: list[Any] = []
        self.begun = 0.0
        self.silent_since: float | None = None

    def look(self) -> None:
        now = time.monotonic()
        self.ending = [process for process in self.ending if process.poll() is None]  # no zombie is left
        if self.gets_tasks():
            self.silent_since = None
            if self.process:
                self.end()
                logger.info("Redis gives tasks again. The worker does no more sweeps by itself.")
            return
        self.silent_since = self.silent_since or now
        if not self.process and time.monotonic() - self.silent_since > SILENT:
            logger.warning("Redis gives no tasks. The worker does the frequent sweeps by itself until it does.")
            self._start(now)
        elif self.process and self.process.poll() is not None and now - self.begun > AGAIN:
            self._start(now)

    def _start(self, now: float) -> None:
        self.process, self.begun = self.start(), now

    def end(self) -> None:
        """Lets the process begin no more sweeps. It ends with the last one that runs."""
        if self.process:
            self.process.terminate()
            self.ending.append(self.process)
            self.process = None


def start(worker: Any) -> None:
    """Begins to look after Redis for this worker, whose processes run already."""
    redis = Redis.from_url(
        settings.REDIS_URL, socket_timeout=EVERY, socket_connect_timeout=EVERY, retry=Retry(NoBackoff(), 0)
    )
    # After an outage Celery waits for up to half a minute until it connects again.
    deputy = Deputy(lambda: worker.consumer.connection is not None and takes_writes(redis), _start_process)
    threading.Thread(target=_look_for_ever, args=(deputy, worker), name="broker", daemon=True).start()


def _look_for_ever(deputy: Deputy, worker: Any) -> None:
    while worker.blueprint.state == RUN:
        try:
            deputy.look()
        except Exception:
            logger.exception("It could not be found out whether Redis gives tasks")
        time.sleep(EVERY)
    deputy.end()


def takes_writes(redis: Redis) -> bool:
    """Returns whether Redis takes a write in time. One that is full or may only be read answers pings, and takes no task."""
    try:
        redis.set(KEY, 1, ex=KEPT)
    except (RedisError, OSError):
        return False
    return True


def _start_process() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mydesklive.alive.standin", str(getpid())]
    return subprocess.Popen(command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL)
