"""The end of the day."""

from datetime import datetime
from typing import Any

from agencies.models import Branch
from appointments.booking import serving
from appointments.counter import steps
from appointments.counter.desks import EMPTY, queue_of
from appointments.history import Actor
from appointments.models import Desk, Event, Ticket

State = Ticket.State


def close_past(*, by: Actor, now: datetime) -> int:
    """End the tickets of days that are over, wherever the branch is, and clear the desks; returns the number of tickets.

    Who was still being served has been served: nobody pressed the last button.
    """
    return sum(_close(branch, by, now) for branch in Branch.objects.filter(queue__isnull=False))


def _close(branch: Branch, by: Actor, now: datetime) -> int:
    today = branch.today(now)
    with queue_of(branch):
        past = Ticket.objects.open().filter(branch=branch, day__lt=today).select_related("appointment")
        closed = sum(_end(ticket, by, now) for ticket in past.order_by("appointment", "pk"))
        # Whoever is at a desk now was called after midnight: the officer is there.
        left = Desk.objects.filter(branch=branch, seated_at__lt=branch.midnight(today))
        left.exclude(tickets__state__in=Ticket.AT_DESK).update(**EMPTY)
    return closed


def _end(ticket: Ticket, by: Actor, now: datetime) -> bool:
    """Whether the ticket was still open: citizens cancel and move without the queue's lock, so it is asked again."""
    was_served = ticket.state == State.SERVING
    with steps.locked_appointment_of(ticket) as appointment:
        changed: dict[str, Any] = {"state": State.DONE if was_served else State.GONE, "ended_at": now, "desk": None}
        if not Ticket.objects.filter(pk=ticket.pk).open().update(**changed):
            return False
        if was_served and appointment:
            serving.to_completed(appointment, now)
        steps.note(Event.Verb.CLOSE, ticket, by=by, now=now)
    return True
