"""A breaker for Redis: a server that hangs is waited for once, by one request, and then by nobody until it answers again.

The cache and the waking of the worker use one breaker, because it is one server. While the breaker is open, a thread asks
the server in the background whether it answers again. The thread begins with the first wait and ends with the answer, so
no thread is running when a process forks in peace. A child begins with a closed breaker and no thread.
"""

import logging
import os
import threading
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger(__name__)

# Seconds that one request waits for Redis, and seconds between two questions of the thread.
PATIENCE = 0.3
PAUSE = 0.25
# A failure that took so long (seconds) was a wait. A server that is down refuses in less than a millisecond.
WAITED = 0.1


class Breaker:
    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._answers = threading.Event()
        self._answers.set()

    @property
    def is_open(self) -> bool:
        """Returns whether Redis is not asked at the moment, because it did not answer."""
        return not self._answers.is_set()

    def failed(self, since: float, ping: Callable[[], object]) -> None:
        """Opens the breaker if the failed call, begun at this `monotonic()` time, was a wait.

        `ping` asks the same server, waits for PATIENCE at most and raises an error if there is no answer.
        """
        if monotonic() - since < WAITED:
            return
        with self._lock:
            if self.is_open:
                return
            self._answers = threading.Event()
        logger.warning("Redis does not answer. It is left alone until it does.")
        threading.Thread(target=self._probe, args=(ping, self._answers), name="redis-probe", daemon=True).start()

    def close(self) -> None:
        """Lets Redis be asked again."""
        self._answers.set()

    def _probe(self, ping: Callable[[], object], answers: threading.Event) -> None:
        while not answers.wait(PAUSE):
            try:
                ping()
            except Exception:  # whatever it is: without this thread nobody would ask again
                logger.debug("Redis does not answer yet", exc_info=True)
            else:
                logger.warning("Redis answers again.")
                answers.set()


redis = Breaker()
