"""The mail by which a guest confirms the address, once more for those whom the first one has not reached."""

from datetime import datetime, timedelta

from django.db import transaction

from appointments.booking.waking import wake_worker
from appointments.models import Appointment, Notification, Status

# A row of its own for each, and no two in one minute: `minutes_before` are those left until the deadline.
MOST = 3  # mails for one booking: an address that somebody else typed is not to be flooded


@transaction.atomic
def send_again(unverified: Appointment, *, now: datetime) -> bool:
    """Owe the mail again, now. False if there is nothing left to confirm, or it has been sent often enough."""
    appointment = Appointment.objects.select_for_update().get(pk=unverified.pk)
    if appointment.status != Status.UNVERIFIED or appointment.is_overdue(now):
        return False
    mails = Notification.objects.filter(
        appointment=appointment, kind=Notification.Kind.VERIFY, medium=Notification.Medium.EMAIL
    )
    if mails.count() >= MOST:
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
    wake_worker("appointments.tasks.deliver_due")
    return True


def _minutes_left(appointment: Appointment, now: datetime) -> int:
    assert appointment.expires_at is not None  # noqa: S101 (a constraint says so)
    return (appointment.expires_at - now) // timedelta(minutes=1)
