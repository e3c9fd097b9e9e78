"""Who is told what: the messages that each event owes, as rows in the transaction of the change that causes them.

Rows survive a crash, a lost broker or a restart. The worker is woken when the transaction commits; if that fails, its
periodic sweep finds the rows.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from agencies.wallclock import instant
from appointments.booking.waking import wake_worker
from appointments.models import Appointment, Notification
from appointments.phones import mobile_number

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State

# Nobody is reminded at night on the citizen's clock: a reminder goes out the evening before, anything else waits.
NIGHT_BEGINS, NIGHT_ENDS, EVENING = time(21), time(8), time(20)
WAITS_FOR_MORNING = (Kind.REMINDER, Kind.RATING)
# What is owed once service is completed.
AFTERWARDS = (Kind.RATING, Kind.SUMMARY)


class Owed(NamedTuple):
    """A message to be written; reminders are told apart by how long before they come."""

    kind: str
    medium: str
    due_at: datetime
    minutes_before: int = 0


def owe_verification(appointment: Appointment, *, now: datetime) -> None:
    """A guest has to confirm the address before the time is really booked."""
    _owe(appointment, _to_all_media(appointment, Kind.VERIFY, now, media=[Medium.EMAIL]))


def owe_confirmation(appointment: Appointment, *, now: datetime) -> None:
    _owe(appointment, confirmation(appointment, appointment.agency.reminders, appointment.zone, now=now))


def confirmation(appointment: Appointment, reminders: Iterable[int], zone: ZoneInfo, *, now: datetime) -> list[Owed]:
    """What a booking owes: `reminders` in minutes before its time, on the clock of `zone`, the citizen's."""
    return [*_to_all_media(appointment, Kind.CONFIRMATION, now), *_reminders(appointment, reminders, zone, now)]


def owe_move(appointment: Appointment, *, now: datetime) -> None:
    """Tell the new time, and remind of it instead of the old one."""
    _owe(appointment, [*_to_all_media(appointment, Kind.MOVED, now), *_own_reminders(appointment, now)])


def owe_cancellation(appointment: Appointment, *, now: datetime) -> None:
    _owe(appointment, _to_all_media(appointment, Kind.CANCELLED, now))


def owe_offer(appointment: Appointment, *, due: datetime) -> None:
    """Tell that another time is offered, or that none was found."""
    _owe(appointment, _to_all_media(appointment, Kind.OFFER, due))


def owe_rating(appointment: Appointment, *, now: datetime) -> None:
    """Ask once how it was, an hour after the end."""
    due = after_night(now + timedelta(hours=1), appointment.zone)
    _owe(appointment, _to_all_media(appointment, Kind.RATING, due, media=[Medium.EMAIL]))


def owe_summary(appointment: Appointment, *, now: datetime) -> None:
    """What the officer wrote for the citizen, once the step can no longer be taken back."""
    _owe(appointment, _to_all_media(appointment, Kind.SUMMARY, now, media=[Medium.EMAIL]))


def owe_delay(appointment: Appointment, *, now: datetime) -> None:
    """Tell once that it will be later; nobody who waits is woken at night by it."""
    _owe(appointment, _to_all_media(appointment, Kind.DELAYED, now))


DROP = """
UPDATE appointments_notification SET state = 'dropped' WHERE appointment_id = %s AND state = 'pending' RETURNING id
"""


def drop_pending(appointment: Appointment) -> list[int]:
    """Drop the messages not sent yet: the appointment moved or ended. Returns their keys, for the step's event."""
    with connection.cursor() as cursor:
        cursor.execute(DROP, [appointment.pk])
        return [pk for (pk,) in cursor.fetchall()]


def take_back(appointment: Appointment, dropped: Iterable[int]) -> None:
    """The step that dropped these messages was taken back: they are owed again, and what it owed itself is not."""
    Notification.objects.filter(pk__in=list(dropped), state=State.DROPPED).update(state=State.PENDING)
    appointment.notifications.filter(kind__in=AFTERWARDS, state=State.PENDING).delete()


def _own_reminders(appointment: Appointment, now: datetime) -> Iterable[Owed]:
    return _reminders(appointment, appointment.agency.reminders, appointment.zone, now)


def _reminders(appointment: Appointment, reminders: Iterable[int], zone: ZoneInfo, now: datetime) -> Iterable[Owed]:
    """One reminder for each of the minutes; two that the night moves to the same evening are one."""
    by_due = {waking_hours(appointment.starts_at - timedelta(minutes=one), zone): one for one in sorted(reminders)}
    for due, minutes_before in by_due.items():
        if due > now:
            yield from _to_all_media(appointment, Kind.REMINDER, due, minutes_before=minutes_before)


def waking_hours(due: datetime, zone: ZoneInfo) -> datetime:
    """The time itself, or the evening before where it falls into the night of this clock."""
    if not _is_night(due, zone):
        return due
    local = due.astimezone(zone)
    evening = local.date() if local.time() >= NIGHT_BEGINS else local.date() - timedelta(days=1)
    return instant(datetime.combine(evening, EVENING), zone)


def after_night(due: datetime, zone: ZoneInfo) -> datetime:
    """The time itself, or the morning after where it falls into the night of this clock."""
    if not _is_night(due, zone):
        return due
    local = due.astimezone(zone)
    morning = local.date() + timedelta(days=local.time() >= NIGHT_BEGINS)
    return instant(datetime.combine(morning, NIGHT_ENDS), zone)


def _is_night(moment: datetime, zone: ZoneInfo) -> bool:
    return not NIGHT_ENDS <= moment.astimezone(zone).time() < NIGHT_BEGINS


def _to_all_media(
    appointment: Appointment, kind: str, due: datetime, *, minutes_before: int = 0, media: Iterable[str] = Medium
) -> Iterable[Owed]:
    return (Owed(kind, medium, due, minutes_before) for medium in media if _reaches(appointment, medium))


def _reaches(appointment: Appointment, medium: str) -> bool:
    if medium == Medium.SMS:
        return bool(settings.SMS_URL and mobile_number(appointment.phone))
    return bool(appointment.email)


# Written for whatever the CTE `appointment` gives, so that the statement that makes an appointment can write them too.
WRITE = """
INSERT INTO appointments_notification
    (appointment_id, kind, medium, lead_minutes, due_at, revision, language, state, attempts, last_error)
SELECT appointment.id, owed.kind, owed.medium, owed.minutes_before, owed.due_at, appointment.revision,
    appointment.language, 'pending', 0, ''
FROM appointment, unnest(%(kinds)s::text[], %(media)s::text[], %(minutes_before)s::integer[], %(dues)s::timestamptz[])
    AS owed (kind, medium, minutes_before, due_at)
ON CONFLICT DO NOTHING
"""
OWE = f"WITH appointment AS (SELECT id, revision, language FROM appointments_appointment WHERE id = %(id)s) {WRITE}"


def as_params(messages: Iterable[Owed]) -> dict[str, list[Any]]:
    """The messages as WRITE takes them."""
    owed = [*messages]
    return {
        "kinds": [str(one.kind) for one in owed],
        "media": [str(one.medium) for one in owed],
        "minutes_before": [one.minutes_before for one in owed],
        "dues": [one.due_at for one in owed],
    }


def _owe(appointment: Appointment, messages: Iterable[Owed]) -> None:
    """Write the rows (a repeated event owes nothing twice) and wake the worker once the change is committed."""
    params = as_params(messages)
    if params["kinds"]:
        with connection.cursor() as cursor:
            cursor.execute(OWE, {"id": appointment.pk, **params})
        wake_worker("appointments.tasks.deliver_due")
