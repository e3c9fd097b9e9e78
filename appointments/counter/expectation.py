"""When each turn is expected to begin, if the line is served in order from now on.

Every waiting ticket, and every appointment still to come today, is given to the desk that is free first, in the order
of `Ticket.objects.waiting`. There are no rules for late arrivals, people who do not come, early finishes and overruns:
they change the line and the desks that the calculation begins with.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# Service that already takes longer than planned is expected to end after this time.
OVERRUN = timedelta(minutes=2)


@dataclass(frozen=True)
class Turn:
    """One person to be served. `key` identifies the result; `ready_at` is when the person is (or will be) there."""

    key: object
    due_at: datetime
    ready_at: datetime
    length: timedelta
    priority: bool = False

    @property
    def place(self) -> tuple[bool, datetime]:
        return (not self.priority, self.due_at)


def free_at(*, serving_since: datetime, length: timedelta, now: datetime) -> datetime:
    """Return when a desk will be free that has been serving since `serving_since`; `length` is the planned time."""
    return max(serving_since + length, now + OVERRUN)


def expected(turns: Iterable[Turn], desks: Iterable[datetime], *, now: datetime) -> Mapping[object, datetime]:
    """Return when each turn begins, by its key. `desks` says when each desk is free; without desks the result is empty.

    A person who is there goes before all who are still to come, even those with an earlier turn: no desk waits.
    """
    free = [max(at, now) for at in desks]
    heapq.heapify(free)
    coming = sorted(turns, key=lambda turn: turn.ready_at)
    here: list[tuple[tuple[bool, datetime], int, Turn]] = []
    begins: dict[object, datetime] = {}
    while free and (coming or here):
        at = heapq.heappop(free)
        if not here:
            at = max(at, coming[0].ready_at)
        while coming and coming[0].ready_at <= at:
            turn = coming.pop(0)
            heapq.heappush(here, (turn.place, len(coming), turn))
        turn = heapq.heappop(here)[2]
        begins[turn.key] = at
        heapq.heappush(free, at + turn.length)
    return begins
