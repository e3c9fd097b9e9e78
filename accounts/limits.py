"""How often something may be done: counted over all web processes, in Django's cache.

A count is one round trip to Redis, and where Redis is away nothing is refused. DRF's throttles read a list of times and
write it back, so that two processes lose each other's requests; django-ratelimit takes three round trips and belongs to
views; `limits` keeps connections of its own, beside the cache that forgives an outage.
"""

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache


@dataclass(frozen=True)
class Limit:
    """At most `number` of something in each stretch of so many seconds, for each of those who do it."""

    what: str
    number: int
    seconds: int

    def passed(self, who: str, *, now: datetime) -> bool:
        """Count once more. Whether that is too often."""
        return self._counted(self._key(who, now)) > self.number

    def reached(self, who: str, *, now: datetime) -> bool:
        """Whether once more would be too often. Counts nothing."""
        return cache.get(self._key(who, now), 0) >= self.number

    def forget(self, who: str, *, now: datetime) -> None:
        cache.delete(self._key(who, now))

    def wait(self, now: datetime) -> float:
        """Seconds until the next stretch begins."""
        return self.seconds - now.timestamp() % self.seconds

    def _key(self, who: str, now: datetime) -> str:
        return f"limits:{self.what}:{who}:{now.timestamp() // self.seconds:.0f}"

    def _counted(self, key: str) -> int:
        try:
            return cache.incr(key)
        except ValueError:  # the first in this stretch, or two at once
            is_first = cache.add(key, 1, self.seconds)
        try:
            return 1 if is_first else cache.incr(key)
        except ValueError:  # somebody emptied the cache
            return 1
