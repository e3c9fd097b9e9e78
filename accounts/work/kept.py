"""What a process keeps in memory. One thread makes a value, and the others wait for it."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Seconds after which a thread makes the value itself. So a maker that hangs delays others once, and does not stop them.
PATIENCE = 1.0


class Kept(Generic[K, V]):
    """Values by their keys: at most `most` of them, and the oldest goes first.

    When a value that many pages show no longer holds, all their threads notice it in the same moment. If each made it
    anew, they would take the database and the processor from everybody else.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._values: dict[K, V] = {}
        self._turns: dict[K, Lock] = {}

    def get(self, key: K, *, holds: Callable[[V], bool], make: Callable[[], V]) -> V:
        """Returns the kept value if it still holds, otherwise what `make` returns."""
        kept = self._values.get(key)
        if kept is not None and holds(kept):
            return kept
        with self._turn(key):
            kept = self._values.get(key)
            if kept is None or not holds(kept):
                kept = make()
                self._keep(key, kept)
            return kept

    def _keep(self, key: K, value: V) -> None:
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = value
            self._trim(self._values)

    @contextmanager
    def _turn(self, key: K) -> Iterator[None]:
        with self._lock:
            turn = self._turns.setdefault(key, Lock())
            self._trim(self._turns)
        is_ours = turn.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if is_ours:
                turn.release()

    def _trim(self, by_key: dict[K, Any]) -> None:
        while len(by_key) > self._most:
            del by_key[next(iter(by_key))]
