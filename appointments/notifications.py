"""Who is told what: the messages that each event owes, as rows in the transaction of the change that causes them.

Rows survive a crash, a lost broker or a restart. The worker is woken when the transaction commits; if that fails, its
periodic sweep finds the rows.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, time, timedelta

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from appointments.models import Appointment, Notification

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State

# No reminder is due at night on the citizen's clock; one that would be goes out the evening before.
NIGHT_BEGINS, NIGHT_ENDS, EVENING = time(21), time(8), time(20)


def owe_verification(appointment: Appointment, *, now: datetime) -> None:
    """A guest has to confirm the address before the time is really booked."""
    _owe([*_to_all_media(appointment, Kind.VERIFY, now, media=[Medium.EMAIL])])


def owe_confirmation(appointment: Appointment, *, now: datetime) -> None:
    _owe([*_to_all_media(appointment, Kind.CONFIRMATION, now), *_reminders(appointment, now)])


def owe_move(appointment: Appointment, *, now: datetime) -> None:
    """Tell the new time, and remind of it instead of the old one."""
    drop_pending(appointment)
    _owe([*_to_all_media(appointment, Kind.MOVED, now), *_reminders(appointment, now)])


def owe_cancellation(appointment: Appointment, *, now: datetime) -> None:
    drop_pending(appointment)
    _owe([*_to_all_media(appointment, Kind.CANCELLED, now)])


def owe_rating(appointment: Appointment, *, now: datetime) -> None:
    """Ask once how it was, an hour after the end."""
    _owe([*_to_all_media(appointment, Kind.RATING, now + timedelta(hours=1), media=[Medium.EMAIL])])


def drop_pending(appointment: Appointment) -> None:
    """Messages not sent yet are no longer true: the appointment moved or ended."""
    appointment.notifications.filter(state=State.PENDING).update(state=State.DROPPED)


def _reminders(appointment: Appointment, now: datetime) -> Iterable[Notification]:
    for lead in appointment.agency.reminders:
        due = waking_hours(appointment.starts_at - timedelta(minutes=lead), appointment)
        if due > now:
            yield from _to_all_media(appointment, Kind.REMINDER, due, lead_minutes=lead)


def waking_hours(due: datetime, appointment: Appointment) -> datetime:
    """The time itself, or the evening before where it falls into the citizen's night."""
    local = due.astimezone(appointment.zone)
    if NIGHT_ENDS <= local.time() < NIGHT_BEGINS:
        return due
    evening = local.date() if local.time() >= NIGHT_BEGINS else local.date() - timedelta(days=1)
    return datetime.combine(evening, EVENING, appointment.zone)


def _to_all_media(
    appointment: Appointment, kind: str, due: datetime, *, lead_minutes: int = 0, media: Iterable[str] = Medium
) -> Iterable[Notification]:
    for medium in media:
        if _reaches(appointment, medium):
            yield Notification(
                appointment=appointment,
                kind=kind,
                medium=medium,
                revision=appointment.revision,
                lead_minutes=lead_minutes,
                language=appointment.language,
                due_at=due,
            )


def _reaches(appointment: Appointment, medium: str) -> bool:
    if medium == Medium.SMS:
        return bool(settings.SMS_URL and appointment.phone)
    return bool(appointment.email)


def _owe(messages: list[Notification]) -> None:
    """Write the rows (a repeated event owes nothing twice) and wake the worker once the change is committed."""
    if messages:
        Notification.objects.bulk_create(messages, ignore_conflicts=True)
        wake_worker("appointments.tasks.deliver_due")


def wake_worker(task: str) -> None:
    """Run the sweep at once when this transaction commits. If the broker is away, the sweep comes by itself soon after."""

    def send() -> None:
        with suppress(OperationalError):
            current_app.send_task(task)

    transaction.on_commit(send, robust=True)
