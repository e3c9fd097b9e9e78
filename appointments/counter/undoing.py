"""Taking back the last step, from what its event kept."""

from datetime import datetime

from django.db.models import Q

from appointments import history
from appointments.booking import serving
from appointments.counter.desks import is_busy
from appointments.counter.steps import PATIENCE, locked
from appointments.errors import DeskBusy, UndoTooLate
from appointments.history import Actor
from appointments.models import Event, Ticket

Verb = Event.Verb
# Events beside the line, which no step depends on.
BESIDE = (Verb.TELL, Verb.FAIL, Verb.ROOM, Verb.NO_ROOM)


def undo(stepped: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """Take back one's own last step with this ticket, within ten seconds, if nothing was done with it since.

    Raises UndoTooLate; DeskBusy where somebody else is at the desk by now; LimitReached where the citizen has booked anew.
    """
    with locked(stepped) as ticket:
        event = _last_step(ticket)
        if event is None or not _is_own(event, by, now):
            raise UndoTooLate
        restored = history.as_it_was(Ticket, event.before["ticket"])
        desk = restored.get("desk_id", ticket.desk_id)
        if restored["state"] in Ticket.AT_DESK and desk and is_busy(desk, but=ticket):
            raise DeskBusy
        if ticket.appointment and "appointment" in event.before:
            serving.take_back(ticket.appointment, event.before)
        Ticket.objects.filter(pk=ticket.pk).update(**restored)
        event.undo(now)
    return Ticket.objects.get(pk=ticket.pk)


def _last_step(ticket: Ticket) -> Event | None:
    """What was done last with the ticket or its appointment, by whomever, and still stands."""
    of_both = Q(ticket=ticket)
    if ticket.appointment_id:
        of_both |= Q(appointment=ticket.appointment_id)
    # By key: the queue is locked while one is written, and clocks of two web servers may differ.
    return Event.objects.standing().filter(of_both).exclude(verb__in=BESIDE).order_by("-pk").first()


def _is_own(event: Event, by: Actor, now: datetime) -> bool:
    """Whether the officer took this step with the ticket a moment ago, and it is one that can be taken back."""
    is_mine = by.officer is not None and event.officer_id == by.officer.pk
    return is_mine and "ticket" in event.before and event.verb not in NEVER and now - event.at <= PATIENCE


# Moving and cancelling reach the citizen: they are not taken back, they are done anew.
NEVER = (Verb.MOVE, Verb.ACCEPT, Verb.CANCEL)
