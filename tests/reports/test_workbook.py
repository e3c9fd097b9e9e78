"""Tests of Excel workbooks, read by another library than the one that writes them."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime

import pytest
from openpyxl import Workbook, load_workbook

from reports.publishing.workbook import MOST_LETTERS, Sheet, workbook

DAY = date(2022, 11, 30)


def a_sheet(*rows: tuple, sums: tuple | None = None) -> Sheet:
    return Sheet("Στοιχεία", ("Φορέας", "Από", "Σύνολο"), rows, (20, 12, 12), sums)


def read(*sheets: Sheet) -> Workbook:
    with closing(workbook(sheets, title="Στοιχεία", day=DAY)) as file:
        return load_workbook(file)


def test_numbers_and_dates_are_true_ones() -> None:
    page = read(a_sheet(("ΚΕΠ", date(2020, 7, 27), 128344), ("ΑΑΔΕ", None, 0), sums=("Σύνολο", None, 128344)))[
        "Στοιχεία"
    ]
    assert [*page.values] == [
        ("Φορέας", "Από", "Σύνολο"),
        ("ΚΕΠ", datetime(2020, 7, 27), 128344),
        ("ΑΑΔΕ", None, 0),
        ("Σύνολο", None, 128344),
    ]
    assert page["B2"].is_date
    assert page["C2"].number_format == "#,##0"
    assert page.freeze_panes == "B2"
    assert (page.page_setup.orientation, page.print_title_rows) == ("landscape", "$1:$1")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "http://example.org", "mailto:a@example.org", "007", "{=1}"]
)
def test_text_stays_text(text: str) -> None:
    page = read(a_sheet((text, None, None)))["Στοιχεία"]
    assert (page["A2"].value, page["A2"].data_type, page["A2"].hyperlink) == (text, "s", None)


def test_text_that_is_too_long_for_a_cell_ends_there() -> None:
    page = read(a_sheet(("x" * 40_000, None, None)))["Στοιχεία"]
    assert len(page["A2"].value) == MOST_LETTERS


def test_same_figures_are_the_same_bytes() -> None:
    made = [workbook([a_sheet(("ΚΕΠ", DAY, 1))], title="Στοιχεία", day=DAY) for _ in range(2)]
    first, second = (file.read() for file in made)
    for file in made:
        file.close()
    assert first == second


def test_long_tables_take_no_more_memory() -> None:
    def most_for(rows: int) -> int:
        many: Iterator[tuple] = (("agency", DAY, number) for number in range(rows))
        tracemalloc.start()
        workbook([Sheet("Στοιχεία", ("a", "b", "c"), many, (1, 1, 1))], title="", day=DAY).close()
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert most_for(8_000) < 1.2 * most_for(800)
