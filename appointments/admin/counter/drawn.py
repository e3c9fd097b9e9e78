"""A cache of what all queue pages of a branch have in common, for each state of its line.

Sixty pages ask for the same rows within the same seconds. So each process keeps the last line that it read for a
branch, and the HTML of its rows, until the state changes. The officer's own desk is drawn anew for each page. The cache
is only used for the state it was made for, so no page shows an old line.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appointments import sight
from appointments.calls.door import AtDoor
from appointments.counter.line import Line

# One process keeps the lines of this many branches.
BRANCHES = 64
# Minutes. Expected times change with the clock, so a line is read again after this time even if nothing happens.
MINUTES = 5
# Stands in the kept rows in place of the CSRF token, which differs from page to page.
TOKEN = "the-token-of-the-page"  # noqa: S105


@dataclass(frozen=True)
class Kept:
    """The line in one state, with the HTML of its rows for each kind of desk."""

    state: str
    line: Line
    doors: Mapping[int, AtDoor]
    drawn: dict[tuple[object, ...], tuple[str, Mapping[int, int | None]]] = field(default_factory=dict)

    def rows(self, kind: tuple[object, ...], draw: Callable[[], str], token: str) -> str:
        """Returns the HTML of the rows for this kind of desk, with the page's own CSRF token. Notes who is shown."""
        if kind not in self.drawn:
            self.drawn[kind] = sight.gathered(draw)
        drawn, seen = self.drawn[kind]
        sight.note(seen)
        return drawn.replace(TOKEN, token)


_lines: OrderedDict[int, Kept] = OrderedDict()


def state_at(state: str, now: datetime) -> str:
    """Returns the state of the line together with the current period of the clock."""
    return f"{state}~{int(now.timestamp()) // (60 * MINUTES)}"


def line_in(branch_id: int, state: str, read: Callable[[], tuple[Line, Mapping[int, AtDoor]]]) -> Kept:
    kept = _lines.get(branch_id)
    if kept is None or kept.state != state:
        kept = _lines[branch_id] = Kept(state, *read())
    _lines.move_to_end(branch_id)
    while len(_lines) > BRANCHES:
        _lines.popitem(last=False)
    return kept
