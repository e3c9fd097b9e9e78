"""Notices that a mail did not arrive, as mail systems write them: in the form of RFC 3464, or in words of their own.

A notice counts only if it repeats the mark of a mail of ours (accounts/mails/marks.py). An address alone proves nothing:
anybody can write that mails to somebody do not arrive.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message

from flufl.bounce import all_failures

from accounts.mails import marks
from accounts.mails.marks import Mark, Notice
from appointments.messages.returned.parts import addresses, header, own_parts, text_of

REPORTS = ("message/delivery-status", "message/global-delivery-status")
# Where mail systems say to whom the notice goes, with the mark if the envelope's sender had it.
RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
# Who writes notices that are in words alone.
DAEMONS = re.compile(r"^(mailer[-.]?daemon|postmaster|mail[-.]?daemon|mailadmin|root|mdaemon)@", re.IGNORECASE)
STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
REPLY = re.compile(r"\b([45])\d\d\b")
ARRIVED = {"delivered", "relayed", "expanded"}


@dataclass(frozen=True)
class Fate:
    is_final: bool
    status: str


def notice_in(mail: Message) -> Notice | None:
    """Return the notice that the mail is, or None if it is none, or is about no mail of ours."""
    fate = _reported(mail) if _has_report(mail) else _told(mail)
    mark = _mark(mail) if fate else None
    return Notice(mark, fate.is_final, fate.status) if fate and mark else None


def _mark(mail: Message) -> Mark | None:
    """Return the mark of the mail that the notice is about. None if there is none, or more than one."""
    for texts in ([header(mail, name) for name in RECIPIENTS], _texts(mail)):
        found = marks.found_in(texts)
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _texts(mail: Message) -> Iterator[str]:
    """Yield all that the notice says and repeats: the mark may stand in a part, a header, or the text."""
    for part in mail.walk():
        yield from (str(value) for value in part.values())
        if not part.is_multipart():
            yield text_of(part)


def _has_report(mail: Message) -> bool:
    return any(part.get_content_type() in REPORTS for part in own_parts(mail))


def _reported(mail: Message) -> Fate | None:
    """Return the fate that the report tells. A mail that has arrived somewhere, or still may, is not lost."""
    blocks = [block for part in own_parts(mail) if part.get_content_type() in REPORTS for block in _blocks(part)]
    told = [(header(block, "Action").lower().partition(" ")[0], _status(block)) for block in blocks]
    fates = [(action, status) for action, status in told if action]
    if not any(action in {"failed", "delayed"} for action, _status in fates):
        return None
    lost = all(action == "failed" and status[:1] in {"", "5"} for action, status in fates)
    status = next((status for action, status in fates if action not in ARRIVED and status), "")
    return Fate(lost, status)


def _blocks(part: Message) -> list[Message]:
    """Return the groups of fields. The parser makes them, unless they are encoded, which is wrong but happens."""
    found = [one for one in part.walk() if one is not part]
    if part.get("Content-Transfer-Encoding", "").strip().lower() != "base64":
        return found
    whole = b64decode("".join(one.as_string() for one in found)).decode("latin-1")
    return [message_from_string(block) for block in re.split(r"\r?\n\s*\r?\n", whole)]


def _status(block: Message) -> str:
    for name in ("Status", "Diagnostic-Code"):
        if found := STATUS.search(header(block, name)):
            return found.group()
    reply = REPLY.search(header(block, "Diagnostic-Code"))
    return f"{reply.group(1)}.0.0" if reply else ""


def _told(mail: Message) -> Fate | None:
    """Return the fate that a mail system tells in its own words."""
    if not (any(map(DAEMONS.match, addresses(mail, "From"))) or mail.get("X-Failed-Recipients")):
        return None
    delayed, lost = all_failures(mail)
    if not (delayed or lost):
        return None
    said = " ".join(text_of(part) for part in own_parts(mail) if part.get_content_type() == "text/plain")
    found = STATUS.search(said)
    status = found.group() if found else ""
    return Fate(bool(lost) and not delayed and status[:1] in {"", "5"}, status)
