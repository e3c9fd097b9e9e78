"""Nothing that a stranger typed is mailed before the address is proven: no kind of message, in none of its parts."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import allauth
import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.core.mail import EmailMessage, get_connection
from django.db import models
from django.test import Client, RequestFactory
from icalendar import Calendar

from accounts.limits import MAILS_AN_HOUR
from agencies.models import Agency, Branch, Channel, Procedure, Role
from appointments import booking
from appointments.booking.owed import BY_MAIL_ALONE
from appointments.history import Actor
from appointments.messages import invitations, mails
from appointments.models import Appointment, Notification, Status
from appointments.tasks import deliver_due
from appointments.watch import alerts
from tests import codes
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    SYSTEM,
    TUESDAY,
    a_citizen,
    a_closure,
    a_contact,
    a_strike,
    a_user,
    an_officer,
    an_open_branch,
    booked_at,
    slots_of,
)
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
Kind, Medium = Notification.Kind, Notification.Medium

POISON = "Επιστροφη"
NAME, NOTES, REASON, NUMBER = f"{POISON} Φόρου", f"{POISON} χρημάτων", f"{POISON} τώρα", "6971112223"
# What whoever types may choose freely stands in no text. These may: our own words, or what is chosen from a list.
NOT_TYPED = {"reference", "timezone"}
ADDRESS = "email"  # of the recipient
NEVER_TOLD = {"person_key", "idempotency_key", "request_digest", "search", "slot_ids", "tax_number_encrypted"}


def typed(text: str) -> list[str]:
    """What of the typed text is in it, however the parts write it."""
    return [one for one in (POISON, NUMBER) if one in re.sub(r"[\s.-]", "", text) or one in text]


def parts(letter: EmailMessage) -> Iterator[tuple[str, str]]:
    """Every part of the mail as a reader gets it: subject, headers, texts, calendar files."""
    parsed = message_from_bytes(letter.message().as_bytes(), policy=policy.default)
    for name, value in parsed.items():
        yield name, str(value)
    for part in parsed.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True).decode()
            yield part.get_content_type(), content.replace("\r\n ", "")


def told(letter: EmailMessage) -> dict[str, list[str]]:
    return {name: found for name, text in parts(letter) if (found := typed(text))}


def an_appointment_of(kind: str, by: Actor = GUEST, **contact: str) -> Appointment:
    """An appointment with poison in every field that is typed, in the state in which the message is sent."""
    branch = an_open_branch()
    Procedure.objects.update(channels=[*Channel])
    slot = slots_of(branch)[100]
    contact = {"name": NAME, "notes": NOTES, "phone": NUMBER} | contact
    procedure = Procedure.objects.select_related("agency").get()
    appointment = booking.book(slot.pk, procedure, Channel.IN_PERSON, a_contact(1, **contact), by=by, now=NOW)
    if kind == Kind.OFFER:
        a_strike(branch, day=branch.local(slot.starts_at).date())
    if kind == Kind.CANCELLED:
        appointment = booking.cancel(appointment, by=GUEST, reason=REASON, now=NOW)
    if kind == Kind.VERIFY:
        appointment.status, appointment.expires_at = Status.UNVERIFIED, NOW + timedelta(minutes=30)
    return appointment


def message(appointment: Appointment, kind: str, medium: str = Medium.EMAIL) -> Notification:
    return Notification(
        pk=1, appointment=appointment, kind=kind, medium=medium, language="el", revision=appointment.revision
    )


UNPROVEN: dict[str, Callable[[], Actor]] = {
    "guest": lambda: GUEST,
    "citizen who types another address": lambda: a_citizen(a_user("stranger@example.org", name=NAME)),
}
PROVEN: dict[str, Callable[[], Actor]] = {
    "officer": lambda: STAFF,
    "agency's system": lambda: SYSTEM,
    "citizen with the own address": lambda: a_citizen(a_user("Citizen1@example.org".lower())),
}


@pytest.mark.parametrize("who", UNPROVEN)
@pytest.mark.parametrize("kind", Kind)
def test_no_part_of_a_message_says_what_was_typed(kind: str, who: str) -> None:
    appointment = an_appointment_of(kind, UNPROVEN[who]())
    for channel in Channel:
        appointment.channel = channel
        assert told(mails.mail(message(appointment, kind), now=NOW)) == {}, channel


@pytest.mark.parametrize("kind", sorted(set(Kind) - set(BY_MAIL_ALONE)))
def test_sms_never_say_what_was_typed(kind: str) -> None:
    appointment = an_appointment_of(kind, STAFF)
    appointment.address_proven_at = NOW
    for channel in Channel:
        appointment.channel = channel
        assert typed(mails.text(message(appointment, kind, Medium.SMS), now=NOW)) == []


@pytest.mark.parametrize("who", PROVEN)
def test_name_is_told_to_whom_the_address_belongs(who: str) -> None:
    appointment = an_appointment_of(Kind.CONFIRMATION, PROVEN[who]())
    appointment.channel = Channel.PHONE
    found = told(mails.mail(message(appointment, Kind.CONFIRMATION), now=NOW))
    assert set(found) == {"text/plain", "text/html", "text/calendar", "application/ics"}
    assert {frozenset(each) for each in found.values()} == {frozenset({POISON, NUMBER})}


def test_every_field_that_can_be_typed_is_left_out() -> None:
    """A new field is either left out, or no text that anybody can type."""
    texts = {
        field.name
        for field in Appointment._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField) and not field.choices
    }
    known = NOT_TYPED | NEVER_TOLD | {ADDRESS}
    appointment = Appointment(**dict.fromkeys(texts - known, POISON))
    told_of = appointment.as_told(proven=False)
    assert {name for name in texts - known if getattr(told_of, name)} == set()
    assert appointment.name == POISON


@pytest.mark.parametrize("channel", Channel)
def test_call_is_told_without_the_number(channel: str) -> None:
    appointment = an_appointment_of(Kind.CONFIRMATION)
    appointment.channel = channel
    letter = mails.mail(message(appointment, Kind.CONFIRMATION), now=NOW)
    assert ("στον αριθμό που δόθηκε" in letter.body) == (channel == Channel.PHONE)


# Proving the address


def opened(client: Client, link: str) -> None:
    client.get(link.removeprefix(settings.SITE_URL), follow=True)


def told_in_the_next(appointment: Appointment) -> bool:
    found = Appointment.objects.select_related("agency", "branch", "procedure", "citizen").get(pk=appointment.pk)
    return bool(told(mails.mail(message(found, Kind.REMINDER), now=NOW)))


def test_link_in_a_mail_proves_the_address(client: Client) -> None:
    appointment = an_appointment_of(Kind.CONFIRMATION)
    deliver_due()
    assert told(mail.outbox[-1]) == {}
    link = re.search(r"http://\S+\?key=\S+", mail.outbox[-1].body)
    assert link
    codes.follow(client, appointment, link=link[0].removeprefix(settings.SITE_URL))
    proven = Appointment.objects.get()
    assert proven.address_proven_at == NOW
    assert told_in_the_next(appointment)


def test_whoever_booked_cannot_prove_the_address(client: Client) -> None:
    """What pages, files and answers of the API show to the browser that booked opens the appointment, and no more."""
    appointment = an_appointment_of(Kind.CONFIRMATION)
    session = client.session
    session["appointments"] = [appointment.reference]
    session.save()
    own = f"/appointments/{appointment.reference}"
    file = Calendar.from_ical(client.get(f"{own}/calendar.ics").content).events[0]
    shown = text_of(client.get(f"{own}/")) + text_of(client.get(f"{own}/done/"))
    assert appointment.link_key not in shown + str(file["description"]) + str(file["url"])
    assert appointment.link_key not in invitations.download(appointment, now=NOW).decode().replace("\r\n ", "")
    fresh = Client()
    opened(fresh, str(file["url"]))
    assert appointment.spoken_reference in text_of(fresh.get(f"{own}/", follow=True))
    assert not told_in_the_next(appointment)


def test_answer_of_the_api_proves_nothing(client: Client) -> None:
    branch = an_open_branch()
    client.force_login(a_user("stranger@example.org"))
    asked = {
        "slot": slots_of(branch)[20].pk,
        "procedure": "kep-dilosi",
        "channel": "in_person",
        "name": NAME,
        "email": "victim@example.org",
    }
    answer = client.post("/api/v1/appointments/", asked, content_type="application/json")
    assert answer.status_code == 201
    fresh = Client()
    opened(fresh, answer.json()["manage_url"])
    appointment = Appointment.objects.get()
    assert appointment.spoken_reference in text_of(fresh.get(f"/appointments/{appointment.reference}/", follow=True))
    assert not told_in_the_next(appointment)


@pytest.fixture
def unverified() -> Appointment:
    branch = an_open_branch()
    Agency.objects.update(verify_minutes=30)
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slots_of(branch)[20].pk, procedure, "in_person", by=GUEST, now=NOW)
    return booking.confirm(held, a_contact(1, name=NAME), by=GUEST, now=NOW)


@pytest.mark.parametrize("way", ["page", "file"])
def test_booking_is_confirmed_by_the_mail_alone(client: Client, unverified: Appointment, way: str) -> None:
    """Not by the browser that booked, which knows the page, nor by the link in its calendar file."""
    if way == "page":
        session = client.session
        session["appointments"] = [unverified.reference]
        session.save()
    else:
        opened(client, unverified.shown_link())
    address = f"/appointments/{unverified.reference}/verify/"
    for answer in (client.get(address), client.post(address)):
        assert answer["Location"] == f"/appointments/{unverified.reference}/done/"
    assert Appointment.objects.get().status == Status.UNVERIFIED
    opened(client, unverified.link("verify"))
    assert Appointment.objects.get().address_proven_at is None  # a program that scans mail may have opened it
    client.post(address)
    assert (Appointment.objects.get().status, Appointment.objects.get().address_proven_at) == (Status.BOOKED, NOW)


# Mails that are not about one appointment


def library_mails() -> list[str]:
    places = [Path("templates"), Path(allauth.__path__[0]) / "templates"]
    found = {path.name for place in places for path in (place / "account/email").glob("*_subject.txt")}
    return sorted(f"account/email/{name.removesuffix('_subject.txt')}" for name in found)


def test_mails_about_accounts_say_nothing_that_was_typed() -> None:
    """Neither the name in the account, nor what a browser calls itself, which is what anybody likes."""
    request = RequestFactory().get("/", HTTP_USER_AGENT=f"{POISON} {NUMBER}")
    request.user, request.session = a_user(name=NAME, phone=NUMBER), SessionStore()
    known = {"user": request.user, "code": "123456", "user_agent": NAME, "from_email": "a@example.org"}
    with context.request_context(request):
        for number, name in enumerate(library_mails()):
            get_adapter().send_mail(name, f"citizen{number}@example.org", known)
            codes.sent()
    assert len(mail.outbox) == len(library_mails()) > MAILS_AN_HOUR.number // 2
    assert [told(letter) for letter in mail.outbox if told(letter)] == []


def test_alerts_say_nothing_that_was_typed() -> None:
    branch: Branch = an_open_branch()
    an_officer(branch, Role.SUPERVISOR)
    booked_at(branch, 9, day=TUESDAY, name=NAME, notes=NOTES, phone=NUMBER)
    a_closure(branch, TUESDAY)
    slots_of(branch)
    alerts.check(now=NOW)
    while alerts.mail_next(get_connection(), now=NOW):
        pass
    assert mail.outbox
    assert [told(letter) for letter in mail.outbox if told(letter)] == []
