"""The numbers at the top of a page, and how they have changed on the year before."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from reports.selecting.selection import Selection
from reports.showing.tables import Cell, Column, Headline

Numbers = Mapping[str, Cell]


def headlines(
    columns: Sequence[Column],
    selection: Selection,
    counted_at: datetime,
    *,
    now: Numbers,
    numbers: Callable[[Selection], Numbers],
    first: date | None,
) -> list[Headline]:
    """Returns the numbers `now`. Months that are over are compared with those of a year before, if all these have figures.

    `numbers` reads the numbers of other months. `first` is the first month in which they were counted.
    """
    pair = selection.comparable(counted_at, first)
    if pair is None:
        return [Headline(one, now[one.name]) for one in columns]
    over, before = (now if months == selection else numbers(months) for months in pair)
    return [Headline(one, now[one.name], over[one.name], before[one.name]) for one in columns]
