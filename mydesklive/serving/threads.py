"""Threads that run requests, mostly one at a time."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

WAITS = 0.05  # seconds after which a request in an idle process is taken to wait for somebody else
LONG = 1.0  # seconds after which others need not wait for a request that still computes
IDLE = 30.0  # seconds after which a thread with no work ends


@dataclass(eq=False)
class Job:
    """Work for a thread. `drop` is called instead when it cannot start. The next job waits while `counts` is true."""

    work: Callable[[], None]
    drop: Callable[[], None]
    queued_at: float = field(default_factory=time.monotonic)
    started_at: float = 0.0
    counts: bool = True


class Threads:
    """Runs one job at a time, and further ones beside those that wait for somebody else.

    Python runs one thread at a time. Several that compute take turns and lose a third of their speed by it, so the
    next job starts when the last one ends. A job that waits for the database does not use the processor: then the
    next one starts on another thread, up to `most` threads. The thread that was used last is used next, so that few
    of them keep a connection to the database. A thread calls `on_end` when it ends for lack of work.
    """

    def __init__(self, most: int, on_end: Callable[[], None]) -> None:
        self._most, self._on_end = most, on_end
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()
        self._idle: list[SimpleQueue[Job]] = []  # the inboxes of threads without work
        self._threads = 0
        self._seen, self._used = time.monotonic(), time.process_time()

    @property
    def has_work(self) -> bool:
        return bool(self._running or self._waiting)

    def add(self, job: Job) -> None:
        with self._lock:
            if not self._running:
                self._seen, self._used = time.monotonic(), time.process_time()
            self._waiting.append(job)
            self._start()

    def look(self, patience: float) -> list[Job]:
        """Starts jobs beside those that wait. Returns the jobs that have not started for `patience` seconds, and drops them.

        Is called every few hundredths of a second while there is work.
        """
        now, used = time.monotonic(), time.process_time()
        with self._lock:
            is_idle = used - self._used < (now - self._seen) / 2
            self._seen, self._used = now, used
            for job in self._running:
                if now - job.started_at > (WAITS if is_idle else LONG):
                    job.counts = False
            self._start()
            overdue = []
            while self._waiting and now - self._waiting[0].queued_at > patience:
                overdue.append(self._waiting.popleft())
            return overdue

    def _start(self) -> None:
        while self._waiting and (self._idle or self._threads < self._most) and not self._is_taken():
            job = self._take()
            if self._idle:
                self._idle.pop().put(job)
            elif not self._begin(job):
                self._running.discard(job)
                self._waiting.appendleft(job)
                return

    def _begin(self, job: Job) -> bool:
        """Starts a thread for the job. Returns False if the system has no more threads."""
        try:
            threading.Thread(target=self._work, args=(job,), name="request", daemon=True).start()
        except RuntimeError:
            return False
        self._threads += 1
        return True

    def _is_taken(self) -> bool:
        return any(job.counts for job in self._running)

    def _take(self) -> Job:
        job = self._waiting.popleft()
        job.started_at = time.monotonic()
        self._running.add(job)
        return job

    def _work(self, job: Job | None) -> None:
        inbox: SimpleQueue[Job] = SimpleQueue()
        while job := job or self._next(inbox):
            job.work()
            job = self._after(job, inbox)
        self._on_end()

    def _after(self, job: Job, inbox: SimpleQueue[Job]) -> Job | None:
        """Returns the next job, which needs no other thread then."""
        with self._lock:
            self._running.discard(job)
            if self._waiting and not self._is_taken():
                return self._take()
            self._idle.append(inbox)
            return None

    def _next(self, inbox: SimpleQueue[Job]) -> Job | None:
        """Waits for a job. Returns None when there was none for long, and other threads are left."""
        while True:
            try:
                return inbox.get(timeout=IDLE)
            except Empty:
                with self._lock:
                    if inbox in self._idle and self._threads > 1:
                        self._idle.remove(inbox)
                        self._threads -= 1
                        return None
