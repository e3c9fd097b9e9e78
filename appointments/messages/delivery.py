"""Delivering the messages that are owed: claim one, send it, and record the result.

A message is leased to one worker (accounts/work/leases.py), so it is sent at least once. It is sent twice only if the worker
dies between the mail server's "accepted" and the UPDATE that follows. Both mails then have the same Message-ID.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from accounts.limits import is_flooded
from accounts.mails.handing import ServerAway, Undeliverable, hand_over
from accounts.work import leases
from accounts.work.leases import Work
from appointments import history
from appointments.booking.owed import WAITS_FOR_MORNING, after_night
from appointments.history import worker
from appointments.messages import mails, sms
from appointments.messages.truth import is_true
from appointments.models import Appointment, Event, Notification
from appointments.models.notification import NotificationQuerySet

Medium, State, Verb = Notification.Medium, Notification.State, Event.Verb
MESSENGER = worker("deliver_due")
logger = logging.getLogger(__name__)

# Longer than the slowest conversation with a mail server, in which each answer may take EMAIL_TIMEOUT.
LEASE = timedelta(minutes=2)
RETRIES = (1, 5, 15, 60, 120, 240, 480)  # minutes; fifteen hours in all
DELIVERY = Work(Notification.objects, LEASE, RETRIES, due="due_at", given_up=lambda _now: {"state": State.FAILED})
# Mails that anybody can cause who types an address. The other kinds follow from a visit, or from what officers do.
Kind = Notification.Kind
OF_ANYBODY = (Kind.VERIFY, Kind.CONFIRMATION, Kind.MOVED, Kind.CANCELLED, Kind.CORRECTED)


def deliver_next(mailer: BaseEmailBackend, *, now: datetime, among: NotificationQuerySet | None = None) -> bool:
    """Deal with the message that has been due longest, of all or among these.

    Return False if none is due, or if the mail server is away.
    """
    message = claim(now=now, among=among)
    if message is None:
        return False
    if message.state == State.SENDING:
        return _deliver(message, mailer, now)
    return True


@transaction.atomic
def claim(*, now: datetime, among: NotificationQuerySet | None = None) -> Notification | None:
    """Take the message that has been due longest, or return None.

    Its state says what was done with it: leased to the caller to send (SENDING), dropped because it is no longer true,
    put off until the morning (PENDING), or given up (FAILED).
    """
    owed = Notification.objects.all() if among is None else among
    due = owed.due(now=now).order_by("due_at", "pk")
    related = due.select_related(
        "appointment__agency", "appointment__branch", "appointment__procedure", "appointment__citizen"
    )
    message = leases.lock_first(related.with_own_text())
    if message is None:
        return None
    try:
        true, morning = is_true(message, now=now), after_night(now, message.appointment.zone)
    except Exception as error:
        # It must not be the first again and again, and keep all others waiting.
        logger.exception("Message %s could not be judged", message.pk)
        if DELIVERY.take([message], now=now):
            DELIVERY.postpone([message], error, now=now, state=State.PENDING)
        message.state = State.PENDING
        return message
    if not true:
        message.state, message.leased_until = State.DROPPED, None
    elif message.kind in WAITS_FOR_MORNING and morning > now:
        message.state, message.leased_until, message.due_at = State.PENDING, None, morning
    else:
        if not DELIVERY.take([message], now=now, state=State.SENDING):
            _note(message, Verb.FAIL, now)
        return message
    message.save(update_fields=["state", "leased_until", "due_at"])
    return message


def _deliver(message: Notification, mailer: BaseEmailBackend, now: datetime) -> bool:
    if _floods(message, now):
        DELIVERY.settle([message], state=State.DROPPED)
        return True
    try:
        if message.medium == Medium.SMS:
            sms.send(message.address, mails.text(message, now=now))
        else:
            hand_over(mails.mail(message, now=now), mailer)
    except Undeliverable as error:
        _settle(message, Verb.FAIL, now, state=State.FAILED, last_error=leases.told(error))
    except Exception as error:
        logger.warning("Message %s was not sent", message.pk, exc_info=not isinstance(error, ServerAway))
        if message.attempts > len(RETRIES):
            _settle(message, Verb.FAIL, now, state=State.FAILED, last_error=leases.told(error))
        else:
            DELIVERY.postpone([message], error, now=now, state=State.PENDING)
        return not isinstance(error, ServerAway)
    else:
        _settle(message, Verb.TELL, now, state=State.SENT, sent_at=now, last_error="")
    return True


def _floods(message: Notification, now: datetime) -> bool:
    """Return whether the mail is one too many for an address that its owner has not proved to us.

    Each mail counts once, however often it is tried. Nobody is told, for the answer would tell whose address it is.
    """
    appointment = message.appointment
    if message.medium != Medium.EMAIL or message.kind not in OF_ANYBODY or message.attempts > 1:
        return False
    by_agency = message.kind == Kind.CANCELLED and appointment.cancelled_by == Appointment.CancelledBy.AGENCY
    if by_agency or appointment.is_address_of_agency:
        return False
    return is_flooded(message.address, now=now) and not appointment.is_of_own_address


@transaction.atomic
def _settle(message: Notification, verb: Event.Verb, now: datetime, **outcome: Any) -> None:
    """Record the result on the message and in the history, unless another worker has the message by now."""
    if DELIVERY.settle([message], sent_to=message.address, **outcome):
        _note(message, verb, now)


def _note(message: Notification, verb: Event.Verb, now: datetime) -> None:
    """Note the event with the kind of message only, because the mail server's answer may contain the address."""
    details = {"message": message.pk, "kind": message.kind, "medium": message.medium}
    history.note(verb, by=MESSENGER, now=now, appointment=message.appointment, details=details)
