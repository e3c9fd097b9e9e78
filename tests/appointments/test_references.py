"""References as people and scanners type them, on Latin and Greek keyboards, in every place where one is typed."""

from collections.abc import Callable

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import SystemToken
from appointments.models import Appointment, Queue
from appointments.references import ALPHABET, LENGTH, beginnings, random_reference, readings
from tests.builders import an_officer, an_open_branch, booked_at
from tests.pages import signed_in, text_of

REFERENCES = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)
# The keys of the Greek layout, and the Greek letters that look like Latin ones.
LOWER_KEYS = str.maketrans("QWERTYPASDFGHJKZXCBNM", ";ςερτυπασδφγηξκζχψβνμ")
UPPER_KEYS = str.maketrans("QWERTYPASDFGHJKZXCBNM", ":ΣΕΡΤΥΠΑΣΔΦΓΗΞΚΖΧΨΒΝΜ")
WINDOWS_KEYS = UPPER_KEYS | str.maketrans("W", "΅")
LOOKS = str.maketrans("ABEZHKMNPTYX", "ΑΒΕΖΗΚΜΝΡΤΥΧ")
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "lower case": str.lower,
    "in groups": lambda text: f" {text[:5]}-{text[5:]} ",
    "with long dashes": lambda text: f"{text[:3]} – {text[3:]}",
    "Greek keys": lambda text: text.translate(LOWER_KEYS),
    "Greek keys with shift": lambda text: text.translate(UPPER_KEYS),
    "Greek keys with shift, Windows": lambda text: text.translate(WINDOWS_KEYS),
    "look": lambda text: text.translate(LOOKS),
    "look, lower case": lambda text: text.translate(LOOKS).lower(),
    "an address": lambda text: f"https://example.org/en/appointments/{text}/?key=abc",
    "an address in Greek keys": lambda text: f"ηττπσ¨//εχαμπλε.οργ/αππο/{text.translate(UPPER_KEYS)}/",
}


@given(REFERENCES)
@pytest.mark.parametrize("way", WAYS)
def test_every_reference_is_read_however_it_is_typed(way: str, reference: str) -> None:
    found = readings(WAYS[way](reference))
    assert reference in found
    assert all(len(one) == LENGTH and set(one) <= set(ALPHABET) for one in found)


@given(REFERENCES, st.data())
def test_letters_of_both_alphabets_are_read_by_their_look(reference: str, data: st.DataObject) -> None:
    mixed = "".join(data.draw(st.sampled_from([one, one.translate(LOOKS)])) for one in reference)
    assert reference in readings(mixed)


@given(REFERENCES)
def test_a_latin_reference_has_one_reading(reference: str) -> None:
    assert readings(reference) == readings(reference.lower()) == beginnings(reference) == [reference]


@pytest.mark.parametrize(
    "typed",
    ["", "K7M4Q2XDB", "K7M4Q2XDBN3", "K7M4Q2XDB0", "https://example.org/appointments/", "Παπαδάκης1", "K7M4Q2XDBÉ"],
)
def test_anything_else_is_no_reference(typed: str) -> None:
    assert readings(typed) == []


@pytest.mark.parametrize(
    ("typed", "expected"), [("k7", ["K7"]), ("κ7μ4", ["K7M4"]), ("Να", []), ("Ελένη", []), ("", [""])]
)
def test_beginnings_of_references_are_no_names(typed: str, expected: list[str]) -> None:
    assert beginnings(typed) == expected


@pytest.fixture
def known(clock: time_machine.Traveller) -> Appointment:
    """Its reference has letters that each way of typing changes."""
    appointment = booked_at(an_open_branch(), 8)
    Appointment.objects.update(reference="W7KQ4PSRDB", source="system")
    appointment.refresh_from_db()
    return appointment


@pytest.mark.django_db
@pytest.mark.parametrize("way", [way for way in WAYS if way != "an address"])
def test_every_place_reads_it(client: Client, known: Appointment, way: str) -> None:
    typed = WAYS[way](known.reference)
    page = client.post("/appointments/find/", {"reference": typed, "email": known.email})
    assert page.status_code == 302
    kiosk = Queue.objects.get_or_create(branch=known.branch)[0].kiosk_key
    page = client.post(f"/kiosk/{kiosk}/appointment/", {"reference": typed}, follow=True)
    assert "answer=in_time" in page.redirect_chain[-1][0]
    officer = signed_in(Client(), an_officer(known.branch))
    assert known.name in text_of(officer.get("/admin/appointments/appointment/", {"q": typed}))


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["w7kq4psrdb", "W7KQ4-PSRDB", "ς7κ;4πσρδβ"])
def test_the_api_reads_it(known: Appointment, typed: str) -> None:
    SystemToken.objects.create(agency=known.agency, label="Μητρώο", digest=SystemToken.digest_of("secret"))
    answer = Client(headers={"Authorization": "Bearer secret"}).get(f"/api/v1/appointments/{typed}/")
    assert answer.json()["reference"] == known.reference


def test_each_letter_stands_in_each_place() -> None:
    found = [random_reference() for _ in range(2000)]
    assert len({*found}) == len(found)
    assert [{*letters} for letters in zip(*found, strict=True)] == [{*ALPHABET}] * LENGTH
