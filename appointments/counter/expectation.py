"""When whose turn is expected: the line played forward over the desks, as things stand now.

Everybody who waits, and every appointment still to come today, is given to the desk that is free first, in the order of
`Ticket.objects.waiting`. Late arrivals, people who do not come, early finishes and overruns need no rule of their own:
they change what is played forward.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# Whoever is served beyond the planned time is expected to be done soon, but not this very minute.
OVERRUN = timedelta(minutes=2)


@dataclass(frozen=True)
class Turn:
    """Somebody to be served: `key` is the caller's own, `ready_at` when the person is (or will be) there."""

    key: object
    due_at: datetime
    ready_at: datetime
    length: timedelta
    priority: bool = False

    @property
    def place(self) -> tuple[bool, datetime]:
        return (not self.priority, self.due_at)


def free_at(*, serving_since: datetime, length: timedelta, now: datetime) -> datetime:
    """When the desk that serves somebody since then will be free."""
    return max(serving_since + length, now + OVERRUN)


def expected(turns: Iterable[Turn], desks: Iterable[datetime], *, now: datetime) -> Mapping[object, datetime]:
    """When each turn begins; `desks` gives when each desk is free. Without a desk nobody's turn can be told: empty.

    Who is ready goes before who is still to come, even if that one's turn would be earlier: no desk waits for anybody.
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
