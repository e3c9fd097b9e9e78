"""Reads CSV files: UTF-8, comma separated, with a header row. Lists inside a cell are separated by `;`."""

import csv
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent.parent / "data"


class Row(NamedTuple):
    """Cells by column, and the row's number as in a spreadsheet, where the header is row 1."""

    number: int
    cells: dict[str, str]

    def parts(self, column: str) -> list[str]:
        return [part.strip() for part in self.cells.get(column, "").split(";") if part.strip()]


class TableError(Exception):
    """All errors of a file, one line for each, with the row's number."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


def read(path: Path) -> list[Row]:
    """Returns the file's rows without empty ones. Cells have no spaces at their ends."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError([f"{path.name}: cannot be read: {error}"]) from error
    if not lines:
        raise TableError([f"{path.name}: is empty"])
    header, *body = lines
    ragged = [
        f"{path.name}, row {number}: has {len(line)} cells, expected {len(header)}"
        for number, line in enumerate(body, start=2)
        if any(line) and len(line) != len(header)
    ]
    if ragged:
        raise TableError(ragged)
    return [Row(number, dict(zip(header, line, strict=True))) for number, line in enumerate(body, start=2) if any(line)]
