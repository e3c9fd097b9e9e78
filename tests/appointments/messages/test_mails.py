"""What the mails say. That they arrive is in test_delivery."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.test import Client

from agencies.models import Agency, Channel, Procedure
from appointments import booking, wording
from appointments.messages import mails, segments
from appointments.models import Appointment, Notification
from tests import codes
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    a_branch,
    a_contact,
    a_procedure,
    a_rule,
    a_strike,
    a_user,
    an_agency,
    an_appointment,
    an_open_branch,
    at,
    slots_of,
)

pytestmark = pytest.mark.django_db

Kind = Notification.Kind


def an_appointment_on_tuesday(channel: str = Channel.IN_PERSON, **contact: str) -> Appointment:
    """Tuesday 3 March 2026 at 10:20 in Athens."""
    branch = an_open_branch()
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == at(10, 20))
    return an_appointment(slot, channel=channel, **contact)


def the_mail(appointment: Appointment, kind: str) -> tuple[str, str, str]:
    """Subject, text and HTML."""
    message = Notification(
        pk=1, appointment=appointment, kind=kind, language=appointment.language, revision=appointment.revision
    )
    letter = mails.mail(message, now=NOW)
    return letter.subject, letter.body, str(letter.alternatives[0].content)


def test_confirmation_has_everything_one_needs() -> None:
    appointment = an_appointment_on_tuesday(name="Μαρία Παπαδοπούλου")
    appointment.address_proven_at = NOW
    subject, text, html = the_mail(appointment, Kind.CONFIRMATION)
    assert subject == "Ραντεβού: Τρίτη 3 Μαρτίου 2026, 10:20, ΚΕΠ Χανίων"
    for part in (text, html):
        for fact in ("10:20", "ΚΕΠ Χανίων, Χανιά", "Μαρία Παπαδοπούλου", "Δελτίο ταυτότητας", appointment.link()):
            assert fact in part
        assert appointment.spoken_reference in part
        assert "έως: Τρίτη 3 Μαρτίου 2026, 09:20" in part


def test_mail_speaks_the_language_of_its_reader() -> None:
    subject, text, html = the_mail(an_appointment_on_tuesday(language="en"), Kind.CONFIRMATION)
    assert subject == "Appointment: Tuesday 3 March 2026, 10:20, KEP Chania"
    assert "Identity card" in text
    assert '<html lang="en">' in html


def test_reminder_asks_to_give_the_time_back() -> None:
    for part in the_mail(an_appointment_on_tuesday(), Kind.REMINDER)[1:]:
        assert "ένα χαμένο ραντεβού δεν εξυπηρετεί κανέναν" in part


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVED, Kind.DECLINED, Kind.CHANGED])
def test_nobody_is_asked_to_cancel_when_it_is_too_late(kind: str) -> None:
    message = Notification(pk=1, appointment=an_appointment_on_tuesday(), kind=kind, language="en")
    for now, is_asked in ((NOW, True), (at(10), False)):
        letter = mails.mail(message, now=now)
        html = re.sub(r"<[^>]*>", " ", str(letter.alternatives[0].content).partition("<body")[2])
        asked = ["cancel your" in text or "please cancel" in text for text in (letter.body, html)]
        assert asked == [is_asked] * 2
        assert is_asked or "please cancel" not in mails.text(message, now=now)


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVED])
def test_video_mail_leads_to_our_join_page(kind: str) -> None:
    appointment = an_appointment_on_tuesday(Channel.VIDEO)
    for part in the_mail(appointment, kind)[1:]:
        assert appointment.link("join") in part


def test_reader_abroad_gets_both_times() -> None:
    appointment = an_appointment_on_tuesday(Channel.VIDEO, timezone="America/New_York", language="en")
    subject, text, _html = the_mail(appointment, Kind.REMINDER)
    assert subject == "Reminder: Tuesday 3 March 2026, 10:20 (Greek time), KEP Chania"
    assert text.startswith(
        "Tuesday 3 March 2026, 10:20 (Greek time)\nYour time: Tuesday 3 March 2026, 03:20 (time in New York)\n"
    )


def test_consulate_names_its_clock() -> None:
    branch = a_branch(an_agency(), timezone="Australia/Melbourne", name_el="Γεν. Προξενείο Μελβούρνης")
    a_rule(branch)
    procedure = Procedure.objects.create(
        agency=branch.agency, code="consul-passport", name_el="Διαβατήριο", duration_minutes=10, channels=["in_person"]
    )
    slot = next(
        slot for slot in slots_of(branch) if slot.starts_at == at(10, 20, day=date(2026, 3, 3), zone=branch.zone)
    )
    subject, text, _html = the_mail(an_appointment(slot, procedure=procedure), Kind.CONFIRMATION)
    assert subject.startswith("Ραντεβού: Τρίτη 3 Μαρτίου 2026, 10:20 (ώρα Μελβούρνης)")
    assert "Η δική σας ώρα" not in text


def test_cancellation_by_the_agency_gives_the_reason_and_a_way_on() -> None:
    cancelled = booking.cancel(an_appointment_on_tuesday(), by=STAFF, reason="Διακοπή ρεύματος <1>", now=NOW)
    subject, text, html = the_mail(cancelled, Kind.CANCELLED)
    assert subject.startswith("Ακυρώθηκε: Τρίτη 3 Μαρτίου 2026, 10:20")
    assert ": Διακοπή ρεύματος <1>" in text
    assert "Διακοπή ρεύματος &lt;1&gt;" in html
    assert "http://localhost:8000/mykeplive/kep-dilosi/" in text


def test_own_cancellation_is_thanked_and_its_reason_is_not_repeated() -> None:
    cancelled = booking.cancel(an_appointment_on_tuesday(), by=GUEST, reason="Άλλαξα γνώμη", now=NOW)
    text = the_mail(cancelled, Kind.CANCELLED)[1]
    assert "σας ευχαριστούμε" in text
    assert "Άλλαξα γνώμη" not in text


def test_guest_verifies_by_a_link_with_a_deadline() -> None:
    branch = an_open_branch()
    branch.agency.verify_minutes = 30
    branch.agency.save()
    held = booking.hold(slots_of(branch)[20].pk, branch.agency.procedures.get(), "in_person", by=GUEST, now=NOW)
    guest = booking.confirm(held, a_contact(), by=GUEST, now=NOW)
    for part in the_mail(guest, Kind.VERIFY)[1:]:
        assert guest.link("verify") in part
        assert "07:30" in part


def test_answers_go_to_the_branch_if_it_has_an_address() -> None:
    appointment = an_appointment_on_tuesday()
    message = Notification(pk=1, appointment=appointment, kind=Kind.REMINDER, language="el")
    assert mails.mail(message, now=NOW).reply_to == []
    appointment.branch.email = "kep@example.org"
    assert mails.mail(message, now=NOW).reply_to == ["kep@example.org"]


def test_name_cannot_break_out_of_the_mail() -> None:
    appointment = an_appointment_on_tuesday(name='<a href="https://evil.example">x</a>')
    appointment.address_proven_at = NOW
    assert "evil" in the_mail(appointment, Kind.CONFIRMATION)[1]
    assert '<a href="https://evil' not in the_mail(appointment, Kind.CONFIRMATION)[2]


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVED, Kind.CANCELLED])
@pytest.mark.parametrize("channel", [Channel.IN_PERSON, Channel.VIDEO])
def test_sms_never_signs_in(kind: str, channel: str) -> None:
    appointment = an_appointment_on_tuesday(channel)
    text = mails.text(Notification(appointment=appointment, kind=kind, language="el"), now=NOW)
    assert appointment.link_key not in text
    assert "http" not in text
    assert "03/03/2026 10:20" in text
    assert appointment.spoken_reference in text


def test_sms_gives_both_times_to_a_reader_abroad() -> None:
    appointment = an_appointment_on_tuesday(Channel.VIDEO, timezone="America/New_York")
    text = mails.text(Notification(appointment=appointment, kind=Kind.REMINDER, language="en"), now=NOW)
    assert "03/03/2026 10:20 (Greek time) = 03:20 (time in New York)" in text


@pytest.mark.parametrize(("address", "words"), [("", "είναι ο κωδικός σας"), ("/en", "is your code")])
def test_sign_in_code_comes_as_text_and_html(address: str, words: str) -> None:
    a_user("maria@example.org")
    Client().post(f"{address}/accounts/login/code/", {"email": "maria@example.org"})
    (letter,) = codes.sent()
    code = letter.subject.split()[0]
    assert words in letter.subject
    assert code in letter.body
    assert code in letter.alternatives[0].content


def test_deadline_of_a_guest_is_on_a_clock_that_is_named() -> None:
    slot = slots_of(an_open_branch(channels=["video"]))[0]
    Procedure.objects.update(channels=["video"])
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slot.pk, procedure, "video", by=GUEST, now=NOW)
    Agency.objects.update(verify_minutes=30)
    _subject, text, _html = the_mail(booking.confirm(held, a_contact(), by=GUEST, now=NOW), Kind.VERIFY)
    assert "30 (ώρα Ελλάδας)." in text


@pytest.mark.parametrize(
    ("channel", "timezone", "clock"),
    [
        ("video", "", " (ώρα Ελλάδας)"),
        ("video", "Europe/Athens", ""),
        ("video", "Australia/Melbourne", " (ώρα Ελλάδας)"),
        ("in_person", "", ""),
    ],
)
def test_clock_is_named_to_whoever_may_be_elsewhere(channel: str, timezone: str, clock: str) -> None:
    slot = slots_of(an_open_branch(channels=["in_person", "video"]))[0]
    Procedure.objects.update(channels=["in_person", "video"])
    _subject, text, _html = the_mail(an_appointment(slot, channel=channel, timezone=timezone), Kind.CONFIRMATION)
    assert text.splitlines()[0].endswith(f", 08:00{clock}")


def test_deadlines_are_told_on_both_clocks_where_they_differ() -> None:
    appointment = an_appointment_on_tuesday(Channel.VIDEO, timezone="Australia/Melbourne")
    deadline = "δική σας ώρα: Τρίτη 3 Μαρτίου 2026, "
    for part in the_mail(appointment, Kind.CONFIRMATION)[1:]:
        assert deadline in part
    appointment.timezone = "Europe/Athens"
    for part in the_mail(appointment, Kind.CONFIRMATION)[1:]:
        assert "δική σας ώρα" not in part
    summer = datetime(2026, 4, 6, 7, tzinfo=UTC)
    appointment.timezone = "Europe/Bucharest"
    assert wording.on_both_clocks(summer, appointment) == wording.on_branch_clock(summer, appointment)


# How to get there

WAY = {
    "el": "Λεωφορείο 11 & στάση «Αγορά».\nΕίσοδος από την πίσω πλευρά.",
    "en": "Bus 11 & stop “Agora”.\nEnter at the back.",
}


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVED, Kind.KEPT])
@pytest.mark.parametrize("language", ["el", "en"])
def test_visitor_is_told_how_to_get_there(kind: str, language: str) -> None:
    appointment = an_appointment_on_tuesday(language=language)
    branch = appointment.branch
    branch.directions_el, branch.directions_en = WAY["el"], WAY["en"]
    branch.access_el, branch.access_en = "Ράμπα", "Ramp"
    branch.address_el, branch.address_en = "Κυδωνίας 29", "Kydonias 29"
    branch.latitude, branch.longitude = Decimal("35.5112"), Decimal("24.0292")
    _subject, text, html = the_mail(appointment, kind)
    address = "https://www.openstreetmap.org/?mlat=35.5112&mlon=24.0292"
    access, street = {"el": ("Ράμπα", "Κυδωνίας 29"), "en": ("Ramp", "Kydonias 29")}[language]
    for fact in (WAY[language], f": {access}", street, address):
        assert fact in text
    for fact in (
        *WAY[language].replace("&", "&amp;").split("\n"),
        f": {access}",
        street,
        address.replace("&", "&amp;"),
    ):
        assert fact in html


@pytest.mark.parametrize("channel", [Channel.VIDEO, Channel.PHONE])
def test_who_need_not_come_is_told_no_way(channel: str) -> None:
    appointment = an_appointment_on_tuesday(Channel.VIDEO)
    appointment.channel = channel
    appointment.branch.directions_el, appointment.branch.access_el = WAY["el"], "Ράμπα"
    for part in the_mail(appointment, Kind.CONFIRMATION)[1:]:
        assert "Λεωφορείο" not in part
        assert "Ράμπα" not in part


# Two clocks

MELBOURNE, AHEAD = "Australia/Melbourne", timedelta(hours=9)  # of Athens in March
CLOCK = re.compile(r"\b(\d\d):(\d\d)\b")


def one_in_melbourne(kind: str) -> Appointment:
    """An appointment at a consulate, of a citizen in Greece, in the state in which the message is sent."""
    branch = a_branch(an_agency(), timezone=MELBOURNE, phone="+61390000000")
    a_procedure(branch.agency)
    a_rule(branch)
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == at(10, 20, zone=branch.zone))
    appointment = an_appointment(slot, timezone="Europe/Athens")
    if kind == Kind.OFFER:
        a_strike(branch)
    if kind == Kind.VERIFY:
        appointment.expires_at = NOW + timedelta(minutes=30)
    return appointment


# Of a visit that is over, the branch's clock is enough. An earlier address is told no time at all, and of the person for whom
# somebody else has booked no clock is known.
@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.RATING, Kind.SUMMARY, Kind.CORRECTED, Kind.FOR_YOU}))
def test_every_time_in_a_message_stands_on_both_clocks(kind: str) -> None:
    appointment = one_in_melbourne(kind)
    message = Notification(pk=1, appointment=appointment, kind=kind, language="el", revision=appointment.revision)
    letter = mails.mail(message, now=NOW)
    texts = [letter.body, re.sub(r"<[^>]*>", " ", str(letter.alternatives[0].content).partition("<body")[2])]
    if kind != Kind.VERIFY:
        texts.append(mails.text(message, now=NOW))
    for text in texts:
        told = [timedelta(hours=int(hour), minutes=int(minute)) for hour, minute in CLOCK.findall(text)]
        day = timedelta(days=1)
        alone = [time for time in told if not {(time + AHEAD) % day, (time - AHEAD) % day} & {*told}]
        assert told
        assert alone == [], text


def test_deadline_in_an_sms_is_short() -> None:
    appointment = one_in_melbourne(Kind.OFFER)
    offer = appointment.offers.get()
    assert offer.deadline
    text = mails.text(Notification(appointment=appointment, kind=Kind.OFFER, language="el"), now=NOW)
    assert segments.in_capitals(wording.short(offer.deadline, appointment)) in segments.in_capitals(text)
    assert segments.count(text) <= segments.MOST


def test_every_light_ground_of_a_mail_turns_dark() -> None:
    """Mail programs with dark colours turn the text light, so a light ground that stays would hide it."""
    frame = Path("templates/emails/frame.html").read_text()
    dark = set(re.findall(r"\.(\w+)[^{}]*\{ background: #", frame))
    assert dark >= {"page", "sheet", "box"}
    for path in Path("templates/emails").glob("*.html"):
        for tag in re.findall(r"<[^>]*background:#f[^>]*>", path.read_text()):
            classes = re.search(r'class="([^"]+)"', tag)
            assert classes, (path.name, tag)
            assert dark & {*classes[1].split()}, (path.name, tag)
