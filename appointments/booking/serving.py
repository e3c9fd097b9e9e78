"""The verbs of serving an appointment: arrive, serve, interrupt, complete, miss, and assign an officer.

The counter takes the same steps together with a ticket: it calls the `to_…` functions inside its own transaction, and
notes one event for the appointment and the ticket. So the verbs here raise WrongStatus if the appointment has an open
ticket.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from accounts.models import User
from appointments import history
from appointments.booking import owed
from appointments.booking.locking import locked, refusals
from appointments.errors import WaitedAtDoor, WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Event, Status, Ticket
from appointments.models.appointment import CHANGEABLE
from videocalls import presence

Verb = Event.Verb
# Statuses that the steps of serving lead from or to, and the fields that these steps write.
DAY_STATUSES = (Status.BOOKED, Status.UNVERIFIED, Status.ARRIVED, Status.SERVING, Status.COMPLETED, Status.NO_SHOW)
DAY_FIELDS = (
    "status",
    "booked_at",
    "expires_at",
    "arrived_at",
    "serving_at",
    "completed_at",
    "ended_at",
    "officer_id",
    "limit_place",
)
# The earlier values of what a step changed: {"appointment": its DAY_FIELDS, "messages": keys of the dropped messages}.
Before = dict[str, Any]


def arrive(booked: Appointment, *, by: Actor, now: datetime) -> Appointment:
    with _outside_the_line(booked) as appointment:
        before = to_arrived(appointment, now)
        history.note(Verb.CHECK_IN, by=by, now=now, appointment=appointment, before=before)
    return appointment


def serve(arrived: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Begin to serve the appointment. It need not have arrived: by telephone or video nobody comes to a counter."""
    with _outside_the_line(arrived) as appointment:
        before = to_serving(appointment, by.officer, now)
        history.note(Verb.SERVE, by=by, now=now, appointment=appointment, before=before)
    return appointment


def interrupt(serving: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Stop serving for now: the citizen fetches something, or goes to another desk."""
    with _outside_the_line(serving) as appointment:
        before = to_interrupted(appointment)
        history.note(Verb.INTERRUPT, by=by, now=now, appointment=appointment, before=before)
    return appointment


def complete(serving: Appointment, *, by: Actor, now: datetime) -> Appointment:
    with _outside_the_line(serving) as appointment:
        before = to_completed(appointment, now)
        history.note(Verb.COMPLETE, by=by, now=now, appointment=appointment, before=before)
    return appointment


def miss(booked: Appointment, *, by: Actor, now: datetime, sure: bool = False) -> Appointment:
    """Mark that the citizen did not come.

    Raises WrongStatus before the appointment's time, or if a disruption has closed that time; WaitedAtDoor as
    `to_missed` says.
    """
    with _outside_the_line(booked) as appointment:
        before = to_missed(appointment, now, sure=sure)
        history.note(Verb.MISS, by=by, now=now, appointment=appointment, before=before)
    return appointment


def assign(booked: Appointment, officer: User | None, *, by: Actor, now: datetime) -> Appointment:
    """Name the officer who will serve the appointment (None: nobody). `serve` writes who really serves it."""
    with locked(booked) as appointment:
        if appointment.status not in CHANGEABLE:
            raise WrongStatus
        if appointment.officer_id == (officer.pk if officer else None):
            return appointment
        before = {"appointment": history.as_it_is(appointment, ("officer_id",))}
        appointment.officer = officer
        appointment.save()
        details = {"officer": officer.pk if officer else None}
        history.note(Verb.ASSIGN, by=by, now=now, appointment=appointment, before=before, details=details)
    return appointment


# The steps themselves, on an appointment that the caller has locked. Each returns the earlier values for its event.


def to_arrived(appointment: Appointment, now: datetime) -> Before:
    before = _before(appointment)
    was_missed = appointment.status == Status.NO_SHOW
    _step(appointment, (Status.BOOKED, Status.UNVERIFIED, Status.NO_SHOW), Status.ARRIVED)
    appointment.arrived_at, appointment.ended_at = now, None
    if was_missed:
        # A newer appointment of the person may have this one's place by now, so this one is no longer counted.
        appointment.limit_place = None
        _open_call_again(appointment)
    appointment.save()
    return before | {"messages": owed.drop_pending(appointment)}


def to_serving(appointment: Appointment, officer: User | None, now: datetime) -> Before:
    before = _before(appointment)
    _step(appointment, (Status.BOOKED, Status.ARRIVED), Status.SERVING)
    appointment.officer, appointment.serving_at = officer, now
    appointment.arrived_at = appointment.arrived_at or now
    appointment.save()
    return before | {"messages": owed.drop_pending(appointment)}


def to_interrupted(appointment: Appointment) -> Before:
    before = _before(appointment)
    _step(appointment, (Status.SERVING,), Status.ARRIVED)
    appointment.save()
    return before


def to_completed(appointment: Appointment, now: datetime) -> Before:
    before = _before(appointment)
    _step(appointment, (Status.SERVING,), Status.COMPLETED)
    appointment.completed_at = now
    appointment.save()
    _end_call(appointment, now)
    owed.owe_rating(appointment, now=now)
    return before


def to_missed(appointment: Appointment, now: datetime, *, sure: bool = False) -> Before:
    """Raises WaitedAtDoor for a citizen who has stood at the door of the video call, unless the officer is sure."""
    before = _before(appointment)
    if now < appointment.starts_at or appointment.has_fallen_out:
        raise WrongStatus
    if not sure and appointment.video_call and presence.has_come(appointment.video_call):
        raise WaitedAtDoor
    _step(appointment, (Status.BOOKED, Status.ARRIVED), Status.NO_SHOW)
    appointment.ended_at = now
    appointment.save()
    _end_call(appointment, now)
    return before | {"messages": owed.drop_pending(appointment)}


def take_back(stepped: Appointment, before: Mapping[str, Any]) -> Appointment:
    """Undo a step of serving. `before` is what the step returned. Slots stay, because no step of serving changes them.

    Raises WrongStatus, or LimitReached if a newer appointment of the person has taken this one's place since.
    """
    with refusals(), locked(stepped) as appointment:
        fields = history.as_it_was(Appointment, before["appointment"])
        if appointment.status not in DAY_STATUSES or fields["status"] not in DAY_STATUSES:
            raise WrongStatus
        for name, value in fields.items():
            setattr(appointment, name, value)
        appointment.save()
        _open_call_again(appointment)
        owed.take_back(appointment, before.get("messages", ()))
    return appointment


def _end_call(appointment: Appointment, now: datetime) -> None:
    if appointment.video_call:
        presence.end(appointment.video_call, now=now)


def _open_call_again(appointment: Appointment) -> None:
    """Take the end of the video call back with the step that ended it."""
    if appointment.video_call:
        presence.go_on(appointment.video_call)


@contextmanager
def _outside_the_line(appointment: Appointment) -> Iterator[Appointment]:
    """Lock the appointment and yield it. Raises WrongStatus if it has an open ticket."""
    with locked(appointment) as alone:
        if Ticket.objects.open().filter(appointment=alone).exists():
            raise WrongStatus
        yield alone


def _before(appointment: Appointment) -> Before:
    return {"appointment": history.as_it_is(appointment, DAY_FIELDS)}


def _step(appointment: Appointment, allowed: tuple[Status, ...], status: Status) -> None:
    if appointment.status not in allowed:
        raise WrongStatus
    appointment.status = status
