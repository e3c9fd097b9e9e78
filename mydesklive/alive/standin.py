"""The process that stands in for beat, Redis and the worker's processes while Redis gives no tasks.

It starts each frequent sweep at its own interval, in a process of its own: one that waits for a mail server or hangs holds
up no other, and is ended at its limit. Sweeps of a time of day wait. Rows are claimed, so it does no harm that other
workers do the same. The process has no threads and no connections, so it can be forked.
"""

import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from types import FrameType

import django
from celery import Task, current_app
from django.conf import settings
from django.db import connections

from accounts.database.patience import TASK, set_usual

logger = logging.getLogger(__name__)

# Seconds between two looks.
EVERY = 0.2
# Seconds that sweeps have to end when the worker has ended.
GRACE = 10.0


@dataclass
class Lane:
    """One sweep with its own interval (seconds). Times are those of `time.monotonic()`."""

    task: Task
    interval: float
    begun: float = field(default=float("-inf"))
    process: ForkProcess | None = None

    @property
    def is_busy(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def begin(self, now: float) -> None:
        if self.process and self.process.exitcode:
            logger.error("A run of %s was ended from outside (code %d)", self.task.name, self.process.exitcode)
        self.begun = now
        self.process = get_context("fork").Process(target=_run, args=(self.task,))
        self.process.start()


def lanes() -> list[Lane]:
    """Returns the sweeps that beat starts after so many seconds, and not at a time of day."""
    current_app.loader.import_default_modules()
    return [
        Lane(current_app.tasks[entry["task"]], entry["schedule"])
        for entry in current_app.conf.beat_schedule.values()
        if isinstance(entry["schedule"], float)
    ]


def _run(task: Task) -> None:
    """Does the task here, with all that is noted of a task in the worker. At the task's limit the system ends the process."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, task.time_limit or settings.CELERY_TASK_TIME_LIMIT)
    try:
        task.apply()
    finally:
        connections.close_all()


class StandIn:
    """Begins sweeps until it is told to stop (SIGTERM) or the worker, its parent, has ended."""

    def __init__(self, worker: int) -> None:
        self.worker, self.lanes = worker, lanes()
        self.is_stopped = False

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_stopped = True

    def work(self) -> None:
        while not self.is_stopped and self._has_worker():
            now = time.monotonic()
            for lane in self.lanes:
                if not lane.is_busy and now - lane.begun >= lane.interval:
                    lane.begin(now)
            time.sleep(EVERY)
        self._end()

    def _end(self) -> None:
        """Waits for the sweeps that run: a mail that is cut off would be sent a second time."""
        orphaned_at = float("inf")
        while running := [lane.process for lane in self.lanes if lane.process and lane.is_busy]:
            if not self._has_worker():
                orphaned_at = min(orphaned_at, time.monotonic())
            if time.monotonic() - orphaned_at > GRACE:
                for process in running:
                    process.kill()
            time.sleep(EVERY)

    def _has_worker(self) -> bool:
        return os.getppid() == self.worker


def main() -> None:
    django.setup()
    set_usual(TASK)
    stand_in = StandIn(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, and its end ends this process
    signal.signal(signal.SIGTERM, stand_in.stop)
    stand_in.work()


if __name__ == "__main__":
    main()
