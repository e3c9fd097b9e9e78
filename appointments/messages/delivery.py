"""Delivering the messages that are owed: claim some, send each, and record what became of it.

A message is leased to one worker (accounts/work/leases.py). A mail is sent at least once: it is sent twice only if the
worker, or the mail server, dies between the server's "accepted" and the UPDATE that follows. Both mails then have the same
Message-ID. An SMS costs money, and telephones do not recognise a repetition. It is sent at most once: if nobody knows
whether the gateway has taken it, it is UNSURE, and a person decides.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction

from accounts.limits import is_flooded
from accounts.mails.handing import AddressRefused, Undeliverable, hand_over
from accounts.peers import Clock, Dealt, Peer, PeerAway
from accounts.work import leases
from accounts.work.leases import Work
from appointments import history
from appointments.booking import owed
from appointments.booking.owed import after_night, waits_for_morning
from appointments.history import worker
from appointments.messages import mails, sms
from appointments.messages.truth import is_true
from appointments.models import Appointment, Event, Notification
from appointments.models.notification import NotificationQuerySet

Medium, State, Verb = Notification.Medium, Notification.State, Event.Verb
MESSENGER = worker("deliver_due")
Deal = Callable[[BaseEmailBackend], Dealt]
logger = logging.getLogger(__name__)

# Longer than the slowest conversation with a mail server, in which each answer may take EMAIL_TIMEOUT.
LEASE = timedelta(minutes=2)
RETRIES = (1, 5, 15, 60, 120, 240, 480)  # minutes; fifteen hours in all
DELIVERY = Work(Notification.objects, LEASE, RETRIES, due="due_at", given_up=lambda _now: {"state": State.FAILED})
# How many messages are claimed together if nobody waits for them.
BATCH = 50
# A gateway that hangs costs one text at each question, of which nobody knows whether it was sent. So the pauses are longer.
GATEWAY = Peer("SMS gateway", pauses=(5, 15, 30, 60), probe=timedelta(minutes=2))
# Mails that anybody can cause who types an address. The other kinds follow from a visit, or from what officers do.
Kind = Notification.Kind
OF_ANYBODY = (Kind.VERIFY, Kind.CONFIRMATION, Kind.MOVED, Kind.CANCELLED, Kind.CORRECTED, Kind.REPLY, Kind.FOR_YOU)


def deliver(
    *lanes: NotificationQuerySet, through: Peer, clock: Clock, seconds: float, first: Deal | None = None
) -> None:
    """Send what is due in these lanes through one peer, for so many seconds at most. An earlier lane goes first.

    `first` deals with something else that goes through this peer and is more urgent than all lanes. While the peer is left
    alone, nothing is done.
    """

    def step(works: bool) -> Dealt:
        return next((dealt for dealt in tries(works) if dealt.rows), Dealt(0, 0))

    def tries(works: bool) -> Iterator[Dealt]:
        if first:
            yield first(mailer)
        for lane in lanes:
            yield deliver_some(mailer, clock=clock, among=lane, limit=BATCH if works else 1)

    with closing(get_connection()) as mailer:
        through.work(step, clock=clock, seconds=seconds)


def deliver_next(mailer: BaseEmailBackend, *, now: datetime, among: NotificationQuerySet | None = None) -> bool:
    """Deal with the message that has been due longest, of all or among these.

    Return False if none is due, or if its peer is away.
    """
    rows = Notification.objects.all() if among is None else among
    try:
        return deliver_some(mailer, clock=lambda: now, among=rows, limit=1).rows > 0
    except PeerAway:
        return False


def deliver_some(mailer: BaseEmailBackend, *, clock: Clock, among: NotificationQuerySet, limit: int) -> Dealt:
    """Deal with the messages that have been due longest. Raises PeerAway; what is left then is given back."""
    claimed = claim_some(now=clock(), among=among, limit=limit)
    answered = sum([_deliver(one, mailer, clock()) for one in claimed if one.state == State.SENDING])
    reserved = [one for one in claimed if one.state == State.PENDING and one.leased_until]
    for number, message in enumerate(reserved):
        try:
            if _is_begun(message, clock()):
                answered += _deliver(message, mailer, clock())
        except PeerAway:
            DELIVERY.settle(reserved[number + 1 :])
            raise
    return Dealt(len(claimed), answered)


def claim(*, now: datetime, among: NotificationQuerySet | None = None) -> Notification | None:
    """Take the message that has been due longest, or return None."""
    rows = Notification.objects.all() if among is None else among
    return next(iter(claim_some(now=now, among=rows, limit=1)), None)


@transaction.atomic
def claim_some(*, now: datetime, among: NotificationQuerySet, limit: int) -> list[Notification]:
    """Take the messages that have been due longest.

    The state of each says what was done with it: leased to the caller to send (SENDING), leased to the caller who has to
    begin it first (PENDING with a lease, if there are several), dropped because it is no longer true (DROPPED), put off
    (PENDING), given up (FAILED), or perhaps sent by a worker that died (UNSURE).
    """
    due = among.due(now=now).with_own_text().with_version().order_by("due_at", "pk")
    related = due.select_related(
        "appointment__agency",
        "appointment__branch",
        "appointment__procedure",
        "appointment__citizen",
        "appointment__party",
    )
    messages = leases.lock(related.prefetch_related("appointment__notifications") if limit > 1 else related, limit)
    to_send = [message for message in messages if _is_to_send(message, now)]
    if len(messages) > 1:
        DELIVERY.take(to_send, now=now, tried=0, state=State.PENDING)
    else:
        DELIVERY.take(to_send, now=now, state=State.SENDING)
    for message in to_send:
        if message.state == State.FAILED:
            _note(message, Verb.FAIL, now)
    return messages


def _is_to_send(message: Notification, now: datetime) -> bool:
    """Return whether this locked message is to be sent now. If it is not, what becomes of it is recorded."""
    if message.state == State.SENDING and message.medium == Medium.SMS:
        _doubt(message, now)
        return False
    if message.revision > message.appointment.revision and _is_carried_over(message):
        message.leased_until = None
        return False
    try:
        true, morning = is_true(message, now=now), after_night(now, message.appointment.zone)
    except Exception as error:
        # It must not be the first again and again, and keep all others waiting.
        logger.exception("Message %s could not be judged", message.pk)
        if DELIVERY.take([message], now=now):
            DELIVERY.postpone([message], error, now=now, state=State.PENDING)
        message.state, message.leased_until = State.PENDING, None
        return False
    if not true:
        message.state, message.leased_until = State.DROPPED, None
    elif waits_for_morning(message, now=now) and morning > now:
        message.state, message.leased_until, message.due_at = State.PENDING, None, morning
    else:
        return True
    message.save(update_fields=["state", "leased_until", "due_at"])
    return False


def _is_carried_over(message: Notification) -> bool:
    """Return whether the message got a new revision while it was being read, and its appointment was read before that."""
    return Appointment.objects.filter(pk=message.appointment_id, revision=message.revision).exists()


def _doubt(message: Notification, now: datetime) -> None:
    """Record that a worker died with this SMS in its hands."""
    message.state, message.leased_until = State.UNSURE, None
    message.last_error = "the worker died while it was sending"
    message.save(update_fields=["state", "leased_until", "last_error"])
    _note(message, Verb.DOUBT, now)


BEGIN = """
UPDATE appointments_notification SET state = 'sending', attempts = attempts + 1, leased_until = %(until)s
WHERE id = %(pk)s AND state = 'pending' AND attempts = %(attempts)s AND leased_until = %(lease)s AND EXISTS (
    SELECT FROM appointments_appointment WHERE id = appointment_id AND xmin::text = %(version)s
)
"""


def _is_begun(message: Notification, now: datetime) -> bool:
    """Return whether this message, claimed with others a moment ago, is begun: it is still ours, and still true.

    A step of the appointment in the meantime has dropped it, or else it is given back, to be read anew.
    """
    if not is_true(message, now=now):
        DELIVERY.settle([message], state=State.DROPPED)
        return False
    before = {"pk": message.pk, "attempts": message.attempts, "lease": message.leased_until, "version": message.version}
    until = now + LEASE
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, before | {"until": until})
        if not cursor.rowcount:
            DELIVERY.settle([message])
            return False
    message.state, message.attempts, message.leased_until = State.SENDING, message.attempts + 1, until
    return True


def _deliver(message: Notification, mailer: BaseEmailBackend, now: datetime) -> bool:
    """Send a message that is ours, and record the outcome. Return whether the peer has said anything about it.

    Raises PeerAway if the peer takes nothing at all.
    """
    if _floods(message, now):
        DELIVERY.settle([message], state=State.DROPPED)
        return False
    try:
        _hand_over(message, mailer, now)
    except Undeliverable as error:
        _settle(message, Verb.FAIL, now, state=State.FAILED, last_error=leases.told(error))
        if isinstance(error, AddressRefused):
            _give_up_mail(message, now)
    except sms.PerhapsSent as error:
        _settle(message, Verb.DOUBT, now, state=State.UNSURE, last_error=leases.told(error))
        if error.is_away:
            raise sms.GatewayAway(str(error)) from error
    except Exception as error:
        logger.warning("Message %s was not sent", message.pk, exc_info=not isinstance(error, PeerAway))
        _put_off(message, error, now)
        if isinstance(error, PeerAway):
            raise
    else:
        _settle(message, Verb.TELL, now, state=State.SENT, sent_at=now, last_error="")
    return True


def _hand_over(message: Notification, mailer: BaseEmailBackend, now: datetime) -> None:
    if message.medium == Medium.SMS:
        sms.send(owed.sms_number(message.appointment), mails.text(message, now=now), key=mails.id_of(message), now=now)
    else:
        hand_over(mails.mail(message, now=now), mailer)


def _put_off(message: Notification, error: Exception, now: datetime) -> None:
    if message.attempts > len(RETRIES):
        _settle(message, Verb.FAIL, now, state=State.FAILED, last_error=leases.told(error))
    else:
        wait = (error.pause if isinstance(error, PeerAway) else None) or timedelta()
        DELIVERY.postpone([message], error, now=now, wait=wait, state=State.PENDING)


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


# What `DELIVERY.settle` and `_note` write, in one statement: at 50,000 reminders it saves a third of the time. The event locks
# its appointment. Verbs lock that before its messages, so this statement does too.
SETTLE = """
WITH appointment AS (
    SELECT id FROM appointments_appointment WHERE id = %(appointment)s FOR KEY SHARE
), settled AS (
    UPDATE appointments_notification message SET leased_until = NULL, {outcome}
    FROM appointment
    WHERE appointment.id = message.appointment_id
        AND message.id = %(pk)s AND attempts = %(attempts)s AND leased_until = %(lease)s
    RETURNING message.id, appointment_id, kind, medium
)
INSERT INTO appointments_event (at, verb, appointment_id, "by", page, before, details)
SELECT %(now)s, %(verb)s, appointment_id, %(by)s, %(page)s, '{{}}',
    jsonb_build_object('message', id, 'kind', kind, 'medium', medium)
FROM settled
"""


def _settle(message: Notification, verb: Event.Verb, now: datetime, **outcome: Any) -> None:
    """Record the result on the message and in the history, unless another worker has the message by now."""
    row: dict[str, Any] = {"pk": message.pk, "appointment": message.appointment_id}
    row |= {"attempts": message.attempts, "lease": message.leased_until}
    step: dict[str, Any] = {"now": now, "verb": verb, "by": MESSENGER.by, "page": MESSENGER.page}
    outcome["sent_to"] = message.address
    sql = SETTLE.format(outcome=", ".join(f"{name} = %({name})s" for name in outcome))
    with connection.cursor() as cursor:
        cursor.execute(sql, row | step | outcome)


@transaction.atomic
def _give_up_mail(message: Notification, now: datetime) -> None:
    """Send no more mails to an address that was refused, unless the contact has been corrected meanwhile."""
    appointment = Appointment.objects.select_for_update(no_key=True).get(pk=message.appointment_id)
    if appointment.email == message.address:
        owed.give_up_mail(appointment, now=now)


def _note(message: Notification, verb: Event.Verb, now: datetime) -> None:
    """Note the event with the kind of message only, because the mail server's answer may contain the address."""
    details = {"message": message.pk, "kind": message.kind, "medium": message.medium}
    history.note(verb, by=MESSENGER, now=now, appointment=message.appointment, details=details)
