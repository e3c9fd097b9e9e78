"""Every message in an agency's own words, as it arrives."""

import re
from datetime import timedelta

import pytest
from django.core.mail import get_connection
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, Branch, Channel
from appointments import booking
from appointments.messages import mails
from appointments.messages.delivery import deliver_next
from appointments.messages.segments import MOST, count, in_capitals
from appointments.messages.texts.kinds import EVERY_KEY, Key, Kind, Medium, needed
from appointments.messages.texts.starting import draft
from appointments.models import Appointment, Notification, OwnText, Status, Ticket
from tests.builders import NOW, STAFF, a_strike, an_appointment, booked_at, slots_of
from tests.servers.mailserver import MailServer

pytestmark = pytest.mark.django_db


def an_own_text(agency: Agency, key: Key, subject: str, body: str, version: int = 1) -> OwnText:
    return OwnText.objects.create(
        agency=agency, **key._asdict(), version=version, subject=subject, body=body, written_at=NOW
    )


def one_to_tell(branch: Branch, key: Key, **contact: str) -> Notification:
    """A message of this kind, about an appointment in the state in which it is sent."""
    appointment = booked_at(branch, 10, **contact)
    if key.kind == Kind.OFFER:
        a_strike(branch, day=NOW.date())
    if key.kind == Kind.CANCELLED:
        appointment = booking.cancel(appointment, by=STAFF, reason="Απεργία", now=NOW)
    if key.kind == Kind.VERIFY:
        appointment.expires_at = NOW + timedelta(minutes=30)
    if key.kind == Kind.SUMMARY:
        appointment.status = Status.COMPLETED
        appointment.ticket = Ticket(outcome="done", citizen_note="Έτοιμο")
    return a_message(appointment, key)


def a_message(appointment: Appointment, key: Key) -> Notification:
    appointment.language = key.language
    return Notification(pk=1, appointment=appointment, **key._asdict(), revision=appointment.revision)


def told(message: Notification) -> list[str]:
    """The parts of the message, without what the frame around them says."""
    if message.medium == Medium.SMS:
        return [mails.text(message, now=NOW)]
    letter = mails.mail(message, now=NOW)
    return [letter.subject, letter.body, str(letter.alternatives[0].content)]


@pytest.mark.parametrize("kind", Kind)
def test_every_message_is_told_in_own_words(branch: Branch, kind: str) -> None:
    appointment = None
    for key in (key for key in EVERY_KEY if key.kind == kind):
        subject, body = draft(key)
        if key.medium == Medium.SMS:
            body = " ".join(f"{{{name}}}" for name in needed(key))  # ours leave no place for another word
        an_own_text(branch.agency, key, f"Δικό μας {subject}" if subject else "", f"Δικό μας <b>\n\n{body}")
        message = a_message(appointment, key) if appointment else one_to_tell(branch, key)
        appointment = message.appointment
        assert_own(message, told(message))


def assert_own(message: Notification, parts: list[str]) -> None:
    """Each part is in own words, has no brace left, and has what the message is sent for."""
    key = Key(message.kind, message.medium, message.language)
    if key.medium == Medium.SMS:  # in capitals if it would take more than two
        assert in_capitals("Δικό μας") in in_capitals(parts[0])
        assert count(parts[0]) <= MOST
    else:
        assert all("Δικό μας" in part for part in parts)
    assert not any(re.search(r"[{}]", part.partition("<body")[2] or part) for part in parts)
    text = parts[-2] if key.medium == Medium.EMAIL else parts[0]
    assert "10:00" in text or "when" not in needed(key)
    assert message.appointment.spoken_reference in text or "reference" not in needed(key)
    links = re.findall(r"http://localhost:8000/\S+", text)
    if key.medium == Medium.EMAIL:
        assert links
        assert all(link.replace("&", "&amp;") in parts[2] for link in links)
        assert "Δικό μας &lt;b&gt;" in parts[2]
    else:
        assert links == []
        assert message.appointment.link_key not in text


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("medium", Medium)
def test_channel_is_told_by_how(branch: Branch, medium: str, channel: str) -> None:
    Branch.objects.update(address_el="Κυδωνίας 29")
    key = Key(Kind.REMINDER, medium, "el")
    subject, body = draft(key)
    an_own_text(branch.agency, key, subject, body)
    message = one_to_tell(branch, key)
    message.appointment.channel = channel
    text = told(message)[-2 if medium == Medium.EMAIL else 0]
    assert (message.appointment.link("join") in text) == (channel == Channel.VIDEO and medium == Medium.EMAIL)
    assert ("Κυδωνίας 29" in text) == (channel == Channel.IN_PERSON)


def test_other_agencies_kinds_media_and_languages_keep_our_words(branch: Branch) -> None:
    own = Key(Kind.REMINDER, Medium.EMAIL, "el")
    an_own_text(branch.agency, own, *draft(own))
    OwnText.objects.update(body="Μόνο εδώ")
    others = [own._replace(kind=Kind.MOVED), own._replace(medium=Medium.SMS), own._replace(language="en")]
    appointment = booked_at(branch, 10)
    for key in (own, *others):
        assert any("Μόνο εδώ" in part for part in told(a_message(appointment, key))) == (key == own)
    OwnText.objects.update(agency=Agency.objects.create(slug="other", platform="o", platform_slug="o"))
    assert "Μόνο εδώ" not in told(a_message(appointment, own))[1]


def test_latest_version_is_told_and_an_empty_one_means_ours(branch: Branch) -> None:
    key = Key(Kind.REMINDER, Medium.EMAIL, "el")
    for version, body in enumerate(("Πρώτο", "Δεύτερο"), start=1):
        an_own_text(branch.agency, key, "Θέμα", body, version)
    message = one_to_tell(branch, key)
    assert "Δεύτερο" in told(message)[1]
    an_own_text(branch.agency, key, "", "", 3)
    del message.own_text
    assert "Δεύτερο" not in told(message)[1]
    assert "Το ραντεβού σας πλησιάζει" in told(message)[1]


def test_name_vanishes_from_what_goes_to_an_unproven_address(branch: Branch) -> None:
    key = Key(Kind.CONFIRMATION, Medium.EMAIL, "el")
    an_own_text(branch.agency, key, "Θέμα", "Γεια σας {name},\n\nΚύριε {name}, στις {when}, {reference}\n{link}")
    message = one_to_tell(branch, key, name="Επιστροφή Φόρου")
    for part in told(message):
        assert "Φόρου" not in part
    assert told(message)[1].startswith("Κύριε, στις Δευτέρα")
    message.appointment.address_proven_at = NOW
    assert told(message)[1].startswith("Γεια σας Επιστροφή Φόρου,\n")


@pytest.mark.parametrize(
    "poison",
    [
        "<script>alert(1)</script>",
        "α\r\nBcc: x@evil.example",
        "\u202eevil\u202c",
        "{reference}",
        "**α**\n- β",
        "a\x00b",
    ],
)
def test_poison_in_a_value_harms_nobody(branch: Branch, poison: str) -> None:
    key = Key(Kind.CONFIRMATION, Medium.EMAIL, "el")
    an_own_text(branch.agency, key, "{branch} {service}", "{branch} {service} {when} {reference}\n{link}")
    message = one_to_tell(branch, key)
    message.appointment.branch.name_el = poison
    subject, text, html = told(message)
    assert "\n" not in subject
    assert "\r" not in subject
    assert "Bcc" not in mails.mail(message, now=NOW).message()
    assert "<script" not in html.partition("<body")[2]
    for part in (subject, text.splitlines()[0]):
        assert "\u202e" not in part
    assert ("{reference}" in text) == (poison == "{reference}")


def test_reader_abroad_gets_both_times_in_own_words(branch: Branch) -> None:
    appointment = booked_at(branch, 10, timezone="America/New_York")
    for medium in Medium:
        key = Key(Kind.REMINDER, medium, "en")
        an_own_text(branch.agency, key, "S", "{when} {reference}" + (" {link}" if medium == Medium.EMAIL else ""))
        text = told(a_message(appointment, key))[-2 if medium == Medium.EMAIL else 0].splitlines()[0]
        assert "10:00" in text
        assert "03:00" in text


@pytest.mark.parametrize("language", ["el", "en"])
@pytest.mark.parametrize(
    ("words", "own"),
    [
        (60, "{branch}"),  # shortened names are enough
        (150, ""),  # capitals are enough
        (400, None),  # only ours is short enough
    ],
)
def test_own_words_take_two_sms_also_with_two_clocks(
    branch: Branch, language: str, words: int, own: str | None
) -> None:
    """The text was saved when it fitted. Since then the branch has got a long name, and this reader lives abroad."""
    Branch.objects.update(name_el="Γενικό Προξενείο της Ελλάδας στη Μελβούρνη της Αυστραλίας", name_en="Consulate " * 7)
    key = Key(Kind.REMINDER, Medium.SMS, language)
    body = f"Δικό μας {{when}} {{reference}} {own or '{branch} {service}'} ".ljust(words, "ω")
    an_own_text(branch.agency, key, "", body)
    appointment = booked_at(Branch.objects.get(), 10, timezone="America/Argentina/Buenos_Aires")
    (text,) = told(a_message(appointment, key))
    assert count(text) <= MOST
    assert in_capitals("Δικό μας") in in_capitals(text) or own is None
    assert "10:00" in text
    assert "05:00" in text
    assert appointment.spoken_reference in text


def test_offer_without_another_time_says_so(branch: Branch) -> None:
    key = Key(Kind.OFFER, Medium.EMAIL, "el")
    an_own_text(branch.agency, key, *draft(key))
    message = one_to_tell(branch, key)
    message.appointment.offers.update(hold=None, deadline=None, state="none_found")
    text = told(message)[1]
    assert "Δεν βρήκαμε άλλη ελεύθερη ώρα" in text
    assert message.appointment.link("move") in text
    assert message.appointment.link("offer") not in text


def test_text_that_can_no_longer_be_said_is_told_in_our_words(branch: Branch) -> None:
    key = Key(Kind.REMINDER, Medium.EMAIL, "el")
    an_own_text(branch.agency, key, "Θέμα", "Δικό μας {of_a_release_to_come}")
    subject, text, _html = told(one_to_tell(branch, key))
    assert subject.startswith("Υπενθύμιση")
    assert "Το ραντεβού σας πλησιάζει" in text


@pytest.mark.parametrize("has_own", [False, True])
def test_sending_costs_no_statement_more(branch: Branch, server: MailServer, has_own: bool) -> None:
    if has_own:
        key = Key(Kind.CONFIRMATION, Medium.EMAIL, "el")
        an_own_text(branch.agency, key, *draft(key))
    an_appointment(slots_of(branch)[20])
    mailer = get_connection()
    with CaptureQueriesContext(connection) as queries:
        assert deliver_next(mailer, now=NOW)
    mailer.close()
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 4
    assert server.mails[0]["Subject"].strip().startswith("Το ραντεβού σας επιβεβαιώθηκε" if has_own else "Ραντεβού")


def test_calendar_file_goes_with_own_words_too(branch: Branch) -> None:
    key = Key(Kind.CONFIRMATION, Medium.EMAIL, "el")
    an_own_text(branch.agency, key, *draft(key))
    letter = mails.mail(one_to_tell(branch, key), now=NOW)
    assert [part.mimetype for part in letter.alternatives][1].startswith("text/calendar")
