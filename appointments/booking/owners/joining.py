"""Bookings that somebody made as a guest join the account of the same address, once both have proved that they read it.

The account has proved it by a code, and the booking by a link of ours that was opened, or because the browser that signs in
has the booking open. What nobody has proved stays apart: perhaps a stranger has typed the address. So does what an officer
or a system has booked, perhaps for somebody else of the family. Whoever has the address gets to all of them by their links.
"""

from collections.abc import Collection
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from appointments.models import Appointment
from appointments.models.appointment import AppointmentQuerySet


def account_of(appointment: Appointment) -> User | None:
    """Return the account of a guest's proven address, or None. Two queries at most."""
    if appointment.citizen_id or appointment.source != Appointment.Source.WEB or not appointment.email:
        return appointment.citizen
    address = appointment.email.strip().lower()
    user = User.objects.filter(email=address, is_active=True).first()
    return user if user and _has_proved(user) else None


def join(user: User, opened: Collection[str] = ()) -> int:
    """Make the proven bookings of the guest with this address those of the account. Return how many there were.

    `opened` are the appointments that the browser of the account has open (`opened_as`).
    """
    if not (user.is_active and _has_proved(user)):
        return 0
    found = _of_guest(user).only("reference", "address_changes", "address_proven_at")
    own = [one.pk for one in found if one.address_proven_at or one.opened_as in opened]
    return Appointment.objects.filter(pk__in=own, citizen=None, email__iexact=user.email).update(citizen=user)


def _has_proved(user: User) -> bool:
    return EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists()


def _of_guest(user: User) -> AppointmentQuerySet:
    return Appointment.objects.of_address(user.email).made().filter(citizen=None, source=Appointment.Source.WEB)


@receiver(user_logged_in)
def _signed_in(user: User, request: HttpRequest | None = None, **_more: Any) -> None:
    session = getattr(request, "session", {})
    join(user, session.get("appointments", []))


@receiver(email_confirmed)
def _confirmed(email_address: EmailAddress, **_more: Any) -> None:
    """Also when an account moves to another address: this signal comes when the account has it."""
    join(User.objects.get(pk=email_address.user_id))
