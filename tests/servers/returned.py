"""Mails that come back, as mail systems and calendars write them. They are in files, and name a mail or an appointment."""

import base64
from pathlib import Path

from django.core.mail import EmailMessage

from accounts.mails import marks
from appointments.models import Appointment, Notification

FILES = Path(__file__).parents[1] / "appointments/messages/returned"


def mark_of(kind: str, key: int, address: str) -> str:
    """The mark of a mail that went to this address."""
    letter = EmailMessage(to=[address])
    marks.stamp(letter, kind, key)
    return letter.extra_headers["Message-ID"].strip("<>").rpartition("@")[0]


def notice(form: str, mark: str, to: str = "somebody@example.org") -> bytes:
    return _filled((FILES / f"notices/{form}.eml").read_text(), MARK=mark, TO=to)


def notice_of(message: Notification, form: str = "postfix") -> bytes:
    """A notice that this message to its appointment's address did not arrive."""
    to = message.appointment.email
    return notice(form, mark_of("message", message.pk, to), to)


def answer(
    form: str,
    appointment: Appointment,
    partstat: str = "DECLINED",
    *,
    to: str = "",
    uid: str = "",
    sequence: int | None = None,
) -> bytes:
    """What the calendar of the guest `to` answers. By default that is whoever has booked."""
    words = {
        "TO": to or appointment.email,
        "PARTSTAT": partstat,
        "UID": uid or f"{appointment.reference}@localhost",
        "SEQUENCE": str(appointment.revision if sequence is None else sequence),
    }
    calendar = _filled((FILES / "answers/apple.ics").read_text(), **words).replace(b"\n", b"\r\n")
    encoded = base64.encodebytes(calendar).decode()
    return _filled((FILES / f"answers/{form}.eml").read_text(), CALENDAR=encoded, **words)


def _filled(text: str, **words: str) -> bytes:
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text.encode()
