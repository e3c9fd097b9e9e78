"""Sending the notices that are due, as messages about appointments are sent: claimed, leased, and settled.

Right before it is sent, a notice is judged again while its ticket is locked. So whoever has been called, has left or has been
served meanwhile is told nothing that is past.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from accounts.limits import DatabaseLimit, is_flooded
from accounts.mails.handing import Undeliverable, hand_over
from accounts.peers import Clock, Dealt, PeerAway
from accounts.work import leases
from accounts.work.leases import Work
from appointments import history
from appointments.counter.line import line_of
from appointments.counter.steps import PATIENCE
from appointments.history import Actor, worker
from appointments.messages import sms
from appointments.messages.notices import turns, words
from appointments.messages.notices.turns import FORGOTTEN
from appointments.models import Appointment, Event, Notice, Notification, Ticket
from appointments.models.notification import NoticeQuerySet

Medium, State, Verb = Notification.Medium, Notification.State, Event.Verb
MESSENGER = worker("deliver_urgent")
logger = logging.getLogger(__name__)

# Longer than the slowest conversation with a mail server, in which each answer may take EMAIL_TIMEOUT.
LEASE = timedelta(minutes=2)
# Minutes. Whoever is next is called soon, so the first ones are short. A guest's link is worth more patience.
RETRIES = (5 / 60, 15 / 60, 0.5, 1, 2, 5, 10, 20, 60, 120)
OVER = {"address": "", "last_error": ""}
DELIVERY = Work(Notice.objects, LEASE, RETRIES, due="due_at", given_up=lambda _now: {"state": State.FAILED, **OVER})
# SMS to one number that anybody can cause who types it, all together. A mail has the limit of all mails to its address.
SMS_A_DAY = DatabaseLimit("sms-to-unproven", 10, 24 * 3600)


def deal_with_next(mailer: BaseEmailBackend, among: NoticeQuerySet, *, clock: Clock) -> Dealt:
    """Deal with the notice that has been due longest among these. Raises PeerAway."""
    notice = claim(among, now=clock())
    if notice is None:
        return Dealt(0, 0)
    return Dealt(1, int(notice.state == State.SENDING and _deliver(notice, mailer, clock())))


@transaction.atomic
def claim(among: NoticeQuerySet, *, now: datetime) -> Notice | None:
    """Take the notice that has been due longest, or return None. It is SENDING if the caller has to send it."""
    due = among.due(now=now).select_related("guest__call", "ticket__branch__agency", "ticket__procedure")
    notice: Notice | None = leases.lock_first(due.order_by("due_at", "pk"))
    if notice is None:
        return None
    if notice.state == State.SENDING and notice.medium == Medium.SMS:
        _change(notice, state=State.UNSURE, **FORGOTTEN)  # a worker died with it in its hands
    elif _is_over(notice, now):
        _change(notice, state=State.DROPPED, **FORGOTTEN)
    elif not _is_timely(notice, now):
        _change(notice, state=State.PENDING, due_at=None, leased_until=None)
    else:
        DELIVERY.take([notice], now=now, state=State.SENDING)
    return notice


def _change(notice: Notice, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(notice, name, value)
    notice.save(update_fields=[*fields])


def _is_over(notice: Notice, now: datetime) -> bool:
    """Return whether the notice can have no moment any more. Locks the ticket, so that a call in progress is waited for."""
    if notice.ticket is None:
        return notice.guest is None or not turns.is_expected(notice.guest, now=now)
    ticket = Ticket.objects.select_for_update(no_key=True).get(pk=notice.ticket.pk)
    return ticket.ended_at is not None and ticket.ended_at <= now - PATIENCE


def _is_timely(notice: Notice, now: datetime) -> bool:
    return notice.ticket is None or turns.is_timely(notice, line_of(notice.ticket.branch, now=now))


def _deliver(notice: Notice, mailer: BaseEmailBackend, now: datetime) -> bool:
    """Send a notice that is ours, and record the outcome. Return whether the peer has said anything about it."""
    if notice.attempts == 1 and _floods(notice, now):
        DELIVERY.settle([notice], state=State.DROPPED, **OVER)
        return False
    try:
        _hand_over(notice, mailer, now)
    except Undeliverable:
        _settle(notice, Verb.FAIL, now, state=State.FAILED)
    except sms.PerhapsSent as error:
        _settle(notice, Verb.DOUBT, now, state=State.UNSURE)
        if error.is_away:
            raise sms.GatewayAway(str(error)) from error
    except Exception as error:
        logger.warning("Notice %s was not sent", notice.pk, exc_info=not isinstance(error, PeerAway))
        _put_off(notice, error, now)
        if isinstance(error, PeerAway):
            raise
    else:
        _settle(notice, Verb.TELL, now, state=State.SENT, sent_at=now)
    return True


def _floods(notice: Notice, now: datetime) -> bool:
    """Return whether it is one too many for an address that nobody has proven. Nobody is told."""
    if notice.medium == Medium.SMS:
        return SMS_A_DAY.passed(notice.address, now=now)
    return is_flooded(notice.address, now=now)


def _hand_over(notice: Notice, mailer: BaseEmailBackend, now: datetime) -> None:
    if notice.medium == Medium.SMS:
        key = f"{words.MARKED_AS}-{notice.pk}"
        sms.send(notice.address, words.text(notice), key=key, now=now)
    else:
        hand_over(words.mail(notice), mailer)


def _put_off(notice: Notice, error: Exception, now: datetime) -> None:
    if notice.attempts > len(RETRIES):
        _settle(notice, Verb.FAIL, now, state=State.FAILED)
    else:
        wait = (error.pause if isinstance(error, PeerAway) else None) or timedelta()
        DELIVERY.postpone([notice], error, now=now, wait=wait, state=State.PENDING)


@transaction.atomic
def _settle(notice: Notice, verb: Event.Verb, now: datetime, **outcome: Any) -> None:
    """Record the result, unless another worker has the notice by now.

    The history tells it of a guest's link alone. An event of a ticket would refuse the button that an officer presses at
    the same moment.
    """
    if DELIVERY.settle([notice], **outcome, **OVER):
        _note(notice, verb, MESSENGER, now)


def _note(notice: Notice, verb: Event.Verb, by: Actor, now: datetime) -> None:
    appointment = Appointment.objects.filter(video_call=notice.guest.call_id).first() if notice.guest else None
    if appointment:
        details = {"message": notice.pk, "kind": notice.kind, "medium": notice.medium}
        history.note(verb, by=by, now=now, appointment=appointment, details=details)


def came_back(key: int, *, by: Actor, now: datetime) -> bool:
    """Note that the mail did not arrive, and forget what its address was still to be told. The caller has a transaction.

    Returns whether that is new.
    """
    sent = Notice.objects.filter(pk=key, state__in=(State.SENT, State.SENDING))
    if not sent.update(state=State.BOUNCED, **FORGOTTEN):
        return False
    notice = Notice.objects.select_related("guest").get(pk=key)
    if notice.ticket_id:
        others = Notice.objects.open().by_mail().filter(ticket=notice.ticket_id)
        others.filter(leases.is_free(now=now)).update(state=State.DROPPED, **FORGOTTEN)
    _note(notice, Verb.FAIL, by, now)
    return True
