"""Closing the queues of days that are over."""

from datetime import datetime
from typing import Any

from accounts.work.sweeps import each
from agencies.models import Branch
from appointments.booking import serving
from appointments.counter import steps
from appointments.counter.desks import EMPTY, queue_of
from appointments.history import Actor
from appointments.models import Desk, Event, Ticket

State = Ticket.State


def close_past(*, by: Actor, now: datetime) -> int:
    """End the open tickets of days that are over on the branch's clock, and clear its desks; return how many tickets.

    A ticket that was still being served is completed: the officer only forgot to press the last button.
    """
    branches = Branch.objects.filter(queue__isnull=False)
    return sum(each(branches, lambda branch: _close(branch, by, now), doing="closing the past days of"))


def _close(branch: Branch, by: Actor, now: datetime) -> int:
    today = branch.today(now)
    with queue_of(branch):
        past = Ticket.objects.open().filter(branch=branch, day__lt=today).select_related("appointment")
        ended = each(
            past.order_by("appointment", "pk"), lambda ticket: _end(ticket, by, now), doing="ending the ticket"
        )
        # Tickets of past days are ended by now, so a ticket at a desk is one of today: the officer there is at work.
        left = Desk.objects.filter(branch=branch, seated_at__lt=branch.midnight(today))
        left.exclude(tickets__state__in=Ticket.AT_DESK).update(**EMPTY)
    return sum(ended)


def _end(ticket: Ticket, by: Actor, now: datetime) -> bool:
    """End the ticket. Return False if it has ended meanwhile: citizens cancel and move without the queue's lock."""
    was_served = ticket.state == State.SERVING
    with steps.locked_appointment_of(ticket) as appointment:
        changed: dict[str, Any] = {"state": State.DONE if was_served else State.GONE, "ended_at": now, "desk": None}
        if not Ticket.objects.filter(pk=ticket.pk).open().update(**changed):
            return False
        if was_served and appointment:
            serving.to_completed(appointment, now)
        steps.note(Event.Verb.CLOSE, ticket, by=by, now=now)
    return True
