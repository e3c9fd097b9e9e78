"""Who is told what: the messages that each event owes, as rows in the transaction of the change that causes them.

Rows survive a crash, a lost broker or a restart. The worker is woken when the transaction commits; if that fails, its
periodic sweep finds the rows.
"""

import math
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Any, NamedTuple

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

from appointments.counter.line import TOLD_AFTER, delay_of
from appointments.models import Appointment, Notification, Offer, Status
from appointments.phones import mobile_number

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State

# Nobody is reminded at night on the citizen's clock: a reminder goes out the evening before, anything else waits.
NIGHT_BEGINS, NIGHT_ENDS, EVENING = time(21), time(8), time(20)
WAITS_FOR_MORNING = (Kind.REMINDER, Kind.RATING)
# Seconds that a request waits for a broker that hangs; one that is down refuses at once.
BROKER_PATIENCE = 0.05
# Seconds after which nobody needs waking any more: the periodic sweep has been there.
WAKE_EXPIRES = 60
# Seconds between two wakings by one process: however many bookings a second brings, one sweep serves them all.
WAKE_PAUSE = 1.0
_latest_waking: dict[str, float] = {}


class Owed(NamedTuple):
    """A message to be written; reminders are told apart by their lead."""

    kind: str
    medium: str
    due_at: datetime
    lead_minutes: int = 0


def owe_verification(appointment: Appointment, *, now: datetime) -> None:
    """A guest has to confirm the address before the time is really booked."""
    _owe(appointment, _to_all_media(appointment, Kind.VERIFY, now, media=[Medium.EMAIL]))


def owe_confirmation(appointment: Appointment, *, now: datetime) -> None:
    _owe(appointment, confirmation(appointment, now=now))


def confirmation(appointment: Appointment, *, now: datetime) -> Iterable[Owed]:
    """What a booking owes."""
    yield from _to_all_media(appointment, Kind.CONFIRMATION, now)
    yield from _reminders(appointment, now)


def owe_move(appointment: Appointment, *, now: datetime) -> None:
    """Tell the new time, and remind of it instead of the old one."""
    drop_pending(appointment)
    _owe(appointment, [*_to_all_media(appointment, Kind.MOVED, now), *_reminders(appointment, now)])


def owe_cancellation(appointment: Appointment, *, now: datetime) -> None:
    drop_pending(appointment)
    _owe(appointment, _to_all_media(appointment, Kind.CANCELLED, now))


def owe_offer(appointment: Appointment, *, due: datetime) -> None:
    """Another time instead of one that has fallen out; what was said about that one is no longer true."""
    drop_pending(appointment)
    _owe(appointment, _to_all_media(appointment, Kind.OFFER, due))


def owe_rating(appointment: Appointment, *, now: datetime) -> None:
    """Ask once how it was, an hour after the end."""
    due = after_night(now + timedelta(hours=1), appointment)
    _owe(appointment, _to_all_media(appointment, Kind.RATING, due, media=[Medium.EMAIL]))


def owe_summary(appointment: Appointment, *, now: datetime) -> None:
    """What the officer wrote for the citizen, once the step can no longer be taken back."""
    _owe(appointment, _to_all_media(appointment, Kind.SUMMARY, now, media=[Medium.EMAIL]))


def withdraw_summary(appointment: Appointment) -> None:
    """The step was taken back before it left: what is written in the end can be owed again."""
    appointment.notifications.filter(kind=Kind.SUMMARY, state=State.PENDING).delete()


def owe_delay(appointment: Appointment, *, now: datetime) -> None:
    """Tell once that it will be later; nobody who waits is woken at night by it."""
    _owe(appointment, _to_all_media(appointment, Kind.DELAYED, now))


def drop_pending(appointment: Appointment) -> None:
    """Messages not sent yet are no longer true: the appointment moved or ended."""
    appointment.notifications.filter(state=State.PENDING).update(state=State.DROPPED)


def is_true(message: Notification, *, now: datetime) -> bool:
    """Whether what the message says still holds: asked once more right before it leaves."""
    appointment = message.appointment
    if message.kind == Kind.VERIFY:
        return appointment.status == Status.UNVERIFIED and _is_ahead(appointment.expires_at, now)
    if message.kind == Kind.SUMMARY:
        return appointment.status == Status.COMPLETED
    if message.kind == Kind.RATING:
        return appointment.status == Status.COMPLETED and appointment.rated_at is None
    return message.revision == appointment.revision and _is_current(message, now)


def _is_current(message: Notification, now: datetime) -> bool:
    """The same for what is said of the time and place as they are now."""
    appointment = message.appointment
    if message.kind == Kind.DELAYED:
        return appointment.status in (Status.BOOKED, Status.ARRIVED) and _is_behind(appointment, now)
    if message.kind == Kind.OFFER:
        return appointment.status == Status.BOOKED and _is_offered(appointment, now)
    if message.kind == Kind.CANCELLED:
        return appointment.status == Status.CANCELLED
    ahead = appointment.status == Status.BOOKED and now < appointment.starts_at
    return ahead and not (message.kind == Kind.REMINDER and _is_overtaken(message, now))


def _is_offered(appointment: Appointment, now: datetime) -> bool:
    """Whether there is still something to answer: a time that is held, or the news that there is none."""
    states = {offer.state for offer in appointment.offers.all() if offer.deadline is None or now < offer.deadline}
    return bool(states & {Offer.State.OPEN, Offer.State.NONE_FOUND})


def _is_behind(appointment: Appointment, now: datetime) -> bool:
    """Whether it is still so late that it is worth telling."""
    delay = delay_of(appointment, now=now)
    return delay is not None and delay > TOLD_AFTER


def _is_overtaken(reminder: Notification, now: datetime) -> bool:
    """Whether a later reminder is due as well, because the worker was away: one is enough."""
    later = reminder.appointment.notifications.filter(kind=Kind.REMINDER, medium=reminder.medium, due_at__lte=now)
    return later.filter(revision=reminder.revision, lead_minutes__lt=reminder.lead_minutes).exists()


def _is_ahead(deadline: datetime | None, now: datetime) -> bool:
    return deadline is not None and now < deadline


def _reminders(appointment: Appointment, now: datetime) -> Iterable[Owed]:
    """One reminder for each of the agency's leads; two that the night moves to the same evening are one."""
    leads = {
        waking_hours(appointment.starts_at - timedelta(minutes=lead), appointment): lead
        for lead in sorted(appointment.agency.reminders)
    }
    for due, lead in leads.items():
        if due > now:
            yield from _to_all_media(appointment, Kind.REMINDER, due, lead_minutes=lead)


def waking_hours(due: datetime, appointment: Appointment) -> datetime:
    """The time itself, or the evening before where it falls into the citizen's night."""
    if not _is_night(due, appointment):
        return due
    local = due.astimezone(appointment.zone)
    evening = local.date() if local.time() >= NIGHT_BEGINS else local.date() - timedelta(days=1)
    return datetime.combine(evening, EVENING, appointment.zone)


def after_night(due: datetime, appointment: Appointment) -> datetime:
    """The time itself, or the morning after where it falls into the citizen's night."""
    if not _is_night(due, appointment):
        return due
    local = due.astimezone(appointment.zone)
    morning = local.date() + timedelta(days=local.time() >= NIGHT_BEGINS)
    return datetime.combine(morning, NIGHT_ENDS, appointment.zone)


def _is_night(moment: datetime, appointment: Appointment) -> bool:
    return not NIGHT_ENDS <= moment.astimezone(appointment.zone).time() < NIGHT_BEGINS


def _to_all_media(
    appointment: Appointment, kind: str, due: datetime, *, lead_minutes: int = 0, media: Iterable[str] = Medium
) -> Iterable[Owed]:
    return (Owed(kind, medium, due, lead_minutes) for medium in media if _reaches(appointment, medium))


def _reaches(appointment: Appointment, medium: str) -> bool:
    if medium == Medium.SMS:
        return bool(settings.SMS_URL and mobile_number(appointment.phone))
    return bool(appointment.email)


# Written for whatever the CTE `appointment` gives, so that the statement that makes an appointment can write them too.
WRITE = """
INSERT INTO appointments_notification
    (appointment_id, kind, medium, lead_minutes, due_at, revision, language, state, attempts, last_error)
SELECT appointment.id, owed.kind, owed.medium, owed.lead_minutes, owed.due_at, appointment.revision,
    appointment.language, 'pending', 0, ''
FROM appointment, unnest(%(kinds)s::text[], %(media)s::text[], %(leads)s::integer[], %(dues)s::timestamptz[])
    AS owed (kind, medium, lead_minutes, due_at)
ON CONFLICT DO NOTHING
"""
OWE = f"WITH appointment AS (SELECT id, revision, language FROM appointments_appointment WHERE id = %(id)s) {WRITE}"


def as_params(messages: Iterable[Owed]) -> dict[str, list[Any]]:
    """The messages as WRITE takes them."""
    owed = [*messages]
    return {
        "kinds": [str(one.kind) for one in owed],
        "media": [str(one.medium) for one in owed],
        "leads": [one.lead_minutes for one in owed],
        "dues": [one.due_at for one in owed],
    }


def _owe(appointment: Appointment, messages: Iterable[Owed]) -> None:
    """Write the rows (a repeated event owes nothing twice) and wake the worker once the change is committed."""
    params = as_params(messages)
    if params["kinds"]:
        with connection.cursor() as cursor:
            cursor.execute(OWE, {"id": appointment.pk, **params})
        wake_messenger()


def wake_messenger() -> None:
    wake_worker("appointments.tasks.deliver_due")


def wake_worker(task: str) -> None:
    """Run the sweep when this transaction commits. If the broker is away, the sweep comes by itself soon after."""
    transaction.on_commit(lambda: _send_task(task), robust=True)


def _send_task(task: str) -> None:
    """Enqueue the sweep, unless one still to come has been: at once, or when the pause since the last one is over."""
    now = monotonic()
    latest = _latest_waking.get(task, -math.inf)
    if latest <= now:
        begins = max(now, latest + WAKE_PAUSE)
        if _is_sent(task, countdown=begins - now):
            _latest_waking[task] = begins


def _is_sent(task: str, countdown: float) -> bool:
    """Enqueue through connections of our own, which give up sooner than a worker's."""
    broker = current_app.connection_for_write(transport_options={"socket_timeout": BROKER_PATIENCE})
    lease = {"block": True, "timeout": BROKER_PATIENCE}
    with suppress(OperationalError, LimitExceeded), producers[broker].acquire(**lease) as producer:
        current_app.send_task(task, producer=producer, countdown=countdown or None, expires=WAKE_EXPIRES)
        return True
    return False
