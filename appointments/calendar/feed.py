"""The feeds that officers subscribe to (RFC 5545): a branch's appointments, or one's own and the days one is away.

Times are in UTC: every calendar shows them on its owner's clock, and none has to understand a time zone's rules.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from agencies.models import Channel, Closure
from agencies.wallclock import instant
from appointments.models import Appointment, Status


def feed(name: str, appointments: Iterable[Appointment], absences: Iterable[Closure] = ()) -> bytes:
    """What officers subscribe to: appointments, and the days they are away, in the active language.

    With the same rows it is always the same file, so that a calendar that asks again can be told that nothing is new.
    Written line by line: a branch has thousands, and objects of icalendar for each of them cost seconds.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//myDESKlive//feeds//EN", "METHOD:PUBLISH"]
    lines += ["REFRESH-INTERVAL;VALUE=DURATION:PT15M", f"X-WR-CALNAME:{_escaped(name)}"]
    words = FeedWords()
    for appointment in appointments:
        lines += _staff_event(appointment, words)
    for closure in absences:
        for day in _days(closure):
            lines += _absence(closure, day, words)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


class FeedWords:
    """What the events of a feed share, looked up once."""

    def __init__(self) -> None:
        self.labels = {value: str(label) for value, label in [*Status.choices, *Channel.choices]}
        self.reference = _("Reference")
        self.host = urlsplit(settings.SITE_URL).hostname
        self.page = settings.SITE_URL + reverse("admin:appointments_appointment_change", args=["REFERENCE"])


def _staff_event(appointment: Appointment, words: FeedWords) -> list[str]:
    """Not the citizen's event: an officer who also has that one, as a guest or for the family, must keep both."""
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


def _absence(closure: Closure, day: date, words: FeedWords) -> list[str]:
    begins, ends = (_on(day, at, closure) for at in (closure.from_time, closure.until_time))
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


# icalendar has both for itself alone (deprecated for others), and takes a written \N for a new line.
SPECIAL = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})
LONGEST = 75  # bytes of a line (RFC 5545, 3.1)


def _escaped(text: str) -> str:
    return text.translate(SPECIAL)


def _folded(line: str) -> str:
    """Cut into lines that are short enough, never inside a character."""
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


def _on(day: date, at: time | None, closure: Closure) -> datetime | None:
    """In UTC. An absence from the whole agency is on the clock of its country."""
    zone = closure.branch.zone if closure.branch else ZoneInfo(settings.TIME_ZONE)
    return instant(datetime.combine(day, at), zone) if at else None
