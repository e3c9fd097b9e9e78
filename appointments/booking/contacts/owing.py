"""What is owed after a correction: to the new address what the earlier one was promised, and by a new way what comes.

Every message belongs to a revision of the appointment, and a correction makes a new one. Messages by a way that has not
changed go along. Those by a way that has are written anew, so what a worker is sending to the earlier address at this
moment is sent to the new one as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from appointments.booking import owed
from appointments.booking.owed import Owed
from appointments.models import Appointment, Notification, Status
from appointments.models.notification import TO_OTHERS, NotificationQuerySet

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State
Reach = dict[str, str]  # of each medium the address to which it leads, "" if it leads nowhere

# These tell the time of a booked appointment. Whoever was not told it gets a confirmation, which says the same.
NEWS = (Kind.CONFIRMATION, Kind.MOVED, Kind.KEPT)
# What a new address is told again, by the status of the appointment, if the earlier one was told.
AGAIN: dict[str, tuple[str, ...]] = {
    Status.UNVERIFIED: (Kind.VERIFY,),
    Status.BOOKED: (Kind.OFFER, Kind.DELAYED),
    Status.ARRIVED: (Kind.DELAYED,),
    Status.CANCELLED: (Kind.CANCELLED,),
    Status.COMPLETED: (Kind.SUMMARY,),
}


def reach_of(appointment: Appointment) -> Reach:
    """Return where the citizen is reached now. Spelled alike, so that another spelling is no other address."""
    number = owed.sms_number(appointment) if settings.SMS_URL else ""
    return {Medium.EMAIL: appointment.email.lower(), Medium.SMS: number}


def owe_anew(appointment: Appointment, before: Reach, *, now: datetime) -> list[int]:
    """Owe what follows from the correction. The appointment is stored with its new contact and its new revision.

    `before` is where the citizen was reached. Returns the keys of messages that are dropped.
    """
    after = reach_of(appointment)
    other = [medium for medium in after if after[medium] != before[medium]]
    messages = _Messages.of(appointment, other)
    dropped = _drop(appointment, [medium for medium in other if not after[medium]])
    _carry_over(appointment, other, now)
    owed.owe_these(appointment, _owed(appointment, before, after, messages, now))
    return dropped


@dataclass
class _Messages:
    """The messages of an appointment before they are carried over."""

    coming: list[Notification]  # to be sent, or being sent
    told: list[Notification]  # sent, or tried in vain, by a way that has changed

    @classmethod
    def of(cls, appointment: Appointment, other: list[str]) -> "_Messages":
        # What is being claimed by a worker is locked. Waiting for it here shows below what has become of it.
        rows = list(_own(appointment).exclude(state=State.DROPPED).select_for_update(no_key=True).order_by("pk"))
        under_way = (State.PENDING, State.SENDING)
        return cls(
            coming=[one for one in rows if one.state in under_way],
            told=[one for one in rows if one.state != State.PENDING and one.medium in other],
        )


def _own(appointment: Appointment) -> NotificationQuerySet:
    """The messages to the citizen. What tells an earlier address of the change, or the person for whom it is, is none of them."""
    return Notification.objects.filter(appointment=appointment).exclude(kind__in=TO_OTHERS)


def _drop(appointment: Appointment, gone: list[str]) -> list[int]:
    """Drop what would go by a way that leads nowhere now, and return the keys."""
    pending = _own(appointment).filter(medium__in=gone, state=State.PENDING)
    dropped = list(pending.values_list("pk", flat=True))
    pending.update(state=State.DROPPED)
    return dropped


def _carry_over(appointment: Appointment, other: list[str], now: datetime) -> None:
    """Take the messages along that are as true as before. What failed at an earlier address is done with."""
    owed.keep_pending(appointment)
    pending = _own(appointment).filter(medium__in=other, state=State.PENDING)
    pending.filter(attempts__gt=0).update(attempts=0, due_at=now, last_error="")
    same = _own(appointment).exclude(medium__in=other).exclude(state__in=(State.PENDING, State.DROPPED))
    same.filter(revision=appointment.revision - 1).update(revision=appointment.revision)
    _own(appointment).filter(medium__in=other).undelivered().update(state=State.DROPPED)


def _owed(appointment: Appointment, before: Reach, after: Reach, messages: _Messages, now: datetime) -> Iterator[Owed]:
    for medium in after:
        if not after[medium] or after[medium] == before[medium]:
            continue
        if before[medium]:
            yield from _to_other_address(appointment, medium, messages, now)
        else:
            is_first = not any(before.values())
            yield from _by_new_way(appointment, medium, messages, now, is_first=is_first)


def _to_other_address(appointment: Appointment, medium: str, messages: _Messages, now: datetime) -> Iterator[Owed]:
    """Yield what is being sent to the earlier address at this moment, and what that was told and is still true."""
    for one in messages.coming:
        if one.medium == medium and one.state == State.SENDING and one.kind not in (*NEWS, Kind.VERIFY):
            yield Owed(one.kind, medium, now, one.minutes_before)
    told = {one.kind for one in messages.told if one.medium == medium}
    pending = {one.kind for one in messages.coming if one.medium == medium and one.state == State.PENDING}
    if appointment.status == Status.BOOKED and told & {*NEWS} and not pending & {*NEWS}:
        yield Owed(Kind.CONFIRMATION, medium, now)
    for kind in AGAIN.get(appointment.status, ()):
        if kind in told and kind not in pending:
            yield Owed(kind, medium, now, _minutes_left(appointment, now) if kind == Kind.VERIFY else 0)


def _by_new_way(
    appointment: Appointment, medium: str, messages: _Messages, now: datetime, *, is_first: bool
) -> Iterator[Owed]:
    """Yield what still comes by other ways, the reminders, and by mail the confirmation, which has the calendar file."""
    for one in messages.coming:
        if medium == Medium.EMAIL or one.kind not in owed.BY_MAIL_ALONE:
            yield Owed(one.kind, medium, max(one.due_at, now) if one.attempts else one.due_at, one.minutes_before)
    if appointment.status != Status.BOOKED or now >= appointment.starts_at:
        return
    yield from (one for one in owed.coming_reminders(appointment, now=now) if one.medium == medium)
    if (is_first or medium == Medium.EMAIL) and not {one.kind for one in messages.coming} & {*NEWS}:
        yield Owed(Kind.CONFIRMATION, medium, now)


def _minutes_left(appointment: Appointment, now: datetime) -> int:
    assert appointment.expires_at is not None  # noqa: S101 (a constraint says so)
    return (appointment.expires_at - now) // timedelta(minutes=1)
