"""The mails about accounts: codes, hints, and news for the owner. They are rows that a page writes and the worker sends.

So no page waits for the mail server. A code is tried again within seconds and minutes while it is valid. Of the mails that
one browser session asks for, only the latest is sent: two codes in the wrong order would confuse. A row forgets what its
mail says as soon as it is sent or given up, and goes after a day.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.crypto import get_random_string

from accounts.mails import marks
from accounts.mails.handing import AddressRefused, ServerAway, Undeliverable, hand_over
from accounts.mails.marks import Notice
from accounts.models import SEALED_AS, AccountMail, User
from accounts.peers import Dealt
from accounts.sealing import opened, sealed
from accounts.work import leases
from accounts.work.leases import Work
from accounts.work.waking import wake_worker

State = AccountMail.State
logger = logging.getLogger(__name__)

# Longer than a conversation with a mail server may take, in which each answer may take EMAIL_TIMEOUT.
LEASE = timedelta(minutes=2)
# Minutes: 5, 15 and 30 seconds first, because somebody waits for a code; then up to sixteen hours, for what is no code.
RETRIES = (5 / 60, 15 / 60, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 240, 480)
# How long a mail is worth sending: as long as its code is valid, or a day if it is news that nobody waits for.
AWAITED_LASTS, NEWS_LASTS = timedelta(minutes=settings.CODE_MINUTES), timedelta(days=1)
# Mail is late if somebody has waited so long for one that is not sent yet. Rows are forgotten after KEPT.
LATE, KEPT = timedelta(seconds=30), timedelta(days=1)
ASKER = "asks_for_mail"
MARKED_AS = "account"


def _settled(state: AccountMail.State) -> dict[str, Any]:
    return {"state": state, "content": None}


SENDING = Work(AccountMail.objects, LEASE, RETRIES, due="due_at", given_up=lambda _now: _settled(State.FAILED))


@dataclass(frozen=True)
class Progress:
    """What somebody who waits for a code may know. It is the same whether the address has an account or not."""

    is_late: bool
    is_refused: bool


def asker(session: SessionBase) -> str:
    """Return the name under which this browser session asks for mail, and give it one if it has none."""
    return session.setdefault(ASKER, get_random_string(22))


@transaction.atomic
def owe(letter: EmailMultiAlternatives, kind: str, *, asked_by: str = "", now: datetime) -> None:
    """Owe this mail, due now, in place of an unsent one for the same asker, and wake the worker on commit.

    `asked_by` is empty for news that nobody waits for; it replaces nothing.
    """
    content = [letter.subject, letter.body, *(str(body) for body, _type in letter.alternatives)]
    awaited_since = _drop_unsent(asked_by) if asked_by else None
    AccountMail.objects.create(
        kind=kind,
        recipient=letter.to[0],
        language=(translation.get_language() or settings.LANGUAGE_CODE)[:2],
        content=sealed(json.dumps(content), SEALED_AS),
        asked_by=asked_by,
        awaited_since=awaited_since or now,
        created_at=now,
        due_at=now,
        useless_at=now + (AWAITED_LASTS if asked_by else NEWS_LASTS),
    )
    wake_worker("accounts.tasks.send_codes")


def _drop_unsent(asked_by: str) -> datetime | None:
    """Drop the unsent mails for this asker. Return since when the first of them was awaited, or None if there is none."""
    unsent = AccountMail.objects.unsent().filter(asked_by=asked_by)
    locked = unsent.order_by("pk").select_for_update(no_key=True)
    since = min((mail.awaited_since for mail in locked), default=None)
    # A worker that is sending one of them no longer holds its lease, so it records nothing.
    unsent.update(leased_until=None, **_settled(State.DROPPED))
    return since


def send_next(mailer: BaseEmailBackend, *, now: datetime) -> bool:
    """Deal with the mail that has been due longest. Return False if none is due, or if the mail server is away."""
    try:
        return deal_with_next(mailer, now=now).rows > 0
    except ServerAway:
        return False


def deal_with_next(mailer: BaseEmailBackend, *, now: datetime) -> Dealt:
    """Deal with the mail that has been due longest. Raises ServerAway."""
    mail = _claim(now)
    if mail is None:
        return Dealt(0, 0)
    if mail.state != State.PENDING:
        return Dealt(1, 0)
    try:
        hand_over(_letter(mail), mailer)
    except Undeliverable as error:
        SENDING.settle([mail], **_settled(State.FAILED), last_error=leases.told(error))
        if isinstance(error, AddressRefused):
            User.objects.note_returned(mail.recipient, sent_at=now, now=now)
    except Exception as error:
        logger.warning("Mail %s about an account was not sent", mail.pk, exc_info=not isinstance(error, ServerAway))
        SENDING.postpone([mail], error, now=now, is_put_off=not isinstance(error, ServerAway))
        if isinstance(error, ServerAway):
            raise
    else:
        SENDING.settle([mail], **_settled(State.SENT), last_error="")
    return Dealt(1, 1)


@transaction.atomic
def _claim(now: datetime) -> AccountMail | None:
    """Take the mail that has been due longest, or return None. It is PENDING if the caller has to send it."""
    mail = leases.lock_first(AccountMail.objects.due(now=now).order_by("due_at", "pk"))
    if mail is None:
        return None
    if mail.useless_at <= now:
        mail.state, mail.content, mail.leased_until = State.DROPPED, None, None
        mail.save(update_fields=["state", "content", "leased_until"])
    else:
        SENDING.take([mail], now=now)
    return mail


def _letter(mail: AccountMail) -> EmailMultiAlternatives:
    """Return the mail. Sent again, it has the same mark."""
    assert mail.content is not None  # noqa: S101 (a constraint says so)
    subject, text, *html = json.loads(opened(mail.content, SEALED_AS))
    letter = EmailMultiAlternatives(subject, text, to=[mail.recipient])
    marks.stamp(letter, MARKED_AS, mail.pk)
    for body in html:
        letter.attach_alternative(body, "text/html")
    return letter


def follow(notice: Notice, *, now: datetime) -> bool:
    """Note that the mail did not arrive. Return False if there is none any more, or it went to another address."""
    mail = AccountMail.objects.filter(pk=notice.mark.key, state=State.SENT).first()
    if mail is None or not notice.is_final or not notice.mark.is_for(mail.recipient):
        return False
    sent = AccountMail.objects.filter(pk=mail.pk, state=State.SENT)
    is_noted = bool(sent.update(state=State.FAILED, last_error=notice.status))
    if is_noted and notice.is_of_address:
        User.objects.note_returned(mail.recipient, sent_at=mail.due_at, now=now)
    return is_noted


def progress(session: SessionBase, address: str, *, now: datetime) -> Progress:
    """Return how the mails are getting on that this browser session has asked to have sent to the address.

    What is told does not depend on whether a code or a hint was sent, and asking again changes neither answer: without an
    account, nothing is sent again.
    """
    own = Q(asked_by=session.get(ASKER) or None)
    late = AccountMail.objects.unsent().filter(own | Q(is_put_off=False), awaited_since__lte=now - LATE)
    refused = AccountMail.objects.filter(own, state=State.FAILED, recipient=address)
    return Progress(is_late=late.exclude(asked_by="").exists(), is_refused=refused.exists())


def forget(*, now: datetime) -> int:
    """Delete the rows that are a day old; return how many."""
    return AccountMail.objects.filter(created_at__lt=now - KEPT).delete()[0]
