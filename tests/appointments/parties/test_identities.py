"""Booking for others by somebody whom a provider has signed in: what the provider told stays with whom it is about."""

from typing import Any

import pytest
from django.test import Client

from agencies.models import Branch, ForWhom, Procedure
from appointments import sight
from appointments.booking.parties.storing import CONSENT
from appointments.booking.persons import decrypted
from appointments.models import Appointment, Party
from tests.builders import a_user, an_appointment, at, slot_at, slots_of
from tests.pages import hidden_of, text_of
from tests.servers.identity import signed_in_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
BOOK = "/mykeplive/kep-dilosi/book/"
TYPED_NAME, PARTY, NUMBER = "Ελένη Παπαδάκη", "Καφέ Ανατολή Α.Ε.", "094019245"
PERSON = {"first_name": "ΜΑΡΙΑ", "last_name": "ΠΑΠΑΔΑΚΗ", "tax_number": "065278322"}
COMPANY = {"first_name": "", "last_name": "ΑΦΟΙ ΜΑΝΟΥΣΑΚΗ Ο.Ε.", "tax_number": "997001230", "kind": "business"}
# Who has signed in, for whom they book, and what is kept then: the booker's name, the party's, and the tax number.
CASES = [
    (PERSON, "business", ("ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ", PARTY, NUMBER)),
    (PERSON, "other", ("ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ", PARTY, NUMBER)),
    (COMPANY, "business", (TYPED_NAME, COMPANY["last_name"], COMPANY["tax_number"])),
    (COMPANY, "other", (TYPED_NAME, PARTY, NUMBER)),
]
NAMES = ["person for a business", "person for another", "business for itself", "business for another"]


@pytest.fixture
def service(branch: Branch) -> Procedure:
    procedure: Procedure = branch.agency.procedures.get()
    procedure.booked_for, procedure.channels = [*ForWhom], ["in_person"]
    procedure.identification = Procedure.Identification.TAX_NUMBER
    procedure.save()
    return procedure


def kept() -> tuple[str, str, str]:
    booked = Appointment.objects.select_related("party").get(status="booked")
    return booked.name, booked.party.name, decrypted(booked.tax_number_encrypted)


@pytest.mark.parametrize(("told", "kind", "expected"), CASES, ids=NAMES)
def test_page_takes_from_the_provider_what_it_told_and_nothing_else(
    client: Client, service: Procedure, told: dict[str, str], kind: str, expected: tuple[str, str, str]
) -> None:
    signed_in_at(client, a_user(), **told)
    client.post(f"{BOOK}time/?channel=in_person&branch=kep-chania", {"slot": slot_at(at(9)).pk})
    client.post(f"{BOOK}whom/", {"for_whom": kind})
    standing = "accountant" if kind == "business" else "child"
    typed = {"name": TYPED_NAME, "party": PARTY, "tax_number": NUMBER, "standing": standing, "consent": CONSENT}
    reached = {"email": "eleni@example.org", "party_email": "other@example.org", "language": "el"}
    check = text_of(client.post(f"{BOOK}details/", typed | reached, follow=True))
    assert all(said in check for said in expected[:2])
    assert told["tax_number"] not in check  # nobody reads it over a shoulder
    client.post(f"{BOOK}check/", hidden_of(check))
    assert kept() == expected


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("told", "kind", "expected"), CASES, ids=NAMES)
def test_api_does_the_same(
    client: Client, branch: Branch, told: dict[str, str], kind: str, expected: tuple[str, str, str]
) -> None:
    signed_in_at(client, a_user(), **told)
    for_whom: dict[str, Any] = {"kind": kind, "name": PARTY, "standing": "accountant"}
    if kind == "other":
        for_whom |= {"standing": "child", "email": "other@example.org", "consent": CONSENT}
    asked = {"slot": slots_of(branch)[20].pk, "procedure": "kep-dilosi", "channel": "in_person", "name": TYPED_NAME}
    asked |= {"email": "eleni@example.org", "tax_number": NUMBER, "for_whom": for_whom}
    answer = client.post("/api/v1/appointments/", asked, content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert kept() == expected


@pytest.mark.parametrize("field", ["name", "email", "phone"])
def test_who_reads_of_the_party_has_looked_at_the_appointment(branch: Branch, field: str) -> None:
    appointment = an_appointment(slots_of(branch)[0])
    Party.objects.create(appointment=appointment, kind="business", name=PARTY, standing="accountant")
    seen = sight.Sight()
    with sight.looking(seen):
        party = Party.objects.get()
        assert seen.seen == {}
        getattr(party, field)
    assert [*seen.seen] == [appointment.pk]
