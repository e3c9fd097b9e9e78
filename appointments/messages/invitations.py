"""Calendar files (RFC 5545, RFC 5546): one event per appointment, whose changes replace what the calendar already has;
and the feeds that officers subscribe to.

Times are in UTC: every calendar shows them on its owner's clock, and none has to understand a time zone's rules.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event, vCalAddress, vText

from agencies.models import Channel, Closure
from agencies.wallclock import instant
from appointments.models import Appointment, Status
from appointments.wording import place, when

# How long before an alarm rings: time to get there, or to sit down at the screen or telephone.
ALARMS = {
    Channel.IN_PERSON: (timedelta(days=1), timedelta(hours=1)),
    Channel.VIDEO: (timedelta(days=1), timedelta(minutes=10)),
    Channel.PHONE: (timedelta(days=1), timedelta(minutes=10)),
}


def invitation(appointment: Appointment, *, now: datetime) -> tuple[str, bytes]:
    """The method and the file that go with a mail.

    An invitation, already accepted: calendars of Google, Apple and Microsoft add it, follow its moves and remove it
    when it is cancelled, without asking. A published event would be added once and never be changed again.
    """
    method = _method(appointment, "REQUEST")
    return method, _file(appointment, method, now)


def download(appointment: Appointment, *, now: datetime) -> bytes:
    """The file behind a link: an event without guests, as calendars open no invitation that did not come by mail."""
    return _file(appointment, _method(appointment, "PUBLISH"), now)


def feed(name: str, appointments: Iterable[Appointment], absences: Iterable[Closure] = ()) -> bytes:
    """What officers subscribe to: appointments, and the days they are away, in the active language.

    With the same rows it is always the same file, so that a calendar that asks again can be told that nothing is new.
    Written line by line: a branch has thousands, and objects for each of them cost seconds.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//myDESKlive//feeds//EN", "METHOD:PUBLISH"]
    lines += ["REFRESH-INTERVAL;VALUE=DURATION:PT15M", f"X-WR-CALNAME:{_escaped(name)}"]
    words = FeedWords()
    for appointment in appointments:
        lines += _staff_event(appointment, words)
    for closure in absences:
        for day in _days(closure):
            lines += _absence(closure, day)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


class FeedWords:
    """What the events of a feed share, looked up once."""

    def __init__(self) -> None:
        self.labels = {value: str(label) for value, label in [*Status.choices, *Channel.choices]}
        self.reference = _("Reference")
        self.page = settings.SITE_URL + reverse("admin:appointments_appointment_change", args=["REFERENCE"])


def _staff_event(appointment: Appointment, words: FeedWords) -> list[str]:
    """Not the citizen's event: an officer who also has that one, as a guest or for the family, must keep both."""
    said = [appointment.procedure.name, words.labels[appointment.channel]]
    if appointment.agency.feeds_show_names and appointment.name:
        said.append(appointment.name)
    told = f"{words.labels[appointment.status]}. {words.reference}: {appointment.spoken_reference}"
    return [
        "BEGIN:VEVENT",
        f"UID:{appointment.reference}.staff@{_host()}",
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


def _absence(closure: Closure, day: date) -> list[str]:
    begins, ends = (_on(day, at, closure) for at in (closure.from_time, closure.until_time))
    return [
        "BEGIN:VEVENT",
        f"UID:absence-{closure.pk}-{day.isoformat()}@{_host()}",
        f"DTSTAMP:{closure.from_date:%Y%m%d}T000000Z",
        f"DTSTART:{_stamp(begins)}" if begins else f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND:{_stamp(ends)}" if ends else f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(closure.reason or str(closure.get_kind_display()))}",
        "CLASS:PRIVATE",
        "END:VEVENT",
    ]


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


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


def _host() -> str | None:
    return urlsplit(settings.SITE_URL).hostname


def _method(appointment: Appointment, of_promise: str) -> str:
    return of_promise if appointment.is_open or appointment.status == Status.COMPLETED else "CANCEL"


def _file(appointment: Appointment, method: str, now: datetime) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//myDESKlive//appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    with translation.override(appointment.language):
        calendar.add_component(_event(appointment, method, now))
    return calendar.to_ical()


def _event(appointment: Appointment, method: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{appointment.reference}@{_host()}")
    event.add("sequence", appointment.revision)
    event.add("dtstamp", now)
    event.add("dtstart", appointment.starts_at)
    event.add("dtend", appointment.ends_at)
    event.add("summary", f"{appointment.branch.name}: {appointment.procedure.name}")
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("class", "PRIVATE")  # calendars are shared: others see that one is busy, not why
    event.add("organizer", _organizer(appointment))
    if method != "PUBLISH":
        event.add("attendee", _attendee(appointment))
    event.add("location", place(appointment))
    event.add("description", _description(appointment))
    event.add("url", appointment.link())
    if method == "CANCEL":
        return event
    _locate(event, appointment)
    for before in ALARMS[Channel(appointment.channel)]:
        event.add_component(_alarm(appointment, before))
    return event


def _organizer(appointment: Appointment) -> vCalAddress:
    organizer = vCalAddress(f"MAILTO:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}")
    organizer.params["cn"] = vText(appointment.branch.name)
    return organizer


def _attendee(appointment: Appointment) -> vCalAddress:
    attendee = vCalAddress(f"MAILTO:{appointment.email}")
    attendee.params["cn"] = vText(appointment.name or appointment.email)
    attendee.params |= {"cutype": "INDIVIDUAL", "role": "REQ-PARTICIPANT", "partstat": "ACCEPTED", "rsvp": "FALSE"}
    return attendee


def _description(appointment: Appointment) -> str:
    if not appointment.is_open and appointment.status != Status.COMPLETED:
        return _("This appointment has been cancelled.")
    lines = [when(appointment), f"{_('Reference')}: {appointment.spoken_reference}"]
    if appointment.channel == Channel.VIDEO:
        lines += ["", f"{_('Join the video call')}:", appointment.link("join")]
    elif appointment.channel == Channel.PHONE:
        lines += ["", _("An officer will call you at %(phone)s.") % {"phone": appointment.phone}]
    if documents := appointment.procedure.documents:
        lines += ["", f"{_('Have with you')}:", *(f"- {document}" for document in documents)]
    return "\n".join([*lines, "", f"{_('See, move or cancel your appointment')}:", appointment.link()])


def _locate(event: Event, appointment: Appointment) -> None:
    branch = appointment.branch
    if appointment.channel == Channel.IN_PERSON and branch.latitude is not None and branch.longitude is not None:
        event.add("geo", (float(branch.latitude), float(branch.longitude)))


def _alarm(appointment: Appointment, before: timedelta) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -before)
    alarm.add("description", f"{appointment.branch.name}: {appointment.procedure.name}")
    return alarm
