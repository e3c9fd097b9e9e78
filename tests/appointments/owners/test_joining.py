"""Bookings of a guest join the account of the same proven address: at sign-in, at sign-up, and when they are proved later."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from agencies.models import Branch
from appointments import booking
from appointments.booking import verification
from appointments.models import Appointment, Status
from tests.builders import GUEST, NOW, STAFF, a_contact, a_user, an_appointment, at, slot_at
from tests.codes import latest
from tests.pages import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    """A guest's, whose address is proved."""
    appointment = an_appointment(slot_at(at(9)), email="Guest@example.org")
    verification.note_proof(appointment, now=NOW)
    return appointment


def an_account(email: str = "guest@example.org", *, verified: bool = True) -> User:
    user = a_user(email)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
    return user


def owner_of(appointment: Appointment) -> User | None:
    return Appointment.objects.get(pk=appointment.pk).citizen


def test_sign_in_takes_over_what_the_guest_has_proved(client: Client, booked: Appointment) -> None:
    user = an_account()
    signed_in(client, user)
    assert owner_of(booked) == user
    assert booked.reference in client.get("/appointments/").content.decode()


def test_sign_up_by_code_takes_over(client: Client, booked: Appointment) -> None:
    client.post("/accounts/signup/", {"email": "guest@example.org"})
    assert owner_of(booked) is None
    client.post("/accounts/confirm-email/", {"code": latest()})
    assert owner_of(booked) == User.objects.get(email="guest@example.org")


@pytest.mark.parametrize("verified", [True, False])
def test_link_that_is_opened_later_joins_a_proved_account_alone(branch: Branch, verified: bool) -> None:
    user = an_account(verified=verified)
    appointment = an_appointment(slot_at(at(9)), email="guest@example.org")
    assert owner_of(appointment) is None
    verification.note_proof(appointment, now=NOW)
    assert owner_of(appointment) == (user if verified else None)


def test_confirmation_by_mail_joins_the_account(branch: Branch) -> None:
    branch.agency.verify_minutes = 30
    branch.agency.save()
    user = an_account()
    slot = slot_at(at(9))
    held = booking.hold(slot.pk, branch.agency.procedures.get(), "in_person", by=GUEST, now=NOW)
    unverified = booking.confirm(held, a_contact(email="guest@example.org"), by=GUEST, now=NOW)
    signed_in(Client(), user)
    assert owner_of(unverified) is None
    booked = booking.verify(unverified, by=GUEST, now=NOW)
    assert (booked.status, owner_of(booked)) == (Status.BOOKED, user)


def test_unproved_account_takes_over_nothing(client: Client, booked: Appointment) -> None:
    signed_in(client, an_account(verified=False))
    assert owner_of(booked) is None


def test_what_others_have_typed_stays_apart(client: Client, branch: Branch) -> None:
    """An unproved booking may be a stranger's with a wrong address, and an officer's one is for a caller."""
    typed = an_appointment(slot_at(at(9)), email="guest@example.org")
    slot, procedure = slot_at(at(10)), branch.agency.procedures.get()
    called = booking.book(
        slot.pk,
        procedure,
        "in_person",
        a_contact(2, email="guest@example.org", tax_number="090000045"),
        by=STAFF,
        now=NOW,
    )
    verification.note_proof(called, now=NOW)
    signed_in(client, an_account())
    assert (owner_of(typed), owner_of(called)) == (None, None)


def test_unproved_booking_joins_in_the_browser_that_has_it_open(client: Client, branch: Branch) -> None:
    appointment = an_appointment(slot_at(at(9)), email="guest@example.org")
    found = {"reference": appointment.reference, "email": appointment.email}
    client.post("/appointments/find/", found)
    user = an_account()
    signed_in(client, user)
    assert owner_of(appointment) == user


def test_booking_of_another_account_or_address_stays(client: Client, booked: Appointment) -> None:
    other = an_account("other@example.org")
    Appointment.objects.filter(pk=booked.pk).update(citizen=other)
    signed_in(client, an_account())
    assert owner_of(booked) == other
