"""Figures as an Excel workbook (XLSX): true numbers and dates, a header that stays in sight, and what each figure means.

A row is written to a file as soon as it is complete, so a long table takes no more memory than a short one. Text is always
text, never a formula. The same figures give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from tempfile import TemporaryFile
from typing import IO, Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_LETTERS = 32_767  # in a cell
AS_IT_IS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
HEADING = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2, "bottom_color": "#003375"}
NARROW, WIDE = 13, 44


@dataclass(frozen=True)
class Sheet:
    """A table: `widths` in letters, `sums` as its last row. A text may go over several lines if `is_prose`."""

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[object]]
    widths: Sequence[int]
    sums: Sequence[object] | None = None
    is_prose: bool = False


def workbook(sheets: Iterable[Sheet], *, title: str, day: date) -> IO[bytes]:
    """Returns an open file with the workbook, which goes when it is closed. `day` is written down as the day of making."""
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    book = Workbook(file, AS_IT_IS)
    book.set_properties({"title": title, "created": datetime.combine(day, time())})
    for sheet in sheets:
        _write(book, sheet)
    book.close()
    file.seek(0)
    return file


def _write(book: Workbook, sheet: Sheet) -> None:
    page = book.add_worksheet(sheet.name)
    page.freeze_panes(1, 1)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.set_footer("&L&A&R&P / &N")
    for column, width in enumerate(sheet.widths):
        page.set_column(column, column, width)
    _row(page, 0, sheet.header, dict.fromkeys((str, int, float, date), book.add_format(HEADING)))
    plain, bold = _formats(book, sheet), _formats(book, sheet, bold=True, top=2, top_color="#003375")
    number = 0
    for number, row in enumerate(sheet.rows, start=1):
        _row(page, number, row, plain)
    if sheet.sums:
        _row(page, number + 1, sheet.sums, bold)


def _formats(book: Workbook, sheet: Sheet, **more: object) -> dict[type, Format]:
    text = {"text_wrap": sheet.is_prose, "valign": "top"} | more
    return {
        str: book.add_format(text),
        int: book.add_format(text | {"num_format": "#,##0"}),
        float: book.add_format(text | {"num_format": "#,##0.0"}),
        date: book.add_format(text | {"num_format": "dd/mm/yyyy", "align": "left"}),
    }


def _row(page: Worksheet, number: int, cells: Sequence[object], formats: dict[type, Format]) -> None:
    for column, cell in enumerate(cells):
        _cell(page, number, column, cell, formats)


def _cell(page: Worksheet, row: int, column: int, cell: Any, formats: dict[type, Format]) -> None:
    """Writes a number, a date or a text, and nothing for None: an empty cell is not zero."""
    if cell is None:
        page.write_blank(row, column, None, formats[str])
    elif isinstance(cell, date):
        page.write_datetime(row, column, datetime.combine(cell, time()), formats[date])
    elif isinstance(cell, int | float):
        page.write_number(row, column, cell, formats[type(cell)])
    else:
        page.write_string(row, column, str(cell)[:MOST_LETTERS], formats[str])
