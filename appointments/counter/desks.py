"""Which officer sits at which desk of a branch.

This does not change how many times can be booked: that follows from the number of desks in the opening rules.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from accounts.models import User
from agencies.models import Branch
from appointments import history
from appointments.errors import DeskBusy, DeskTaken, NoDesk
from appointments.history import Actor
from appointments.models import Desk, Event, Queue, Ticket

Verb = Event.Verb
# The fields of a desk where nobody sits.
EMPTY = {"officer": None, "seated_at": None, "paused_at": None}


@contextmanager
def queue_of(branch: Branch) -> Iterator[Queue]:
    """Lock the branch's queue until the block ends. Nobody else calls, checks in or sits down meanwhile."""
    with transaction.atomic():
        Queue.objects.get_or_create(branch=branch)
        yield Queue.objects.select_for_update().get(branch=branch)


def sit(desk: Desk, *, by: Actor, now: datetime) -> Desk:
    """Seat the officer at the desk, and free the officer's earlier desk.

    Raises DeskTaken if a colleague sits there or the desk is not used, or DeskBusy if a ticket is at the earlier desk.
    """
    officer = by.officer
    with queue_of(desk.branch):
        desk = Desk.objects.get(pk=desk.pk)
        if officer is None or desk.officer_id not in (None, officer.pk) or not desk.is_used:
            raise DeskTaken
        if desk.officer_id is None:
            for other in Desk.objects.filter(officer=officer):
                _vacate(other, by, now)
            Desk.objects.filter(pk=desk.pk).update(officer=officer, seated_at=now, paused_at=None)
            history.note(Verb.SIT, by=by, now=now, desk=desk)
    return Desk.objects.get(pk=desk.pk)


def pause(desk: Desk, *, by: Actor, now: datetime) -> None:
    """Mark that the desk calls nobody for a while. A ticket that is at the desk is still served to the end."""
    with transaction.atomic():
        if Desk.objects.filter(pk=desk.pk, officer__isnull=False, paused_at=None).update(paused_at=now):
            history.note(Verb.PAUSE, by=by, now=now, desk=desk)


def resume(desk: Desk, *, by: Actor, now: datetime) -> None:
    with transaction.atomic():
        if Desk.objects.filter(pk=desk.pk, paused_at__isnull=False).update(paused_at=None):
            history.note(Verb.RESUME, by=by, now=now, desk=desk)


def leave(desk: Desk, *, by: Actor, now: datetime) -> None:
    with queue_of(desk.branch):
        _vacate(desk, by, now)


def require_free(desk: Desk, officer: User | None) -> None:
    """Raise NoDesk unless the officer sits at this desk, and DeskBusy if a ticket is called or served there."""
    if officer is None or not Desk.objects.filter(pk=desk.pk, officer=officer).exists():
        raise NoDesk
    if is_busy(desk.pk):
        raise DeskBusy


def is_busy(desk_id: int, but: Ticket | None = None) -> bool:
    """Return whether a ticket, other than `but`, is called to the desk or served there."""
    there = Ticket.objects.filter(desk=desk_id, state__in=Ticket.AT_DESK)
    return (there.exclude(pk=but.pk) if but else there).exists()


def _vacate(desk: Desk, by: Actor, now: datetime) -> None:
    if is_busy(desk.pk):
        raise DeskBusy
    if Desk.objects.filter(pk=desk.pk, officer__isnull=False).update(**EMPTY):
        history.note(Verb.LEAVE, by=by, now=now, desk=desk)
