"""The pages of a booking for a business or another person, and of what is declared. Nothing that was typed is lost."""

import re
from typing import Any

import pytest
from django.test import Client

from agencies.models import Branch, ForWhom, Procedure
from agencies.models.procedure import declare
from appointments.booking.parties.storing import CONSENT
from appointments.models import Acceptance, Appointment, Party
from tests.builders import NOW, a_user, at, slot_at
from tests.pages import hidden_of, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
BOOK = "/mykeplive/kep-dilosi/book/"
WHOM, DETAILS, CHECK = f"{BOOK}whom/", f"{BOOK}details/", f"{BOOK}check/"
OWN = {"name": "Ελένη Παπαδάκη", "email": "eleni@example.org", "phone": "", "language": "el", "notes": ""}
OF_BUSINESS = OWN | {"party": "Καφέ Ανατολή Α.Ε.", "tax_number": "094019245", "standing": "accountant"}
OF_OTHER = OWN | {"party": "Μαρία Μητέρα", "party_email": "maria@example.org", "party_phone": "", "standing": "child"}


@pytest.fixture
def service(branch: Branch) -> Procedure:
    procedure: Procedure = branch.agency.procedures.get()
    procedure.booked_for, procedure.channels = [*ForWhom], ["in_person"]
    procedure.save()
    return procedure


def hold(client: Client) -> Any:
    times = f"{BOOK}time/?channel=in_person&branch=kep-chania"
    return client.post(times, {"slot": slot_at(at(9)).pk}, follow=True)


def confirm(client: Client) -> Any:
    return client.post(CHECK, hidden_of(text_of(client.get(CHECK))), follow=True)


def test_question_comes_after_the_time_and_asks_only_what_is_allowed(client: Client, service: Procedure) -> None:
    page = hold(client)
    assert page.request["PATH_INFO"] == WHOM
    assert re.findall(r'name="for_whom" value="(\w+)"', text_of(page)) == ["person", "business", "other"]
    assert "Πείτε για ποιον είναι το ραντεβού" in text_of(client.post(WHOM, {}))
    for later in (DETAILS, CHECK):
        assert client.get(later, follow=True).request["PATH_INFO"] == WHOM
    service.booked_for = ["person", "other"]
    service.save()
    assert re.findall(r'name="for_whom" value="(\w+)"', text_of(client.get(WHOM))) == ["person", "other"]
    assert client.post(WHOM, {"for_whom": "business"}).status_code == 200


@pytest.mark.parametrize(("only", "asks"), [("person", False), ("business", True), ("other", True)])
def test_only_answer_is_not_asked_for(client: Client, service: Procedure, only: str, asks: bool) -> None:
    service.booked_for = [only]
    service.save()
    page = hold(client)
    assert page.request["PATH_INFO"] == DETAILS
    assert ('name="party"' in text_of(page)) == asks
    assert client.get(WHOM).headers["Location"] == DETAILS


def test_business_is_booked_for(client: Client, service: Procedure) -> None:
    hold(client)
    client.post(WHOM, {"for_whom": "business"})
    checked = text_of(client.post(DETAILS, OF_BUSINESS, follow=True))
    assert all(
        said in checked for said in ("Για επιχείρηση που εκπροσωπώ", "Καφέ Ανατολή Α.Ε.", "λογιστής", f'"{WHOM}"')
    )
    done = confirm(client)
    booked = Appointment.objects.get(status="booked")
    assert (booked.name, booked.party.name, booked.party.kind) == (OWN["name"], "Καφέ Ανατολή Α.Ε.", "business")
    own = text_of(client.get(booked.get_absolute_url()))
    assert "Καφέ Ανατολή Α.Ε." in own
    assert "094019245" not in own + text_of(done)


def test_another_person_is_booked_for_with_consent(client: Client, service: Procedure) -> None:
    hold(client)
    client.post(WHOM, {"for_whom": "other"})
    assert "μόνο αν ισχύει" in text_of(client.post(DETAILS, OF_OTHER))
    client.post(DETAILS, OF_OTHER | {"consent": f"{CONSENT}"})
    confirm(client)
    party = Party.objects.get()
    assert (party.name, party.email, party.standing, party.consent) == (
        "Μαρία Μητέρα",
        "maria@example.org",
        "child",
        CONSENT,
    )


@pytest.mark.parametrize(
    ("whom", "wrong", "field"),
    [
        ("business", {"party": ""}, "party"),
        ("business", {"tax_number": "094019246"}, "tax_number"),
        ("business", {"tax_number": ""}, "tax_number"),
        ("business", {"standing": "parent"}, "standing"),
        ("business", {"party": "Δείτε www.evil.gr"}, "party"),
        ("other", {"party_email": ""}, "party_email"),
        ("other", {"party_email": "maria"}, "party_email"),
        ("other", {"party_phone": "12"}, "party_phone"),
        ("other", {"standing": ""}, "standing"),
    ],
)
def test_errors_stand_at_their_field_and_what_was_typed_stays(
    client: Client, service: Procedure, whom: str, wrong: dict[str, str], field: str
) -> None:
    hold(client)
    client.post(WHOM, {"for_whom": whom})
    typed = (OF_BUSINESS if whom == "business" else OF_OTHER | {"consent": f"{CONSENT}"}) | wrong
    page = client.post(DETAILS, typed)
    assert [*page.context["form"].errors] == [field]
    again = text_of(client.get(DETAILS))
    assert all(f'value="{value}"' in again for name, value in typed.items() if name in ("party", "name") and value)


def test_change_of_mind_keeps_what_was_typed_and_drops_what_is_not_asked(client: Client, service: Procedure) -> None:
    hold(client)
    client.post(WHOM, {"for_whom": "business"})
    client.post(DETAILS, OF_BUSINESS)
    client.post(WHOM, {"for_whom": "person"})
    page = text_of(client.get(DETAILS))
    assert OWN["name"] in page
    assert "Ανατολή" not in page
    client.post(DETAILS, OWN)
    confirm(client)
    assert Appointment.objects.get(status="booked").for_whom == "person"


def test_sign_in_on_the_way_keeps_the_answer(client: Client, service: Procedure) -> None:
    hold(client)
    answer = client.post(WHOM, {"for_whom": "other", "leave": "sign-in"})
    assert answer.headers["Location"].startswith("/accounts/login/?next=")
    signed_in(client, a_user("eleni@example.org"))
    assert re.search(r'value="other"[^>]* checked', text_of(client.get(WHOM)))
    client.get(DETAILS)
    client.post(DETAILS, OF_OTHER | {"consent": f"{CONSENT}"})
    confirm(client)
    booked = Appointment.objects.get(status="booked")
    assert (booked.for_whom, booked.citizen and booked.citizen.email) == ("other", "eleni@example.org")


@pytest.fixture
def declared(service: Procedure) -> Procedure:
    service.booked_for = ["person"]
    service.save()
    declare(service, "Κατοικώ εδώ.\nΔεν έχω άλλη κάρτα.", "I live here.\nI have no other card.", now=NOW)
    return service


def ticks(page: Any) -> list[str]:
    return re.findall(r'name="declaration" value="([\d.]+)"', text_of(page))


def test_each_sentence_is_ticked_and_the_version_is_kept(client: Client, declared: Procedure) -> None:
    values = ticks(hold(client))
    assert len(values) == 2
    for some in ([], values[:1], ["7.0", "7.1"]):
        page = client.post(DETAILS, OWN | {"declaration": some})
        assert [*page.context["form"].errors] == ["declaration"]
        assert client.get(CHECK, follow=True).request["PATH_INFO"] == DETAILS
    client.post(DETAILS, OWN | {"declaration": values})
    assert len(re.findall(r'name="declaration" value="[\d.]+"[^>]* checked', text_of(client.get(DETAILS)))) == 2
    confirm(client)
    assert Acceptance.objects.get().declaration.version == 1
    assert "Κατοικώ εδώ." in text_of(client.get(Appointment.objects.get(status="booked").get_absolute_url()))


def test_text_that_changes_on_the_way_is_read_again(client: Client, declared: Procedure) -> None:
    values = ticks(hold(client))
    client.post(DETAILS, OWN | {"declaration": values})
    sent = hidden_of(text_of(client.get(CHECK)))
    declare(declared, "Κατοικώ εκεί.", "I live there.", now=NOW)
    page = client.post(CHECK, sent, follow=True)
    assert page.request["PATH_INFO"] == DETAILS
    assert OWN["name"] in text_of(page)
    assert not Acceptance.objects.exists()
    client.post(DETAILS, OWN | {"declaration": ticks(page)})
    confirm(client)
    assert Acceptance.objects.get().declaration.version == 2


def test_pages_speak_english(client: Client, declared: Procedure) -> None:
    declared.booked_for = [*ForWhom]
    declared.save()
    hold(client)
    assert "For a business that I represent" in text_of(client.get(f"/en{WHOM}"))
    client.post(WHOM, {"for_whom": "other"})
    page = text_of(client.get(f"/en{DETAILS}"))
    assert all(said in page for said in ("Full name of the person", "son or daughter", "I have no other card."))
