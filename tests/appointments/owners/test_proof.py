"""The second check behind a link: until it is passed, no page of the appointment tells anything about the person."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from agencies.models import Branch
from appointments.models import Appointment
from appointments.urls import managing
from appointments.views.owners import proof
from tests import codes
from tests.builders import NOW, a_user, an_appointment, at, slot_at
from tests.codes import follow
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
# What opens with the link alone, and names neither the person nor the appointment.
OPEN = {"open", "verify", "rate"}


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    return an_appointment(slot_at(at(9)), name="Ελένη Μπακάλη", email="eleni@example.org", phone="6912345678")


def gate_of(appointment: Appointment) -> str:
    return reverse("appointments:open", args=[appointment.reference])


def of_caller(booked: Appointment) -> Appointment:
    """An appointment without an address, of which only an SMS has told."""
    Appointment.objects.filter(pk=booked.pk).update(email="")
    booked.email = ""
    return booked


@pytest.mark.parametrize("view", sorted(str(one.name) for one in managing))
def test_link_alone_tells_nothing_about_the_person_or_the_visit(client: Client, booked: Appointment, view: str) -> None:
    for method in (client.get, client.post):
        client.get(booked.link())
        page = method(reverse(f"appointments:{view}", args=[booked.reference]), follow=True)
        text = text_of(page)
        for secret in ("Ελένη", "Μπακάλη", "eleni@", "6912345678", "Υπεύθυνη", "09:00", "9:00"):
            assert secret not in text
        if view not in OPEN and page.status_code != 405:
            assert page.request["PATH_INFO"] == gate_of(booked)
    booked.refresh_from_db()
    assert (booked.status, booked.address_proven_at) == ("booked", None)


def test_code_opens_the_page_that_was_asked_for_and_proves_the_address(client: Client, booked: Appointment) -> None:
    page = follow(client, booked, "move", link=booked.shown_link("move"))  # the code alone proves it
    assert page.request["PATH_INFO"] == f"{booked.get_absolute_url()}move/"
    assert codes.sent()[-1].to == ["eleni@example.org"]
    booked.refresh_from_db()
    assert booked.address_proven_at == NOW
    assert "Ελένη" in text_of(client.get(booked.get_absolute_url()))


def test_nothing_is_mailed_before_the_button_is_pressed(client: Client, booked: Appointment) -> None:
    """Programs that scan mail open links."""
    client.get(booked.link(), follow=True)
    assert codes.sent() == []


def test_code_opens_in_the_browser_that_asked_for_it_alone_and_once(client: Client, booked: Appointment) -> None:
    client.get(booked.link())
    client.post(gate_of(booked), {"action": "send"})
    code, other = codes.latest(), Client()
    other.get(booked.link())
    assert "δεν είναι σωστός" in text_of(other.post(gate_of(booked), {"code": code}))
    assert (
        client.post(gate_of(booked), {"code": f" {code[:3]} {code[3:]}"}).headers["Location"]
        == booked.get_absolute_url()
    )
    other.post(gate_of(booked), {"action": "send"})
    assert other.post(gate_of(booked), {"code": code}).status_code == 200


def test_code_of_one_appointment_opens_no_other(client: Client, booked: Appointment) -> None:
    second = an_appointment(slot_at(at(10)), 2, email="eleni@example.org", tax_number="090000045")
    for one in (booked, second):
        client.get(one.link())
    client.post(gate_of(booked), {"action": "send"})
    assert client.post(gate_of(second), {"code": codes.latest()}).status_code == 200


def test_late_code_and_guesses_open_nothing(client: Client, booked: Appointment) -> None:
    client.get(booked.link())
    client.post(gate_of(booked), {"action": "send"})
    code = codes.latest()
    with time_machine.travel(NOW + timedelta(minutes=settings.CODE_MINUTES), tick=False):
        assert client.post(gate_of(booked), {"code": code}).status_code == 200
    client.post(gate_of(booked), {"action": "send"})
    code = codes.latest()
    wrong = "000000" if code != "000000" else "111111"
    for _try in range(3):
        client.post(gate_of(booked), {"code": wrong})
    assert client.post(gate_of(booked), {"code": code}).status_code == 200


def test_sign_in_needs_no_second_check(client: Client, booked: Appointment) -> None:
    user = a_user()
    Appointment.objects.filter(pk=booked.pk).update(citizen=user)
    assert "Ελένη" in text_of(signed_in(client, user).get(booked.link(), follow=True))


@pytest.mark.parametrize("initials", ["Ε Μ", "μ.ε.", "EM", "ΕΜ"])
def test_initials_and_digits_open_where_there_is_no_address(client: Client, booked: Appointment, initials: str) -> None:
    of_caller(booked)
    client.get(booked.shown_link())
    answer = client.post(gate_of(booked), {"initials": initials, "digits": "5678"}, follow=True)
    assert answer.request["PATH_INFO"] == booked.get_absolute_url()
    booked.refresh_from_db()
    assert booked.address_proven_at is None


@pytest.mark.parametrize(
    ("initials", "digits"), [("Ε", "5678"), ("ΕΚ", "5678"), ("ΕΜ", "5679"), ("ΕΜ", ""), ("ΕΜΑ", "5678")]
)
def test_wrong_initials_or_digits_open_nothing(client: Client, booked: Appointment, initials: str, digits: str) -> None:
    of_caller(booked)
    client.get(booked.shown_link())
    page = client.post(gate_of(booked), {"initials": initials, "digits": digits})
    assert page.status_code == 200
    assert f'value="{initials}"' in text_of(page)


def test_answers_are_limited_and_open_nothing_without_a_number(client: Client, booked: Appointment) -> None:
    of_caller(booked)
    client.get(booked.shown_link())
    for _try in range(proof.ANSWERS.number):
        client.post(gate_of(booked), {"initials": "ΑΑ", "digits": "0000"})
    right = {"initials": "ΕΜ", "digits": "5678"}
    assert "Πολλές λανθασμένες απαντήσεις" in text_of(client.post(gate_of(booked), right))
    Appointment.objects.filter(pk=booked.pk).update(phone="")
    other = Client(REMOTE_ADDR="198.51.100.7")
    other.get(booked.shown_link())
    assert other.post(gate_of(booked), {"initials": "ΕΜ", "digits": "5678"}).status_code == 200


def test_returned_address_asks_for_initials(client: Client, booked: Appointment) -> None:
    Appointment.objects.filter(pk=booked.pk).update(returned_from=booked.email)
    client.get(booked.link())
    assert 'name="initials"' in text_of(client.get(gate_of(booked)))


@pytest.mark.parametrize("wanted", ["https://evil.example.org/", "//evil.example.org", "/admin/"])
def test_no_foreign_page_comes_after_the_check(client: Client, booked: Appointment, wanted: str) -> None:
    follow(client, booked)
    assert client.get(gate_of(booked), {"next": wanted}).headers["Location"] == booked.get_absolute_url()


def test_leaving_forgets_the_check(client: Client, booked: Appointment) -> None:
    follow(client, booked)
    client.post("/appointments/leave/")
    assert client.get(booked.get_absolute_url()).status_code == 404
    page = client.get(booked.link(), follow=True)
    assert page.request["PATH_INFO"] == gate_of(booked)
