"""Proving the address of a guest: by a link that only our messages carry, which is sent again if it did not arrive."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.work.waking import wake_worker
from appointments import claims
from appointments.booking.owners import joining
from appointments.models import Appointment, Notification, Status

# Each mail is a row. Its `minutes_before` is the minutes left until the deadline, so there is one row a minute at most.
MOST = 3  # mails to one address for one booking, because it may belong to somebody else


def note_proof(appointment: Appointment, *, now: datetime) -> None:
    """Note that a reader of the address has opened a link of ours.

    While the address has still to be confirmed, only `booking.verify` proves it: programs that scan mail open links too.
    """
    if appointment.status != Status.UNVERIFIED and appointment.address_proven_at is None:
        unproven = Appointment.objects.filter(pk=appointment.pk, address_proven_at=None)
        # Meanwhile the address may have become another one, which this link does not prove.
        citizen = joining.account_of(appointment)
        same = unproven.filter(address_changes=appointment.address_changes)
        if same.update(address_proven_at=now, citizen=citizen):
            appointment.address_proven_at, appointment.citizen = now, citizen
            claims.drop(appointment.pk)


@transaction.atomic
def send_again(unverified: Appointment, *, now: datetime) -> bool:
    """Owe the mail again, due now. Return False if there is nothing to confirm any more, or there were MOST mails."""
    appointment = Appointment.objects.select_for_update().get(pk=unverified.pk)
    if appointment.status != Status.UNVERIFIED or appointment.is_overdue(now):
        return False
    mails = Notification.objects.filter(
        appointment=appointment, kind=Notification.Kind.VERIFY, medium=Notification.Medium.EMAIL
    )
    if mails.exclude(~Q(sent_to="") & ~Q(sent_to__iexact=appointment.email)).count() >= MOST:
        return False
    mails.get_or_create(
        revision=appointment.revision,
        minutes_before=_minutes_left(appointment, now),
        defaults={
            "appointment": appointment,
            "kind": Notification.Kind.VERIFY,
            "medium": Notification.Medium.EMAIL,
            "language": appointment.language,
            "due_at": now,
        },
    )
    wake_worker("appointments.tasks.deliver_urgent")
    return True


def _minutes_left(appointment: Appointment, now: datetime) -> int:
    assert appointment.expires_at is not None  # noqa: S101 (a constraint says so)
    return (appointment.expires_at - now) // timedelta(minutes=1)
