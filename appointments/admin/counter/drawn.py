"""What the queue pages of a branch have in common, made once for each state of its line.

Sixty pages ask for the same rows within the same seconds. Each process keeps the latest line of a branch, and its rows as
they were drawn, until something changes; an officer's own desk is drawn for each page. What is kept never outlives the
state it was made for, so nobody is shown what is no longer so.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from appointments.counter.line import Line

# Branches whose line one process keeps.
BRANCHES = 64
# What is expected changes with the clock, though nothing happens: the line is played forward again so often (minutes).
MINUTES = 5
# Stands in kept rows where each page has a token of its own.
TOKEN = "the-token-of-the-page"  # noqa: S105


@dataclass(frozen=True)
class Kept:
    """The line in one state, and its rows as drawn for each kind of desk."""

    state: str
    line: Line
    drawn: dict[tuple[object, ...], str] = field(default_factory=dict)

    def rows(self, kind: tuple[object, ...], draw: Callable[[], str], token: str) -> str:
        """The rows for this kind of desk, with the page's own token."""
        if kind not in self.drawn:
            self.drawn[kind] = draw()
        return self.drawn[kind].replace(TOKEN, token)


_lines: OrderedDict[int, Kept] = OrderedDict()


def state_at(state: str, now: datetime) -> str:
    """The state of the line and of the clock."""
    return f"{state}~{int(now.timestamp()) // (60 * MINUTES)}"


def line_in(branch_id: int, state: str, read: Callable[[], Line]) -> Kept:
    kept = _lines.get(branch_id)
    if kept is None or kept.state != state:
        kept = _lines[branch_id] = Kept(state, read())
    _lines.move_to_end(branch_id)
    while len(_lines) > BRANCHES:
        _lines.popitem(last=False)
    return kept
