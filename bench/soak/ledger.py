"""What was asked, answered, promised and refused, and how long it took. Times are seconds since the soak began."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

NO_ANSWER = 0  # the status of a request that nobody answered
BUSY = frozenset({429, 503})  # "try again", said in words and with Retry-After


@dataclass(frozen=True)
class Ask:
    who: str
    what: str
    at: float
    seconds: float
    status: int

    @property
    def is_refused(self) -> bool:
        return self.status == NO_ANSWER or self.status in BUSY or self.status >= 500

    @property
    def end(self) -> float:
        return self.at + self.seconds


@dataclass
class Cause:
    """Something that is done to a part, and when."""

    part: str
    how: str
    begins: float = 0.0
    ends: float = 0.0

    def __str__(self) -> str:
        return f"{self.how} {self.part}"


@dataclass(frozen=True)
class Promise:
    """An appointment that somebody was told they have."""

    reference: str
    email: str
    by: str
    at: float


@dataclass
class Ledger:
    asks: list[Ask] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    due: list[tuple[float, dict[str, int]]] = field(default_factory=list)  # when, and the oldest due work of each lane
    faults: list[str] = field(default_factory=list)  # what must not happen, in words
    begun: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def now(self) -> float:
        return time.monotonic() - self.begun

    def note(self, ask: Ask) -> None:
        with self._lock:
            self.asks.append(ask)

    def promise(self, promise: Promise) -> None:
        with self._lock:
            self.promises.append(promise)

    def fault(self, text: str) -> None:
        with self._lock:
            self.faults.append(text)

    @contextmanager
    def cause(self, part: str, how: str) -> Iterator[Cause]:
        cause = Cause(part, how, begins=self.now)
        self.causes.append(cause)
        yield cause
        cause.ends = self.now

    def cause_of(self, ask: Ask) -> str:
        """Returns the latest cause that had begun when the request ended, with the second in which it was asked."""
        begun = [cause for cause in self.causes if cause.begins <= ask.end]
        return f"{begun[-1]}, second {max(ask.at - begun[-1].begins, 0):.0f}" if begun else "no cause"

    def refused(self, whose: Iterable[str]) -> list[Ask]:
        names = {*whose}
        return [ask for ask in self.asks if ask.who in names and ask.is_refused]

    def spells(self, who: str) -> list[tuple[float, float]]:
        """Returns when each row of refusals of one person began and when the next answer came."""
        found, since = [], None
        for ask in sorted((one for one in self.asks if one.who == who), key=lambda one: one.at):
            if ask.is_refused and since is None:
                since = ask.at
            elif not ask.is_refused and since is not None:
                found.append((since, ask.end))
                since = None
        return found if since is None else [*found, (since, self.now)]

    def slow_to_return(self, cause: Cause, who: str, patience: float) -> Ask | None:
        """Returns the first request that was refused although the cause had ended `patience` seconds before, or None.

        Only what is asked before the next cause begins counts.
        """
        following = min((other.begins for other in self.causes if other.begins > cause.begins), default=float("inf"))
        late = (one for one in self.refused([who]) if cause.ends + patience < one.at and one.end < following)
        return min(late, key=lambda one: one.at, default=None)

    def by_cause(self, whose: Iterable[str]) -> dict[str, Counter[int]]:
        """Returns how often each status of a refusal was seen, by cause and second."""
        found: dict[str, Counter[int]] = defaultdict(Counter)
        for ask in sorted(self.refused(whose), key=lambda one: one.at):
            found[self.cause_of(ask)][ask.status] += 1
        return dict(found)
