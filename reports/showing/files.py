"""A page of figures as files: CSV, XLSX and JSON. They have the cells of the page, and what the figures mean."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import IO, Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from reports.publishing import separated
from reports.publishing.workbook import NARROW, WIDE, Sheet, workbook
from reports.showing.tables import Cell, Column, Named, Report, Table, Unit

LONG = ("table", "key", "key_name", "second_key", "second_key_name", "figure", "unit", "value")
MONTH = "%Y-%m"


def name(report: Report, ending: str) -> str:
    """Returns what a file is called. `ending` is ".xlsx", ".csv", or that with the name of a table before it."""
    return f"{report.name}-{report.selection.since:%Y-%m}-{report.selection.until:%Y-%m}{ending}"


def csv_lines(report: Report, table: Table | None = None, *, for_excel: bool) -> Iterator[str]:
    """Yields the lines of one table as it stands, or without one of all tables: one line for each figure."""
    rows = _wide(table) if table else _long(report)
    return separated.lines(rows, for_excel=for_excel)


def _wide(table: Table) -> Iterator[Sequence[object]]:
    names = {key.name for key in table.keys for row in table.rows[:1] if isinstance(row[table.keys.index(key)], Named)}
    yield [
        name for key in table.keys for name in ([key.name, f"{key.name}_name"] if key.name in names else [key.name])
    ] + [figure.name for figure in table.figures]
    for row in table.rows:
        yield [part for cell in row for part in (_pair(cell) if isinstance(cell, Named) else [_plain(cell)])]


def _long(report: Report) -> Iterator[list[object]]:
    yield [*LONG]
    for headline in report.headlines:
        unit = headline.column.unit.value
        yield ["headlines", None, None, None, None, headline.column.name, unit, _plain(headline.value)]
    for table in report.tables:
        for row in table.rows:
            keys = [part for cell in row[: len(table.keys)] for part in _pair(cell)]
            keys += [None] * (4 - len(keys))
            for figure, value in zip(table.figures, row[len(table.keys) :], strict=True):
                yield [table.name, *keys, figure.name, figure.unit.value, _plain(value)]


def _pair(cell: Cell) -> list[object]:
    """Returns what programs call it, and what people do."""
    return [cell.code, str(cell.name)] if isinstance(cell, Named) else [_plain(cell), None]


def _plain(cell: Cell) -> object:
    """Returns a cell for programs: dates as in ISO 8601, no more than two decimals."""
    if isinstance(cell, Named):
        return cell.code
    if isinstance(cell, float):
        return round(cell, 2)
    return str(cell) if isinstance(cell, Promise) else cell


def as_dict(report: Report) -> dict[str, Any]:
    """Returns the report for programs. A figure that is not known is null."""
    since, until = report.selection.since, report.selection.until
    return {
        "report": report.name,
        "title": str(report.title),
        "from": since.strftime(MONTH),
        "until": until.strftime(MONTH),
        "filters": {name: value for name, value in report.selection.said.items() if value},
        "counted_at": report.counted_at,
        "headlines": {one.column.name: _plain(one.value) for one in report.headlines},
        "tables": {table.name: [_as_row(table, row) for row in table.rows] for table in report.tables},
        "figures": {one.name: _meaning(one) for one in _columns(report)},
        "notes": [str(note) for note in report.notes],
    }


def _as_row(table: Table, row: Any) -> dict[str, object]:
    cells = dict(zip(table.columns, row, strict=True))
    names = {f"{column.name}_name": str(cell) for column, cell in cells.items() if isinstance(cell, Named)}
    return {column.name: _plain(cell) for column, cell in cells.items()} | names


def _columns(report: Report) -> list[Column]:
    told = [one.column for one in report.headlines] + [one for table in report.tables for one in table.figures]
    return [*{one.name: one for one in told}.values()]


def _meaning(column: Column) -> dict[str, str]:
    return {"label": str(column.label), "unit": column.unit.value, "meaning": str(column.meaning)}


def xlsx(report: Report, day: date) -> IO[bytes]:
    """Returns an open file: a sheet with the numbers at the top, one for each table, and what the figures mean."""
    sheets = [
        _summary(report),
        *(_sheet(number, one) for number, one in enumerate(report.tables, 1)),
        _meanings(report),
    ]
    return workbook(sheets, title=str(report.title), day=day)


def _summary(report: Report) -> Sheet:
    said = [
        (_("From"), date_format(report.selection.since, "F Y")),
        (_("Until"), date_format(report.selection.until, "F Y")),
        *((str(label), str(value)) for label, value in report.selection.words),
        (_("Counted until"), date_format(report.counted_at, "SHORT_DATETIME_FORMAT")),
    ]
    numbers = [(str(one.column.label), _written(one.value), _unit(one.column.unit)) for one in report.headlines]
    notes = [(str(note), None, None) for note in report.notes]
    return Sheet(
        name=_("Summary"),
        header=(str(report.title), "", ""),
        rows=[*((label, value, None) for label, value in said), *numbers, *notes],
        widths=(WIDE, 20, 16),
        is_prose=True,
    )


def _sheet(number: int, table: Table) -> Sheet:
    title = "".join(letter for letter in str(table.title) if letter not in "[]:*?/\\'")
    return Sheet(
        name=f"{number}. {title}"[:31].strip(),
        header=[_heading(column) for column in table.columns],
        rows=([_written(cell) for cell in row] for row in table.rows),
        widths=[WIDE if not column.is_number else NARROW for column in table.columns],
        sums=[_("Total"), *[None] * (len(table.keys) - 1), *map(_written, table.sums)] if table.sums else None,
    )


def _heading(column: Column) -> str:
    unit = _unit(column.unit)
    return f"{column.label} ({unit})" if unit else str(column.label)


def _unit(unit: Unit) -> str:
    words = {Unit.PERCENT: "%", Unit.MINUTES: _("minutes"), Unit.DAYS: _("days"), Unit.HOURS: _("hours")}
    return (words | {Unit.CHANGE: "%", Unit.POINTS: _("points"), Unit.DEGREES: "°"}).get(unit, "")


def _written(cell: Cell) -> object:
    return str(cell) if isinstance(cell, Named | Promise) else cell


def _meanings(report: Report) -> Sheet:
    return Sheet(
        name=_("What the figures mean"),
        header=(_("Figure"), _("In CSV and JSON"), _("What it is")),
        rows=[(_heading(one), one.name, str(one.meaning)) for one in report.meanings],
        widths=(30, 24, WIDE * 2),
        is_prose=True,
    )
