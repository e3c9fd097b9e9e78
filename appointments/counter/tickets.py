"""The verbs that give a citizen a ticket: a place in the branch's line on one day."""

from datetime import datetime, timedelta
from typing import Any

from accounts.sealing import random_key
from agencies.models import Branch, Channel, Procedure
from appointments import history
from appointments.booking import serving
from appointments.booking.locking import locked as locked_appointment
from appointments.counter import steps
from appointments.counter.desks import queue_of
from appointments.counter.line import kept_until
from appointments.errors import WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Event, Queue, Status, Ticket

Verb, State = Event.Verb, Ticket.State
# The fields that change when a ticket is used again. So does `park_reason`, but events hold no free text.
ANEW = (
    *("branch_id", "day", "number", "procedure_id", "channel", "language", "state", "due_at", "arrived_at"),
    *("called_at", "calls", "serving_at", "ended_at", "desk_id", "for_desk_id", "officer_id", "outcome"),
)


def check_in(appointment: Appointment, *, by: Actor, now: datetime) -> Ticket:
    """Check in the citizen on the day of the appointment, and return the ticket. Repeating it returns the same ticket.

    A citizen who was marked as missed, or whose appointment was moved, gets a new number. One who was missed and has
    booked again for today is checked in on the new appointment. Raises WrongStatus if the appointment is not today, or
    its status does not allow it.
    """
    with queue_of(appointment.branch) as queue, locked_appointment(to_check_in(appointment, now)) as here:
        _require_here_today(here, queue, now)
        present = Ticket.objects.open().of_day(here.branch, here.branch.today(now))
        if ticket := present.filter(appointment=here).first():
            return ticket
        before: dict[str, Any] = {"ticket": _before(here, now)}
        # The appointment may have arrived without a ticket. Then only the ticket is missing.
        if here.status != Status.ARRIVED:
            before |= serving.to_arrived(here, now)
        ticket = _ticket_of(here, queue, now)
        steps.note(Verb.CHECK_IN, ticket, by=by, now=now, before=before)
    return ticket


def to_check_in(appointment: Appointment, now: datetime) -> Appointment:
    """Return the appointment on which this one's citizen is checked in.

    It is another one only if the citizen missed this one, and has booked the same service again for today.
    """
    if appointment.status != Status.NO_SHOW or appointment.ended_at is None:
        return appointment
    related = Appointment.objects.select_related("agency", "branch__agency", "procedure__agency")
    return related.booked_instead_of(appointment, now=now).first() or appointment


def take_ticket(
    branch: Branch,
    procedure: Procedure,
    *,
    by: Actor,
    now: datetime,
    language: str = "el",
    name: str = "",
    phone: str = "",
    channel: str = Channel.IN_PERSON,
    priority: bool = False,
    code: str = "",
) -> Ticket:
    """Give a ticket to a citizen without an appointment. The same (unguessable) `code` returns the same ticket."""
    with queue_of(branch) as queue:
        if code and (ticket := Ticket.objects.filter(branch=branch, code=code).first()):
            return ticket
        ticket = Ticket.objects.create(
            **_new_number(queue, now),
            code=code or random_key(),
            procedure=procedure,
            language=language,
            name=name,
            phone=phone,
            channel=channel,
            priority=priority,
            arrived_at=now,
            due_at=now + timedelta(minutes=branch.agency.walk_in_minutes),
        )
        steps.note(Verb.CHECK_IN, ticket, by=by, now=now, before={"ticket": _gone(now)})
    return ticket


def admit(remote: Appointment, *, by: Actor, now: datetime) -> Ticket:
    """Give a ticket to a telephone or video appointment of today, also before its time, for the officer who calls.

    Repeating it returns the same ticket. Raises WrongStatus if the appointment is in person, not booked, or not today.
    """
    with queue_of(remote.branch) as queue, locked_appointment(remote) as awaited:
        _require_here_today(awaited, queue, now)
        if ticket := Ticket.objects.open().filter(appointment=awaited).first():
            return ticket
        if awaited.channel == Channel.IN_PERSON or awaited.status != Status.BOOKED:
            raise WrongStatus
        before = {"ticket": _before(awaited, now)}
        ticket = _ticket_of(awaited, queue, now)
        steps.note(Verb.ADMIT, ticket, by=by, now=now, before=before)
    return ticket


def admit_due(queue: Queue, *, by: Actor, now: datetime) -> None:
    """Give tickets to the telephone and video appointments whose time has come, because nobody checks them in.

    An appointment that had a ticket today and was moved to a later time gets one again. Nobody can take this step back,
    because the next call would repeat it.
    """
    today = queue.branch.today(now)
    due = Appointment.objects.on_day(queue.branch, today).filter(status=Status.BOOKED, starts_at__lte=now)
    remote = due.exclude(channel=Channel.IN_PERSON).exclude(ticket__state__in=Ticket.OPEN)
    locked = remote.select_related("procedure").order_by("pk").select_for_update(of=("self",), no_key=True)
    for appointment in sorted(locked, key=lambda one: (one.starts_at, one.pk)):
        ticket = _ticket_of(appointment, queue, now, since=appointment.starts_at)
        steps.note(Verb.ADMIT, ticket, by=by, now=now)


def _require_here_today(appointment: Appointment, queue: Queue, now: datetime) -> None:
    """Raise WrongStatus unless the appointment is at this branch today. It may have been moved a moment ago."""
    day = appointment.branch.today(appointment.starts_at)
    if appointment.branch_id != queue.branch_id or day != queue.branch.today(now):
        raise WrongStatus


def _before(appointment: Appointment, now: datetime) -> dict[str, Any]:
    """Return the values that the appointment's ticket gets if the step that gives it is taken back."""
    old = Ticket.objects.filter(appointment=appointment).first()
    return history.as_it_is(old, ANEW) if old else _gone(now)


def _gone(now: datetime) -> dict[str, Any]:
    """Return the values that a new ticket gets if the step that made it is taken back."""
    return {"state": State.GONE, "ended_at": now.isoformat()}


def _new_number(queue: Queue, now: datetime) -> dict[str, Any]:
    today = queue.branch.today(now)
    queue.last_number = queue.last_number + 1 if queue.day == today else 1
    queue.day = today
    queue.save(update_fields=["day", "last_number"])
    return {"branch": queue.branch, "day": today, "number": queue.last_number}


def _ticket_of(appointment: Appointment, queue: Queue, now: datetime, *, since: datetime | None = None) -> Ticket:
    """Give the appointment a ticket with a new number. A ticket that it had before is used again."""
    fresh: dict[str, Any] = {"calls": 0, "park_reason": "", "outcome": ""}
    # The turn counts from the appointment's time, because that was promised; if the citizen is late, from the arrival.
    late = appointment.channel == Channel.IN_PERSON and now > kept_until(appointment)
    fresh |= _new_number(queue, now)
    fresh |= dict.fromkeys(("called_at", "serving_at", "ended_at", "desk", "for_desk", "officer"))
    fresh |= {
        "state": State.WAITING,
        "procedure": appointment.procedure,
        "channel": appointment.channel,
        "language": appointment.language,
        "arrived_at": since or now,
        "due_at": now if late else appointment.starts_at,
    }
    ticket, _ = Ticket.objects.update_or_create(appointment=appointment, defaults=fresh)
    return ticket
