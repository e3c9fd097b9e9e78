from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from agencies.models import Branch, Channel
from appointments import booking
from appointments.messages import invitations
from appointments.models import Appointment
from tests.builders import ATHENS, GUEST, NOW, an_appointment, an_open_branch, at, slots_of

pytestmark = pytest.mark.django_db

MELBOURNE = ZoneInfo("Australia/Melbourne")


def invited(appointment: Appointment) -> tuple[str, Event]:
    method, content = invitations.invitation(appointment, now=NOW)
    return method, Calendar.from_ical(content).events[0]


def booked_at(branch: Branch, moment: datetime, **fields: str) -> Appointment:
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == moment)
    return an_appointment(slot, **fields)


@pytest.mark.parametrize(
    ("zone", "day", "utc_hour"),
    [
        (ATHENS, date(2026, 3, 27), 7),  # summer time begins on 29 March
        (ATHENS, date(2026, 3, 30), 6),
        (MELBOURNE, date(2026, 4, 3), 22),  # and ends in Melbourne on 5 April: 22:00 UTC of the day before
        (MELBOURNE, date(2026, 4, 6), 23),
    ],
)
def test_times_around_clock_changes_are_the_branch_wall_clock(zone: ZoneInfo, day: date, utc_hour: int) -> None:
    branch = an_open_branch()
    branch.timezone = zone.key
    branch.save()
    branch.agency.horizon_days = 60
    branch.agency.save()
    _method, event = invited(booked_at(branch, at(9, day=day, zone=zone)))
    assert event.start == at(9, day=day, zone=zone)
    assert (event.start.utcoffset(), event.start.hour) == (timedelta(), utc_hour)
    assert event.end - event.start == timedelta(minutes=10)


def test_invitation_is_accepted_already_and_says_where() -> None:
    appointment = booked_at(an_open_branch(), at(10, 20))
    method, event = invited(appointment)
    attendee = event["attendee"]
    assert method == "REQUEST"
    assert event["uid"] == f"{appointment.reference}@localhost"
    assert attendee == "MAILTO:citizen1@example.org"
    assert (attendee.params["partstat"], attendee.params["rsvp"]) == ("ACCEPTED", "FALSE")
    assert str(event["organizer"]) == "MAILTO:no-reply@localhost"
    assert event["location"] == "ΚΕΠ Χανίων, Χανιά"
    assert event["summary"] == "ΚΕΠ Χανίων: Υπεύθυνη δήλωση"
    assert event["class"] == "PRIVATE"
    assert [alarm["trigger"].dt for alarm in event.walk("VALARM")] == [timedelta(days=-1), timedelta(hours=-1)]


def test_description_tells_time_documents_and_our_link() -> None:
    appointment = booked_at(an_open_branch(), at(10, 20))
    text = str(invited(appointment)[1]["description"])
    assert text.startswith("Τρίτη 3 Μαρτίου 2026, 10:20\n")
    assert appointment.spoken_reference in text
    assert "- Δελτίο ταυτότητας\n- ΑΦΜ" in text
    assert appointment.link() in text


def test_description_in_english_when_the_citizen_reads_english() -> None:
    text = str(invited(booked_at(an_open_branch(), at(10, 20), language="en"))[1]["description"])
    assert text.startswith("Tuesday 3 March 2026, 10:20\n")
    assert "- Identity card" in text


def test_video_appointment_leads_to_our_join_page() -> None:
    appointment = booked_at(an_open_branch(), at(10, 20), channel=Channel.VIDEO)
    event = invited(appointment)[1]
    assert event["location"] == appointment.link("join")
    assert appointment.link("join") in str(event["description"])


def test_move_keeps_the_uid_and_counts_the_sequence() -> None:
    branch = an_open_branch()
    appointment = booked_at(branch, at(10, 20))
    before = invited(appointment)[1]
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == at(12))
    moved = booking.reschedule(appointment, slot.pk, by=GUEST, now=NOW)
    method, after = invited(moved)
    assert (method, after["uid"], after.start) == ("REQUEST", before["uid"], at(12))
    assert (before["sequence"], after["sequence"]) == (0, 1)


def test_cancelled_appointment_is_taken_out_of_the_calendar() -> None:
    appointment = booked_at(an_open_branch(), at(10, 20))
    before = invited(appointment)[1]
    cancelled = booking.cancel(appointment, by=GUEST, now=NOW)
    method, event = invited(cancelled)
    assert (method, event["status"], event["uid"], event["sequence"]) == ("CANCEL", "CANCELLED", before["uid"], 1)
    assert not event.walk("VALARM")
    assert Calendar.from_ical(invitations.download(cancelled, now=NOW))["method"] == "CANCEL"


def test_download_is_published_without_guests() -> None:
    appointment = booked_at(an_open_branch(), at(10, 20))
    content = invitations.download(appointment, now=NOW)
    parsed = Calendar.from_ical(content)
    assert parsed["method"] == "PUBLISH"
    assert "attendee" not in parsed.events[0]
    assert NOW.astimezone(UTC) == parsed.events[0].DTSTAMP


def test_lines_are_folded_in_bytes_and_end_with_crlf() -> None:
    content = invitations.download(booked_at(an_open_branch(), at(10, 20)), now=NOW)
    lines = content.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not any(b"\n" in line for line in lines)


def test_a_name_stays_in_its_line() -> None:
    """Also a name that was stored before names were cleaned."""
    appointment = booked_at(an_open_branch(), at(9), name="Μαρία\x0bΠαπαδάκη\u202e\nATTENDEE:x")
    _method, event = invited(appointment)
    assert event["attendee"].params["cn"] == "Μαρία Παπαδάκη ATTENDEE:x"
    assert event.start == at(9)
