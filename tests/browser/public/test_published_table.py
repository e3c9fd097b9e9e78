"""The published table in Chromium: the page and its four files say the same, and what was published, to the unit."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date, datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from accounts.database.patience import COMMAND, patience
from agencies.loading.catalogue import load_agencies
from agencies.loading.publications import load_publications
from agencies.models import Branch, Procedure
from appointments.models import Appointment, Status
from reports import counting
from tests.builders import at
from tests.conftest import NewPage
from tests.pages import fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAY = date(2022, 11, 30)
# As published: platform, start, served, services, branches, countries, regions. None was not published, which is not zero.
PUBLISHED = [
    ("myAADElive", date(2020, 5, 1), 84_527, 3, None, None, None),
    ("myKEPlive", date(2020, 7, 27), 128_344, 5, 249, None, None),
    ("myOAEDlive", date(2020, 12, 9), 13_846, 4, None, None, None),
    ("myCONSULlive", date(2020, 12, 28), 3_703, 6, 95, 63, None),
    ("myEFKAlive", date(2021, 7, 22), 590, 16, 120, None, 10),
    ("myKTIMATOLOGIOlive", date(2022, 2, 21), 776, 2, 13, None, None),
    ("myDIMOSlive", date(2022, 3, 14), 19, 3, 1, None, None),
]
TOTAL = (231_805, 39, 478)
COLUMNS = ("platform", "live_since", "served", "procedures", "branches", "countries", "regions")
NUMBERS = ("submitted", "served", "missed", "cancelled", "satisfied_percent", "procedures", "branches")
NOT_PUBLISHED = {"mySynigoroslive", "myEGDIXlive", "myNAFTILIAlive"}
Row = tuple[object, ...]
Figures = dict[str, dict[str, object]]  # by platform


def serve(platform: str, served: int) -> None:
    """Writes the served appointments of one platform, all on its last day: one by one they would take minutes."""
    branch = Branch.objects.filter(agency__platform=platform).earliest("pk")
    procedure = Procedure.objects.filter(agency=branch.agency).earliest("pk")
    moment = at(9, day=DAY, zone=branch.zone)
    first = Appointment.objects.create(
        agency=branch.agency, branch=branch, procedure=procedure, channel=procedure.channels[0],
        status=Status.COMPLETED, starts_at=moment, ends_at=at(10, day=DAY, zone=branch.zone), created_at=moment,
    )  # fmt: skip
    names = [
        field.column for field in Appointment._meta.concrete_fields if not field.primary_key and not field.generated
    ]
    taken = ", ".join("left(md5(id || '-' || number), 12)" if name == "reference" else f'"{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    with transaction.atomic(), connection.cursor() as cursor:
        # Without the triggers of each row, which check its keys and note its day: it is like the first one.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO appointments_appointment ({columns}) "
            f"SELECT {taken} FROM appointments_appointment, generate_series(2, %s) AS number WHERE id = %s",
            [served, first.pk],
        )


@pytest.fixture
@patience(COMMAND)
def _history() -> None:
    load_agencies()
    load_publications()
    for platform, _start, served, *_more in PUBLISHED:
        serve(platform, served)
    counting.rebuild(now=timezone.now())


def number_in(text: str) -> int | None:
    """Returns the number of a cell, without what stands beside it, or None for a dash."""
    found = re.match(r"[\d.,]+", text.strip())
    return int(re.sub(r"\D", "", found[0])) if found else None


def on_page(page: Page) -> tuple[Figures, list[int | None]]:
    """Returns the lines and the totals as a reader sees them."""
    read = """rows => rows.map(row => [...row.children].map(cell => {
        cell = cell.cloneNode(true);
        cell.querySelectorAll(".figures__in-cell, svg").forEach(one => one.remove());
        return (cell.querySelector("time")?.dateTime ?? cell.textContent).trim();
    }))"""
    lines = page.locator("tbody tr").evaluate_all(read)
    platforms = page.locator("tbody tr .quiet[translate=no]").all_inner_texts()
    figures = {
        platform: {"live_since": since, **dict(zip(NUMBERS, map(number_in, numbers), strict=True))}
        for platform, (_name, since, *numbers) in zip(platforms, lines, strict=True)
        if len(numbers) == len(NUMBERS)
    }
    (_name, _since, *totals) = page.locator("tfoot tr").evaluate_all(read)[0]
    return figures, [*map(number_in, totals)]


def downloaded(page: Page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).click()
    return download.value.path().read_bytes()


def in_csv(data: bytes, separator: str) -> Figures:
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), delimiter=separator)
    return {row["platform"]: {name: as_number(cell) for name, cell in row.items()} for row in rows}


def as_number(cell: str) -> object:
    return int(cell) if cell.isdigit() else cell or None


def in_workbook(data: bytes) -> tuple[Figures, Row]:
    """Returns the lines by the names that the second sheet gives the columns, and the totals."""
    book = load_workbook(io.BytesIO(data))
    table, meanings = (book[name] for name in book.sheetnames)
    names = {label: name for label, name, *_more in meanings.values}
    header, *lines, totals = table.values
    columns = [names.get(str(label).removesuffix(" (%)"), label) for label in header]
    rows = [dict(zip(columns, line, strict=True)) for line in lines]
    return {str(row[columns[1]]): row for row in rows}, totals


def same(figures: Figures, others: Figures, names: tuple[str, ...]) -> None:
    for platform, line in figures.items():
        assert {name: line[name] for name in names} == {name: plain(others[platform][name]) for name in names}, platform


def plain(value: object) -> object:
    return value.date().isoformat() if isinstance(value, datetime) else value


@pytest.mark.usefixtures("_history")
def test_page_and_files_say_what_was_published(new_page: NewPage) -> None:
    """Without JavaScript, in both languages: every line, the totals, and what is not published."""
    every = ("live_since", *NUMBERS, "countries", "regions")
    for language, prefix in (("el", ""), ("en", "/en")):
        page = new_page(language=language, javascript=False)
        page.goto(f"{prefix}/reports/agencies/?as_of={DAY}")
        figures = json.loads(page.request.get(f"{prefix}/reports/agencies.json?as_of={DAY}").text())
        lines = {line["platform"]: line for line in figures["agencies"]}
        told = [tuple(lines[row[0]][name] for name in COLUMNS) for row in PUBLISHED]
        assert told == [(platform, start.isoformat(), *more) for platform, start, *more in PUBLISHED]
        assert {name for name, line in lines.items() if line["served"] is None} == NOT_PUBLISHED
        assert (figures["total"], figures["totals"]["procedures"], figures["totals"]["branches"]) == TOTAL
        shown, totals = on_page(page)
        assert shown.keys() == lines.keys() - NOT_PUBLISHED
        same(shown, lines, ("live_since", *NUMBERS))
        assert totals == [figures["totals"][name] for name in NUMBERS]
        excel, plain_csv = (
            ("CSV για Excel", "CSV για προγράμματα") if language == "el" else ("CSV for Excel", "CSV for programs")
        )
        same(lines, in_csv(downloaded(page, plain_csv), ","), every)
        same(lines, in_csv(downloaded(page, excel), ";"), every)
        rows, sums = in_workbook(downloaded(page, page.locator("a[href*=xlsx]").inner_text()))
        same(lines, rows, every)
        assert sums[3:-1] == tuple(figures["totals"][name] for name in (*NUMBERS, "countries", "regions"))


@pytest.mark.parametrize("size", [(320, 640), (1280, 900)], ids=["320", "1280"])
def test_every_figure_leads_to_what_it_means(
    new_page: NewPage, assert_accessible: Callable[[Page], None], size: tuple[int, int]
) -> None:
    load_agencies()
    load_publications()
    page = new_page(size=size, language="en")
    page.emulate_media(color_scheme="dark")
    page.goto("/en/reports/agencies/?as_of=2022-11-30")
    assert_accessible(page)
    assert fits(page)
    page.locator("table").get_by_role("link", name="Branches").first.click()
    assert page.url.endswith("#figure-branches")
    expect(page.locator("#figure-branches")).to_be_in_viewport()
    anchors = page.locator("table a[href^='#']").evaluate_all(
        "all => all.filter(a => !document.querySelector(a.hash)).length"
    )
    assert anchors == 0


def test_day_to_come_is_refused_at_the_field(new_page: NewPage) -> None:
    load_agencies()
    page = new_page(language="en", javascript=False)
    page.goto("/en/reports/agencies/?as_of=2999-01-01")
    expect(page.get_by_role("alert")).to_contain_text("Choose today or an earlier date.")
    field = page.get_by_label("Figures until")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_table_is_printed_on_one_sheet_and_its_meanings_on_others(new_page: NewPage) -> None:
    load_agencies()
    load_publications()
    page = new_page()
    page.goto("/reports/agencies/?as_of=2022-11-30")
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 3
