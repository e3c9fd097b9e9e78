"""Work that is owed, as rows: claimed by one worker at a time, leased while it is tried, tried again later, given up in the end.

A claim is a short transaction; the work itself is done outside of any. A worker that dies leaves a lease behind, and the
next one tries again when it has run out. Only who still holds the lease records what came of it.

A model takes part by its fields: `attempts`, `leased_until`, `last_error`, and one that says when it is due (again).

procrastinate, django-tasks with its database backends and django-postgres-queue do the same for jobs of their own: a
task's name and arguments. Ours stay rows of what they are about: written in the transaction that causes them, one for
each event, asked once more whether they are still true, and dropped with the event.
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
    """No worker is at it."""
    return Q(leased_until__isnull=True) | Q(leased_until__lte=now)


def lock_first(rows: QuerySet[Any]) -> Any | None:
    """The first of the rows that no other transaction has locked, locked for this one."""
    return rows.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()


@dataclass(frozen=True)
class Work:
    """One kind of work. `given_up` tells which fields end a row that was tried often enough."""

    rows: Manager[Any]
    lease: timedelta
    retries: tuple[int, ...]  # minutes until the next attempt after each failure
    due: str  # the field that says when
    given_up: Callable[[datetime], dict[str, Any]]

    def take(self, locked: Iterable[Any], *, now: datetime, **changes: Any) -> list[Any]:
        """Lease rows that this transaction has locked, and count the attempt. Gives up those whose workers all died."""
        rows = [*locked]
        taken = [row for row in rows if row.attempts <= len(self.retries)]
        spent = [row for row in rows if row.attempts > len(self.retries)]
        died = {"leased_until": None, "last_error": "the worker died at every attempt"}
        self._write(taken, 1, {"leased_until": now + self.lease, **changes})
        self._write(spent, 0, {**died, **self.given_up(now)})
        return taken

    def _write(self, locked: list[Any], tried: int, fields: dict[str, Any]) -> None:
        rows = self.rows.filter(pk__in=[row.pk for row in locked])
        rows.update(attempts=F("attempts") + tried, **fields)
        for row in locked:
            for name, value in {"attempts": row.attempts + tried, **fields}.items():
                setattr(row, name, value)

    def settle(self, taken: Iterable[Any], **outcome: Any) -> int:
        """Record what came of rows that were taken together. Returns how many were still the caller's."""
        rows = [*taken]
        # What starts anew meanwhile, because the event moved, has no lease and no attempts any more.
        lease = {"leased_until__in": {row.leased_until for row in rows}, "attempts__in": {row.attempts for row in rows}}
        return self.rows.filter(pk__in=[row.pk for row in rows], **lease).update(leased_until=None, **outcome)

    def postpone(self, taken: Iterable[Any], error: Exception, *, now: datetime, **changes: Any) -> None:
        """Try again later; after the last of the retries give up."""
        reason = told(error)
        for attempts, alike in groupby(sorted(taken, key=ATTEMPTS), ATTEMPTS):
            if attempts > len(self.retries):
                self.settle(alike, **self.given_up(now), last_error=reason)
            else:
                again = now + timedelta(minutes=self.retries[attempts - 1])
                self.settle(alike, **{self.due: again}, last_error=reason, **changes)


def told(error: Exception) -> str:
    """What went wrong, as `last_error` keeps it."""
    return (str(error) or type(error).__name__)[:LONGEST_ERROR]
