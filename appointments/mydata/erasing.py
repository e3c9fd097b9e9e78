"""Erasing what a citizen wants to be forgotten: what is past at once, what is ahead after it has been cancelled."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.security import What, tell_when_done
from appointments import booking, history
from appointments.booking import owed, retention
from appointments.booking.locking import locked
from appointments.errors import NotOver
from appointments.history import Actor
from appointments.models import Appointment, Event, Status
from appointments.models.appointment import EXPECTED


def is_past(appointment: Appointment, now: datetime) -> bool:
    """Return whether nothing follows any more: the appointment has ended, or nobody came to it by the end of its day."""
    branch = appointment.branch
    is_over = appointment.ends_at <= now and branch.local(appointment.ends_at).date() < branch.today(now)
    return not appointment.is_open or (appointment.status in EXPECTED and is_over)


def may_be_erased(appointment: Appointment, now: datetime) -> bool:
    return is_past(appointment, now) or appointment.may_change(now)


def erase(appointment: Appointment, *, by: Actor, now: datetime, revision: int | None = None) -> None:
    """Cancel the appointment if it is still ahead, and erase all that tells whose it was.

    Raises the BookingError that says why it cannot be cancelled, or NotOver if it goes on. What the agency would still
    have sent is dropped, because there is nobody left to send it to.
    """
    with transaction.atomic():
        if not is_past(appointment, now):
            booking.cancel(appointment, by=by, now=now, revision=revision)
        with locked(appointment) as stored:
            if not is_past(stored, now):
                raise NotOver
            owed.drop_pending(stored)
            retention.forget([stored.pk])
            history.note(Event.Verb.ERASE, by=by, now=now, appointment=stored)
        tell_when_done(What.PERSONAL_DATA_ERASED, appointment=appointment.pk)


def own(user: User) -> list[Appointment]:
    """Return the appointments of the account, the latest first, without times that are only held."""
    related = ("agency", "branch", "procedure")
    return list(
        Appointment.objects.filter(citizen=user).beyond_hold().select_related(*related).order_by("-starts_at", "-pk")
    )


def erase_past(user: User, *, by: Actor, now: datetime) -> int:
    """Erase the past appointments of the account; return how many."""
    past = [one for one in own(user) if is_past(one, now)]
    for one in past:
        erase(one, by=by, now=now)
    return len(past)


def close(user: User, *, by: Actor, now: datetime) -> None:
    """Cancel what is open, erase all appointments, and empty the account, so that nothing tells whose it was.

    Raises NotOver, and changes nothing, if one of the appointments can neither be cancelled nor erased today.
    """
    if not all(may_be_erased(one, now) for one in own(user)):
        raise NotOver
    for held in Appointment.objects.filter(citizen=user, status=Status.HELD):
        booking.release(held, by=by, now=now)
    for one in own(user):
        erase(one, by=by, now=now)
    with transaction.atomic():
        if Appointment.objects.select_for_update().filter(citizen=user).exists():  # booked meanwhile, in another window
            raise NotOver
        User.objects.empty(user)
    tell_when_done(What.PERSONAL_DATA_ERASED, account=user.pk)
