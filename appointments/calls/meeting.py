"""The verbs of a video call on its day: arrive, let in, say something, talk by telephone instead, end."""

from contextlib import suppress
from datetime import datetime

from django.db import DatabaseError, transaction

from appointments import counter, history
from appointments.calls.door import door_of
from appointments.counter import arrivals
from appointments.counter.desks import queue_of
from appointments.errors import BookingError, LineMoved, RoomIsFull, WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Desk, Event, Status, Ticket
from videocalls import presence
from videocalls.models import Participant
from videocalls.presence import RoomFull
from videocalls.providers import Visitor

Role, Verb, State = Participant.Role, Event.Verb, Ticket.State


def arrive(
    appointment: Appointment, visitor: Visitor, *, device: str = "", by: Actor, now: datetime
) -> Participant | None:
    """Notes that the citizen stands at the door with this device. Returns None if there is no open door or no call.

    The citizen is checked in, so that officers see it. An error of the queue does not keep the citizen out.
    """
    if door_of(appointment, now=now).state != "open":
        return None
    check_in(appointment, by=by, now=now)
    call = appointment.video_call
    return presence.arrive(call, visitor, device=device, now=now) if call else None


def check_in(appointment: Appointment, *, by: Actor, now: datetime) -> Ticket | None:
    """Gives the citizen who stands at the door a place in the line, from midnight of the day on."""
    with suppress(BookingError, DatabaseError):
        return arrivals.check_in_remotely(appointment, by=by, now=now)
    return None


def let_in(appointment: Appointment, who: Participant, *, by: Actor, now: datetime) -> None:
    """Lets the person in. With the citizen, the service begins, at the officer's desk if there is one.

    Raises RoomIsFull, WrongStatus if the door is not open; DeskBusy or DeskPaused; LineMoved if a colleague has called
    the citizen. If a colleague has let the person in already, nothing changes.
    """
    with queue_of(appointment.branch):
        appointment = Appointment.objects.select_related("agency", "branch", "video_call").get(pk=appointment.pk)
        who.refresh_from_db()
        if door_of(appointment, now=now).state != "open" or who.waiting_from is None:
            raise WrongStatus
        if who.is_inside:
            return
        if who.role == Role.VISITOR:
            _begin(appointment, by, now)
        try:
            presence.admit(who, now=now)
        except RoomFull:
            raise RoomIsFull from None
        history.note(Verb.LET_IN, by=by, now=now, appointment=appointment, details={"who": who.role})
        if who.role == Role.VISITOR:
            leave_phone(appointment, by=by, now=now)


def _begin(appointment: Appointment, by: Actor, now: datetime) -> None:
    """Begins the service, unless it has begun: the citizen may only come back."""
    if appointment.status == Status.SERVING:
        return
    ticket = counter.check_in(appointment, by=by, now=now)
    if ticket.state == State.CALLED and by.officer and ticket.officer_id != by.officer.pk:
        raise LineMoved
    desk = Desk.objects.filter(branch=appointment.branch, officer=by.officer).first() if by.officer else None
    if desk and ticket.state in (State.WAITING, State.PARKED):
        ticket = counter.call(ticket, desk, by=by, now=now)
    counter.serve(ticket, by=by, now=now)


@transaction.atomic
def take_phone(appointment: Appointment, role: str, *, by: Actor, now: datetime) -> None:
    """Notes that the officer calls by telephone instead, because the citizen or the officer wishes it.

    The appointment stays what it is. A citizen who wishes it while the door is open has come. Raises WrongStatus if the
    call is over or not made yet.
    """
    call = appointment.video_call
    if call is None or not door_of(appointment, now=now).takes_number:
        raise WrongStatus
    if presence.take_phone(call, role, now=now):
        history.note(Verb.PHONE, by=by, now=now, appointment=appointment, details={"who": role})


@transaction.atomic
def leave_phone(appointment: Appointment, *, by: Actor, now: datetime) -> None:
    """Notes that the people try the video again."""
    if appointment.video_call and presence.leave_phone(appointment.video_call):
        history.note(Verb.VIDEO, by=by, now=now, appointment=appointment)
