"""The page of unmet demand and its files: who sees what, and that all say the same as a plain count of the rows."""

import csv
from datetime import date, timedelta
from io import BytesIO, StringIO
from statistics import median_low
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook
from pytest_django import DjangoAssertNumQueries

from agencies.models import Agency, Branch, Role
from reports import counting
from reports.demand.counting import CROWD
from reports.models import DailyCapacity, DailyDemand, DailySearch, DailyWait
from reports.reading.demand import Waits, waits
from reports.selecting.selection import Selection
from reports.selecting.viewers import Viewer
from tests.builders import NOW, a_branch, a_procedure, a_user, an_agency, an_appointment, an_officer, at, slots_of
from tests.builders import a_rule as rule_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
KINDS = ("csv", "xlsx", "json")
ADDRESSES = ("/reports/demand/", *(f"/reports/demand.{kind}" for kind in KINDS))
DAY = date(2026, 3, 2)
MARCH = DAY.replace(day=1)
CROWDED, FEW = (1 << CROWD) - 1, 1


def look(branch: Branch, day: date, first: int | None, channel: str = "in_person") -> None:
    procedure = branch.agency.procedures.earliest("pk")
    told = {"agency": branch.agency, "branch": branch, "procedure": procedure, "channel": channel}
    DailyWait.objects.create(**told, day=day, first_days=first)


def came(place: Branch, *figures: int, day: date = DAY, **fields: Any) -> None:
    names = ("held", "filled", "booked", "nothing_free", "went_away")
    kind = {"channel": "in_person", "device": "phone", "language": "el", "branch": place} | fields
    procedure = place.agency.procedures.earliest("pk")
    DailyDemand.objects.create(
        agency=place.agency, procedure=procedure, day=day, **kind, **dict(zip(names, figures, strict=True))
    )


def searched(text: str, visitors: int, crowd: int = CROWDED, agency: Agency | None = None, day: date = DAY) -> None:
    DailySearch.objects.create(agency=agency, day=day, language="el", text=text, visitors=visitors, crowd=crowd)


@pytest.fixture
def branches() -> list[Branch]:
    """Two branches of one agency, and one of another, each with waits and visitors. Figures are counted since January."""
    kep, aade = an_agency("kep"), an_agency("aade")
    a_procedure(kep)
    a_procedure(aade, "aade-klidi", name_el="Κλειδάριθμος", name_en="Key number")
    made = [a_branch(kep), a_branch(kep, "kep-rethymno", name_el="ΚΕΠ Ρεθύμνου"), a_branch(aade, "aade-one")]
    for number, branch in enumerate(made):
        for days, first in enumerate((number, number + 2, None)):
            look(branch, DAY + timedelta(days=days), first)
        came(branch, 10 * (number + 1), 6, 4, 3, 2)
    came(made[0], 5, 5, 5, 0, 0, device="computer", language="en")
    came(made[0], 0, 0, 0, 7, 7, branch=None)
    searched("αδεια ψαρεματοσ", 9)
    searched("μαρια παπαδακη", 3, FEW)
    searched("", 2)
    searched("γαυδοσ", 8, agency=kep)
    searched("υδρα", 6, agency=aade)
    DailyCapacity.objects.create(branch=made[0], day=DAY, minutes=600)
    rule_of(made[0])
    an_appointment(slots_of(made[0])[0])
    counting.count_all(now=NOW)
    return made


def sign_in(client: Client, who: str, branches: list[Branch]) -> Client:
    places: dict[str, tuple[Any, str]] = {
        "supervisor": (branches[0], Role.SUPERVISOR),
        "agencyadmin": (branches[0].agency, Role.AGENCY_ADMIN),
        "agent": (branches[0], Role.AGENT),
    }
    if who in places:
        client.force_login(an_officer(*places[who]))
    elif who != "stranger":
        rights = {} if who == "citizen" else {f"is_{who}": True}
        client.force_login(a_user(f"{who}@example.org", **rights))
    return client


def told_to(client: Client, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/en/reports/demand.json{query}")
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(("who", "status"), [("stranger", 302), ("citizen", 404), ("agent", 403)])
def test_who_sees_no_figures_sees_nothing(client: Client, branches: list[Branch], who: str, status: int) -> None:
    sign_in(client, who, branches)
    assert {client.get(address).status_code for address in ADDRESSES} == {status}


# Of each: the branches whose waits are seen, visitors told that nothing is free, and texts of searches.
SEEN = {
    "supervisor": ({"kep-chania"}, 3, None),
    "agencyadmin": ({"kep-chania", "kep-rethymno"}, 13, {"γαυδος"}),
    "official": ({"kep-chania", "kep-rethymno", "aade-one"}, 16, {"αδεια ψαρεματος", "γαυδος", "υδρα"}),
    "operator": ({"kep-chania", "kep-rethymno", "aade-one"}, 16, {"αδεια ψαρεματος", "γαυδος", "υδρα"}),
}
QUERIES = ("", "?agency=kep", "?agency=aade", "?agency=aade&branch=aade-one", "?agency=aade&procedure=aade-klidi")


@pytest.mark.parametrize("who", SEEN)
def test_everybody_sees_their_own_places_alone(client: Client, branches: list[Branch], who: str) -> None:
    places, told_nothing, texts = SEEN[who]
    sign_in(client, who, branches)
    told = told_to(client)
    assert told["headlines"]["told_nothing"] == told_nothing
    assert sum(row["looks"] for row in told["tables"]["waits-by-branch"]) == 3 * len(places)
    found = told["tables"].get("searches")
    assert (found and {row["text"] for row in found} - {"All others together"}) == texts
    others = {"aade-one", "aade-klidi", "υδρα"} if "aade-one" not in places else set()
    for query in QUERIES:
        for kind in ("", "/"):
            address = f"/en/reports/demand{kind or '.json'}{query}"
            text = client.get(address).content.decode()
            assert not [one for one in others if f'"{one}"' in text or f">{one}<" in text], address
            assert "παπαδακη" not in text.lower()


def test_service_leads_to_its_branches(client: Client, branches: list[Branch]) -> None:
    a_procedure(branches[0].agency, "kep-other")
    sign_in(client, "official", branches)
    found = told_to(client, "?agency=kep&procedure=kep-dilosi")
    rows = {row["branch"]: row for row in found["tables"]["waits-by-branch"]}
    assert set(rows) == {"kep-chania", "kep-rethymno", ""}
    assert (rows["kep-rethymno"]["first_free_days"], rows["kep-rethymno"]["longest_days"]) == (3, 3)
    assert (rows[""]["told_nothing"], rows[""]["looks"], rows[""]["first_free_days"]) == (7, 0, None)
    assert [row["procedure"] for row in found["tables"]["waits-by-procedure"]] == ["kep-dilosi"]
    assert "searches" not in found["tables"]
    assert found["headlines"]["searches"] is None
    assert found["tables"]["capacity"][-1]["offered_hours"] is None


def test_figures_are_those_of_the_rows(client: Client, branches: list[Branch]) -> None:
    sign_in(client, "official", branches)
    told = told_to(client)
    assert told["headlines"] == {
        "first_free_days": 3,
        "nothing_free_percent": 33.33,
        "told_nothing": 16,
        "went_away": 13,
        "booked_percent": round(100 * 17 / 65, 2),
        "searches": 28,
    }
    tables = told["tables"]
    assert [(row["step"], row["journeys"]) for row in tables["steps"]] == [("held", 65), ("filled", 23), ("booked", 17)]
    assert {row["device"]: row["booked"] for row in tables["steps-by-device"]} == {"phone": 12, "computer": 5}
    assert {row["language"]: row["held"] for row in tables["steps-by-language"]} == {"el": 60, "en": 5}
    assert {row["text"]: row["searches"] for row in tables["searches"]} == {
        "αδεια ψαρεματος": 9,
        "γαυδος": 8,
        "υδρα": 6,
        "All others together": 5,
    }
    march = tables["capacity"][-1]
    assert march["offered_hours"] > 10
    assert (march["booked_hours"], march["used_hours"]) == (0.17, 0)
    assert [row["day"] for row in tables["first-free-time-by-day"]] == [f"2026-03-0{day}" for day in (2, 3, 4)]
    assert [row["first_free_days"] for row in tables["first-free-time-by-day"]] == [1, 3, None]


def test_page_and_files_say_the_same(client: Client, branches: list[Branch]) -> None:
    sign_in(client, "official", branches)
    told = told_to(client)
    page = client.get("/en/reports/demand/").content.decode()
    lines = [*csv.DictReader(StringIO(client.get("/en/reports/demand.csv").getvalue().decode()))]
    values = {(one["table"], one["key"], one["second_key"], one["figure"]): one["value"] for one in lines}
    book = load_workbook(BytesIO(b"".join(client.get("/en/reports/demand.xlsx").streaming_content)))
    sheets = book.worksheets[1 : 1 + len(told["tables"])]
    for (name, rows), sheet in zip(told["tables"].items(), sheets, strict=True):
        assert f'id="{name}"' in page
        for place, row in enumerate(rows, 2):
            figures = {figure: value for figure, value in row.items() if figure in told["figures"]}
            keys = [value for key, value in row.items() if key not in figures and not key.endswith("_name")]
            assert [cell.value for cell in sheet[place]][len(keys) :] == pytest.approx([*figures.values()], abs=0.006)
            second = str(keys[1]) if len(keys) > 1 else ""
            for figure, value in figures.items():
                assert values[name, str(keys[0]), second, figure] == ("" if value is None else str(value))
    for column in told["figures"].values():
        assert column["label"] in page
    assert told["headlines"]["told_nothing"] == int(values["headlines", "", "", "told_nothing"]) == 16


def test_page_is_greek(client: Client, branches: list[Branch]) -> None:
    sign_in(client, "official", branches)
    page = client.get("/reports/demand/").content.decode()
    assert "Ζήτηση που δεν καλύφθηκε" in page
    assert "Κινητό" in page


def test_empty_page_knows_nothing(client: Client, branches: list[Branch]) -> None:
    for rows in (DailyWait, DailyDemand, DailySearch):
        rows.objects.all().delete()
    sign_in(client, "official", branches)
    assert set(told_to(client)["headlines"].values()) == {None}
    assert client.get("/reports/demand/").status_code == 200


def test_number_of_queries_does_not_grow(
    client: Client, branches: list[Branch], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    sign_in(client, "official", branches)
    for more in (0, 20):
        for number in range(more):
            look(a_branch(branches[0].agency, f"kep-{number}"), DAY, 4)
        with django_assert_max_num_queries(30):
            client.get("/reports/demand/")


@pytest.mark.parametrize(
    "days",
    [[], [0], [None], [1, None], [1, 2, None], [None, None, 1], [0, 0, 5, 9], [3, 3, 3, None, None, None, 8]],
)
def test_median_takes_nothing_free_for_the_longest_wait(days: list[int | None]) -> None:
    never = 1000
    expected = median_low([never if one is None else one for one in days]) if days else never
    found = Waits({one: days.count(one) for one in days})
    assert found.median == (None if expected == never else expected)
    assert found.looks == len(days)


def test_days_and_months_add_up_to_the_same(branches: list[Branch]) -> None:
    everything = Selection(Viewer(agencies=None), MARCH, MARCH)
    by_day, by_month = waits(everything, "day"), waits(everything, "month")
    together: dict[int | None, int] = {}
    for one in by_day.values():
        for days, number in one.days.items():
            together[days] = together.get(days, 0) + number
    assert by_month[MARCH,].days == together == waits(everything)[()].days
    assert at(0).date() > MARCH
