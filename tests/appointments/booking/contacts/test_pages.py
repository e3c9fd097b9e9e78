"""The pages on which citizens and officers correct a contact."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import booking
from appointments.booking import NewContact
from appointments.models import Appointment, Notification, Status
from tests.builders import GUEST, NOW, STAFF, a_contact, an_appointment, at, booked_at, minutes, slot_at
from tests.codes import open_for
from tests.pages import hidden_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

Kind, State = Notification.Kind, Notification.State
WRONG, RIGHT, PHONE = "wrong@example.org", "right@example.org", "+306912345678"


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    return an_appointment(slot_at(at(9)), email=WRONG, phone="")


@pytest.fixture
def unverified(branch: Branch) -> Appointment:
    branch.agency.verify_minutes = 30
    branch.agency.save()
    procedure = branch.agency.procedures.select_related("agency").get()
    held = booking.hold(slot_at(at(9)).pk, procedure, Channel.IN_PERSON, by=GUEST, now=NOW)
    return booking.confirm(held, a_contact(email=WRONG, phone=""), by=GUEST, now=NOW)


def opened(client: Client, appointment: Appointment, link: str = "link") -> str:
    """Lets the browser open the appointment as by the link of its mail, and returns the address of its page."""
    open_for(client, appointment, by_mail=link == "link")
    return appointment.get_absolute_url()


def send(client: Client, own: str, email: str = RIGHT, phone: str = "") -> Any:
    fields = hidden_of(text_of(client.get(f"{own}contact/")))
    return client.post(f"{own}contact/", fields | {"email": email, "phone": phone}, follow=True)


def test_citizen_corrects_the_address_and_stays_inside(client: Client, booked: Appointment) -> None:
    own = opened(client, booked)
    page = client.get(own)
    assert f"{own}contact/" in text_of(page)
    shown = text_of(send(client, own))
    assert "Αποθηκεύτηκε" in shown
    assert RIGHT in shown
    assert client.get(own).status_code == 200


def test_link_and_browser_of_the_wrong_address_open_nothing_any_more(client: Client, booked: Appointment) -> None:
    stranger = Client()
    own = opened(stranger, booked)
    old_link = booked.link_key
    send(client, opened(client, booked))
    assert stranger.get(own).status_code == 404
    assert Client().get(f"{own}?key={old_link}").status_code == 403
    booked.refresh_from_db()
    for link in ("link", "shown_link"):
        browser = Client()
        assert browser.get(opened(browser, booked, link)).status_code == 200


def test_browser_that_came_by_the_earlier_mail_has_not_proved_the_new_address(
    client: Client, booked: Appointment
) -> None:
    own = opened(client, booked)
    client.get(own)
    booked.refresh_from_db()
    assert booked.is_address_proven
    send(client, own)
    client.get(own)
    booked.refresh_from_db()
    assert not booked.is_address_proven
    client.get(opened(client, booked))
    booked.refresh_from_db()
    assert booked.is_address_proven


def test_guest_corrects_the_address_before_it_is_confirmed(client: Client, unverified: Appointment) -> None:
    own = opened(client, unverified, "shown_link")
    waiting = text_of(client.get(f"{own}done/"))
    assert f"{own}contact/" in waiting
    shown = send(client, own)
    assert shown.redirect_chain[-1] == (f"{own}done/", 302)
    assert f"Στείλαμε νέο μήνυμα στη διεύθυνση {RIGHT}" in text_of(shown)
    unverified.refresh_from_db()
    mail = Client()
    mail.post(f"{opened(mail, unverified)}verify/")
    unverified.refresh_from_db()
    assert (unverified.status, unverified.email) == (Status.BOOKED, RIGHT)


def test_link_of_the_wrong_address_does_not_confirm(client: Client, unverified: Appointment) -> None:
    stranger = Client()
    own = opened(stranger, unverified)
    send(client, opened(client, unverified, "shown_link"))
    assert stranger.post(f"{own}verify/").status_code == 404
    unverified.refresh_from_db()
    assert unverified.status == Status.UNVERIFIED


def test_wrong_fields_say_what_is_wrong_and_change_nothing(client: Client, booked: Appointment) -> None:
    own = opened(client, booked)
    shown = text_of(send(client, own, email="maria@", phone="12"))
    assert "Γράψτε" in shown or "σωστή μορφή" in shown
    booked.refresh_from_db()
    assert (booked.email, booked.revision) == (WRONG, 0)


def test_video_call_asks_for_a_number(client: Client, branch: Branch) -> None:
    own = opened(client, booked_at(branch, 9, channel=Channel.VIDEO))
    assert "id_phone_error" in text_of(send(client, own, phone=""))


def test_page_of_before_the_last_correction_is_refused(client: Client, booked: Appointment) -> None:
    own = opened(client, booked)
    old = hidden_of(text_of(client.get(f"{own}contact/")))
    send(client, own)
    shown = text_of(client.post(f"{own}contact/", old | {"email": "third@example.org", "phone": ""}))
    assert "άλλαξε στο μεταξύ" in shown
    booked.refresh_from_db()
    assert booked.email == RIGHT


def test_address_of_somebody_with_an_appointment_tells_nothing_of_it(
    client: Client, branch: Branch, booked: Appointment
) -> None:
    other = booked_at(branch, 11, number=5, email=RIGHT)
    shown = text_of(send(client, opened(client, booked)))
    assert other.reference not in shown
    assert "Έχετε ήδη" not in shown
    booked.refresh_from_db()
    assert booked.email == WRONG


# Officers


def page_of(appointment: Appointment, name: str) -> str:
    return f"/admin/appointments/appointment/{appointment.reference}/{name}/"


def test_officer_corrects_both(client: Client, officer: User, booked: Appointment) -> None:
    client.force_login(officer)
    assert page_of(booked, "contact") in text_of(client.get(page_of(booked, "change")))
    shown = client.post(page_of(booked, "contact"), {"email": RIGHT, "phone": "6912345678"}, follow=True)
    assert "Άλλαξαν τα στοιχεία επικοινωνίας" in text_of(shown)
    booked.refresh_from_db()
    assert (booked.email, booked.phone) == (RIGHT, PHONE)
    assert "Άλλαξε η διεύθυνση e-mail, Προστέθηκε τηλέφωνο" in text_of(client.get(page_of(booked, "change")))


def test_officer_sees_that_nobody_can_be_told(client: Client, officer: User, booked: Appointment) -> None:
    client.force_login(officer)
    booking.correct(booked, NewContact("", ""), by=STAFF, now=NOW)
    assert "κανείς δεν μπορεί να ειδοποιήσει" in text_of(client.get(page_of(booked, "change"))).lower()


def test_officer_cannot_take_the_address_that_has_to_be_confirmed(
    client: Client, officer: User, unverified: Appointment
) -> None:
    client.force_login(officer)
    assert client.post(page_of(unverified, "contact"), {"email": "", "phone": PHONE}).status_code == 200
    unverified.refresh_from_db()
    assert unverified.email == WRONG


def test_number_for_the_call_owes_its_reminders_too(client: Client, branch: Branch, settings: Any) -> None:
    settings.SMS_URL = "json://127.0.0.1:9/?:to={phone}"
    video = booked_at(branch, 13, channel=Channel.VIDEO, phone="2821012345")
    own = opened(client, video)
    client.post(f"{own}join/", {"phone": "6912345678"})
    video.refresh_from_db()
    assert video.phone == PHONE
    assert Appointment.objects.matching("6912345678").exists()
    assert video.notifications.filter(kind=Kind.REMINDER, medium="sms", due_at__gt=NOW + minutes(1)).exists()
