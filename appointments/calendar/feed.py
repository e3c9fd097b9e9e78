"""The feeds that officers subscribe to (RFC 5545): a branch's appointments, or an officer's own with the absences.

Times are in UTC. Every calendar shows them on its owner's clock, and no calendar has to know the rules of a time zone.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from agencies.models import Channel, Closure
from agencies.models.until import end_on
from agencies.wallclock import instant
from appointments.models import Appointment, Status

# How often calendars should ask again: the standard's property (RFC 7986), and the one that Outlook reads.
HEAD = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//myDESKlive//feeds//EN",
    "METHOD:PUBLISH",
    "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
    "X-PUBLISHED-TTL:PT15M",
)


def feed(name: str, appointments: Iterable[Appointment], absences: Iterable[Closure], zone: ZoneInfo) -> bytes:
    """Returns the feed's file: appointments, and an officer's absences, in the active language.

    An absence from the whole agency is on the clock of `zone`.

    The same rows always make the same file, so a calendar that asks again can be told that nothing is new. The lines
    are written by hand, because a branch has thousands of appointments and the objects of `icalendar` would take
    seconds.
    """
    lines = [*HEAD, f"X-WR-CALNAME:{_escaped(name)}"]
    words = FeedWords()
    for appointment in appointments:
        lines += _staff_event(appointment, words)
    for closure in absences:
        for day in _days(closure):
            lines += _absence(closure, day, closure.branch.zone if closure.branch else zone, words)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


class FeedWords:
    """The texts and addresses that all events of a feed share. They are looked up once."""

    def __init__(self) -> None:
        self.labels = {value: str(label) for value, label in [*Status.choices, *Channel.choices]}
        self.reference = _("Reference")
        self.host = urlsplit(settings.SITE_URL).hostname
        self.page = settings.SITE_URL + reverse("admin:appointments_appointment_change", args=["REFERENCE"])


def _staff_event(appointment: Appointment, words: FeedWords) -> list[str]:
    """Returns the lines of an officer's event.

    Its UID differs from that of the citizen's event. An officer may also have that one, as a guest or for the family,
    and must keep both.
    """
    said = [appointment.procedure.name, words.labels[appointment.channel]]
    if appointment.agency.feeds_show_names and appointment.name:
        said.append(appointment.name)
    told = f"{words.labels[appointment.status]}. {words.reference}: {appointment.spoken_reference}"
    return [
        "BEGIN:VEVENT",
        f"UID:{appointment.reference}.staff@{words.host}",
        f"SEQUENCE:{appointment.revision}",
        f"DTSTAMP:{_stamp(appointment.moved_at or appointment.created_at)}",
        f"DTSTART:{_stamp(appointment.starts_at)}",
        f"DTEND:{_stamp(appointment.ends_at)}",
        f"SUMMARY:{_escaped(' · '.join(said))}",
        f"STATUS:{'TENTATIVE' if appointment.status == Status.UNVERIFIED else 'CONFIRMED'}",
        "CLASS:PRIVATE",
        f"LOCATION:{_escaped(appointment.branch.name)}",
        f"DESCRIPTION:{_escaped(told)}",
        f"URL:{words.page.replace('REFERENCE', appointment.reference)}",
        "END:VEVENT",
    ]


def _absence(closure: Closure, day: date, zone: ZoneInfo, words: FeedWords) -> list[str]:
    begins = None if closure.from_time is None else instant(datetime.combine(day, closure.from_time), zone)
    ends = None if closure.until_time is None else instant(end_on(day, closure.until_time), zone)
    return [
        "BEGIN:VEVENT",
        f"UID:absence-{closure.pk}-{day.isoformat()}@{words.host}",
        f"DTSTAMP:{closure.from_date:%Y%m%d}T000000Z",
        f"DTSTART:{_stamp(begins)}" if begins else f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND:{_stamp(ends)}" if ends else f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(closure.reason or str(closure.get_kind_display()))}",
        "CLASS:PRIVATE",
        "END:VEVENT",
    ]


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


# `icalendar` has escaping and folding too, but only for itself (deprecated for others), and it takes a written \N for a
# new line.
SPECIAL = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})
LONGEST = 75  # bytes in a line (RFC 5545, section 3.1)


def _escaped(text: str) -> str:
    return text.translate(SPECIAL)


def _folded(line: str) -> str:
    """Folds the line into lines of at most LONGEST bytes, never inside a character."""
    if len(line.encode()) <= LONGEST:
        return line
    parts, length = [""], 0
    for character in line:
        length += len(character.encode())
        if length > LONGEST:
            parts, length = [*parts, " "], 1 + len(character.encode())
        parts[-1] += character
    return "\r\n".join(parts)


def _days(closure: Closure) -> list[date]:
    length = (closure.until_date - closure.from_date).days + 1
    return [closure.from_date + timedelta(days=number) for number in range(length)]
