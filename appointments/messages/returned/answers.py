"""Answers of calendars to our invitations (RFC 5546, METHOD:REPLY), as Outlook, Google and Apple send them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

from icalendar import Calendar

from appointments.messages import invitations
from appointments.messages.returned.parts import addresses, own_parts

FILES = ("text/calendar", "application/ics")


@dataclass(frozen=True)
class Answer:
    """What one guest answers to the invitation with this reference, as of this revision."""

    reference: str
    sequence: int
    guest: str  # the guest's address
    is_declined: bool
    senders: frozenset[str]  # whose mail it is

    def is_by(self, address: str) -> bool:
        """Return whether the person with this address answers, and nobody else for them."""
        return self.guest == address.lower() and self.guest in self.senders


def answer_in(mail: Message) -> Answer | None:
    """Return the answer that the mail brings, or None if it brings none to an invitation of ours."""
    senders = frozenset(addresses(mail, "From"))
    files = (part for part in own_parts(mail) if part.get_content_type() in FILES)
    return next((answer for file in files for answer in _answers(file, senders)), None)


def _answers(file: Message, senders: frozenset[str]) -> Iterator[Answer]:
    content = file.get_payload(decode=True)
    if not isinstance(content, bytes):
        return
    try:
        calendar = Calendar.from_ical(content)
    except ValueError:  # no calendar at all, or one that is cut off
        return
    if str(calendar.get("METHOD", "")).upper() != "REPLY":
        return
    for event in calendar.walk("VEVENT"):
        reference = invitations.reference_in(str(event.get("UID", "")))
        guests = [*_guests(event.get("ATTENDEE"))]
        if reference and len(guests) == 1:  # RFC 5546: who answers, and nobody else
            guest, is_declined = guests[0]
            yield Answer(reference, _sequence(event), guest, is_declined, senders)


def _guests(attendees: Any) -> Iterable[tuple[str, bool]]:
    """Yield each guest's address, and whether the guest declines."""
    for one in attendees if isinstance(attendees, list) else filter(None, [attendees]):
        declines = str(one.params.get("PARTSTAT", "")).upper() == "DECLINED"
        yield str(one).strip().lower().removeprefix("mailto:"), declines


def _sequence(event: Any) -> int:
    try:
        return int(event.get("SEQUENCE", 0))
    except (ValueError, TypeError):
        return 0
