"""Booking for a business or another person: what is kept, who is counted, who is told, and what is asked for by all ways."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Declaration, ForWhom, Procedure, Role
from agencies.models.procedure import declare
from appointments import booking
from appointments.booking import retention
from appointments.booking.parties.storing import CONSENT
from appointments.booking.persons import Behalf, Contact, tax_number_of
from appointments.errors import DeclarationMissing, LimitReached, NotBookedFor
from appointments.models import Acceptance, Appointment, Notification, Party
from appointments.tasks import deliver_due
from tests.builders import GUEST, NOW, STAFF, a_contact, a_user, an_officer, at, by, minutes, slot_at, slots_of
from tests.codes import open_for
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
COMPANY, OTHER_COMPANY = "094019245", "090000045"
BUSINESS = Behalf("business", "Καφέ Ανατολή Α.Ε.", "accountant")
MOTHER = Behalf("other", "Μαρία Μητέρα", "child", "maria@example.org", "+306987654321", CONSENT)
TEXT = ("Δηλώνω ότι είμαι κάτοικος.\nΔηλώνω ότι δεν έχω άλλη κάρτα.", "I live here.\nI have no other card.")


@pytest.fixture
def service(branch: Branch) -> Procedure:
    procedure: Procedure = branch.agency.procedures.get()
    procedure.booked_for = [*ForWhom]
    procedure.save()
    return procedure


def book(service: Procedure, hour: int, number: int = 1, **contact: Any) -> Appointment:
    """A guest books by the pages: a hold, and its confirmation."""
    held = booking.hold(slot_at(at(hour)).pk, service, "in_person", by=GUEST, now=NOW)
    return booking.confirm(held, a_contact(number, **contact), by=GUEST, now=NOW)


def mails_to(address: str) -> list[str]:
    deliver_due()
    letters = [one for one in mail.outbox if one.to == [address]]
    return [f"{one.subject}\n{one.body}\n{one.alternatives[0][0]}" for one in letters]  # type: ignore[attr-defined]


# What is kept, and who is counted


def test_business_is_kept_and_counted_whoever_books(service: Procedure) -> None:
    booked = book(service, 9, behalf=BUSINESS, tax_number=COMPANY)
    assert (booked.party.kind, booked.party.name, booked.party.standing) == ("business", BUSINESS.name, "accountant")
    assert tax_number_of(booked) == COMPANY
    with pytest.raises(LimitReached):
        book(service, 10, 2, behalf=Behalf("business", "Other name", "employee"), tax_number=COMPANY)
    assert book(service, 11, 2, behalf=BUSINESS, tax_number=OTHER_COMPANY).status == "booked"
    assert book(service, 12).status == "booked"  # the representative's own one


def test_person_is_counted_and_not_who_books_for_them(service: Procedure) -> None:
    booked = book(service, 9, behalf=MOTHER)
    assert (booked.party.email, booked.party.consent, booked.party.consented_at) == (MOTHER.email, CONSENT, NOW)
    assert book(service, 10).status == "booked"
    with pytest.raises(LimitReached):
        book(service, 11, 3, behalf=MOTHER)
    with pytest.raises(LimitReached):
        book(service, 12, 4, email=MOTHER.email)
    by_phone = Behalf("other", "Γιώργος", "friend", "", "+306911111111", CONSENT)
    assert book(service, 13, 5, behalf=by_phone).limit_place == 0
    with pytest.raises(LimitReached):
        book(service, 8, 6, behalf=by_phone)


def test_corrected_contact_of_the_booker_leaves_the_person_counted(service: Procedure) -> None:
    booked = book(service, 9, behalf=MOTHER)
    corrected = booking.correct(booked, booking.NewContact("new@example.org", ""), by=GUEST, now=NOW)
    assert corrected.person_key == booked.person_key
    assert Appointment.objects.matching("Μητέρα").get() == booked
    assert Appointment.objects.matching("new@example.org").get() == booked


@pytest.mark.parametrize("wanted", ["Ανατολή", "cafe anatoli", "Πολίτης"])
def test_search_finds_business_and_booker(service: Procedure, wanted: str) -> None:
    booked = book(service, 9, behalf=BUSINESS, tax_number=COMPANY)
    assert list(Appointment.objects.matching(wanted)) == [booked]


@pytest.mark.parametrize("way", ["pages", "at once"])
@pytest.mark.parametrize("behalf", [None, BUSINESS, MOTHER])
def test_service_says_whom_it_may_be_booked_for(service: Procedure, behalf: Behalf | None, way: str) -> None:
    kind = behalf.kind if behalf else "person"
    service.booked_for = [one for one in ForWhom if one != kind]
    service.save()
    contact = a_contact(behalf=behalf, tax_number=COMPANY)
    at_once = partial(booking.book, slot_at(at(9)).pk, service, "in_person", contact, by=GUEST, now=NOW)
    by_pages = partial(book, service, 9, behalf=behalf, tax_number=COMPANY)
    with pytest.raises(NotBookedFor):
        (by_pages if way == "pages" else at_once)()
    assert not Party.objects.exists()


def test_officer_books_for_a_caller_whatever_the_service_says(service: Procedure) -> None:
    service.booked_for = ["business"]
    service.save()
    declare(service, *TEXT, now=NOW)
    booked = booking.book(slot_at(at(9)).pk, service, "in_person", a_contact(), by=STAFF, now=NOW)
    assert (booked.source, booked.for_whom) == ("staff", "person")


def test_retention_erases_for_whom_it_was_and_what_was_declared(service: Procedure) -> None:
    declare(service, *TEXT, now=NOW)
    booked = book(service, 9, behalf=MOTHER, declared=1)
    retention.erase_old(now=booked.ends_at + timedelta(days=booked.agency.retention_days, minutes=1))
    assert not Party.objects.exists()
    assert not Acceptance.objects.exists()
    assert not Appointment.objects.matching("Μητέρα").exists()
    assert not Notification.objects.exclude(sent_to="").exists()


# Who is told what


def test_person_is_told_without_the_bookers_contact_and_booker_gets_the_rest(service: Procedure) -> None:
    booked = book(service, 9, behalf=MOTHER, notes="Με αμαξίδιο")
    Appointment.objects.update(address_proven_at=NOW)
    (told,) = mails_to(MOTHER.email)
    for said in ("Κλείστηκε ραντεβού για εσάς", "Πολίτης 1", "Υπεύθυνη δήλωση", "09:00", booked.spoken_reference):
        assert said in told
    for secret in ("citizen1@example.org", "6900000000", "αμαξίδιο", "key=", booked.link_key):
        assert secret not in told
    (confirmation,) = mails_to("citizen1@example.org")
    assert MOTHER.name in confirmation
    assert MOTHER.email not in confirmation
    assert MOTHER.phone not in confirmation


def test_calendar_file_says_for_whom_it_is(client: Client, service: Procedure) -> None:
    booked = book(service, 9, behalf=BUSINESS, tax_number=COMPANY)
    open_for(client, booked)
    file = client.get(f"{booked.get_absolute_url()}calendar.ics").content.decode().replace("\r\n ", "")
    assert BUSINESS.name in file
    assert COMPANY not in file


def test_unproven_booker_puts_no_words_into_any_mail(service: Procedure) -> None:
    book(service, 9, behalf=MOTHER)
    for told in (*mails_to(MOTHER.email), *mails_to("citizen1@example.org")):
        assert "Πολίτης 1" not in told
        assert MOTHER.name not in told


def test_person_is_told_the_clock_of_the_branch_and_not_where_the_booker_is(service: Procedure) -> None:
    book(service, 9, behalf=MOTHER, timezone="Australia/Melbourne")
    (told,) = mails_to(MOTHER.email)
    assert "09:00" in told
    assert "Μελβούρνη" not in told


def test_person_learns_of_a_move_and_a_cancellation_once(service: Procedure, branch: Branch) -> None:
    booked = book(service, 9, behalf=MOTHER)
    moved = booking.reschedule(booked, slot_at(at(11)).pk, by=GUEST, now=NOW)
    (told,) = mails_to(MOTHER.email)
    assert "11:00" in told
    booking.cancel(moved, by=GUEST, now=NOW)
    assert "ακυρώθηκε" in mails_to(MOTHER.email)[1]
    assert len(mails_to(MOTHER.email)) == 2


def test_person_who_has_never_heard_of_it_is_not_told_of_the_cancellation(service: Procedure) -> None:
    booking.cancel(book(service, 9, behalf=MOTHER), by=GUEST, now=NOW)
    assert mails_to(MOTHER.email) == []


def test_mail_to_the_person_that_comes_back_says_nothing_about_the_booker(service: Procedure) -> None:
    booked = book(service, 9, behalf=MOTHER)
    Notification.objects.filter(kind="for_you").update(state="bounced")
    assert not booked.notifications.undelivered().exists()
    assert not Appointment.objects.get().is_mail_returned


def test_nobody_is_told_twice(service: Procedure) -> None:
    book(service, 9, behalf=Behalf("other", "Μαρία", "child", "Citizen1@example.org", "", CONSENT))
    assert not Notification.objects.filter(kind="for_you").exists()
    book(service, 10, 2, behalf=BUSINESS, tax_number=COMPANY)
    assert not Notification.objects.filter(kind="for_you").exists()


# Declarations


def test_each_change_of_the_text_makes_a_version_and_acceptances_keep_theirs(service: Procedure) -> None:
    assert declare(service, *TEXT, now=NOW)
    first = book(service, 9, declared=1)
    assert declare(service, *TEXT, now=NOW) is None
    assert declare(service, TEXT[0], "Other words.\nI have no other card.", now=NOW)
    with pytest.raises(DeclarationMissing):
        book(service, 10, 2, declared=1)
    second = book(service, 11, 2, declared=2)
    assert declare(service, "", "", now=NOW) is None
    assert Procedure.objects.get().declaration_version == 0
    third = book(service, 12, 3)
    assert declare(service, *TEXT, now=NOW)
    assert Procedure.objects.get().declaration_version == 3
    accepted = {one.appointment_id: one.declaration.version for one in Acceptance.objects.all()}
    assert accepted == {first.pk: 1, second.pk: 2}
    assert third.pk not in accepted
    assert Acceptance.objects.get(appointment=first).declaration.text_en == TEXT[1]


@pytest.mark.parametrize("declared", [0, 2, 9])
def test_nothing_is_booked_without_the_present_text(service: Procedure, declared: int) -> None:
    declare(service, *TEXT, now=NOW)
    with pytest.raises(DeclarationMissing):
        book(service, 9, declared=declared)
    with pytest.raises(DeclarationMissing):
        booking.book(slot_at(at(10)).pk, service, "in_person", a_contact(2, declared=declared), by=GUEST, now=NOW)
    assert not Appointment.objects.filter(status="booked").exists()


# The API


@pytest.fixture
def citizen() -> User:
    return a_user()


def ask(client: Client, citizen: User, branch: Branch, **fields: Any) -> Any:
    asked = {"slot": slots_of(branch)[20].pk, "procedure": "kep-dilosi", "channel": "in_person", "name": "Ελένη"}
    asked |= {"email": "citizen@example.org"} | fields
    return signed_in(client, citizen).post("/api/v1/appointments/", asked, content_type="application/json")


OF_BUSINESS = {"kind": "business", "name": "Καφέ Α.Ε.", "standing": "employee"}
OF_MOTHER = {"kind": "other", "name": "Μαρία", "standing": "child", "email": "maria@example.org", "consent": CONSENT}


@pytest.mark.parametrize("party", [OF_BUSINESS, OF_MOTHER])
def test_api_books_for_others(
    client: Client, citizen: User, branch: Branch, service: Procedure, party: dict[str, Any]
) -> None:
    declare(service, *TEXT, now=NOW)
    answer = ask(client, citizen, branch, for_whom=party, tax_number=COMPANY, declaration=1)
    assert answer.status_code == 201, answer.content
    kept = Party.objects.get()
    assert (kept.kind, kept.name, kept.standing) == (party["kind"], party["name"], party["standing"])
    assert Acceptance.objects.get().declaration.version == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"for_whom": OF_BUSINESS}, "tax_number"),
        ({"for_whom": OF_BUSINESS, "tax_number": "123456789"}, "tax_number"),
        ({"for_whom": OF_BUSINESS | {"standing": "parent"}, "tax_number": COMPANY}, "for_whom"),
        ({"for_whom": OF_MOTHER | {"consent": 0}}, "for_whom"),
        ({"for_whom": OF_MOTHER | {"consent": 99}}, "for_whom"),
        ({"for_whom": OF_MOTHER | {"email": ""}}, "for_whom"),
        ({"for_whom": {"kind": "person"}}, "for_whom"),
        ({}, "declaration"),
        ({"declaration": 2}, "declaration"),
    ],
)
def test_api_refuses_by_the_same_rule(
    client: Client, branch: Branch, service: Procedure, fields: dict[str, Any], field: str
) -> None:
    declare(service, *TEXT, now=NOW)
    answer = ask(client, a_user(), branch, **{"declaration": 1} | fields if fields else {})
    assert (answer.status_code, [*answer.json()]) == (400, [field])
    assert not Appointment.objects.exists()


def test_api_tells_whom_a_service_is_for_and_what_is_declared(client: Client, service: Procedure) -> None:
    declare(service, *TEXT, now=NOW)
    told = client.get("/api/v1/procedures/kep-dilosi/", headers={"Accept-Language": "en"}).json()
    assert told["booked_for"] == ["person", "business", "other"]
    assert told["declaration"] == {"version": 1, "sentences": TEXT[1].split("\n")}


# Officers


def test_officers_see_for_whom_it_is(client: Client, service: Procedure, officer: User) -> None:
    book(service, 9, behalf=BUSINESS, tax_number=COMPANY)
    declare(service, *TEXT, now=NOW)
    booked = book(service, 10, 2, behalf=MOTHER, declared=1)
    signed_in(client, officer)
    day = text_of(client.get("/admin/appointments/appointment/day/?date=2026-03-03"))
    own = text_of(client.get(f"/admin/appointments/appointment/{booked.reference}/change/"))
    assert all(name in day for name in (BUSINESS.name, MOTHER.name))
    assert all(said in own for said in (MOTHER.name, MOTHER.phone, "Πολίτης 2", *TEXT[0].split("\n")))


def test_follow_up_is_for_the_same_party(service: Procedure, officer: User) -> None:
    booked = book(service, 9, behalf=BUSINESS, tax_number=COMPANY)
    serving = booking.serve(booked, by=by(officer), now=booked.starts_at)
    contact = a_contact(tax_number=COMPANY)
    again = booking.book(
        slot_at(at(12)).pk,
        service,
        "in_person",
        contact,
        by=by(officer),
        now=booked.starts_at + minutes(1),
        follows=serving,
    )
    assert (again.party.name, again.person_key) == (BUSINESS.name, booked.person_key)


def test_digest_of_a_plain_contact_is_that_of_the_release_before() -> None:
    assert "behalf" not in Contact("Ελένη").said()
    assert "declared" not in Contact("Ελένη").said()
    assert Contact("Ελένη", behalf=MOTHER).said()["behalf"]


def test_admin_writes_a_version_for_each_change_and_none_without(client: Client, service: Procedure) -> None:
    signed_in(client, an_officer(service.agency, Role.AGENCY_ADMIN, "admin@example.org"))
    address = f"/en/admin/agencies/procedure/{service.pk}/change/"
    form = client.get(address).context["adminform"].form
    sent = {name: value for name, value in form.initial.items() if value is not None and name in form.fields}
    sent |= {"channels": service.channels, "booked_for": ["person", "other"]}
    answer = None
    for greek, english, versions in (*[(*TEXT, 1)] * 2, (TEXT[0], "One.\nTwo.", 2), ("Μία", "", 2)):
        answer = client.post(address, sent | {"declaration_el": greek, "declaration_en": english}, follow=True)
        assert Declaration.objects.count() == versions, text_of(answer)
    assert "Write each sentence in both languages" in text_of(answer)
    service.refresh_from_db()
    assert (service.booked_for, service.declaration_version) == (["person", "other"], 2)
    again = client.get(address).context["adminform"].form
    assert again["declaration_en"].value() == "One.\nTwo."
