"""Three programs that read calendars read ours alike, whatever the state, the channel and the language."""

from datetime import UTC, timedelta
from itertools import product
from typing import Any

import ics
import pytest
import vobject
from django.conf import settings
from icalendar import Calendar

from agencies.models import Branch, Channel, Procedure
from appointments.messages import invitations
from appointments.models import Appointment, Status
from tests.builders import NOW, WEDNESDAY, booked_at

pytestmark = pytest.mark.django_db
LANGUAGES = [code for code, _name in settings.LANGUAGES]
# Everything that has a meaning of its own in a calendar file, and Greek letters of two bytes at every place of a line.
NAME = 'ΚΕΠ «Αγίων Ασωμάτων», 3ος όροφος; πτέρυγα Β\\Γ "Ψ" ' + "ωάέύ" * 20
DOCUMENTS = ["Ταυτότητα, ή διαβατήριο; όχι φωτοτυπία", "Φάκελος C:\\Έγγραφα", "🪪 BEGIN:VEVENT"]
GONE = {Status.CANCELLED, Status.EXPIRED}
PAST = {Status.COMPLETED, Status.NO_SHOW}
CASES = list(product(Status, Channel, LANGUAGES))


@pytest.fixture
def appointment(branch: Branch) -> Appointment:
    Branch.objects.update(
        **{f"name_{language}": f"{NAME} {language}" for language in LANGUAGES},
        address_el="Οδός 1, 2; 3",
        phone="28210 12345",
        latitude="35.5138",
        longitude="24.0180",
    )
    Procedure.objects.update(**{f"documents_{language}": "\n".join(DOCUMENTS) for language in LANGUAGES})
    booked = booked_at(branch, 10, day=WEDNESDAY)
    return Appointment.objects.select_related("agency", "branch", "procedure").get(pk=booked.pk)


def files(appointment: Appointment) -> list[tuple[str, bytes]]:
    return [
        invitations.invitation(appointment, now=NOW),
        ("PUBLISH", invitations.download(appointment, now=NOW)),
    ]


def read_by_icalendar(content: bytes) -> dict[str, Any]:
    calendar = Calendar.from_ical(content)
    (event,) = calendar.events
    return {
        "method": str(calendar["method"]),
        "uid": str(event["uid"]),
        "sequence": int(event["sequence"]),
        "status": str(event["status"]),
        "begin": event.start,
        "end": event.end,
        "summary": str(event["summary"]),
        "location": str(event["location"]),
        "description": str(event["description"]),
    }


def read_by_vobject(content: bytes) -> dict[str, Any]:
    calendar = vobject.readOne(content.decode())
    event = calendar.vevent
    return {
        "method": calendar.method.value,
        "uid": event.uid.value,
        "sequence": int(event.sequence.value),
        "status": event.status.value,
        "begin": event.dtstart.value,
        "end": event.dtend.value,
        "summary": event.summary.value,
        "location": event.location.value,
        "description": event.description.value,
    }


def read_by_ics(content: bytes) -> dict[str, Any]:
    calendar = ics.Calendar(content.decode())
    (event,) = calendar.events
    (sequence,) = (line.value for line in event.extra if line.name == "SEQUENCE")
    return {
        "method": calendar.method,
        "uid": event.uid,
        "sequence": int(sequence),
        "status": event.status,
        "begin": event.begin.datetime,
        "end": event.end.datetime,
        "summary": event.name,
        "location": event.location,
        "description": event.description,
    }


def test_all_readers_read_the_same(appointment: Appointment) -> None:
    for status, channel, language in CASES:
        appointment.status, appointment.channel, appointment.language = status, channel, language
        for method, content in files(appointment):
            found = read_by_icalendar(content)
            assert found == read_by_vobject(content) == read_by_ics(content), (status, channel, language)
            assert found["method"] == ("CANCEL" if status in GONE else method)
            assert found["status"] == ("CANCELLED" if status in GONE else "CONFIRMED")
            assert (found["begin"], found["end"]) == (appointment.starts_at, appointment.ends_at)
            assert found["begin"].utcoffset() == timedelta()
            assert found["summary"].startswith(NAME)
            if status not in GONE | PAST:
                assert all(f"- {document}" in found["description"] for document in DOCUMENTS)


def test_lines_are_short_in_bytes_and_whole_in_letters(appointment: Appointment) -> None:
    for status, channel, language in CASES:
        appointment.status, appointment.channel, appointment.language = status, channel, language
        for _method, content in files(appointment):
            assert content.endswith(b"END:VCALENDAR\r\n")
            for line in content.removesuffix(b"\r\n").split(b"\r\n"):
                assert len(line) <= 75
                assert line.strip()
                line.decode()  # no letter is cut in two
            assert b"\n" not in content.replace(b"\r\n", b"")
            assert b"TZID" not in content  # UTC needs no rules of a zone


def conferences(appointment: Appointment) -> list[tuple[str, str, str]]:
    event = Calendar.from_ical(invitations.invitation(appointment, now=NOW)[1]).events[0]
    found = event.get("conference", [])
    lines = found if isinstance(found, list) else [found]
    return [(str(one), one.params["feature"], one.params["label"]) for one in lines]


def test_video_leads_to_our_page(appointment: Appointment) -> None:
    appointment.channel, appointment.language = Channel.VIDEO, "en"
    assert conferences(appointment) == [(appointment.link("join"), "VIDEO", "Join the video call")]
    content = invitations.download(appointment, now=NOW).decode().replace("\r\n ", "")
    assert appointment.link_key not in content


def test_telephones_that_ring_can_be_dialled(appointment: Appointment) -> None:
    appointment.channel, appointment.language = Channel.PHONE, "en"
    assert [(address, feature) for address, feature, _label in conferences(appointment)] == [
        ("tel:+306900000000", "PHONE"),
        ("tel:+302821012345", "PHONE"),
    ]
    appointment.phone, appointment.branch.phone = "", "εσωτ. 12"
    assert conferences(appointment) == []


@pytest.mark.parametrize("status", sorted({*Status} - GONE - PAST))
def test_whoever_comes_to_the_branch_needs_no_conference(appointment: Appointment, status: str) -> None:
    appointment.status = status
    assert conferences(appointment) == []


def test_missed_appointment_is_past_and_not_cancelled(appointment: Appointment) -> None:
    appointment.status, appointment.language = Status.NO_SHOW, "en"
    method, content = invitations.invitation(appointment, now=NOW)
    event = Calendar.from_ical(content).events[0]
    assert (method, event["status"]) == ("REQUEST", "CONFIRMED")
    assert str(event["description"]).startswith("This appointment is past: it was missed.")
    assert not event.walk("VALARM")
    assert NOW.astimezone(UTC) == event.DTSTAMP
