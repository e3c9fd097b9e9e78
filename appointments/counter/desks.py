"""Which officer sits at which desk of a branch.

This does not change how many times can be booked: that follows from the number of desks in the opening rules.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.work import sweeps
from agencies import access
from agencies.models import Branch
from appointments import history
from appointments.errors import DeskBusy, DeskPaused, DeskTaken, NoDesk, NotOfBranch, TicketAtDesk
from appointments.history import Actor
from appointments.models import Desk, Event, Queue, Ticket

Verb = Event.Verb
# The fields of a desk where nobody sits.
EMPTY = {"officer": None, "seated_at": None, "paused_at": None}


@contextmanager
def queue_of(branch: Branch, *others: int) -> Iterator[Queue]:
    """Lock the branch's queue until the block ends. Nobody else calls, checks in or sits down meanwhile.

    `others` are the keys of further branches, whose queues are locked together with it.
    """
    with transaction.atomic():
        Queue.objects.get_or_create(branch=branch)
        queues = Queue.objects.filter(branch__in={branch.pk, *others}).order_by("pk").select_for_update()
        yield next(queue for queue in queues if queue.branch_id == branch.pk)


def sit(desk: Desk, *, by: Actor, now: datetime) -> Desk:
    """Seat the officer at the desk, and free the officer's earlier desk.

    Raises NotOfBranch if the officer does not serve at the branch, DeskTaken if a colleague sits there or the desk is
    not used, or DeskBusy if a ticket is at the earlier desk.
    """
    officer = by.officer
    # An officer who sits down elsewhere may have been called to at the same moment at the earlier desk.
    left = Desk.objects.filter(officer=officer).values_list("branch_id", flat=True) if officer else ()
    with queue_of(desk.branch, *left):
        desk = Desk.objects.select_related("branch").get(pk=desk.pk)
        if officer is None or desk.officer_id not in (None, officer.pk) or not desk.is_used:
            raise DeskTaken
        if not access.serves(officer, desk.branch):
            raise NotOfBranch
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


def free(desk: Desk, *, by: Actor, now: datetime) -> None:
    """Free the desk of a colleague who has gone. Raises TicketAtDesk if somebody is called or served there."""
    with queue_of(desk.branch):
        if there := Ticket.objects.filter(desk=desk.pk, state__in=Ticket.AT_DESK).first():
            raise TicketAtDesk(there.spoken_number)
        _vacate(desk, by, now)


def free_of_strangers(*, by: Actor, now: datetime) -> int:
    """Free the desks of people who no longer serve at the branch or may not sign in; return how many.

    A desk where somebody is called or served is freed later, when a colleague has ended that.
    """
    seated = Desk.objects.filter(officer__isnull=False).select_related("officer", "branch")
    seated = seated.prefetch_related("officer__memberships").order_by("pk")
    strangers = [desk for desk in seated if not _may_stay(desk)]
    return sum(sweeps.each(strangers, lambda desk: _free_of_stranger(desk, by, now), doing="freeing a desk"))


def _may_stay(desk: Desk) -> bool:
    return desk.officer is not None and access.serves(desk.officer, desk.branch)


def _free_of_stranger(desk: Desk, by: Actor, now: datetime) -> bool:
    with queue_of(desk.branch):
        stays = is_busy(desk.pk) or not Desk.objects.filter(pk=desk.pk, officer=desk.officer).exists()
        if not stays:
            _vacate(desk, by, now)
    return not stays


def require_free(desk: Desk, officer: User | None) -> None:
    """Raise NoDesk unless the officer sits at this desk, NotOfBranch if the officer has lost the role, DeskPaused, or
    DeskBusy if a ticket is called or served there.
    """
    own = Desk.objects.select_related("branch").filter(pk=desk.pk, officer=officer).first() if officer else None
    if own is None:
        raise NoDesk
    if officer and not access.serves(officer, own.branch):
        raise NotOfBranch
    if own.paused_at:
        raise DeskPaused
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
