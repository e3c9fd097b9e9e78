"""What was sent where, and sending again what did not arrive."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import get_connection
from django.test import Client
from django.utils import translation

from accounts.models import User
from agencies.models import Branch
from appointments import booking
from appointments.booking import NewContact, retention
from appointments.errors import AlreadyAsked, NoLongerTrue, NowhereToSend
from appointments.messages.again import send_again
from appointments.messages.delivery import deliver_next
from appointments.messages.seen import SENT, for_citizen
from appointments.models import Appointment, Event, Notification
from appointments.wording import hidden
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    a_branch,
    an_agency,
    an_appointment,
    an_officer,
    at,
    minutes,
    slot_at,
)
from tests.codes import open_for
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    return an_appointment(slot_at(at(9)))


def deliver() -> None:
    mailer = get_connection()
    while deliver_next(mailer, now=NOW):
        pass


def confirmation(appointment: Appointment, **fields: object) -> Notification:
    rows = appointment.notifications.filter(kind=Kind.CONFIRMATION)
    if fields:
        rows.update(**fields)
    return rows.get()


def address_of(message: Notification) -> str:
    return f"/admin/appointments/appointment/{message.appointment.reference}/again/{message.pk}/"


def test_message_keeps_where_it_was_sent_to_until_retention(booked: Appointment) -> None:
    deliver()
    assert confirmation(booked).sent_to == booked.email
    retention.erase_old(now=NOW + timedelta(days=booked.agency.retention_days + 3))
    assert confirmation(booked).sent_to == ""


def test_failed_message_is_sent_once_however_often_it_is_pressed(
    client: Client, booked: Appointment, officer: User
) -> None:
    message = confirmation(booked, state=State.FAILED, attempts=8, last_error="550", sent_to=booked.email)
    client.force_login(officer)
    shown = text_of(client.get(f"/admin/appointments/appointment/{booked.reference}/change/"))
    assert address_of(message) in shown
    for _ in range(2):
        client.post(address_of(message))
    deliver()
    assert [letter.to for letter in mail.outbox] == [[booked.email]]
    assert booked.events.filter(verb=Event.Verb.RESEND, officer=officer).count() == 1
    assert confirmation(booked).state == State.SENT
    assert address_of(message) not in text_of(client.get(f"/admin/appointments/appointment/{booked.reference}/change/"))


def test_message_that_perhaps_arrived_is_asked_about_first(client: Client, booked: Appointment, officer: User) -> None:
    message = confirmation(booked, state=State.UNSURE)
    client.force_login(officer)
    assert "δύο φορές" in text_of(client.post(address_of(message)))
    assert confirmation(booked).state == State.UNSURE
    client.post(address_of(message), {"sure": "1"})
    assert confirmation(booked).state == State.PENDING


@pytest.mark.parametrize("state", [State.PENDING, State.SENDING, State.SENT, State.DROPPED])
def test_message_on_its_way_is_not_sent_again(booked: Appointment, state: str) -> None:
    with pytest.raises(AlreadyAsked):
        send_again(confirmation(booked, state=state), by=STAFF, now=NOW)


def test_message_that_is_no_longer_true_is_not_sent_again(booked: Appointment) -> None:
    message = confirmation(booked, state=State.FAILED)
    booking.reschedule(booked, slot_at(at(10)).pk, by=GUEST, now=NOW)
    with pytest.raises(NoLongerTrue):
        send_again(message, by=STAFF, now=NOW)


def test_message_without_an_address_waits_for_one(booked: Appointment) -> None:
    message = confirmation(booked, state=State.FAILED)
    Appointment.objects.update(email="")
    with pytest.raises(NowhereToSend):
        send_again(message, by=STAFF, now=NOW)


def test_officer_of_another_branch_sends_nothing(client: Client, booked: Appointment) -> None:
    message = confirmation(booked, state=State.FAILED)
    client.force_login(an_officer(a_branch(an_agency("other"), "other"), email="other@example.org"))
    assert client.post(address_of(message)).status_code == 404


def test_notice_to_an_earlier_address_needs_nobody(booked: Appointment) -> None:
    booking.correct(booked, NewContact("right@example.org", ""), by=STAFF, now=NOW)
    booked.notifications.filter(kind=Kind.CORRECTED).update(state=State.FAILED)
    assert not Notification.objects.undelivered().exists()


def test_row_and_query_agree_on_what_can_be_sent_again(booked: Appointment) -> None:
    message = confirmation(booked)
    for kind in (Kind.CONFIRMATION, Kind.CORRECTED):
        for state in State:
            Notification.objects.filter(pk=message.pk).update(state=state, kind=kind)
            message.refresh_from_db()
            found = Notification.objects.undelivered().filter(pk=message.pk).exists()
            assert message.may_be_sent_again is found


# For the citizen


def test_every_kind_is_told_to_the_citizen_in_words() -> None:
    assert set(SENT) == set(Kind)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("maria@example.org", "m…@example.org"),
        ("m@example.org", "m…@example.org"),
        ("+306912345678", "…678"),
        ("678", ""),
        ("", ""),
    ],
)
def test_address_is_hidden_in_part(address: str, shown: str) -> None:
    assert hidden(address) == shown


def test_citizen_reads_what_was_sent_and_what_did_not_arrive(client: Client, booked: Appointment) -> None:
    deliver()
    reminder = booked.notifications.filter(kind=Kind.REMINDER).latest("due_at")
    Notification.objects.filter(pk=reminder.pk).update(
        state=State.FAILED, sent_to=booked.email, due_at=NOW + minutes(5)
    )
    open_for(client, booked)
    page = text_of(client.get(booked.get_absolute_url()))
    assert "Στείλαμε την επιβεβαίωση: c…@example.org" in page
    assert "Ένα μήνυμα δεν έφτασε (c…@example.org)" in page
    with translation.override("en"):
        assert [one.text for one in for_citizen(booked)] == [
            "We sent the confirmation to c…@example.org",
            "A message to c…@example.org did not arrive. Is the address right?",
        ]
