"""Beat's schedule, which follows a clock that is set back, and the watch that ends a beat that stands still."""

import threading
import time
from typing import Any

from celery.beat import PersistentScheduler

from mydesklive.alive import ending, pulse, reports

# Seconds between two looks.
EVERY = 5.0
# Seconds without a step. A broker that hangs delays each task by a few seconds, and each attempt is a step.
STUCK = 120.0


class Scheduler(PersistentScheduler):
    """Notes each step it takes. After a clock was set back, tasks go on at once and not when the old time comes again."""

    stepped_at = time.monotonic()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        self._step()
        self._follow_clock()
        return super().tick(*args, **kwargs)

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        self._step()
        return super().apply_async(*args, **kwargs)

    def _step(self) -> None:
        Scheduler.stepped_at = time.monotonic()

    def _follow_clock(self) -> None:
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at > now:
                entry.last_run_at = now
                self._heap = None


def is_stuck(now: float) -> bool:
    """Returns whether beat has stood still for too long at this time of `time.monotonic()`."""
    return now - Scheduler.stepped_at > STUCK


def start(**kwargs: object) -> None:
    """Begins to watch this beat."""
    Scheduler.stepped_at = time.monotonic()
    threading.Thread(target=_watch_for_ever, name="watch", daemon=True).start()
    reports.start()


def _watch_for_ever() -> None:
    while True:
        pulse.beat("beat")
        if is_stuck(time.monotonic()):
            ending.end(f"Beat has stood still for {STUCK:.0f} s")
        time.sleep(EVERY)
