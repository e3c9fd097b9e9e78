"""Limits on how often something is done, counted over all web processes.

What guards a secret, a mailbox or the times of others is a `DatabaseLimit`. One statement counts and answers, so no two
tries of one moment take the same place. Without the database no page works, so it never stands open.

A `Limit` only slows somebody down. It counts in Django's cache with one round trip to Redis, and while Redis is away it
refuses nobody.

The libraries do not fit:

- DRF's throttles and allauth's limits read a list of times from the cache and write it back, so two processes lose each
  other's requests.
- django-ratelimit takes three round trips and works only in views.
- `limits` keeps its own connections and does not use our cache, which survives an outage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.utils.crypto import salted_hmac

from accounts.security import What, tell
from accounts.typed.mailboxes import counted

COUNT = """
INSERT INTO accounts_count AS counted (what, who, period, number, ends_at) VALUES (%s, %s, %s, 1, %s)
ON CONFLICT (what, who, period) DO UPDATE SET number = counted.number + 1 RETURNING number
"""
# Counts for the next limit only what the one before lets pass.
COUNT_NEXT = """
INSERT INTO accounts_count AS counted (what, who, period, number, ends_at)
SELECT %s, %s, %s::bigint, 1, %s::timestamptz FROM {before} WHERE {before}.number <= %s
ON CONFLICT (what, who, period) DO UPDATE SET number = counted.number + 1 RETURNING number
"""
UNCOUNT = """
UPDATE accounts_count SET number = number - 1 WHERE what = %s AND who = %s AND period = %s AND number > 0
"""
COUNTED = "SELECT number FROM accounts_count WHERE what = %s AND who = %s AND period = %s"
FORGET = "DELETE FROM accounts_count WHERE ends_at <= %s"


@dataclass(frozen=True)
class Limit:
    """Allows each person or system (`who`) an action (`what`) at most `number` times in each period of `seconds`."""

    what: str
    number: int
    seconds: int

    def passed(self, who: str, *, now: datetime) -> bool:
        """Counts one more time, and returns whether this is too often."""
        return _is_over(self, self._counted(self._key(who, now)))

    def wait(self, now: datetime) -> float:
        """Returns the seconds until the next period begins."""
        return self.seconds - now.timestamp() % self.seconds

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
        return _is_over(self, told + untold)


@dataclass(frozen=True)
class DatabaseLimit:
    """Allows each person or network (`who`) an action (`what`) at most `number` times in each period of `seconds`.

    Ask outside of a transaction: one that is rolled back takes its counts along.
    """

    what: str
    number: int
    seconds: int

    def passed(self, who: str, *, now: datetime) -> bool:
        """Counts one more time, and returns whether this is too often."""
        return any_passed([self], who, now=now)

    def uncount(self, who: str, *, now: datetime) -> None:
        """Takes one time back, because the try was right. The other times stay counted."""
        with connection.cursor() as cursor:
            cursor.execute(UNCOUNT, self._row(who, now))

    def reached(self, who: str, *, now: datetime) -> bool:
        """Returns whether one more time would be too often. Counts nothing."""
        with connection.cursor() as cursor:
            cursor.execute(COUNTED, self._row(who, now))
            row = cursor.fetchone()
        return row is not None and row[0] >= self.number

    def _row(self, who: str, now: datetime) -> list[str | int]:
        return [self.what, keyed(who), self._period(now)]

    def counted(self, who: str, now: datetime) -> list[Any]:
        """Returns the row that counts: what, who, which period, and when it ends."""
        return [*self._row(who, now), datetime.fromtimestamp((self._period(now) + 1) * self.seconds, UTC)]

    def _period(self, now: datetime) -> int:
        return int(now.timestamp() // self.seconds)


def any_passed(limits: Sequence[DatabaseLimit], who: str, *, now: datetime) -> bool:
    """Counts one more time for each limit in turn until one is passed, and returns whether one is. It is one statement."""
    steps, values = [COUNT], limits[0].counted(who, now)
    for place, (before, limit) in enumerate(pairwise(limits)):
        steps.append(COUNT_NEXT.format(before=f"step_{place}"))
        values += [*limit.counted(who, now), before.number]
    named = ", ".join(f"step_{place} AS ({step})" for place, step in enumerate(steps))
    numbers = ", ".join(f"(SELECT number FROM step_{place})" for place in range(len(steps)))
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {named} SELECT {numbers}", values)
        counts = cursor.fetchone()
    return any(_is_over(limit, times) for limit, times in zip(limits, counts, strict=True) if times is not None)


def _is_over(limit: Limit | DatabaseLimit, times: int) -> bool:
    """Tells of the first time that is too often. More of them would only fill the log."""
    if times == limit.number + 1:
        tell(What.LIMIT_PASSED, limit=limit.what)
    return times > limit.number


def keyed(who: str) -> str:
    """Returns a keyed hash, so that the tables of limits hold no address. It changes with SECRET_KEY."""
    return salted_hmac("accounts.limits", who, algorithm="sha256").hexdigest()


def forget_past(*, now: datetime) -> int:
    """Deletes the counts of periods that are over, and returns their number."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [now])
        return cursor.rowcount


# Mails to one address that anybody can cause, by all ways together: bookings, links that are sent again, codes. Whoever
# types an address has not proved that it is theirs.
MAILS_AN_HOUR, MAILS_A_DAY = DatabaseLimit("mails-an-hour", 15, 3600), DatabaseLimit("mails-a-day", 40, 24 * 3600)


def is_flooded(address: str, *, now: datetime, limits: Sequence[DatabaseLimit] = (MAILS_AN_HOUR, MAILS_A_DAY)) -> bool:
    """Counts one more mail to the address, and returns whether it is too many."""
    return any_passed(limits, counted(address), now=now)
