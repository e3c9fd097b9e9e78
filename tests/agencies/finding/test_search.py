"""What a citizen asks, and what is found first. The table is in queries.csv: a cell may name several right answers.

`-` means that nothing of the kind may be found, an empty cell that it does not matter, `*` any end of a code.
"""

import unicodedata
from fnmatch import fnmatch
from pathlib import Path

import pytest

from agencies.finding import search
from agencies.finding.search import Found
from agencies.loading import tables
from agencies.models import Agency, Branch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_agencies")]
QUERIES = [row.cells for row in tables.read(Path(__file__).parent / "queries.csv")]


def asked(query: str, limit: int | None = 20) -> Found:
    return search.find(query, list(Agency.objects.visible().order_by("pk")), limit)


def wrong(found: list[str], expected: str) -> bool:
    """Returns whether the first one found is none of those that are expected."""
    if expected == "-":
        return bool(found)
    return bool(expected) and not (found and any(fnmatch(found[0], one) for one in expected.split("|")))


def faults(case: dict[str, str]) -> list[str]:
    found = asked(case["query"])
    answers = {
        "service": [one.code for one in found.procedures],
        "branch": [one.code for one in found.branches],
        "note": [one.code for one in found.notes],
    }
    bad = [f"{name}: {codes[:4]} is not {case[name]}" for name, codes in answers.items() if wrong(codes, case[name])]
    slugs = [one.slug for one in found.agencies]
    if case["agency"] and case["agency"] not in slugs:
        bad.append(f"agency: {slugs} has no {case['agency']}")
    return bad


def test_every_query_finds_first_what_a_citizen_expects():
    assert len(QUERIES) > 100
    assert {case["query"]: bad for case in QUERIES if (bad := faults(case))} == {}


def test_within_finds_every_branch_by_its_city_in_capitals_and_in_english():
    for branch in Branch.objects.all():
        bare = "".join(c for c in unicodedata.normalize("NFD", branch.city_el.upper()) if not unicodedata.combining(c))
        for typed in (bare, branch.city_en, branch.city_en.upper()):
            found = search.within(Branch.objects.filter(city_el=branch.city_el), typed)
            assert branch in found, (branch.code, typed)


def test_within_finds_the_branches_at_the_place_that_is_typed():
    chania = {"kep-chania", "efka-chania", "dimos-chania"}
    expected = {
        "hania": chania,
        "xania": chania,
        "κεπ χανιά": {"kep-chania"},
        "Iraklio": {"kep-heraklion", "efka-heraklion", "ktimatologio-heraklion", "kep-irakleio-attikis"},
        "thessaloniki εφκα": {"efka-thessaloniki"},
        "ΑΥΣΤΡΑΛΙΑ μελβουρνη": {"consul-au-melbourne"},
        "germany munich": {"consul-de-munich"},
    }
    for typed, codes in expected.items():
        found = set(search.within(Branch.objects.all(), typed).values_list("code", flat=True))
        assert codes <= found
        assert "kep-patras" not in found
    assert not search.within(Branch.objects.all(), "Qwertyuiop").exists()
    assert search.within(Branch.objects.all(), " ").count() == Branch.objects.count()


@pytest.mark.parametrize("typed", ["χανια", "χαν", "Χανιά", "hania"])
def test_the_first_branch_of_a_list_is_in_the_town_that_is_typed(typed: str) -> None:
    found = search.ranked(Branch.objects.filter(agency__slug="kep").order_by("order_el"), typed)
    assert found[0].code == "kep-chania", [one.code for one in found]
    assert set(found) == set(search.within(Branch.objects.filter(agency__slug="kep"), typed))
    assert search.ranked(Branch.objects.order_by("-pk"), " ")[0] == Branch.objects.latest("pk")
