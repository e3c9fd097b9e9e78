"""The verbs that move a ticket within the line: call, call again, park, put back, forward.

Appointments in person, by video and by telephone, and walk-ins wait in one line of tickets. Every verb is one short
transaction that locks the branch's `Queue` row first, then the appointment, and then writes the ticket, so that two
officers who call at the same moment never get the same ticket.

Tickets with priority come first. The others follow in the order of the time from which their turn counts (`due_at`):
the appointment's own time for citizens who came in time, the arrival for those who came late, and for walk-ins the
arrival plus the agency's `walk_in_minutes`.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from agencies.models import Procedure
from appointments.counter.desks import queue_of, require_free
from appointments.counter.steps import change, locked
from appointments.counter.tickets import admit_due
from appointments.errors import NobodyWaits, SentElsewhere, WrongStatus
from appointments.history import Actor
from appointments.models import Desk, Event, Ticket

Verb, State = Event.Verb, Ticket.State


def call_next(desk: Desk, *, by: Actor, now: datetime) -> Ticket:
    """Call the next ticket for this desk. Telephone and video appointments whose time has come join the line first.

    Raises NobodyWaits, NoDesk, DeskPaused or DeskBusy.
    """
    with queue_of(desk.branch) as queue:
        require_free(desk, by.officer)
        admit_due(queue, by=by, now=now)
        ticket = waiting_for(desk, now=now).first()
        if ticket is None:
            raise NobodyWaits
        return _call(ticket, desk, by, now)


def waiting_for(desk: Desk, *, now: datetime) -> QuerySet[Ticket]:
    """Return the waiting tickets that this desk may serve, the next one first; not those forwarded to another desk."""
    waiting = Ticket.objects.of_day(desk.branch, desk.branch.today(now)).waiting()
    return waiting.for_desk(desk).select_related("appointment")


def call(waiting: Ticket, desk: Desk, *, by: Actor, now: datetime) -> Ticket:
    """Call this ticket out of turn. Raises NoDesk, DeskPaused or DeskBusy.

    Raises SentElsewhere if it was sent to another desk that serves now. Any desk calls it while nobody does there.
    """
    with locked(waiting) as ticket:
        require_free(desk, by.officer)
        if ticket.for_desk_id and ticket.for_desk_id != desk.pk:
            sent_to = Desk.objects.serving().filter(pk=ticket.for_desk_id).first()
            if sent_to:
                raise SentElsewhere(ticket.spoken_number, sent_to.name)
        return _call(ticket, desk, by, now)


def call_again(called: Ticket, *, by: Actor, now: datetime) -> Ticket:
    with locked(called) as ticket:
        changed = {"state": State.CALLED, "called_at": now, "calls": ticket.calls + 1}
        return change(ticket, [State.CALLED], Verb.CALL_AGAIN, changed, by=by, now=now)


def put_back(parked: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """Put a parked or called ticket back into the line. Its turn still counts from the same time.

    A walk-in of today who was missed, or had left, can come back too: with the same number, and the turn of one who
    comes now. A missed citizen with an appointment checks in again instead.
    """
    with locked(parked) as ticket:
        changed: dict[str, Any] = {"state": State.WAITING, "desk_id": None}
        if ticket.state == State.GONE:
            if not ticket.is_walk_in or ticket.day != ticket.branch.today(now):
                raise WrongStatus
            due_at = now + timedelta(minutes=ticket.branch.agency.walk_in_minutes)
            changed |= {"arrived_at": now, "due_at": due_at, "ended_at": None, "calls": 0, "for_desk_id": None}
        return change(ticket, [State.PARKED, State.CALLED, State.GONE], Verb.RETURN, changed, by=by, now=now)


def park(present: Ticket, *, by: Actor, now: datetime, reason: str = "") -> Ticket:
    """Take the ticket out of the line until an officer puts it back or calls it.

    The citizen fetches a paper, fills in a form, or does not answer the telephone. The reason is free text, so only the
    ticket keeps it: the history holds nothing that people typed.
    """
    with locked(present) as ticket:
        changed = {"state": State.PARKED, "desk_id": None}
        parked = change(ticket, [State.WAITING, *Ticket.AT_DESK], Verb.PARK, changed, by=by, now=now)
        Ticket.objects.filter(pk=ticket.pk).update(park_reason=reason)
        parked.park_reason = reason
    return parked


def forward(
    present: Ticket, *, by: Actor, now: datetime, desk: Desk | None = None, procedure: Procedure | None = None
) -> Ticket:
    """Send the ticket on to another desk, or to the desks of another service. Its turn counts from the same time."""
    with locked(present) as ticket:
        changed: dict[str, Any] = {"state": State.WAITING, "desk_id": None, "for_desk_id": desk.pk if desk else None}
        if procedure:
            changed["procedure_id"] = procedure.pk
        details = {"desk": desk.name if desk else "", "procedure": procedure.code if procedure else ""}
        return change(ticket, Ticket.OPEN, Verb.FORWARD, changed, by=by, now=now, details=details)


def _call(ticket: Ticket, desk: Desk, by: Actor, now: datetime) -> Ticket:
    changed = {
        "state": State.CALLED,
        "desk_id": desk.pk,
        "officer_id": by.officer.pk if by.officer else None,
        "called_at": now,
        "calls": ticket.calls + 1,
    }
    return change(
        ticket, [State.WAITING, State.PARKED], Verb.CALL, changed, by=by, now=now, details={"desk": desk.name}
    )
