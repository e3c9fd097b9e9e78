"""Sending the mail by which a guest confirms the address once more, if the first one did not arrive."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.work.waking import wake_worker
from appointments.models import Appointment, Notification, Status

# Each mail is a row. Its `minutes_before` is the minutes left until the deadline, so there is one row a minute at most.
MOST = 3  # mails for one booking, because the address may belong to somebody else


@transaction.atomic
def send_again(unverified: Appointment, *, now: datetime) -> bool:
    """Owe the mail again, due now. Return False if there is nothing to confirm any more, or there were MOST mails."""
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
