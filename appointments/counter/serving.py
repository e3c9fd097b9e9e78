"""The verbs at a desk: begin, write down, complete, miss; and the citizen who gives up."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from appointments.booking import owed
from appointments.booking import serving as of_appointment
from appointments.booking.locking import locked as locked_appointment
from appointments.counter.steps import PATIENCE, change, locked
from appointments.errors import TooEarlyToMiss, WrongStatus
from appointments.history import Actor
from appointments.models import Event, Ticket

Verb, State = Event.Verb, Ticket.State
NOT_BEGUN = (State.WAITING, State.CALLED, State.PARKED)


@dataclass(frozen=True)
class Result:
    """What came of serving: kept on the ticket, `citizen_note` is for the citizen to read."""

    documents_seen: list[str] = field(default_factory=list)
    internal_note: str = ""
    citizen_note: str = ""
    outcome: str = Ticket.Outcome.DONE
    delivery: str = ""


def serve(present: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """Begin; straight from the line where an officer sits at no desk and calls by voice."""
    with locked(present) as ticket:
        before: Mapping[str, Any] = {}
        if ticket.appointment:
            with locked_appointment(ticket.appointment) as appointment:
                before = of_appointment.to_serving(appointment, by.officer, now)
        changed = {"state": State.SERVING, "serving_at": now, "officer_id": by.officer.pk if by.officer else None}
        changed |= {"called_at": ticket.called_at or now}
        return change(ticket, NOT_BEGUN, Verb.SERVE, changed, by=by, now=now, before=before)


def record(serving: Ticket, result: Result) -> Ticket:
    """Keep what the officer writes down while serving. It is a draft until `complete`, so the history has no event of it."""
    with locked(serving) as ticket:
        if ticket.state not in Ticket.AT_DESK:
            raise WrongStatus
        Ticket.objects.filter(pk=ticket.pk).update(**asdict(result))
    return Ticket.objects.get(pk=ticket.pk)


def complete(serving: Ticket, *, by: Actor, now: datetime, result: Result | None = None) -> Ticket:
    """Done, also with one key right after calling. A note to the citizen goes out by e-mail."""
    with locked(serving) as ticket:
        before = _appointment_completed(ticket, by, now)
        changed: dict[str, Any] = {"state": State.DONE, "ended_at": now, "serving_at": ticket.serving_at or now}
        changed["officer_id"] = by.officer.pk if by.officer else None
        if result:
            # No part of the step: an officer who takes that back finds it as it was written.
            Ticket.objects.filter(pk=ticket.pk).update(**asdict(result))
            ticket.refresh_from_db(fields=[*asdict(result)])
        changed["outcome"] = ticket.outcome or Ticket.Outcome.DONE
        done = change(ticket, Ticket.AT_DESK, Verb.COMPLETE, changed, by=by, now=now, before=before)
        if done.appointment and done.citizen_note:
            owed.owe_summary(done.appointment, now=now + PATIENCE)
    return done


def _appointment_completed(ticket: Ticket, by: Actor, now: datetime) -> Mapping[str, Any]:
    """What the step changed of the appointment: served and completed at once where it was only called."""
    if ticket.appointment is None or ticket.state not in Ticket.AT_DESK:
        return {}
    with locked_appointment(ticket.appointment) as appointment:
        if ticket.state == State.SERVING:
            return of_appointment.to_completed(appointment, now)
        before = of_appointment.to_serving(appointment, by.officer, now)
        of_appointment.to_completed(appointment, now)
        return before


def miss(absent: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """Called, and not there."""
    with locked(absent) as ticket:
        before: Mapping[str, Any] = {}
        if ticket.appointment:
            with locked_appointment(ticket.appointment) as appointment:
                if now < appointment.starts_at:
                    raise TooEarlyToMiss
                before = of_appointment.to_missed(appointment, now)
        changed = {"state": State.GONE, "ended_at": now, "desk_id": None}
        return change(ticket, NOT_BEGUN, Verb.MISS, changed, by=by, now=now, before=before)


def give_up(waiting: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """A walk-in leaves, and says so."""
    with locked(waiting) as ticket:
        if not ticket.is_walk_in:
            raise WrongStatus
        changed = {"state": State.GONE, "ended_at": now, "desk_id": None}
        return change(ticket, NOT_BEGUN, Verb.GIVE_UP, changed, by=by, now=now)
