"""Taking back the last step with a ticket, by the earlier values that its event keeps."""

from datetime import datetime

from django.db.models import Q

from appointments import history
from appointments.booking import serving
from appointments.counter.desks import is_busy
from appointments.counter.steps import PATIENCE, follow_call, locked, locked_appointment_of
from appointments.errors import DeskBusy, DeskTaken, NoDesk, UndoTooLate
from appointments.history import Actor
from appointments.models import Desk, Event, Ticket

Verb = Event.Verb
# Events that do not touch the line. A step before them can still be taken back.
BESIDE = (
    *(Verb.TELL, Verb.FAIL, Verb.DOUBT, Verb.RESEND, Verb.ROOM, Verb.NO_ROOM, Verb.OTHER_ROOM),
    *(Verb.LET_IN, Verb.PHONE, Verb.VIDEO, Verb.IDENTIFY),
)
# The citizen is told of these steps, so they are never taken back; only another move or booking follows them.
NEVER = (Verb.MOVE, Verb.ACCEPT, Verb.CANCEL)


def undo(stepped: Ticket, *, by: Actor, now: datetime) -> Ticket:
    """Take back the officer's own last step with this ticket, within ten seconds, if nothing else was done since.

    Raises UndoTooLate; DeskBusy, DeskTaken or NoDesk if the ticket cannot go back to its desk; LimitReached if a newer
    appointment of the citizen has taken the place of this one.
    """
    with locked(stepped) as ticket, locked_appointment_of(ticket) as appointment:
        event = _last_step(ticket)
        if event is None or not _is_own(event, by, now):
            raise UndoTooLate
        restored = history.as_it_was(Ticket, event.before["ticket"])
        desk = restored.get("desk_id", ticket.desk_id)
        if restored["state"] in Ticket.AT_DESK and desk:
            _require_way_back(desk, ticket, event)
        if appointment and "appointment" in event.before:
            serving.take_back(appointment, event.before)
        follow_call(ticket, restored["state"], now=now)
        Ticket.objects.filter(pk=ticket.pk).update(**restored)
        event.undo(now)
    return Ticket.objects.get(pk=ticket.pk)


def _last_step(ticket: Ticket) -> Event | None:
    """Return the last event of the ticket or its appointment, by any actor, that has not been taken back."""
    of_both = Q(ticket=ticket)
    if ticket.appointment_id:
        of_both |= Q(appointment=ticket.appointment_id)
    # In the order of keys, because the clocks of two web servers may differ. The locks keep the keys in order.
    return Event.objects.standing().filter(of_both).exclude(verb__in=BESIDE).order_by("-pk").first()


def _is_own(event: Event, by: Actor, now: datetime) -> bool:
    """Return whether this officer took the step with the ticket a moment ago, and it can be taken back at all."""
    is_mine = by.officer is not None and event.officer_id == by.officer.pk
    return is_mine and "ticket" in event.before and event.verb not in NEVER and now - event.at <= PATIENCE


def _require_way_back(desk_id: int, ticket: Ticket, event: Event) -> None:
    """Raise NoDesk, DeskTaken or DeskBusy unless the ticket can go back to the desk."""
    desk = Desk.objects.get(pk=desk_id)
    if desk.officer_id is None or desk.seated_at is None:
        raise NoDesk
    if desk.officer_id != event.officer_id and desk.seated_at > event.at:
        raise DeskTaken
    if is_busy(desk_id, but=ticket):
        raise DeskBusy
