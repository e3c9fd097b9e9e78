"""Delivery of the messages owed: claim one, send it, record what came of it.

A claim is a short transaction that leases the message to one worker; sending happens outside of any transaction. A
worker that dies between claim and record leaves a lease, and the message is sent when that has run out. So each
message leaves at least once, and twice only if the worker dies in the moment between the mail server's "accepted" and
the UPDATE that follows it; both then carry one Message-ID.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPException, SMTPNotSupportedError, SMTPRecipientsRefused, SMTPServerDisconnected

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from appointments.booking.owed import WAITS_FOR_MORNING, after_night
from appointments.messages import mails, sms
from appointments.messages.truth import is_true
from appointments.models import Notification

Medium, State = Notification.Medium, Notification.State
logger = logging.getLogger(__name__)

# Longer than the slowest conversation with a mail server, whose every answer may take EMAIL_TIMEOUT.
LEASE = timedelta(minutes=5)
# Minutes until the next attempt after each failure; after the last one a message has failed: fifteen hours in all.
RETRIES = [1, 5, 15, 60, 120, 240, 480]
PERMANENT = 500  # RFC 5321: replies from here on will not change


class DeliveryError(Exception):
    pass


class Undeliverable(DeliveryError):
    """The message will never arrive: staff see it and call instead."""


class ServerAway(DeliveryError):
    """Nothing can be sent at the moment, this message or another."""


def deliver_next(mailer: BaseEmailBackend, *, now: datetime) -> bool:
    """Deal with the message that is due longest. False if none is due, or if trying another is no use at the moment."""
    message = claim(now=now)
    if message is None:
        return False
    if message.state == State.SENDING:
        return _deliver(message, mailer, now)
    return True


@transaction.atomic
def claim(*, now: datetime) -> Notification | None:
    """Lease the message to the caller; or drop it, or let it wait for the morning, or give it up: its state tells."""
    due = Notification.objects.due(now=now).order_by("due_at", "pk")
    related = due.select_related("appointment__agency", "appointment__branch", "appointment__procedure")
    message = related.select_for_update(skip_locked=True, of=("self",)).first()
    if message is None:
        return None
    if not is_true(message, now=now):
        message.state = State.DROPPED
    elif message.kind in WAITS_FOR_MORNING and (morning := after_night(now, message.appointment)) > now:
        message.state, message.due_at = State.PENDING, morning
    elif message.attempts > len(RETRIES):
        message.state, message.last_error = State.FAILED, "the worker died at every attempt"
    else:
        message.state, message.attempts = State.SENDING, message.attempts + 1
    message.leased_until = now + LEASE if message.state == State.SENDING else None
    message.save(update_fields=["state", "due_at", "attempts", "leased_until", "last_error"])
    return message


def _deliver(message: Notification, mailer: BaseEmailBackend, now: datetime) -> bool:
    try:
        if message.medium == Medium.SMS:
            sms.send(message.appointment.phone, mails.text(message, now=now))
        else:
            hand_over(mails.mail(message, now=now), mailer)
    except Undeliverable as error:
        _record(message, state=State.FAILED, last_error=str(error)[:250])
    except Exception as error:
        logger.warning("Message %s was not sent", message.pk, exc_info=not isinstance(error, ServerAway))
        _postpone(message, error, now)
        return not isinstance(error, ServerAway)
    else:
        _record(message, state=State.SENT, sent_at=now, last_error="")
    return True


def hand_over(mail: EmailMessage, mailer: BaseEmailBackend) -> None:
    """Over the connection that the sweep keeps open. Every error of smtplib is an OSError."""
    try:
        mailer.open()
    except OSError as error:
        raise ServerAway(str(error)) from error
    try:
        mailer.send_messages([mail])
    except OSError as error:
        mailer.close()
        if _is_permanent(error):
            raise Undeliverable(str(error)) from error
        if isinstance(error, SMTPServerDisconnected) or not isinstance(error, SMTPException):
            raise ServerAway(str(error)) from error
        raise


def _is_permanent(error: OSError) -> bool:
    """Whether the server will never take this mail. A refused sender is ours to put right, so that is not permanent."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _reply in error.recipients.values())
    if isinstance(error, SMTPDataError):
        return error.smtp_code >= PERMANENT
    return isinstance(error, SMTPNotSupportedError)


def _postpone(message: Notification, error: Exception, now: datetime) -> None:
    reason = (str(error) or type(error).__name__)[:250]
    if message.attempts > len(RETRIES):
        _record(message, state=State.FAILED, last_error=reason)
        return
    retry = now + timedelta(minutes=RETRIES[message.attempts - 1])
    _record(message, state=State.PENDING, due_at=retry, last_error=reason)


def _record(message: Notification, **outcome: object) -> None:
    """Unless the lease ran out meanwhile and another worker has the message."""
    mine = Notification.objects.filter(pk=message.pk, state=State.SENDING, leased_until=message.leased_until)
    mine.update(leased_until=None, **outcome)
