"""Checking right before a message is sent whether what it says is still true, and whether it can arrive."""

from datetime import datetime

from appointments import facts
from appointments.counter.line import TOLD_AFTER, delay_of
from appointments.models import Appointment, Notification, Offer, Status

Kind = Notification.Kind
# Mails that are not worth trying at an address from which one came back. News is: the mailbox may have been full.
PLANNED = (Kind.REMINDER, Kind.RATING)
# Messages that are true in these states of the appointment. All others tell of an appointment that is still ahead.
DURING = {
    Kind.DELAYED: (Status.BOOKED, Status.ARRIVED),
    Kind.OFFER: (Status.BOOKED,),
    Kind.SUMMARY: (Status.COMPLETED,),
    Kind.RATING: (Status.COMPLETED,),
    Kind.CHANGED: (Status.BOOKED,),
    Kind.REPLY: (Status.BOOKED,),
    Kind.CANCELLED: (Status.CANCELLED,),
}


def is_true(message: Notification, *, now: datetime) -> bool:
    """Return whether what the message says is still true, and it is worth sending."""
    appointment = message.appointment
    if message.medium == Notification.Medium.EMAIL and message.kind in PLANNED and appointment.is_mail_returned:
        return False
    if message.kind == Kind.VERIFY:
        return appointment.status == Status.UNVERIFIED and _is_ahead(appointment.expires_at, now)
    if message.kind == Kind.CORRECTED:
        return True
    return message.revision == appointment.revision and _is_current(message, now)


def _is_current(message: Notification, now: datetime) -> bool:
    """Return whether a message about the appointment as it stands (its time, branch or offer) is still true."""
    appointment = message.appointment
    if message.kind == Kind.FOR_YOU and message.details.get("cancelled"):
        return appointment.status == Status.CANCELLED
    if message.kind in DURING:
        return appointment.status in DURING[Kind(message.kind)] and _holds(message, now)
    ahead = appointment.status == Status.BOOKED and now < appointment.starts_at
    return ahead and not (message.kind == Kind.REMINDER and _is_overtaken(message, now))


def _holds(message: Notification, now: datetime) -> bool:
    """Return whether what a message of DURING says is true, the status aside."""
    appointment = message.appointment
    match message.kind:
        case Kind.DELAYED:
            return _is_behind(appointment, now)
        case Kind.OFFER:
            return _is_offered(appointment, now)
        case Kind.RATING:
            return appointment.rated_at is None
        case Kind.REPLY:
            return now < appointment.ends_at
        case Kind.CHANGED:
            return now < appointment.ends_at and bool(facts.news(message))
    return True


def _is_offered(appointment: Appointment, now: datetime) -> bool:
    """Return whether a time is still held for the citizen to answer, or the news is that no other time was found."""
    states = {offer.state for offer in appointment.offers.all() if offer.deadline is None or now < offer.deadline}
    return bool(states & {Offer.State.OPEN, Offer.State.NONE_FOUND})


def _is_behind(appointment: Appointment, now: datetime) -> bool:
    """Return whether the delay is still long enough for a message."""
    delay = delay_of(appointment, now=now)
    return delay is not None and delay > TOLD_AFTER


def _is_overtaken(reminder: Notification, now: datetime) -> bool:
    """Return whether a later reminder is due as well, because the worker was away. One reminder is enough."""
    others = reminder.appointment.notifications.all()  # read for all messages of a batch at once
    return any(
        other.kind == Kind.REMINDER
        and other.medium == reminder.medium
        and other.due_at <= now
        and other.revision == reminder.revision
        and other.minutes_before < reminder.minutes_before
        for other in others
    )


def _is_ahead(deadline: datetime | None, now: datetime) -> bool:
    return deadline is not None and now < deadline
