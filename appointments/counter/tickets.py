"""The verbs that give somebody a ticket: a place in the branch's line on one day."""

from datetime import datetime, timedelta
from typing import Any

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
from appointments.models.keys import random_key

Verb, State = Event.Verb, Ticket.State
# What a ticket that is made anew says otherwise than before; `park_reason` besides, which is free text.
ANEW = (
    *("branch_id", "day", "number", "procedure_id", "channel", "language", "state", "due_at", "arrived_at"),
    *("called_at", "calls", "serving_at", "ended_at", "desk_id", "for_desk_id", "officer_id", "outcome"),
)


def check_in(appointment: Appointment, *, by: Actor, now: datetime) -> Ticket:
    """The citizen is here, on the day of the appointment. Repeating it returns the same ticket.

    Citizens who were marked as missed, or whose appointment moved, get a new ticket. Raises WrongStatus.
    """
    with queue_of(appointment.branch) as queue, locked_appointment(appointment) as here:
        _require_here_today(here, queue, now)
        present = Ticket.objects.open().of_day(here.branch, here.branch.today(now))
        if ticket := present.filter(appointment=here).first():
            return ticket
        before: dict[str, Any] = {"ticket": _before(here, now)}
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
    """By telephone or video nobody arrives: the officer calls, that day, also before the time.

    Repeating it returns the same ticket. Raises WrongStatus.
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
    """Give tickets to the telephone and video appointments whose time has come: nobody checks them in.

    Who has been in the line today and moved to a later time comes again. Nobody takes this back: it would be done anew.
    """
    today = queue.branch.today(now)
    due = Appointment.objects.on_day(queue.branch, today).filter(status=Status.BOOKED, starts_at__lte=now)
    remote = due.exclude(channel=Channel.IN_PERSON).exclude(ticket__state__in=Ticket.OPEN)
    locked = remote.select_related("procedure").order_by("pk").select_for_update(of=("self",), no_key=True)
    for appointment in sorted(locked, key=lambda one: (one.starts_at, one.pk)):
        ticket = _ticket_of(appointment, queue, now, since=appointment.starts_at)
        steps.note(Verb.ADMIT, ticket, by=by, now=now)


def _require_here_today(appointment: Appointment, queue: Queue, now: datetime) -> None:
    """It may have moved to another branch or day a moment ago."""
    day = appointment.branch.today(appointment.starts_at)
    if appointment.branch_id != queue.branch_id or day != queue.branch.today(now):
        raise WrongStatus


def _before(appointment: Appointment, now: datetime) -> dict[str, Any]:
    """How the appointment's ticket is once the step that gives it, or gives it anew, is taken back."""
    old = Ticket.objects.filter(appointment=appointment).first()
    return history.as_it_is(old, ANEW) if old else _gone(now)


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
