"""What a page of figures consists of: numbers at the top, and tables that may be drawn. Every form of it comes from this.

The page, the spreadsheet, the CSV file, the JSON and the drawings show the same cells, so they cannot differ.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from django.utils.functional import Promise

from reports.selecting.selection import Selection

Text = Promise | str


@dataclass(frozen=True)
class Named:
    """Something with a code, by which programs know it, and a name in the language of the page.

    `narrows` is the query of an address that leads to the figures of this alone. A period has its first `month`. `short` is
    a name for a map, where there is little room.
    """

    code: str
    name: Text
    narrows: str = ""
    month: date | None = None
    short: str = ""

    def __str__(self) -> str:
        return str(self.name)


Cell = Named | Text | int | float | date | None  # None: not known, or not to be told


class Unit(StrEnum):
    """How a cell is written. The value is the name that programs know."""

    TEXT = "text"
    MONTH = "month"
    DAY = "date"
    COUNT = "count"
    PERCENT = "percent"
    MINUTES = "minutes"
    DAYS = "days"
    HOURS = "hours"
    CHANGE = "percent_change"
    POINTS = "percentage_points"
    DEGREES = "degrees"


@dataclass(frozen=True)
class Column:
    """A column of a table. `name` is what programs call it. `meaning` says what the figure is, and on which day it counts."""

    name: str
    label: Text
    unit: Unit = Unit.COUNT
    meaning: Text = ""

    @property
    def anchor(self) -> str:
        return f"figure-{self.name}"

    @property
    def is_number(self) -> bool:
        return self.unit not in (Unit.TEXT, Unit.MONTH, Unit.DAY)


class Kind(StrEnum):
    """How a table is drawn (static/js/reports/charts.js). The first key is one axis, each figure a series.

    lines: a line for each figure. stacks: figures that add up, on each other. multiples: a small drawing for each figure.
    bars: a bar for each row, with the first figure. intervals: a point for each row, and the next two figures as its range.
    heat: a field for each cell. map: a point for each row, at the latitude and longitude of the last two figures.
    """

    LINES = "lines"
    STACKS = "stacks"
    MULTIPLES = "multiples"
    BARS = "bars"
    INTERVALS = "intervals"
    HEAT = "heat"
    MAP = "map"


@dataclass(frozen=True)
class Chart:
    """How a table is drawn: the names of the figures that are shown; without any, all of them."""

    kind: Kind
    figures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """`rows` have the cells of `keys`, which tell them apart, and then those of `figures`. `sums` has the figures alone.

    `name` is for addresses and files. `title` says what is seen, as a subject; `note` what is to be known for reading it.
    The page shows the first `most` rows, the files have all.
    """

    name: str
    title: Text
    keys: tuple[Column, ...]
    figures: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    chart: Chart | None = None
    sums: Sequence[Cell] | None = None
    note: Text = ""
    most: int = 60

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.keys, *self.figures)

    @property
    def cells(self) -> Iterator[list[tuple[Column, Cell]]]:
        """Yields the rows of the page, each cell with its column."""
        return ([*zip(self.columns, row, strict=True)] for row in self.rows[: self.most])

    @property
    def is_cut(self) -> bool:
        return len(self.rows) > self.most

    @property
    def summed(self) -> list[tuple[Column, Cell]]:
        return [*zip(self.figures, self.sums or (), strict=bool(self.sums))]

    @property
    def is_over_months(self) -> bool:
        return self.keys[0].unit is Unit.MONTH

    @property
    def drawn(self) -> tuple[Column, ...]:
        """Returns the figures that the drawing shows."""
        names = self.chart.figures if self.chart else ()
        return tuple(one for one in self.figures if not names or one.name in names)

    @property
    def units(self) -> list[Unit]:
        """Returns in which units the drawing shows its figures. Where something lies on a map is none of these."""
        return list(dict.fromkeys(one.unit for one in self.drawn if one.unit is not Unit.DEGREES))


@dataclass(frozen=True)
class Headline:
    """A number at the top of the page. `over` is the same of the months that are over, `before` that of a year before."""

    column: Column
    value: Cell
    over: Cell = None
    before: Cell = None

    @property
    def change(self) -> float | None:
        """Returns by how many per cent a count has changed, or by how many points a share has."""
        if not isinstance(self.over, int | float) or not isinstance(self.before, int | float):
            return None
        return changed(self.over, self.before, self.column.unit)


def changed(value: float, before: float, unit: Unit) -> float | None:
    """Returns the points between two shares, or by how many per cent something else has changed."""
    if unit is Unit.PERCENT:
        return value - before
    return 100 * (value - before) / before if before else None


@dataclass(frozen=True)
class Report:
    """A page of figures. `counted_at` is the moment until which changes are in them (aware)."""

    name: str
    title: Text
    lead: Text
    selection: Selection
    counted_at: datetime
    headlines: Sequence[Headline] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[Text] = field(default_factory=list)

    @property
    def meanings(self) -> list[Column]:
        """Returns the figures of the page that have to be explained, each once."""
        told = [one.column for one in self.headlines] + [column for table in self.tables for column in table.columns]
        return [*{one.name: one for one in told if one.meaning}.values()]

    @property
    def is_running(self) -> bool:
        """Returns whether the last month is not over yet, so that it will have more."""
        return self.selection.end > self.counted_at.date()

    @property
    def has_charts(self) -> bool:
        return any(one.chart and one.rows for one in self.tables)

    @property
    def has_map(self) -> bool:
        return any(one.chart and one.chart.kind is Kind.MAP for one in self.tables)

    def table(self, name: str) -> Table | None:
        return next((one for one in self.tables if one.name == name), None)
