"""What is kept of searches in vain: texts that tell of nobody, once for each network and day."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from agencies.finding import missed
from agencies.models import Search
from tests.builders import a_branch, a_procedure, a_rule, an_agency, an_open_branch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"User-Agent": AGENT})


@pytest.mark.parametrize(
    "typed",
    [
        *("maria@example.org", "maria＠example.org", "maria (at) example.org", "maria papadaki gmail", "example.gr"),
        *("12345", "210 123 4567", "1 2 3 4 5", "ΑΦΜ ９９９９９", "٠١٢٣٤", "①②③④⑤", "https://x", "α" * 61, "!?"),
    ],
)
def test_text_that_may_tell_of_somebody_is_not_kept(visitor: Client, typed: str) -> None:
    assert missed.storable(typed) == ""
    visitor.get("/", {"q": typed})
    assert [*Search.objects.values_list("text", flat=True)] == [""]


@pytest.mark.parametrize("typed", ["Άδεια ψαρέματος", "ΑΔΕΙΑ   ΨΑΡΕΜΑΤΟΣ", " αδεια ψαρεματος! "])
def test_text_is_kept_without_accents_and_case(visitor: Client, typed: str) -> None:
    visitor.get("/", {"q": typed})
    assert [*Search.objects.values_list("text", "language", "agency_id")] == [("αδεια ψαρεματοσ", "el", None)]


def test_what_is_found_is_not_kept(visitor: Client) -> None:
    an_open_branch()
    visitor.get("/", {"q": "υπεύθυνη δήλωση"})
    visitor.get("/suggestions/", {"q": "ψαρ"})
    visitor.get("/")
    assert not Search.objects.exists()


def test_program_is_not_counted(client: Client) -> None:
    client.get("/", {"q": "ψάρεμα"})
    assert not Search.objects.exists()


def test_search_among_branches_belongs_to_the_agency(visitor: Client) -> None:
    agency = an_agency()
    a_procedure(agency)
    for code in ("kep-chania", "kep-rethymno"):
        a_rule(a_branch(agency, code))
    visitor.get("/mykeplive/kep-dilosi/book/branch/", {"channel": "in_person", "q": "Γαύδος"})
    assert [*Search.objects.values_list("text", "agency_id")] == [("γαυδοσ", agency.pk)]


def test_visitor_counts_once_a_day(visitor: Client, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        visitor.get("/", {"q": "ψάρεμα"})
    assert Search.objects.count() == 1
    clock.shift(timedelta(days=1))
    visitor.get("/", {"q": "ψάρεμα"})
    marks = Search.objects.values_list("network", "crowd")
    assert len({network for network, _crowd in marks}) == 2
    assert len({crowd for _network, crowd in marks}) == 1


def test_one_network_writes_only_so_many_texts(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "OF_NETWORK", 3)
    for word in ("ένα", "δύο", "τρία", "τέσσερα", "πέντε"):
        visitor.get("/", {"q": f"ψάρεμα {word}"})
    assert Search.objects.count() == 3
