"""Reading the mailbox: each mail once, in order. What followed from it is kept before the mail is deleted.

A mail is known by IMAP's UIDVALIDITY and UID. One that cannot be read is left where it is, and stops no other. Mails that
have nothing to do with ours stay unread, for people.
"""

import logging
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils.crypto import salted_hmac

from accounts.mails import imap
from accounts.mails.imap import Away, Box, Place
from accounts.work import leases
from appointments.messages.returned.answers import answer_in
from appointments.messages.returned.following import follow_answer, follow_notice
from appointments.messages.returned.notices import notice_in
from appointments.messages.returned.parts import parsed
from appointments.models import Mailbox, ReturnedMail

Outcome = ReturnedMail.Outcome
logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=20)
# Seconds that one conversation may take, and mails that are read in it. The next run, seconds later, goes on.
PATIENCE, MOST = 60.0, 200
LEASE = timedelta(minutes=2)  # longer than a conversation
RETRIES = (1, 2, 5, 10, 15)  # minutes until the next try; then the last one again and again
# So often a mail is tried whose reading ends the worker. Then it counts as not readable.
TRIES = 3
KEPT = timedelta(days=30)
# What is of no use to people once it has been dealt with.
DONE_WITH = {Outcome.BOUNCED, Outcome.DELAYED, Outcome.DECLINED, Outcome.NOTHING}


def current() -> str:
    """Return the key of the mailbox that is configured, or "" if none is. A new password changes nothing."""
    return next(iter(_keys()), "")


def _keys() -> list[str]:
    """Return today's key of the mailbox, and those that earlier data keys gave it."""
    if not settings.BOUNCE_URL:
        return []
    where = imap.place(settings.BOUNCE_URL)
    told = f"{where.user} {where.host} {where.port} {where.folder}"
    return [
        salted_hmac("appointments.mailbox", told, secret=secret, algorithm="sha256").hexdigest()
        for secret in (settings.DATA_KEY, *settings.DATA_KEY_FALLBACKS)
    ]


def read(*, now: datetime) -> int:
    """Read the mails that have come, if that is due. Return how many were dealt with."""
    key = current()
    mailbox = _claim(key, now) if key else None
    if mailbox is None:
        return 0
    try:
        number = _read(mailbox, imap.place(settings.BOUNCE_URL), now)
    except Exception as error:
        told = error if isinstance(error, Away) else Away(type(error).__name__)
        logger.warning("The mailbox was not read: %s", told, exc_info=told is not error)
        wait = timedelta(minutes=RETRIES[min(mailbox.attempts, len(RETRIES)) - 1])
        _give_back(mailbox, retry_at=now + wait, last_error=leases.told(told))
        return 0
    again = now if number >= MOST else now + EVERY
    _give_back(mailbox, due_at=again, retry_at=again, attempts=0, last_error="")
    return number


@transaction.atomic
def _claim(key: str, now: datetime) -> Mailbox | None:
    """Lease the mailbox to this worker, or return None if it is not due or another worker has it."""
    known = Mailbox.objects.filter(key__in=_keys()).order_by("pk").first()
    if known and known.key != key:  # DATA_KEY has changed, and the mailbox has not
        Mailbox.objects.filter(pk=known.pk).update(key=key)
    Mailbox.objects.get_or_create(key=key, defaults={"due_at": now, "retry_at": now})
    due = Mailbox.objects.filter(leases.is_free(now=now), key=key, retry_at__lte=now)
    mailbox: Mailbox | None = leases.lock_first(due.order_by("pk"))
    if mailbox:
        mailbox.attempts, mailbox.leased_until = min(mailbox.attempts + 1, len(RETRIES)), now + LEASE
        mailbox.save(update_fields=["attempts", "leased_until"])
    return mailbox


def _give_back(mailbox: Mailbox, **outcome: Any) -> None:
    """End the lease, unless another worker has the mailbox by now."""
    Mailbox.objects.filter(pk=mailbox.pk, leased_until=mailbox.leased_until).update(leased_until=None, **outcome)


def _read(mailbox: Mailbox, where: Place, now: datetime) -> int:
    until = monotonic() + PATIENCE
    with imap.opened(where, patience=PATIENCE) as box:
        if mailbox.validity != box.validity:
            mailbox.validity, mailbox.last = box.validity, 0
        uids = box.after(mailbox.last)[:MOST]
        for number, uid in enumerate(uids):
            if monotonic() > until:
                return number
            _deal_with(box, mailbox, uid, now)
    return len(uids)


def _deal_with(box: Box, mailbox: Mailbox, uid: int, now: datetime) -> None:
    mail, _is_new = mailbox.mails.get_or_create(validity=box.validity, uid=uid, defaults={"seen_at": now})
    if mail.outcome == Outcome.OPEN:
        raw = box.read(uid)
        if raw is None:  # somebody else has deleted it
            mail.delete()
            return
        _follow(mail, raw, now)
    if mail.outcome in DONE_WITH:
        box.drop(uid)
    Mailbox.objects.filter(pk=mailbox.pk).update(validity=box.validity, last=uid)


def _follow(mail: ReturnedMail, raw: bytes, now: datetime) -> None:
    """Do what follows from the mail, and keep with it that it is done."""
    mail.attempts += 1
    mail.save(update_fields=["attempts"])
    try:
        outcome = _settled(mail, raw, now) if mail.attempts <= TRIES else Outcome.UNREADABLE
    except (OperationalError, InterfaceError):  # of the database, not of the mail
        raise
    except Exception:
        logger.exception("Mail %s of the mailbox is not readable", mail.pk)
        outcome = Outcome.UNREADABLE
    mail.outcome = outcome
    mail.save(update_fields=["outcome"])


def _settled(mail: ReturnedMail, raw: bytes, now: datetime) -> Outcome:
    letter = parsed(raw)
    notice = notice_in(letter)
    answer = None if notice else answer_in(letter)
    with transaction.atomic():
        outcome = Outcome.FOREIGN
        if notice:
            outcome = follow_notice(notice, now=now)
        elif answer:
            outcome = follow_answer(answer, now=now)
        ReturnedMail.objects.filter(pk=mail.pk).update(outcome=outcome)
    return outcome


def forget(*, now: datetime) -> int:
    """Delete the rows of mails that were read long ago; return how many."""
    return ReturnedMail.objects.filter(seen_at__lt=now - KEPT).delete()[0]
