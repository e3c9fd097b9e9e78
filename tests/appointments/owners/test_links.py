"""“Send me my links”: one mail to the address, and one answer on the page whether there are appointments or not."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.limits import tries
from accounts.models import AccountMail
from agencies.models import Branch
from appointments import booking
from appointments.models import Appointment
from tests import codes
from tests.builders import GUEST, NOW, a_contact, an_appointment, at, slot_at
from tests.codes import follow
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
PAGE = "/appointments/find/links/"


def ask(email: str, number: int = 1) -> str:
    """Asks from the network with this number. Returns the page that the visitor sees."""
    return without_token(text_of(Client(REMOTE_ADDR=f"198.51.100.{number}").post(PAGE, {"email": email}, follow=True)))


def without_token(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page)


@pytest.fixture(autouse=True)
def _several(branch: Branch) -> None:
    branch.agency.procedures.update(open_limit=5)


@pytest.fixture
def coming(branch: Branch) -> list[Appointment]:
    """Two of the address, in different letters."""
    return [
        an_appointment(slot_at(at(9 + one)), one, email=("Eleni@example.org", "eleni@example.org")[one])
        for one in (0, 1)
    ]


def test_mail_has_the_links_to_all_coming_appointments_of_the_address(coming: list[Appointment]) -> None:
    other = an_appointment(slot_at(at(11)), 5)
    gone = an_appointment(slot_at(at(12)), 6, email="eleni@example.org")
    booking.cancel(gone, by=GUEST, now=NOW)
    ask("ELENI@example.org")
    (letter,) = codes.sent()
    assert letter.to[0].lower() == "eleni@example.org"
    for body in (letter.body, letter.alternatives[0][0]):
        assert [one.link() in body for one in (*coming, other, gone)] == [True, True, False, False]
        assert "Πολίτης" not in body  # nothing that was typed


def test_link_of_the_mail_opens_the_appointment(client: Client, coming: list[Appointment]) -> None:
    ask("eleni@example.org")
    (link, *_others) = re.findall(r"http\S+key=\S+", codes.sent()[-1].body)
    page = follow(client, coming[0], link=link)
    assert page.request["PATH_INFO"] == coming[0].get_absolute_url()
    coming[0].refresh_from_db()
    assert coming[0].address_proven_at == NOW


def test_booking_that_waits_for_confirmation_has_its_own_link(branch: Branch) -> None:
    branch.agency.verify_minutes = 30
    branch.agency.save()
    held = booking.hold(slot_at(at(9)).pk, branch.agency.procedures.get(), "in_person", by=GUEST, now=NOW)
    waiting = booking.confirm(held, a_contact(email="eleni@example.org"), by=GUEST, now=NOW)
    ask("eleni@example.org")
    assert waiting.link("verify") in codes.sent()[-1].body


def test_answer_and_number_of_mails_do_not_tell_whether_there_are_any(coming: list[Appointment]) -> None:
    assert ask("eleni@example.org") == ask("nobody@example.org", 2)
    assert [one.to[0] for one in codes.sent()] == ["eleni@example.org", "nobody@example.org"]
    assert "κανένα" in mail.outbox[-1].body


def test_asking_is_limited_like_codes_and_together_with_them(coming: list[Appointment]) -> None:
    client = Client()
    for _time in range(tries.CODES_FOR_ONE.number - 1):
        client.post(PAGE, {"email": "eleni@example.org"})
    client.post("/accounts/login/code/", {"email": "eleni@example.org"})
    refused = text_of(client.post(PAGE, {"email": "eleni@example.org"}))
    assert str(tries.MANY_IN_A_MINUTE) in refused
    assert 'value="eleni@example.org"' in refused


def test_address_gets_no_flood_from_many_networks(coming: list[Appointment]) -> None:
    pages = {ask("eleni@example.org", number) for number in range(tries.CODE_MAILS.number + 5)}
    assert len(pages) == 1
    assert AccountMail.objects.count() == tries.CODE_MAILS.number


def test_find_page_leads_here(client: Client, branch: Branch) -> None:
    assert PAGE in text_of(client.get("/appointments/find/"))
    assert "Γράψτε" in text_of(client.post(PAGE, {"email": ""}))
