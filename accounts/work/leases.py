"""Work that has to be done, kept as rows. One worker claims a row, leases it, and retries it later if the work fails.

A claim is a short transaction. The work itself is done outside of any transaction. A worker that dies leaves a lease
behind, and the next worker tries again when the lease has run out. Only the worker that still holds the lease records the
outcome.

A model takes part if it has the fields `attempts`, `leased_until` and `last_error`, and a field with the time at which the
row is due.

procrastinate, django-tasks with its database backends and django-postgres-queue do the same, but their rows hold the name
and the arguments of a task. Our rows are the messages, alerts and calls themselves. They are written in the transaction
that causes them, one for each event. A worker checks that a row is still true before it acts, and a row goes when its event
goes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import F, Manager, Q, QuerySet

LONGEST_ERROR = 250
ATTEMPTS = attrgetter("attempts")


def is_free(*, now: datetime) -> Q:
    """Matches rows that no worker has leased."""
    return Q(leased_until__isnull=True) | Q(leased_until__lte=now)


def lock(rows: QuerySet[Any], limit: int) -> list[Any]:
    """Locks and returns the first rows that no other transaction has locked."""
    return list(rows.select_for_update(skip_locked=True, no_key=True, of=("self",))[:limit])


def lock_first(rows: QuerySet[Any]) -> Any | None:
    """Locks and returns the first row that no other transaction has locked, or None."""
    return next(iter(lock(rows, 1)), None)


@dataclass(frozen=True)
class Work:
    """One kind of work. `given_up` returns the fields that end a row after its last attempt."""

    rows: Manager[Any]
    lease: timedelta
    retries: tuple[float, ...]  # minutes until the next attempt after each failure
    due: str  # the field with the time of the next attempt
    given_up: Callable[[datetime], dict[str, Any]]

    def take(self, locked: Iterable[Any], *, now: datetime, tried: int = 1, **changes: Any) -> list[Any]:
        """Leases rows that this transaction has locked. Gives up rows with no attempts left.

        Counts the attempt, unless `tried` is 0 because it is counted when the work on the row begins.
        """
        rows = [*locked]
        taken = [row for row in rows if row.attempts <= len(self.retries)]
        spent = [row for row in rows if row.attempts > len(self.retries)]
        died = {"leased_until": None, "last_error": "the worker died at every attempt"}
        self._write(taken, tried, {"leased_until": now + self.lease, **changes})
        self._write(spent, 0, {**died, **self.given_up(now)})
        return taken

    def _write(self, locked: list[Any], tried: int, fields: dict[str, Any]) -> None:
        rows = self.rows.filter(pk__in=[row.pk for row in locked])
        rows.update(attempts=F("attempts") + tried, **fields)
        for row in locked:
            for name, value in {"attempts": row.attempts + tried, **fields}.items():
                setattr(row, name, value)

    def settle(self, taken: Iterable[Any], **outcome: Any) -> int:
        """Records the outcome of rows that were taken together. Returns the number of rows that the caller still held."""
        rows = [*taken]
        # If the event has moved in the meantime, its row starts anew: it has no lease and no attempts, and is left alone.
        lease = {"leased_until__in": {row.leased_until for row in rows}, "attempts__in": {row.attempts for row in rows}}
        return self.rows.filter(pk__in=[row.pk for row in rows], **lease).update(leased_until=None, **outcome)

    def postpone(
        self, taken: Iterable[Any], error: Exception, *, now: datetime, wait: timedelta = timedelta(), **changes: Any
    ) -> None:
        """Schedules the next attempt, after `wait` at the earliest, or gives up after the last one."""
        reason = told(error)
        for attempts, alike in groupby(sorted(taken, key=ATTEMPTS), ATTEMPTS):
            if attempts > len(self.retries):
                self.settle(alike, **self.given_up(now), last_error=reason)
            else:
                again = now + max(wait, timedelta(minutes=self.retries[attempts - 1]))
                self.settle(alike, **{self.due: again}, last_error=reason, **changes)


def told(error: Exception) -> str:
    """Returns the error as `last_error` stores it."""
    return (str(error) or type(error).__name__)[:LONGEST_ERROR]
