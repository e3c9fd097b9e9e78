"""The verbs that give somebody a ticket: a place in the branch's line on one day."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from agencies.models import Branch, Channel, Procedure
from appointments.booking import serving
from appointments.booking.locking import locked as locked_appointment
from appointments.counter import steps
from appointments.counter.desks import queue_of
from appointments.counter.line import kept_until
from appointments.errors import WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Event, Queue, Status, Ticket
from appointments.models.keys import random_key

Verb, State = Event.Verb, Ticket.State


def check_in(appointment: Appointment, *, by: Actor, now: datetime) -> Ticket:
    """The citizen is here. Repeating it returns the same ticket.

    Citizens who were marked as missed, or whose appointment moved, get a new ticket.
    """
    with queue_of(appointment.branch) as queue, locked_appointment(appointment) as here:
        if here.branch_id != queue.branch_id:  # moved to another branch a moment ago
            raise WrongStatus
        present = Ticket.objects.open().of_day(here.branch, here.branch.today(now))
        if ticket := present.filter(appointment=here).first():
            return ticket
        before: dict[str, Any] = {"ticket": _gone(now)}
        # Who arrived where nobody gave a ticket is still to get one.
        if here.status != Status.ARRIVED:
            before |= serving.to_arrived(here, now)
        ticket = _ticket_of(here, queue, now)
        steps.note(Verb.CHECK_IN, ticket, by=by, now=now, before=before)
    return ticket


def take_ticket(
    branch: Branch,
    procedure: Procedure,
    *,
    by: Actor,
    now: datetime,
    language: str = "el",
    name: str = "",
    priority: bool = False,
    code: str = "",
) -> Ticket:
    """A ticket for somebody without an appointment; the same (unguessable) `code` returns the same ticket."""
    with queue_of(branch) as queue:
        if code and (ticket := Ticket.objects.filter(branch=branch, code=code).first()):
            return ticket
        ticket = Ticket.objects.create(
            **_new_number(queue, now),
            code=code or random_key(),
            procedure=procedure,
            language=language,
            name=name,
            priority=priority,
            arrived_at=now,
            due_at=now + timedelta(minutes=branch.agency.walk_in_minutes),
        )
        steps.note(Verb.CHECK_IN, ticket, by=by, now=now, before={"ticket": _gone(now)})
    return ticket


def admit(remote: Appointment, *, by: Actor, now: datetime) -> Ticket:
    """By telephone or video nobody arrives: the officer calls, also before the time. Repeating it returns the same ticket."""
    with queue_of(remote.branch) as queue:
        present = Ticket.objects.open().of_day(remote.branch, remote.branch.today(now))
        if ticket := present.filter(appointment=remote).first():
            return ticket
        remote.refresh_from_db(fields=["status"])
        if remote.channel == Channel.IN_PERSON or remote.status != Status.BOOKED:
            raise WrongStatus
        return _admitted(remote, queue, by, now)


def admit_due(queue: Queue, *, by: Actor, now: datetime) -> None:
    """Give tickets to the telephone and video appointments whose time has come: nobody checks them in."""
    today = queue.branch.today(now)
    due = Appointment.objects.on_day(queue.branch, today).filter(status=Status.BOOKED, starts_at__lte=now)
    remote = due.exclude(channel=Channel.IN_PERSON).filter(Q(ticket=None) | Q(ticket__day__lt=today))
    for appointment in remote.select_related("procedure").order_by("starts_at", "pk"):
        _admitted(appointment, queue, by, now, since=appointment.starts_at)


def _admitted(remote: Appointment, queue: Queue, by: Actor, now: datetime, *, since: datetime | None = None) -> Ticket:
    ticket = _ticket_of(remote, queue, now, since=since)
    steps.note(Verb.ADMIT, ticket, by=by, now=now)
    return ticket


def _gone(now: datetime) -> dict[str, Any]:
    """How a ticket is once the step that made it is taken back."""
    return {"state": State.GONE, "ended_at": now.isoformat()}


def _new_number(queue: Queue, now: datetime) -> dict[str, Any]:
    today = queue.branch.today(now)
    queue.last_number = queue.last_number + 1 if queue.day == today else 1
    queue.day = today
    queue.save(update_fields=["day", "last_number"])
    return {"branch": queue.branch, "day": today, "number": queue.last_number}


def _ticket_of(appointment: Appointment, queue: Queue, now: datetime, *, since: datetime | None = None) -> Ticket:
    """The appointment's ticket, made anew where it had one before: on another day, or before it was missed."""
    fresh: dict[str, Any] = {"calls": 0, "park_reason": "", "outcome": ""}
    # The appointment's time is what was promised; only for those who are late does the arrival count instead.
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
