"""While serving: documents, notes, results; the note mailed and shown; and follow-ups on the spot, also elsewhere."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import get_connection
from django.test import Client

from accounts.models import User
from agencies.models import Agency, Branch, Channel, Procedure, Role
from appointments import booking, counter
from appointments.booking.retention import erase_old
from appointments.counter import Result, desks
from appointments.errors import NotOffered
from appointments.messages.delivery import deliver_next
from appointments.models import Appointment, Desk, Notification, Reading, Status, Ticket, TimeSlot
from appointments.times.availability import free_times
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    GUEST,
    NOON,
    NOW,
    STAFF,
    SYSTEM,
    a_branch,
    a_contact,
    a_procedure,
    a_rule,
    a_walk_in,
    an_agency,
    an_always_open_branch,
    an_appointment,
    an_officer,
    at,
    booked_after,
    by,
    slot_at,
)
from tests.codes import open_for
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
ADMIN = "/en/admin/appointments/appointment/"


@pytest.fixture
def branch() -> Branch:
    return an_always_open_branch(desks=2)


def another_branch(agency: Agency, code: str, **fields: object) -> Branch:
    branch = a_branch(agency, code, **fields)
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50", desks=2, channels=[*Channel])
    publish([branch.pk], now=NOW)
    return branch


@pytest.fixture
def officer(client: Client, branch: Branch) -> User:
    officer = an_officer(branch)
    client.force_login(officer)
    desks.sit(Desk.objects.create(branch=branch, name="1"), by=by(officer), now=NOON)
    return officer


def served(branch: Branch, officer: User, **contact: object) -> Ticket:
    """An appointment's ticket that the officer serves now."""
    appointment = booked_after(branch, NOON - timedelta(minutes=30), **contact)
    ticket = counter.check_in(appointment, by=GUEST, now=NOON)
    return counter.serve(counter.call(ticket, officer.desk, by=by(officer), now=NOON), by=by(officer), now=NOON)


def served_walk_in(branch: Branch, officer: User) -> Ticket:
    ticket = a_walk_in(branch, NOON, name="Ελένη")
    return counter.serve(counter.call(ticket, officer.desk, by=by(officer), now=NOON), by=by(officer), now=NOON)


def page_of(ticket: Ticket, name: str = "") -> str:
    return f"{ADMIN}queue/tickets/{ticket.code}/{name}"


def written(ticket: Ticket, **more: object) -> dict[str, object]:
    """The form as the page sends it."""
    seen = ticket.events.order_by("-pk").values_list("pk", flat=True)[0]
    return {"ticket": ticket.code, "seen": seen, "outcome": "done", "delivery": "email", **more}


# The page


def test_serving_shows_what_the_citizen_told_and_what_to_bring(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer, notes="Χρειάζομαι διερμηνέα")
    text = text_of(client.get(page_of(ticket)))
    assert "Χρειάζομαι διερμηνέα" in text
    assert "Identity card" in text
    assert "citizen1@example.org" in text
    menu = re.search(r'<a href="([^"]+)" aria-current="page"', text)
    assert menu is not None
    assert menu[1].endswith("/queue/")


def test_serving_of_another_branch_does_not_exist(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    client.force_login(an_officer(a_branch(branch.agency, "kep-other"), email="other@example.org"))
    for name in ("", "follow-up/"):
        assert client.get(page_of(ticket, name)).status_code == 404
    for name in ("save/", "complete/"):
        assert client.post(page_of(ticket, name), written(ticket)).status_code == 404
    assert Ticket.objects.get().state == Ticket.State.SERVING


def test_what_is_typed_is_kept_before_it_is_complete(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    form = written(ticket, documents_seen=["ΑΦΜ"], internal_note="Περιμένει απάντηση", citizen_note="Καλημέρα")
    response = client.post(page_of(ticket, "save/"), form, headers={"X-Requested-With": "queue"})
    assert (response.status_code, response.headers["X-Saved"]) == (204, "12:00")
    ticket.refresh_from_db()
    kept = (ticket.state, ticket.documents_seen, ticket.internal_note, ticket.citizen_note, ticket.delivery)
    assert kept == ("serving", ["ΑΦΜ"], "Περιμένει απάντηση", "Καλημέρα", "email")
    text = text_of(client.post(page_of(ticket, "save/"), form, follow=True))
    assert "Saved." in text
    assert re.search(r'value="ΑΦΜ"[^>]* checked', text)


def test_time_of_saving_is_on_the_clock_of_the_branch(client: Client, branch: Branch, officer: User) -> None:
    """Whatever clock the browser shows: an embassy's officer may sit at a computer set to Athens."""
    Branch.objects.update(timezone="America/Toronto")
    ticket = served(branch, officer)
    response = client.post(page_of(ticket, "save/"), written(ticket), headers={"X-Requested-With": "queue"})
    assert response.headers["X-Saved"] == "05:00"


def test_nothing_is_kept_once_it_is_over(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    counter.complete(ticket, by=by(officer), now=NOON)
    assert client.post(page_of(ticket, "save/"), written(ticket, internal_note="Αργά")).status_code == 409
    assert Ticket.objects.get().internal_note == ""


def test_complete_keeps_the_result_and_leads_back(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    response = client.post(page_of(ticket, "complete/"), written(ticket, internal_note="Εντάξει"), follow=True)
    assert response.redirect_chain == [(f"{ADMIN}queue/?branch={branch.code}", 302)]
    assert "Undo" in text_of(response)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome, ticket.delivery, ticket.internal_note) == ("done", "done", "email", "Εντάξει")
    assert ticket.appointment is not None
    ticket.appointment.refresh_from_db()
    assert ticket.appointment.status == Status.COMPLETED
    assert "Εντάξει" in text_of(client.get(page_of(ticket)))


def test_complete_twice_is_done_once(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    form = written(ticket, citizen_note="Ευχαριστούμε")
    for _twice in range(2):
        response = client.post(page_of(ticket, "complete/"), form, headers={"X-Requested-With": "queue"})
        assert response.headers["X-Go"] == f"{ADMIN}queue/?branch={branch.code}"
    assert Notification.objects.filter(kind="summary").count() == 1


def test_complete_of_what_a_colleague_parked_is_refused(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    form = written(ticket)
    counter.park(ticket, by=by(an_officer(branch, email="colleague@example.org")), now=NOON)
    text = text_of(client.post(page_of(ticket, "complete/"), form))
    assert "A colleague was quicker." in text
    assert Ticket.objects.get().state == Ticket.State.PARKED


def test_missing_documents_are_proposed_in_the_citizens_language(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer, language="el")
    form = written(ticket, outcome="missing", documents_seen=["ΑΦΜ"])
    text = text_of(client.post(page_of(ticket, "complete/"), form))
    assert "Check the note to the citizen, then complete." in text
    assert "Για να προχωρήσουμε, χρειαζόμαστε ακόμη:\n– Δελτίο ταυτότητας</textarea>" in text
    assert Ticket.objects.get().state == Ticket.State.SERVING
    client.post(page_of(ticket, "complete/"), form | {"citizen_note": "Φέρτε ταυτότητα."})
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome, ticket.citizen_note) == ("done", "missing", "Φέρτε ταυτότητα.")


def test_walk_in_gets_no_note(client: Client, branch: Branch, officer: User) -> None:
    ticket = served_walk_in(branch, officer)
    assert "Note to the citizen" not in text_of(client.get(page_of(ticket)))
    client.post(page_of(ticket, "complete/"), written(ticket, outcome="missing"))
    assert Ticket.objects.get().outcome == "missing"


# The note


def test_note_is_mailed_when_it_can_no_longer_be_taken_back_and_stands_on_the_page(
    client: Client, branch: Branch, officer: User
) -> None:
    ticket = served(branch, officer)
    Notification.objects.all().delete()
    result = Result(citizen_note="Η βεβαίωση θα σταλεί ως την Παρασκευή.", delivery="email")
    counter.complete(ticket, by=by(officer), now=NOON, result=result)
    assert not deliver_next(get_connection(), now=NOON + timedelta(seconds=9))
    assert deliver_next(get_connection(), now=NOON + timedelta(seconds=14))
    letter = mail.outbox[-1]
    assert letter.to == ["citizen1@example.org"]
    assert "Τι έγινε στο ραντεβού σας" in letter.subject
    assert "Η βεβαίωση θα σταλεί ως την Παρασκευή." in letter.body
    assert "Με e-mail" in letter.body
    appointment = ticket.appointment
    assert appointment is not None
    open_for(client, appointment)
    page = text_of(client.get(f"/appointments/{appointment.reference}/?key={appointment.link_key}", follow=True))
    assert "Η βεβαίωση θα σταλεί ως την Παρασκευή." in page


def test_note_of_a_step_taken_back_is_not_mailed(branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    Notification.objects.all().delete()
    counter.complete(ticket, by=by(officer), now=NOON, result=Result(citizen_note="Λάθος"))
    counter.undo(ticket, by=by(officer), now=NOON + timedelta(seconds=3))
    deliver_next(get_connection(), now=NOON + timedelta(seconds=14))
    assert mail.outbox == []
    counter.complete(ticket, by=by(officer), now=NOON + timedelta(seconds=60), result=Result(citizen_note="Σωστό"))
    deliver_next(get_connection(), now=NOON + timedelta(seconds=75))
    assert "Σωστό" in mail.outbox[0].body


def test_names_and_notes_are_erased_after_the_retention(branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    counter.record(ticket, Result(citizen_note="Προς εσάς", internal_note="Μεταξύ μας"))
    counter.complete(ticket, by=by(officer), now=NOON, result=Result(internal_note="Μεταξύ μας"))
    walk_in = served_walk_in(branch, officer)
    counter.park(walk_in, by=by(officer), now=NOON, reason="Περιμένει τον Νίκο")
    assert erase_old(now=NOON) == 0
    later = NOON + timedelta(days=branch.agency.retention_days + 1)
    assert erase_old(now=later) == 2
    for one in Ticket.objects.all():
        assert (one.name, one.internal_note, one.citizen_note, one.park_reason) == ("", "", "", "")
        assert [event.before for event in one.events.all()] == [{}] * one.events.count()
    assert erase_old(now=later) == 0


# Follow-ups


def test_follow_up_at_another_branch_is_confirmed_by_mail(client: Client, branch: Branch, officer: User) -> None:
    other = another_branch(branch.agency, "kep-other", name_en="KEP Rethymno")
    ticket = served(branch, officer)
    address = page_of(ticket, f"follow-up/?procedure=kep-dilosi&channel=in_person&branch={other.code}")
    text = text_of(client.get(address))
    assert 'value="Πολίτης 1"' in text
    assert 'value="citizen1@example.org"' in text
    key = re.search(r'name="key" value="([^"]+)"', text)
    assert key is not None
    slot = slot_at(at(12), other)
    form = {"slot": slot.pk, "key": key[1], "name": "Πολίτης 1", "email": "citizen1@example.org"}
    form |= {"phone": "6900000000", "language": "el"}
    Notification.objects.all().delete()
    response = client.post(address, form, follow=True)
    assert response.redirect_chain == [(page_of(ticket), 302)]
    made = Appointment.objects.get(branch=other)
    assert made.follows == ticket.appointment
    assert (made.source, made.status, made.starts_at) == ("staff", Status.BOOKED, slot.starts_at)
    assert f"KEP Rethymno, reference {made.spoken_reference}" in text_of(response)
    assert re.search(r'value="follow_up"[^>]* checked', text_of(response))
    assert deliver_next(get_connection(), now=NOON)
    assert mail.outbox[-1].to == ["citizen1@example.org"]
    assert made.reference in mail.outbox[-1].body.replace(" ", "")


@pytest.mark.parametrize("why", ["full", "gone", "limit"])
def test_refused_follow_up_keeps_the_first_ones_place(client: Client, branch: Branch, officer: User, why: str) -> None:
    ticket = served(branch, officer)
    slot, other = slot_at(at(12), branch), slot_at(at(12, 10), branch)
    if why == "full":
        TimeSlot.objects.filter(pk=slot.pk).update(desks=1, capacity=1)
        an_appointment(slot, 7)
    elif why == "limit":
        client.post(
            page_of(ticket, f"follow-up/?procedure=kep-dilosi&channel=in_person&branch={branch.code}"),
            {"slot": other.pk, "key": "k0", "name": "Πολίτης 1", "email": "citizen1@example.org", "language": "el"},
        )
    first = Appointment.objects.get(pk=ticket.appointment_id)
    before = (first.limit_place, Appointment.objects.count())
    form = {"slot": 1 if why == "gone" else slot.pk, "key": "k", "name": "Πολίτης 1", "email": "citizen1@example.org"}
    address = page_of(ticket, f"follow-up/?procedure=kep-dilosi&channel=in_person&branch={branch.code}")
    assert client.post(address, form | {"language": "el"}).status_code == 200
    first.refresh_from_db()
    assert (first.limit_place, Appointment.objects.count()) == before
    assert first.limit_place == (None if why == "limit" else 0)


def test_follow_up_stands_on_both_pages(client: Client, branch: Branch, officer: User) -> None:
    other = another_branch(branch.agency, "kep-other")
    ticket = served(branch, officer)
    first = ticket.appointment
    assert first is not None
    procedure = Procedure.objects.select_related("agency").get()
    own, elsewhere = (
        booking.book(
            slot_at(at(12), place).pk,
            procedure,
            "in_person",
            a_contact(number),
            by=STAFF,
            now=NOON,
            follows=first,
        )
        for number, place in ((2, branch), (3, other))
    )
    text = text_of(client.get(f"{ADMIN}{first.reference}/change/"))
    assert f'href="{ADMIN}{own.reference}/change/"' in text
    assert elsewhere.spoken_reference in text
    assert f'href="{ADMIN}{elsewhere.reference}/change/"' not in text
    assert f'href="{ADMIN}{first.reference}/change/"' in text_of(client.get(f"{ADMIN}{own.reference}/change/"))


def test_what_was_written_down_at_the_visit_before_is_shown_to_who_may_see_it(
    client: Client, branch: Branch, officer: User
) -> None:
    other = another_branch(branch.agency, "kep-other")
    ticket = served(branch, officer)
    result = Result(["ΑΦΜ"], "Λείπει η υπογραφή", "Φέρτε το έντυπο.", Ticket.Outcome.FOLLOW_UP, Ticket.Delivery.POST)
    counter.complete(ticket, by=by(officer), now=NOON, result=result)
    before = ticket.appointment
    assert before is not None
    procedure = Procedure.objects.select_related("agency").get()
    own, elsewhere = (
        booking.book(
            slot_at(at(12), place).pk, procedure, "in_person", a_contact(number), by=STAFF, now=NOON, follows=before
        )
        for number, place in ((2, branch), (3, other))
    )
    for page in (f"{ADMIN}{before.reference}/change/", f"{ADMIN}{own.reference}/change/"):
        text = text_of(client.get(page))
        for written_down in (
            "Goes on at another appointment",
            "ΑΦΜ",
            "Λείπει η υπογραφή",
            "Φέρτε το έντυπο.",
            "By post",
        ):
            assert written_down in text
    assert "at the visit before" in text
    assert Reading.objects.filter(appointment=before).count() == 1  # two pages of the same kind within a few minutes
    client.force_login(an_officer(other, email="other@example.org"))
    assert "Λείπει η υπογραφή" not in text_of(client.get(f"{ADMIN}{elsewhere.reference}/change/"))
    assert Reading.objects.filter(appointment=before).count() == 1


@pytest.mark.parametrize(
    ("contact", "is_shown"),
    [
        ({}, True),
        ({"name": "Άλλος Πολίτης"}, False),
        ({"email": "another@example.org"}, False),
        ({"email": ""}, False),
        ({"branch": "kep-other"}, False),
        ({"service": "kep-other"}, False),
    ],
)
def test_visits_of_the_same_person_for_the_same_service_are_shown_to_who_may_see_them(
    client: Client, branch: Branch, officer: User, contact: dict[str, str], is_shown: bool
) -> None:
    other = another_branch(branch.agency, "kep-other")
    ticket = served(branch, officer)
    counter.complete(ticket, by=by(officer), now=NOON, result=Result(internal_note="Λείπει η υπογραφή"))
    before = ticket.appointment
    assert before is not None
    fields = {"name": before.name, "email": before.email} | contact
    code, place = fields.pop("service", ""), other if fields.pop("branch", "") else branch
    service = a_procedure(branch.agency, code) if code else Procedure.objects.select_related("agency").get()
    again = booking.book(
        slot_at(at(12), place).pk, service, "in_person", replace(a_contact(), **fields), by=STAFF, now=NOON
    )
    client.force_login(officer if place == branch else an_officer(other, email="other@example.org"))
    assert ("Λείπει η υπογραφή" in text_of(client.get(f"{ADMIN}{again.reference}/change/"))) == is_shown
    assert Reading.objects.filter(appointment=before).count() == is_shown


def test_officer_who_serves_a_follow_up_reads_what_was_written_down_before(
    client: Client, branch: Branch, officer: User
) -> None:
    first = served(branch, officer)
    counter.complete(first, by=by(officer), now=NOON, result=Result(internal_note="Λείπει η υπογραφή"))
    procedure = Procedure.objects.select_related("agency").get()
    later = TimeSlot.objects.filter(branch=branch, starts_at__gt=NOON, taken=0).earliest("starts_at")
    follower = booking.book(
        later.pk, procedure, "in_person", a_contact(2), by=STAFF, now=NOON, follows=first.appointment
    )
    ticket = counter.check_in(follower, by=GUEST, now=NOON)
    assert "Λείπει η υπογραφή" in text_of(client.get(page_of(ticket)))


def test_branch_that_takes_no_follow_ups_is_not_offered(client: Client, branch: Branch, officer: User) -> None:
    another_branch(branch.agency, "kep-closed-to-others", takes_referrals=False)
    foreign = an_agency("ypex")
    a_branch(foreign, "ypex-athens")
    ticket = served(branch, officer)
    text = text_of(client.get(page_of(ticket, "follow-up/")))
    assert 'value="kep-chania"' in text
    assert "kep-closed-to-others" not in text
    assert "ypex-athens" not in text


def test_walk_in_gives_name_and_address_for_the_follow_up(client: Client, branch: Branch, officer: User) -> None:
    ticket = served_walk_in(branch, officer)
    address = page_of(ticket, "follow-up/?procedure=kep-dilosi&channel=in_person&branch=kep-chania")
    form = {"slot": slot_at(at(12), branch).pk, "key": "k", "language": "el"}
    assert "Write the caller's full name." in text_of(client.post(address, form))
    client.post(address, form | {"name": "Ελένη Νικολάου", "phone": "6912345678"})
    made = Appointment.objects.get()
    assert (made.name, made.phone, made.follows) == ("Ελένη Νικολάου", "+306912345678", None)


def test_phone_of_a_follow_up_is_one_of_its_branchs_country(client: Client, branch: Branch, officer: User) -> None:
    toronto = another_branch(branch.agency, "kep-toronto", country="CA")
    ticket = served(branch, officer)
    address = page_of(ticket, "follow-up/?procedure=kep-dilosi&channel=in_person&branch=kep-toronto")
    form = {"slot": slot_at(at(12), toronto).pk, "key": "k", "language": "el", "name": "Ελένη Νικολάου"}
    client.post(address, form | {"phone": "647 555 0123"})
    assert Appointment.objects.get(branch=toronto).phone == "+16475550123"


def test_specialists_service_is_booked_by_officers_alone(client: Client, branch: Branch, officer: User) -> None:
    special = a_procedure(branch.agency, "kep-special", is_offered=False, by_referral=True)
    special = Procedure.objects.select_related("agency").get(pk=special.pk)
    ticket = served(branch, officer)
    assert 'value="kep-special"' in text_of(client.get(page_of(ticket, "follow-up/")))
    slot = slot_at(at(12), branch)
    days = {"since": NOON, "until": NOON + timedelta(days=3)}
    assert free_times(special, branch, "in_person", now=NOON, assisted=True, **days)
    assert free_times(special, branch, "in_person", now=NOON, **days) == []
    with pytest.raises(NotOffered):
        booking.hold(slot.pk, special, "in_person", by=GUEST, now=NOON)
    with pytest.raises(NotOffered):
        booking.book(slot.pk, special, "in_person", a_contact(), by=SYSTEM, now=NOON)
    client.logout()
    assert client.get("/mykeplive/kep-special/").status_code == 404
    assert "kep-special" not in text_of(client.get("/api/v1/procedures/?agency=kep"))
    made = booking.book(slot.pk, special, "in_person", a_contact(), by=STAFF, now=NOON, follows=ticket.appointment)
    assert made.status == Status.BOOKED


def test_follow_up_for_the_same_service_is_not_refused_by_the_limit(branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    procedure = Procedure.objects.select_related("agency").get()
    assert procedure.open_limit == 1
    made = booking.book(
        slot_at(at(12), branch).pk,
        procedure,
        "in_person",
        a_contact(1),
        by=STAFF,
        now=NOON,
        follows=ticket.appointment,
    )
    assert made.limit_place == 0
    done = counter.complete(ticket, by=by(officer), now=NOON)
    counter.undo(done, by=by(officer), now=NOON)
    assert Appointment.objects.get(pk=ticket.appointment_id).status == Status.SERVING


def test_supervisor_of_the_agency_opens_every_branchs_ticket(client: Client, branch: Branch, officer: User) -> None:
    ticket = served(branch, officer)
    client.force_login(an_officer(branch.agency, Role.SUPERVISOR, "supervisor@example.org"))
    assert client.get(page_of(ticket)).status_code == 200
