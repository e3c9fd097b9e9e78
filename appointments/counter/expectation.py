"""When each turn is expected to begin, if the line is served in order from now on.

Every waiting ticket, and every appointment still to come today, is given to the desk that is free first, in the order
of `Ticket.objects.waiting`. There are no rules for late arrivals, people who do not come, early finishes and overruns:
they change the line, the desks and the lengths that the calculation begins with.
"""

import heapq
from collections import deque
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


def free_at(*, busy_since: datetime, length: timedelta, now: datetime) -> datetime:
    """Return when a desk will be free to which somebody was called at `busy_since`; `length` is the expected time."""
    return max(busy_since + length, now + OVERRUN)


def expected(turns: Iterable[Turn], desks: Iterable[datetime], *, now: datetime) -> Mapping[object, datetime]:
    """Return when each turn begins, by its key. `desks` says when each desk is free; without desks the result is empty.

    A person who is there goes before all who are still to come, even those with an earlier turn: no desk waits. Of
    people with the same turn, the one who is first in `turns` goes first.
    """
    free = [max(at, now) for at in desks]
    heapq.heapify(free)
    coming = deque(sorted(enumerate(turns), key=lambda numbered: numbered[1].ready_at))
    here: list[tuple[tuple[bool, datetime], int, Turn]] = []
    begins: dict[object, datetime] = {}
    while free and (coming or here):
        at = heapq.heappop(free)
        if not here:
            at = max(at, coming[0][1].ready_at)
        while coming and coming[0][1].ready_at <= at:
            number, turn = coming.popleft()
            heapq.heappush(here, (turn.place, number, turn))
        turn = heapq.heappop(here)[2]
        begins[turn.key] = at
        heapq.heappush(free, at + turn.length)
    return begins
