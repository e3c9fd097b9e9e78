"""The verbs at a desk: serve, record, complete, miss; and giving up, for walk-ins who leave."""

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
    """What the officer writes down about the service, as the ticket keeps it. The citizen reads `citizen_note`."""

    documents_seen: list[str] = field(default_factory=list)
    internal_note: str = ""
    citizen_note: str = ""
    outcome: str = Ticket.Outcome.DONE
    delivery: str = ""


def serve(present: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """Begin to serve the ticket. It need not have been called: an officer without a desk calls by voice."""
    with locked(present) as ticket:
        before: Mapping[str, Any] = {}
        if ticket.appointment:
            with locked_appointment(ticket.appointment) as appointment:
                before = of_appointment.to_serving(appointment, by.officer, now)
        changed = {"state": State.SERVING, "serving_at": now, "officer_id": by.officer.pk if by.officer else None}
        # Somebody who was not called to the desk just now is called by voice.
        changed |= {"called_at": ticket.called_at if ticket.state == State.CALLED else now}
        return change(ticket, NOT_BEGUN, Verb.SERVE, changed, by=by, now=now, before=before)


def record(serving: Ticket, result: Result) -> Ticket:
    """Store what the officer writes down while serving. It is a draft until `complete`, so it makes no event."""
    with locked(serving) as ticket:
        if ticket.state not in Ticket.AT_DESK:
            raise WrongStatus
        Ticket.objects.filter(pk=ticket.pk).update(**asdict(result))
    return Ticket.objects.get(pk=ticket.pk)


def complete(serving: Ticket, *, by: Actor, now: datetime, result: Result | None = None) -> Ticket:
    """Complete the ticket; one that was only called counts as served now. A note to the citizen is sent by e-mail."""
    with locked(serving) as ticket:
        before = _appointment_completed(ticket, by, now)
        changed: dict[str, Any] = {"state": State.DONE, "ended_at": now, "serving_at": ticket.serving_at or now}
        changed["officer_id"] = by.officer.pk if by.officer else None
        if result:
            # Not part of the step: an officer who takes the step back finds the notes as they were written.
            Ticket.objects.filter(pk=ticket.pk).update(**asdict(result))
            ticket.refresh_from_db(fields=[*asdict(result)])
        changed["outcome"] = ticket.outcome or Ticket.Outcome.DONE
        done = change(ticket, Ticket.AT_DESK, Verb.COMPLETE, changed, by=by, now=now, before=before)
        if done.appointment and done.citizen_note:
            owed.owe_summary(done.appointment, now=now + PATIENCE)
    return done


def _appointment_completed(ticket: Ticket, by: Actor, now: datetime) -> Mapping[str, Any]:
    """Complete the ticket's appointment, if it has one, and return the earlier values.

    If the ticket was only called, the appointment is served and completed at once.
    """
    if ticket.appointment is None or ticket.state not in Ticket.AT_DESK:
        return {}
    with locked_appointment(ticket.appointment) as appointment:
        if ticket.state == State.SERVING:
            return of_appointment.to_completed(appointment, now)
        before = of_appointment.to_serving(appointment, by.officer, now)
        of_appointment.to_completed(appointment, now)
        return before


def miss(absent: Ticket, *, by: Actor, now: datetime, sure: bool = False) -> Ticket:
    """Mark that the citizen is not there. Raises TooEarlyToMiss before the appointment's time.

    Raises WaitedAtDoor for a citizen who has stood at the door of the video call, unless the officer is `sure`.
    """
    with locked(absent) as ticket:
        before: Mapping[str, Any] = {}
        if ticket.appointment:
            with locked_appointment(ticket.appointment) as appointment:
                if now < appointment.starts_at:
                    raise TooEarlyToMiss
                before = of_appointment.to_missed(appointment, now, sure=sure)
        changed = {"state": State.GONE, "ended_at": now, "desk_id": None}
        return change(ticket, NOT_BEGUN, Verb.MISS, changed, by=by, now=now, before=before)


def give_up(waiting: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """End the ticket of a walk-in who leaves and says so. Raises WrongStatus if the ticket has an appointment."""
    with locked(waiting) as ticket:
        if not ticket.is_walk_in:
            raise WrongStatus
        changed = {"state": State.GONE, "ended_at": now, "desk_id": None}
        return change(ticket, NOT_BEGUN, Verb.GIVE_UP, changed, by=by, now=now)
