"""What the verbs of the counter share: locking a ticket, and changing it together with its event."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from appointments import history
from appointments.booking import serving
from appointments.booking.locking import locked as locked_appointment
from appointments.counter.desks import queue_of
from appointments.errors import WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Event, Ticket
from videocalls import presence

State = Ticket.State
# A step can be taken back for ten seconds. The network may take some time more.
UNDO = timedelta(seconds=10)
SLACK = timedelta(seconds=3)
PATIENCE = UNDO + SLACK
# A ticket that is being served and gets one of these states interrupts the service of its appointment.
AWAY = (State.WAITING, State.PARKED)


@contextmanager
def locked(ticket: Ticket) -> Iterator[Ticket]:
    """Lock the queue of the ticket's branch until the block ends, and yield the ticket as it is stored now.

    Raises WrongStatus if the citizen has moved to another branch meanwhile and got a ticket there.
    """
    with queue_of(ticket.branch) as queue:
        related = Ticket.objects.select_related(
            "branch__agency", "appointment__branch", "procedure", "desk", "video_call"
        )
        now_is = related.get(pk=ticket.pk)
        if now_is.branch_id != queue.branch_id:
            raise WrongStatus
        yield now_is


def locked_appointment_of(ticket: Ticket) -> AbstractContextManager[Appointment | None]:
    """Lock the ticket's appointment, so that nobody moves or cancels it meanwhile. Yields None for a walk-in."""
    return locked_appointment(ticket.appointment) if ticket.appointment else nullcontext()


def change(
    ticket: Ticket,
    allowed: Iterable[Ticket.State],
    verb: Event.Verb,
    changed: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Ticket:
    """Write `changed` to the ticket, and note the event. Raises WrongStatus unless its state is one of `allowed`.

    `before` holds the earlier values of the appointment, as `booking.serving` returns them.
    """
    if ticket.state == State.SERVING and changed["state"] in AWAY and ticket.appointment:
        with locked_appointment(ticket.appointment) as appointment:
            before = serving.to_interrupted(appointment)
    as_it_was = {"ticket": history.as_it_is(ticket, changed), **(before or {})}
    if not Ticket.objects.filter(pk=ticket.pk, state__in=[*allowed]).update(**changed):
        raise WrongStatus
    follow_call(ticket, changed["state"], now=now)
    for name, value in changed.items():
        setattr(ticket, name, value)
    note(verb, ticket, by=by, now=now, before=as_it_was, details=details)
    return ticket


def follow_call(ticket: Ticket, state: str, *, now: datetime) -> None:
    """End the video call of a walk-in whose ticket gets this state, or open it again if the ticket comes back."""
    if ticket.video_call is None:
        return
    if state not in Ticket.OPEN:
        presence.end(ticket.video_call, now=now)
    elif ticket.state not in Ticket.OPEN:
        presence.go_on(ticket.video_call)


def note(
    verb: Event.Verb,
    ticket: Ticket,
    *,
    by: Actor,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    history.note(verb, by=by, now=now, ticket=ticket, appointment=ticket.appointment, before=before, details=details)
