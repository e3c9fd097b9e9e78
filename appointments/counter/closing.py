"""The end of the day."""

from datetime import datetime

from agencies.models import Branch
from appointments import history
from appointments.counter.desks import queue_of
from appointments.history import Actor
from appointments.models import Desk, Event, Ticket


def close_past(*, by: Actor, now: datetime) -> int:
    """End the tickets of days that are over, wherever the branch is, and clear the desks; returns the number of tickets."""
    return sum(_close(branch, by, now) for branch in Branch.objects.filter(queue__isnull=False))


def _close(branch: Branch, by: Actor, now: datetime) -> int:
    today = branch.today(now)
    with queue_of(branch):
        past = list(Ticket.objects.open().filter(branch=branch, day__lt=today).select_related("appointment"))
        Ticket.objects.filter(pk__in=[ticket.pk for ticket in past]).update(
            state=Ticket.State.GONE, ended_at=now, desk=None
        )
        history.note_all(_event(ticket, by, now) for ticket in past)
        left = Desk.objects.filter(branch=branch, seated_at__lt=branch.midnight(today))
        left.update(officer=None, seated_at=None, paused_at=None)
    return len(past)


def _event(ticket: Ticket, by: Actor, now: datetime) -> Event:
    event = history.made(Event.Verb.CLOSE, by=by, now=now, appointment=ticket.appointment)
    event.ticket = ticket
    return event
