"""Marks on the mails that leave. A notice that comes back repeats the mark, so it is known which mail it is about.

A mark is `message-12.<seal>.<address>`: the row of the mail, a seal that only this installation can make, and a keyed hash of
the address that the mail went to. It stands in the Message-ID and, with BOUNCE_ADDRESS, in the envelope's sender too. Nobody
who has not received the mail can make its mark, so nobody can have somebody else's address taken for dead.

Every mail has a mark, or it is not handed to the server. The setting RETURNED_MAILS says for each kind who notes what came
back.
"""

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from hashlib import sha256

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.module_loading import import_string

from accounts.sealing import keys_for

PURPOSE = "mark of a mail"
SEAL, ADDRESS = 16, 8  # characters of base32
# The part of an address before the @ has 64 characters at most (RFC 5321), and the longest mark takes 47 of them.
LONGEST_NAME = 16
FOUND = re.compile(rf"\b([a-z]{{1,8}})-(\d{{1,12}})\.([a-z2-7]{{{SEAL}}})\.([a-z2-7]{{{ADDRESS}}})\b", re.ASCII)
# The second number of a status (RFC 3463) that speaks of mail systems, protocols, contents and rules, and not of the address.
# A relay of ours that stands on a list of senders of spam must not have all addresses taken for dead.
OF_OTHERS = ("5.3.", "5.5.", "5.6.", "5.7.")


@dataclass(frozen=True)
class Mark:
    """The kind of mail, the key of its row, and whether it went to some address."""

    kind: str
    key: int
    address: str  # the keyed hash

    def is_for(self, address: str) -> bool:
        """Return whether the mail went to this address, in whatever letters."""
        row = f"{self.kind}-{self.key}"
        return any(hmac.compare_digest(self.address, _hash(row, address, key)) for key in keys_for(PURPOSE))


@dataclass(frozen=True)
class Notice:
    """What became of the mail with this mark. `status` is the code of RFC 3463, such as 5.1.1, or "" if none is told."""

    mark: Mark
    is_final: bool  # the mail will not arrive
    status: str

    @property
    def is_of_address(self) -> bool:
        """Whether other mails to the address will not arrive either."""
        return self.is_final and not self.status.startswith(OF_OTHERS)


def followed(notice: Notice, *, now: datetime) -> bool:
    """Have what follows from the notice done. Return whether anything did; repeating it changes nothing.

    The caller has opened a transaction.
    """
    name = settings.RETURNED_MAILS.get(notice.mark.kind)
    return bool(name and import_string(name)(notice, now=now))


def stamp(letter: EmailMessage, kind: str, key: int) -> None:
    """Mark the letter to its one recipient. Sent again to the same address, it has the same Message-ID.

    Auto-Submitted (RFC 3834) keeps holiday notices from answering.
    """
    row = f"{kind}-{key}"
    today, *_older = keys_for(PURPOSE)
    mark = f"{row}.{_seal(row, today)}.{_hash(row, letter.to[0], today)}"
    _name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    letter.extra_headers["Message-ID"] = f"<{mark}@{sender.rpartition('@')[2]}>"
    letter.extra_headers["Auto-Submitted"] = "auto-generated"
    if settings.BOUNCE_ADDRESS:
        name, _, host = settings.BOUNCE_ADDRESS.rpartition("@")
        letter.extra_headers["From"] = settings.DEFAULT_FROM_EMAIL
        letter.from_email = f"{name}+{mark}@{host}"


def is_stamped(letter: EmailMessage) -> bool:
    """Return whether somebody will note if the letter comes back."""
    marks = found_in([letter.extra_headers.get("Message-ID", "")])
    return any(mark.kind in settings.RETURNED_MAILS for mark in marks)


def found_in(texts: Iterable[str]) -> list[Mark]:
    """Return the marks of ours in the texts, each once. Mail systems may have changed their letters to capitals."""
    found = (match.groups() for text in texts for match in FOUND.finditer(text.lower()))
    ours = [Mark(kind, int(key), address) for kind, key, seal, address in found if _is_seal(f"{kind}-{key}", seal)]
    return [*dict.fromkeys(ours)]


def _is_seal(row: str, seal: str) -> bool:
    return any(hmac.compare_digest(seal, _seal(row, key)) for key in keys_for(PURPOSE))


def _seal(row: str, key: bytes) -> str:
    return _code(row, key)[:SEAL]


def _hash(row: str, address: str, key: bytes) -> str:
    return _code(f"{row} {address.strip().lower()}", key)[:ADDRESS]


def _code(text: str, key: bytes) -> str:
    return base64.b32encode(hmac.new(key, text.encode(), sha256).digest()).decode().lower()
