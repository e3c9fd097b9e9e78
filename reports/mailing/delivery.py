"""Sending reports by mail: once to each person, and only what both who made the list and who gets it may see at this moment."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.utils import translation

from accounts.mails.handing import AddressRefused, ServerAway, TooLarge, Undeliverable, hand_over
from accounts.mails.marks import Notice
from accounts.models import User
from accounts.peers import Dealt
from accounts.work import leases
from accounts.work.leases import Work
from reports.mailing import contents, letters
from reports.mailing.contents import PUBLISHED, Contents, Gone
from reports.mailing.scope import Scope, may_read
from reports.mailing.subscriptions import end
from reports.models import Sending, Subscription
from reports.selecting.viewers import Viewer

State, End = Sending.State, Subscription.End
logger = logging.getLogger(__name__)

# Longer than a report may be read and a mail with a file may be handed over. A run is killed before.
LEASE = timedelta(minutes=10)
# Minutes, six days in all: a mail server may be away over a long weekend, and nobody waits for these mails.
RETRIES = (5, 15, 60, 120, 240, 480, 960, 1440, 1440, 1440, 1440)

SENDING = Work(Sending.objects, LEASE, RETRIES, due="retry_at", given_up=lambda _now: {"state": State.FAILED})


@dataclass
class Reader:
    """Reads a report once for all who get it, as long as the rights of who made it stay the same.

    A report that cannot be read is not tried again for each of them: it may take the database as long as it may at most.
    """

    clock: Callable[[], datetime]
    _read: dict[object, Contents | Exception] = field(default_factory=dict)

    def contents(self, sending: Sending, viewer: Viewer) -> Contents:
        subscription = sending.recipient.subscription
        key = (subscription.pk, sending.moment, viewer)
        if key not in self._read:
            self._read = {key: self._tried(sending, viewer)}
        found = self._read[key]
        if isinstance(found, Exception):
            raise found
        return found

    def _tried(self, sending: Sending, viewer: Viewer) -> Contents | Exception:
        subscription = sending.recipient.subscription
        try:
            return contents.contents(subscription, viewer, sending.moment, now=self.clock())
        except Exception as error:  # noqa: BLE001 (who asks decides what follows)
            return error


def deal_with_next(mailer: BaseEmailBackend, reader: Reader, *, now: datetime) -> Dealt:
    """Deal with the mail that has been due longest. Raises ServerAway."""
    sending = _claim(now)
    if sending is None:
        return Dealt(0, 0)
    said = _said(sending, reader, now) if sending.state == State.PENDING else None
    return Dealt(1, _send(sending, said, mailer, now) if said else 0)


@transaction.atomic
def _claim(now: datetime) -> Sending | None:
    """Take the mail that has been due longest, or return None. It is PENDING if the caller has to send it."""
    due = Sending.objects.due(now=now).select_related("recipient__user", "recipient__subscription__user")
    sending: Sending | None = leases.lock_first(due.order_by("retry_at", "pk"))
    if sending:
        SENDING.take([sending], now=now)
    return sending


def _said(sending: Sending, reader: Reader, now: datetime) -> Contents | None:
    """Return what the mail says, or None if it cannot be sent: the subscription ends, or the row tells why."""
    subscription = sending.recipient.subscription
    if sending.recipient.stopped_at or subscription.paused_at or subscription.ended_at:
        SENDING.settle([sending], state=State.DROPPED)  # the same moment that owed it has stopped it
        return None
    viewer = Viewer.of(subscription.user)
    if not sees_what_it_had(subscription, viewer):
        end(subscription, End.RIGHTS, now=now)
        return None
    try:
        with translation.override(subscription.language):
            said = reader.contents(sending, viewer)
    except Gone:
        end(subscription, End.FILTERS, now=now)
        return None
    except Exception as error:
        logger.exception("Report %s could not be read", sending.pk)
        SENDING.postpone([sending], error, now=now)
        return None
    state = _refusal(sending.recipient.user, said)
    if state:
        SENDING.settle([sending], state=state)
    return None if state else said


def _refusal(user: User, said: Contents) -> str:
    """Return why the person cannot get this, or "" if nothing speaks against it."""
    if not may_read(user, said.scope or Scope(), is_public=said.scope is None):
        return State.REFUSED
    is_unreachable = User.objects.unreachable().filter(pk=user.pk).exists()
    return State.RETURNED if is_unreachable else ""


def _send(sending: Sending, said: Contents, mailer: BaseEmailBackend, now: datetime) -> int:
    """Hand the mail over. Return whether the mail server has said something about it. Raises ServerAway."""
    try:
        _hand_over(sending, said, mailer)
    except Undeliverable as error:
        SENDING.settle([sending], state=State.FAILED, last_error=leases.told(error))
        if isinstance(error, AddressRefused):
            User.objects.note_returned(sending.recipient.user.email, sent_at=now, now=now)
    except Exception as error:
        logger.warning("Report %s was not sent", sending.pk, exc_info=not isinstance(error, ServerAway))
        SENDING.postpone([sending], error, now=now)
        if isinstance(error, ServerAway):
            raise
    else:
        SENDING.settle([sending], state=State.SENT, sent_at=now, last_error="")
    return 1


def _hand_over(sending: Sending, said: Contents, mailer: BaseEmailBackend) -> None:
    """Hand the mail over; without its file, if the mail server takes no mail as large as this."""
    with translation.override(sending.recipient.subscription.language):
        whole, plain = (letters.report(sending, said, largest=size) for size in (letters.LARGEST, 0))
    try:
        hand_over(whole, mailer)
    except TooLarge:
        hand_over(plain, mailer)


def sees_what_it_had(subscription: Subscription, viewer: Viewer) -> bool:
    """Returns whether who made it may still see all that it was made with."""
    is_public = subscription.report == PUBLISHED
    return viewer.sees_figures and (is_public or Scope.had_by(subscription).is_seen_by(viewer))


def follow(notice: Notice, *, now: datetime) -> bool:
    """Note that the mail did not arrive, and that none arrives at the address if the fault is its own."""
    sending = Sending.objects.select_related("recipient__user").filter(pk=notice.mark.key).first()
    if sending is None or not notice.is_final or not notice.mark.is_for(sending.recipient.user.email):
        return False
    # A worker that has not noted yet that it sent it records nothing any more.
    sent = Sending.objects.filter(Q(state=State.SENT) | Q(state=State.PENDING, attempts__gt=0), pk=sending.pk)
    if not sent.update(state=State.RETURNED, leased_until=None, last_error=notice.status):
        return False
    if notice.is_of_address:
        User.objects.note_returned(sending.recipient.user.email, sent_at=sending.sent_at or now, now=now)
    return True
