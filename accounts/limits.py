"""Limits on how often something is done, counted over all web processes in Django's cache.

A count takes one round trip to Redis. While Redis is away nothing is refused. The libraries do not fit:

- DRF's throttles read a list of times and write it back, so two processes lose each other's requests.
- django-ratelimit takes three round trips and works only in views.
- `limits` keeps its own connections and does not use our cache, which survives an outage.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache

from accounts.security import What, tell


@dataclass(frozen=True)
class Limit:
    """Allows each person or system (`who`) an action (`what`) at most `number` times in each period of `seconds`."""

    what: str
    number: int
    seconds: int

    def passed(self, who: str, *, now: datetime) -> bool:
        """Counts one more time, and returns whether this is too often."""
        return self._is_over(self._counted(self._key(who, now)))

    def reached(self, who: str, *, now: datetime) -> bool:
        """Returns whether one more time would be too often. Counts nothing."""
        return cache.get(self._key(who, now), 0) >= self.number

    def forget(self, who: str, *, now: datetime) -> None:
        cache.delete(self._key(who, now))

    def wait(self, now: datetime) -> float:
        """Returns the seconds until the next period begins."""
        return self.seconds - now.timestamp() % self.seconds

    def _is_over(self, times: int) -> bool:
        """Tells of the first time that is too often. More of them would only fill the log."""
        if times == self.number + 1:
            tell(What.LIMIT_PASSED, limit=self.what)
        return times > self.number

    def _key(self, who: str, now: datetime) -> str:
        return f"limits:{self.what}:{who}:{now.timestamp() // self.seconds:.0f}"

    def _counted(self, key: str, times: int = 1) -> int:
        try:
            return cache.incr(key, times)
        except ValueError:  # the first in this period, perhaps together with another process
            is_first = cache.add(key, times, self.seconds)
        try:
            return times if is_first else cache.incr(key, times)
        except ValueError:  # the cache was emptied in between
            return times


# Of each limit and caller: the key of the latest period, what all processes have told, and what this one has not told yet.
_ROUGHLY: dict[tuple[str, str], tuple[str, int, int]] = {}


@dataclass(frozen=True)
class RoughLimit(Limit):
    """A limit of thousands, for programs, of which every process may allow `step` more.

    Each process counts by itself and tells the others only each `step` times, so most requests need no round trip.
    """

    step: int

    def passed(self, who: str, *, now: datetime) -> bool:
        """Counts one more time, and returns whether this is too often."""
        key = self._key(who, now)
        latest, told, untold = _ROUGHLY.get((self.what, who), ("", 0, 0))
        if latest != key:  # the first time in this period; it also learns what the others have told
            told, untold = self._counted(key), 0
        elif untold + 1 == self.step:
            told, untold = self._counted(key, self.step), 0
        else:
            untold += 1
        _ROUGHLY[self.what, who] = key, told, untold
        return self._is_over(told + untold)


# Mails to one address that anybody can cause, by all ways together: bookings, links that are sent again, codes. Whoever
# types an address has not proved that it is theirs.
MAILS_AN_HOUR, MAILS_A_DAY = Limit("mails-an-hour", 15, 3600), Limit("mails-a-day", 40, 24 * 3600)


def is_flooded(address: str, *, now: datetime, limits: Iterable[Limit] = (MAILS_AN_HOUR, MAILS_A_DAY)) -> bool:
    """Counts one more mail to the address, and returns whether it is too many. The cache learns no address."""
    who = hashlib.sha256(address.strip().lower().encode()).hexdigest()
    return any(limit.passed(who, now=now) for limit in limits)
