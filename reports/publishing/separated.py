"""Figures as lines of text with separators between the cells (CSV), made line by line.

Programs get what RFC 4180 says: commas, UTF-8. Excel in Greek takes a comma for the decimal sign, and puts such a line into
one cell; it also reads Greek letters wrongly without a mark at the begin. So there is a second form for it: semicolons, and
the mark. LibreOffice asks, and reads both.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

MARK = "\ufeff"
# With these a spreadsheet begins a formula, which could send away what stands in the other cells. Wide letters are read
# as the narrow ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Line:
    """Takes what the writer writes and hands it on, so that nothing is kept."""

    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Sequence[object]], *, for_excel: bool = False) -> Iterator[str]:
    """Yields a line for each row. None is an empty cell, and text that looks like a formula begins with an apostrophe."""
    writer = csv.writer(_Line(), delimiter=";" if for_excel else ",")
    if for_excel:
        yield MARK
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


def harmless(cell: object) -> object:
    """Returns the cell, as text that no spreadsheet takes for a formula. Numbers and dates are none."""
    is_formula = isinstance(cell, str) and cell.lstrip(" \u00a0").startswith(FORMULA)
    return f"'{cell}" if is_formula else cell
