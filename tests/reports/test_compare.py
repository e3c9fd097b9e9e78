"""Tests of the comparison: what each may compare, that its figures are those of a plain count, and what is drawn."""

import csv
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from html import unescape
from io import BytesIO, StringIO
from itertools import product
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from agencies.models import Agency, Branch, Channel, Role
from reports.models import DailyFact, DailyRating
from reports.rollups.facts import MINUTES
from reports.selecting.selection import Selection, months
from reports.selecting.viewers import Viewer
from reports.subjects.compare import FIGURES, KEYS, compare
from tests.builders import a_branch, a_procedure, a_user, an_agency, an_officer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
FILES = ("csv", "xlsx", "json")
FIRST, LAST = date(2024, 12, 1), date(2026, 3, 1)  # the clock of the tests stands on 2 March 2026
OUTCOMES = ("served", "missed", "cancelled", "open")


def facts_of(branch: Branch, *, seed: int = 0, since: date = FIRST, most: int = 60) -> None:
    """Makes figures of any size for each month, service, channel and outcome."""
    chance = Random(seed)
    kinds = product(months(since, LAST), branch.agency.procedures.all(), (Channel.IN_PERSON, Channel.VIDEO), OUTCOMES)
    DailyFact.objects.bulk_create(_fact(branch, *kind, number=lambda: chance.randrange(most)) for kind in kinds)


def _fact(branch: Branch, *kind: Any, number: Callable[[], int]) -> DailyFact:
    month, procedure, channel, outcome = kind
    waits = [number() for _ in range(len(MINUTES) + 1)] if outcome == "served" else []
    late = number() if outcome == "cancelled" else 0
    return DailyFact(
        agency=branch.agency,
        branch=branch,
        day=month,
        procedure=procedure,
        channel=channel,
        source="online",
        outcome=outcome,
        requested=number(),
        due=number(),
        waited=sum(waits),
        waiting_spread=waits,
        cancelled=late + number() if late else 0,
        cancelled_late=late,
    )


def ratings_of(agency: Agency, best: int, other: int, day: date = date(2026, 2, 3)) -> None:
    procedure = agency.procedures.earliest("pk")
    for score, number in ((5, best), (2, other)):
        DailyRating.objects.create(
            agency=agency, day=day, procedure=procedure, channel="in_person", score=score, ratings=number
        )


PLACES: tuple[tuple[str, str, str, str, float | None], ...] = (
    ("kep", "kep-chania", "GR", "Κρήτη", None),
    ("kep", "kep-volos", "GR", "Θεσσαλία", None),
    ("mfa", "mfa-athens", "GR", "Αττική", None),
    ("mfa", "mfa-berlin", "DE", "", 52.52),
    ("mfa", "mfa-sydney", "AU", "", None),
)


@pytest.fixture
def branches() -> dict[str, Branch]:
    """Makes two agencies with five branches, of which two are abroad, and their figures."""
    agencies = {slug: an_agency(slug) for slug in ("kep", "mfa")}
    for slug, agency in agencies.items():
        for name in ("one", "two"):
            a_procedure(agency, f"{slug}-{name}", name_el=name, name_en=name)
    made = {}
    for seed, (slug, code, country, region, north) in enumerate(PLACES):
        place = {"country": country, "region_el": region, "latitude": north, "longitude": north and 13.4}
        made[code] = a_branch(agencies[slug], code, name_el=code, name_en=code, **place)
        facts_of(made[code], seed=seed)
    return made


@pytest.fixture
def official(client: Client) -> Client:
    client.force_login(a_user("official@example.org", is_official=True))
    return client


def rows_of(client: Client, query: str, table: str = "compared") -> list[dict[str, Any]]:
    answer = client.get(f"/en/reports/compare.json?{query}")
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["tables"][table]
    return rows


def section_of(page: str, table: str) -> str:
    return page.partition(f'<section class="shown" id="{table}"')[2].partition("</section>")[0]


# Figures


def plainly(rows: Iterable[DailyFact]) -> dict[str, Any]:
    """Adds up figures row by row."""
    counts = dict.fromkeys(("requested", "served", "missed", "late", "avoided", "waited"), 0)
    spread = [0] * (len(MINUTES) + 1)
    for row in rows:
        counts["requested"] += row.requested
        counts["late"] += row.cancelled_late
        if row.outcome in ("served", "missed"):
            counts[row.outcome] += row.due
        if row.outcome == "served" and row.channel != "in_person":
            counts["avoided"] += row.due
        spread = (
            [sum(pair) for pair in zip(spread, row.waiting_spread or spread, strict=True)] if row.waited else spread
        )
    ended = counts["served"] + counts["missed"]
    return {
        "requested": counts["requested"],
        "served": counts["served"],
        "missed_percent": round(100 * counts["missed"] / ended, 2),
        "cancelled_late_percent": round(100 * counts["late"] / (ended + counts["late"]), 2),
        "visits_avoided": counts["avoided"],
        "waiting_median": middle(spread, 0.5),
        "waiting_90": middle(spread, 0.9),
    }


def middle(spread: list[int], share: float) -> float:
    """Returns the value at that share, one visit after the other, evenly spread in its range."""
    passed, low = 0.0, 0
    for number, high in zip(spread, [*MINUTES, MINUTES[-1]], strict=True):
        if passed + number >= share * sum(spread):
            return round(low + (high - low) * (share * sum(spread) - passed) / number, 2)
        passed, low = passed + number, high
    raise AssertionError


KEY_OF: dict[str, Callable[[DailyFact], str]] = {
    "agency": lambda row: row.agency.slug,
    "region": lambda row: row.branch.region_el,
    "country": lambda row: row.branch.country,
    "branch": lambda row: row.branch.code,
    "procedure": lambda row: row.procedure.code,
    "channel": lambda row: row.channel,
    "period": lambda row: f"{row.day:%Y-%m}",
}
KEY_OF |= {
    "period&per=quarter": lambda row: f"{row.day:%Y}-Q{(row.day.month + 2) // 3}",
    "period&per=year": lambda row: f"{row.day:%Y}",
}


def test_figures_are_those_of_a_plain_count(official: Client, branches: dict[str, Branch]) -> None:
    rows = [*DailyFact.objects.select_related("agency", "branch", "procedure")]
    for query in ("", "&channel=video", "&agency=mfa", "&region=Κρήτη", "&country=DE"):
        compared_with_plain_count(official, query, rows)


def compared_with_plain_count(official: Client, query: str, rows: list[DailyFact]) -> None:
    filters = dict(parse_qsl(query))
    every = [
        row
        for row in rows
        if date(2025, 4, 1) <= row.day
        and filters.get("channel") in (None, row.channel)
        and filters.get("agency") in (None, row.agency.slug)
        and filters.get("region") in (None, row.branch.region_el)
        and filters.get("country") in (None, row.branch.country)
    ]
    for by, key_of in KEY_OF.items():
        told = rows_of(official, f"by={by}{query}")
        keys = {key_of(row) for row in every}
        name = by.partition("&")[0]
        assert {row[name] for row in told} == keys, by
        for row in told:
            said = {column.name: row[column.name] for column in FIGURES}
            assert said == plainly(one for one in every if key_of(one) == row[name]), (by, row[name])


def test_largest_comes_first_and_what_is_not_known_last(official: Client, branches: dict[str, Branch]) -> None:
    few = a_branch(branches["kep-chania"].agency, "kep-few")
    facts_of(few, most=2, since=LAST)
    for figure in FIGURES:
        told = [row[figure.name] for row in rows_of(official, f"by=branch&figure={figure.name}")]
        known = [value for value in told if value is not None]
        assert told == [*sorted(known, reverse=True), *[None] * (len(told) - len(known))]
    assert rows_of(official, "by=branch&figure=waiting_90")[-1]["branch"] == "kep-few"


# The year before


def total(branch: Branch, since: date, until: date) -> int:
    return sum(row.requested for row in DailyFact.objects.filter(branch=branch, day__range=(since, until)))


def test_change_compares_the_months_that_are_over(official: Client, branches: dict[str, Branch]) -> None:
    """March 2026 has just begun, so it would always be behind March 2025."""
    row = next(row for row in rows_of(official, "by=branch&from=2025-12") if row["branch"] == "kep-chania")
    branch = branches["kep-chania"]
    over, before = (total(branch, date(year - 1, 12, 1), date(year, 2, 1)) for year in (2026, 2025))
    assert row["change"] == round(100 * (over - before) / before, 2)
    assert row["requested"] == total(branch, date(2025, 12, 1), LAST) != over


def test_nothing_is_compared_with_months_that_have_no_figures(official: Client, branches: dict[str, Branch]) -> None:
    for query in ("from=2025-12", "from=2025-11", "from=2026-03", "from=2024-12&until=2025-12"):
        expected = query == "from=2025-12"
        assert {row["change"] is None for row in rows_of(official, f"by=branch&{query}")} == {not expected}, query


def test_month_is_over_when_it_is_over_at_all_branches(branches: dict[str, Branch]) -> None:
    """Where the clock is twelve hours behind, February lasts until noon of 1 March in UTC."""
    own = {"by": "branch", "figure": "requested", "per": "month"}
    selection = Selection(Viewer(agencies=None), date(2026, 1, 1), LAST, own=own)
    told = {}
    for hour in (11, 12):
        table = compare(selection, datetime(2026, 3, 1, hour, tzinfo=UTC)).table("compared")
        told[hour] = {str(row[0]): row[-1] for row in table.rows} if table else {}
    january = total(branches["kep-chania"], date(2026, 1, 1), date(2026, 1, 31))
    before = total(branches["kep-chania"], date(2025, 1, 1), date(2025, 1, 31))
    assert told[11]["kep-chania (KEP)"] == pytest.approx(100 * (january - before) / before)
    assert told[12]["kep-chania (KEP)"] != told[11]["kep-chania (KEP)"]


def test_each_period_stands_beside_its_year_before(official: Client, branches: dict[str, Branch]) -> None:
    told = {row["period"]: row for row in rows_of(official, "by=period&from=2024-12")}
    assert [*told] == [f"{month:%Y-%m}" for month in months(date(2024, 12, 1), LAST)]
    for month in ("2025-12", "2026-01", "2026-02"):
        assert told[month]["year_before"] == told.get(f"{int(month[:4]) - 1}{month[4:]}", {}).get("requested")
    assert told["2024-12"]["year_before"] is told["2026-03"]["year_before"] is told["2026-03"]["change"] is None
    quarters = {row["period"]: row for row in rows_of(official, "by=period&per=quarter&from=2024-12")}
    assert quarters["2026-Q1"]["year_before"] == sum(told[f"2025-{month}"]["requested"] for month in ("01", "02"))
    assert quarters["2026-Q1"]["requested"] == sum(told[f"2026-{month}"]["requested"] for month in ("01", "02", "03"))
    assert quarters["2024-Q4"]["year_before"] is None


def test_share_changes_in_points(official: Client, branches: dict[str, Branch]) -> None:
    query = "by=branch&figure=missed_percent"
    told, before = (
        {row["branch"]: row for row in rows_of(official, f"{query}&from={since}&until={until}")}
        for since, until in (("2025-12", "2026-02"), ("2024-12", "2025-02"))
    )
    for code, row in told.items():
        assert row["change"] == pytest.approx(row["missed_percent"] - before[code]["missed_percent"], abs=0.011)
    unit = official.get(f"/reports/compare.json?{query}").json()["figures"]["change"]["unit"]
    assert unit == "percentage_points"


# Satisfaction


def test_satisfaction_is_that_of_whole_agencies_and_never_of_branches(
    official: Client, branches: dict[str, Branch]
) -> None:
    ratings_of(branches["kep-chania"].agency, 15, 5)
    told = {row["agency"]: row for row in rows_of(official, "by=agency&figure=satisfied_percent")}
    assert told["kep"]["satisfied_percent"] == 75
    assert told["kep"]["satisfied_low"] < 75 < told["kep"]["satisfied_high"]
    assert told["mfa"]["satisfied_percent"] is None
    for query in ("by=branch", "by=region", "by=country", "by=agency&country=GR", "by=channel&agency=kep&region=Κρήτη"):
        assert not any("satisfied_percent" in row for row in rows_of(official, query))
        page = official.get(f"/en/reports/compare/?{query}&figure=satisfied_percent")
        assert page.status_code == 400
        assert "Evaluations belong to no branch" in page.text


# Who sees what


def test_supervisor_of_a_branch_sees_no_other_in_any_way(client: Client, branches: dict[str, Branch]) -> None:
    client.force_login(an_officer(branches["kep-volos"], Role.SUPERVISOR))
    own = plainly(DailyFact.objects.filter(branch=branches["kep-volos"], day__gte=date(2025, 4, 1)))
    others = {"mfa", "mfa-berlin", "kep-chania", "Germany", "Berlin"}
    filters = ("", "agency=mfa", "branch=mfa-berlin", "branch=kep-chania", "country=DE", "region=Κρήτη")
    for by, query in product(KEYS, filters):
        page = client.get(f"/en/reports/compare/?by={by}&{query}").text
        assert not others & {
            *re.findall(r"[\w-]+", re.sub(r"<nav.*?</nav>|href=\"[^\"]*\"", "", page, flags=re.DOTALL))
        }
        tables = client.get(f"/en/reports/compare.json?by={by}&{query}").json().get("tables")
        if tables:
            assert [*tables] == ["compared"]
            assert sum(row["requested"] for row in tables["compared"]) == own["requested"]
            assert not any("satisfied_percent" in row for row in tables["compared"])


def test_supervisor_of_an_agency_sees_its_branches(client: Client, branches: dict[str, Branch]) -> None:
    client.force_login(an_officer(branches["mfa-athens"].agency, Role.SUPERVISOR))
    assert {row["branch"] for row in rows_of(client, "")} == {"mfa-athens", "mfa-berlin", "mfa-sydney"}
    assert {row["agency"] for row in rows_of(client, "by=agency&agency=kep")} == {"mfa"}


def test_page_is_for_those_who_see_figures(client: Client, branches: dict[str, Branch]) -> None:
    addresses = ["/reports/compare/", *(f"/reports/compare.{kind}" for kind in FILES)]
    assert {client.get(address).status_code for address in addresses} == {302}
    client.force_login(a_user())
    assert {client.get(address).status_code for address in addresses} == {404}
    client.force_login(an_officer(branches["kep-volos"]))
    assert {client.get(address).status_code for address in addresses} == {403}


# The address


WRONG = {"by=colour": "by", "figure=rain": "figure", "per=week": "per", "by=agency&channel=fax": "channel"}


def test_wrong_value_is_told_at_its_field_and_refused_in_files(official: Client, branches: dict[str, Branch]) -> None:
    for query, name in WRONG.items():
        page = official.get(f"/en/reports/compare/?{query}")
        assert page.status_code == 400
        wrong = re.findall(r"<select[^>]*aria-invalid=\"true\"[^>]*>", page.text)
        assert [re.findall(r' name="(\w+)"', one) for one in wrong] == [[name]]
        for kind in FILES:
            answer = official.get(f"/en/reports/compare.{kind}?{query}")
            assert (answer.status_code, [*answer.json()]) == (400, [name])


def test_first_look_is_at_agencies_or_at_the_branches_of_one(client: Client, branches: dict[str, Branch]) -> None:
    client.force_login(a_user("official@example.org", is_official=True))
    assert "agency" in rows_of(client, "")[0]
    assert "branch" in rows_of(client, "agency=kep")[0]
    client.force_login(an_officer(branches["kep-volos"].agency, Role.AGENCY_ADMIN))
    assert "branch" in rows_of(client, "")[0]


BYS = (*KEYS, "period&per=quarter", "period&per=year")
FILTERS = ("", "&agency=mfa", "&channel=video", "&country=GR&from=2025-09&until=2026-01")


def test_each_name_leads_to_its_figures_alone(official: Client, branches: dict[str, Branch]) -> None:
    for by, filters in (*product(BYS, FILTERS), ("agency", "&figure=satisfied_percent")):
        query = f"by={by}{filters}"
        section = section_of(official.get(f"/en/reports/compare/?{query}").text, "compared")
        links = [unescape(link) for link in re.findall(r'<th scope="row"[^>]*><a href="\?([^"]*)"', section)]
        named = [row for row in rows_of(official, query) if row[by.partition("&")[0]]]
        assert len(links) == len(named), query
        for link, row in zip(links, named, strict=True):
            kept = {name: value for name, value in parse_qsl(filters) if name in ("channel", "country")}
            assert dict(parse_qsl(link)).items() >= kept.items()
            assert sum(one["requested"] for one in rows_of(official, link)) == row["requested"], link


# Page and files


def test_page_and_files_say_the_same(official: Client, branches: dict[str, Branch]) -> None:
    ratings_of(branches["kep-chania"].agency, 15, 5)
    for by in KEYS:
        query = f"by={by}"
        told = official.get(f"/en/reports/compare.json?{query}").json()["tables"]
        text = official.get(f"/en/reports/compare.csv?{query}").getvalue().decode()
        values = {(row["table"], row["key"], row["figure"]): row["value"] for row in csv.DictReader(StringIO(text))}
        page = official.get(f"/en/reports/compare/?{query}").text
        book = load_workbook(BytesIO(b"".join(official.get(f"/en/reports/compare.xlsx?{query}").streaming_content)))
        for number, (name, rows) in enumerate(told.items(), 1):
            shown = section_of(page, name).partition("<tbody")[2].partition("</tbody>")[0].split("<tr ")[1:]
            sheet = [*book.worksheets[number].iter_rows(min_row=2, values_only=True)]
            keys = 2 if name == "abroad" else 1
            for row, line, cells in zip(rows, shown, sheet, strict=False):
                key, *_others = row.values()
                figures = [one for one in row if one not in KEYS and not one.endswith("_name")]
                for place, figure in enumerate(figures):
                    said = values[name, str(key), figure]
                    assert said == ("" if row[figure] is None else str(row[figure]))
                    read = re.findall(r'<data value="([^"]*)"', line.split("<td ")[1 + place])
                    for other in (float(read[0]) if read else None, cells[keys + place]):
                        assert other == (None if row[figure] is None else pytest.approx(row[figure], abs=0.006))


def test_map_has_the_branches_abroad_and_a_table_with_all_of_them(
    official: Client, branches: dict[str, Branch]
) -> None:
    told = {row["branch"]: row for row in rows_of(official, "by=country", "abroad")}
    assert {code: (row["country"], row["latitude"]) for code, row in told.items()} == {
        "mfa-berlin": ("DE", 52.52),
        "mfa-sydney": ("AU", None),
    }
    page = official.get("/en/reports/compare/?by=country&figure=waiting_90").text
    assert 'data-chart="map" data-figures="waiting_90 latitude longitude "' in section_of(page, "abroad")
    assert 'data-land="/static/vendor/world/land-110m.json"' in section_of(page, "abroad")
    assert "<figure" not in section_of(page, "compared")
    assert not official.get("/en/reports/compare/?by=agency").text.count("topojson")


def test_nothing_is_drawn_of_what_nobody_knows(official: Client) -> None:
    """An axis without a value cannot be drawn."""
    agency = an_agency()
    a_procedure(agency)
    for number, country in enumerate(("GR", "GR", "DE", "DE")):
        place = {"country": country, "latitude": 52.52, "longitude": 13.4, "region_el": f"Περιφέρεια {number % 2}"}
        facts_of(a_branch(agency, f"kep-{number}", **place), most=1, since=LAST)
    for by in (*KEYS, "period&per=year"):
        assert official.get(f"/en/reports/compare/?by={by}&figure=requested").text.count("<figure") <= 1
        page = official.get(f"/en/reports/compare/?by={by}&figure=waiting_90")
        assert page.status_code == 200
        assert "<figure" not in page.text, by


# Queries


def test_any_number_of_rows_takes_the_same_queries(official: Client, branches: dict[str, Branch]) -> None:
    few = {by: queries(official, by) for by in KEYS}
    for number in range(3):
        agency = an_agency(f"new{number}")
        a_procedure(agency, f"new{number}-service")
        for country in ("GR", "FR"):
            place = {"country": country, "latitude": 48.8, "longitude": 2.3, "region_el": f"Περιφέρεια {number}"}
            facts_of(a_branch(agency, f"new{number}-{country.lower()}", **place), since=LAST)
    assert {by: queries(official, by) for by in KEYS} == few


def queries(client: Client, by: str) -> int:
    with CaptureQueriesContext(connection) as found:
        assert client.get(f"/en/reports/compare/?by={by}").status_code == 200
    return len(found)
