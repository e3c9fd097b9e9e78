"""Calendar files (RFC 5545, RFC 5546, RFC 7986). Each appointment is one calendar event; a later file replaces the earlier one.

Times are in UTC: every calendar shows them on its owner's clock, and none has to know the rules of a time zone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event, vCalAddress, vText, vUri

from accounts.typed import on_one_line
from accounts.typed.phones import normalized
from agencies.models import Channel
from appointments.models import Appointment, Status
from appointments.wording import calls, place, when

# How long before the appointment the alarms ring: time to get there, or to sit down at the screen or telephone.
ALARMS = {
    Channel.IN_PERSON: (timedelta(days=1), timedelta(hours=1)),
    Channel.VIDEO: (timedelta(days=1), timedelta(minutes=10)),
    Channel.PHONE: (timedelta(days=1), timedelta(minutes=10)),
}

Link = Callable[[str], str]  # from the name of a page to its address
# Taken out of calendars. What was missed or has taken place stays where it was.
GONE = (Status.CANCELLED, Status.EXPIRED)


def invitation(appointment: Appointment, *, now: datetime) -> tuple[str, bytes]:
    """Return the method and the file that go with a mail.

    It is an invitation that is accepted already: calendars of Google, Apple and Microsoft add it, change it when the
    appointment moves, and remove it when that is cancelled, without asking. They would never change a published event.
    """
    method = _method(appointment, "REQUEST")
    return method, _file(appointment, method, now, appointment.link)


def download(appointment: Appointment, *, now: datetime) -> bytes:
    """Return the file behind a link. It has no guests, because calendars open invitations only if they came by mail."""
    return _file(appointment, _method(appointment, "PUBLISH"), now, appointment.shown_link)


def reference_in(uid: str) -> str:
    """Return the reference of the appointment whose event has this UID, or "" if the UID is not one of ours."""
    reference = uid.partition("@")[0]
    return reference if uid == _uid(reference) else ""


def _uid(reference: str) -> str:
    return f"{reference}@{urlsplit(settings.SITE_URL).hostname}"


def _method(appointment: Appointment, of_promise: str) -> str:
    return "CANCEL" if appointment.status in GONE else of_promise


def _file(appointment: Appointment, method: str, now: datetime, link: Link) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//myDESKlive//appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    with translation.override(appointment.language):
        calendar.add_component(_event(appointment, method, now, link))
    return calendar.to_ical()


def _event(appointment: Appointment, method: str, now: datetime, link: Link) -> Event:
    event = Event()
    event.add("uid", _uid(appointment.reference))
    event.add("sequence", appointment.revision)
    event.add("dtstamp", now)
    event.add("dtstart", appointment.promised_at)
    event.add("dtend", appointment.promised_at + (appointment.ends_at - appointment.starts_at))
    event.add("summary", f"{appointment.branch.name}: {appointment.procedure.name}")
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("class", "PRIVATE")  # in a shared calendar, others see that the citizen is busy, not why
    event.add("organizer", _organizer(appointment))
    if method != "PUBLISH":
        event.add("attendee", _attendee(appointment))
    event.add("location", link("join") if appointment.channel == Channel.VIDEO else place(appointment))
    event.add("description", _description(appointment, link))
    event.add("url", link("detail"))
    if not appointment.is_open:
        return event
    _locate(event, appointment)
    _connect(event, appointment, link)
    for before in ALARMS[Channel(appointment.channel)]:
        event.add_component(_alarm(appointment, before))
    return event


def _organizer(appointment: Appointment) -> vCalAddress:
    organizer = vCalAddress(f"MAILTO:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}")
    organizer.params["cn"] = vText(appointment.branch.name)
    return organizer


def _attendee(appointment: Appointment) -> vCalAddress:
    attendee = vCalAddress(f"MAILTO:{appointment.email}")
    attendee.params["cn"] = vText(on_one_line(appointment.name) or appointment.email)
    attendee.params |= {"cutype": "INDIVIDUAL", "role": "REQ-PARTICIPANT", "partstat": "ACCEPTED", "rsvp": "FALSE"}
    return attendee


def _description(appointment: Appointment, link: Link) -> str:
    if appointment.status in GONE:
        return _("This appointment has been cancelled.")
    if not appointment.is_open:
        return _past(appointment, link)
    lines = [when(appointment), f"{_('Reference')}: {appointment.spoken_reference}"]
    if appointment.name and (party := getattr(appointment, "party", None)):
        lines += [f"{_('For')}: {on_one_line(party.name)}"]
    if appointment.channel == Channel.VIDEO:
        lines += ["", f"{_('Join the video call')}:", link("join")]
    elif appointment.channel == Channel.PHONE:
        lines += ["", calls(appointment)]
    if documents := appointment.procedure.documents:
        lines += ["", f"{_('Have with you')}:", *(f"- {document}" for document in documents)]
    return "\n".join([*lines, "", f"{_('See, move or cancel your appointment')}:", link("detail")])


def _past(appointment: Appointment, link: Link) -> str:
    was_missed = appointment.status == Status.NO_SHOW
    what = _("This appointment is past: it was missed.") if was_missed else _("This appointment has taken place.")
    reference = f"{_('Reference')}: {appointment.spoken_reference}"
    return "\n".join([what, when(appointment), reference, "", link("detail")])


def _locate(event: Event, appointment: Appointment) -> None:
    branch = appointment.branch
    if appointment.channel == Channel.IN_PERSON and branch.latitude is not None and branch.longitude is not None:
        event.add("geo", (float(branch.latitude), float(branch.longitude)))


def _connect(event: Event, appointment: Appointment, link: Link) -> None:
    """Add how the parties are connected (RFC 7986, section 5.11): our page, or the telephones that ring."""
    if appointment.channel == Channel.VIDEO:
        _conference(event, link("join"), "VIDEO", _("Join the video call"))
    elif appointment.channel == Channel.PHONE:
        branch = appointment.branch
        numbers = {appointment.phone: _("An officer will call you here"), branch.phone: branch.name}
        for number, label in numbers.items():
            try:
                _conference(event, f"tel:{normalized(number, branch.country)}", "PHONE", label)
            except ValueError:
                continue  # it is empty, or an inner number: nobody else can dial it


def _conference(event: Event, address: str, feature: str, label: str) -> None:
    event.add("conference", vUri(address), parameters={"VALUE": "URI", "FEATURE": feature, "LABEL": label})


def _alarm(appointment: Appointment, before: timedelta) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -before)
    alarm.add("description", f"{appointment.branch.name}: {appointment.procedure.name}")
    return alarm
