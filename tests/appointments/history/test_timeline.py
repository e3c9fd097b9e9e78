"""The history of an appointment: every step once, with who did it, on the branch's clock."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, Channel, Procedure
from appointments import booking, counter, history, offers
from appointments.booking import retention
from appointments.booking.persons import Contact
from appointments.calls import provision
from appointments.history import timeline
from appointments.history.timeline import Entry
from appointments.models import Appointment, Event, Offer
from tests.builders import (
    EVERY_DAY,
    GUEST,
    NOW,
    STAFF,
    SYSTEM,
    WORKER,
    a_branch,
    a_contact,
    a_desk,
    a_procedure,
    a_rule,
    a_strike,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    by,
    minutes,
    slots_of,
)

pytestmark = pytest.mark.django_db
Verb = Event.Verb


@pytest.fixture(autouse=True)
def _english() -> None:
    translation.activate("en")


@pytest.fixture
def branch() -> Branch:
    return an_open_branch(desks=2)


def told(appointment: Appointment) -> list[str]:
    """The steps as they are read: what, who and what else."""
    return [" · ".join(filter(None, [one.text, one.by, one.note])) for one in entries(appointment)]


def entries(appointment: Appointment) -> list[Entry]:
    related = Appointment.objects.select_related("branch")
    return timeline.of(related.get(pk=appointment.pk))


def test_timeline_of_a_booking_served_at_the_counter(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    booking.arrive(booked, by=GUEST, now=NOW + minutes(50))
    booking.serve(booked, by=by(officer), now=NOW + minutes(61))
    booking.complete(booked, by=STAFF, now=NOW + minutes(70))
    assert told(booked) == [
        "Booked on the website",
        "Arrived · the citizen",
        "Service begun · Άννα Υπαλλήλου",
        "Completed · the agency",
    ]


def test_timeline_tells_every_move_with_its_officer(branch: Branch) -> None:
    officer, slots = an_officer(branch), slots_of(branch)
    booked = an_appointment(slots[12])
    booking.reschedule(booked, slots[18].pk, by=GUEST, now=NOW + minutes(1))
    booking.reschedule(booked, slots[24].pk, by=by(officer), now=NOW + minutes(2))
    assert told(booked)[1:] == [
        "Moved from Monday 2 March 2026, 10:00 to Monday 2 March 2026, 11:00 · the citizen",
        "Moved from Monday 2 March 2026, 11:00 to Monday 2 March 2026, 12:00 · Άννα Υπαλλήλου",
    ]


def test_timeline_of_a_move_to_another_branch_names_both_on_their_clocks(branch: Branch) -> None:
    far = a_branch(branch.agency, "kep-ny", name_en="KEP New York", timezone="America/New_York")
    a_rule(far, weekdays=EVERY_DAY)
    booked = an_appointment(slots_of(branch)[0])
    booking.reschedule(booked, slots_of(far)[0].pk, by=STAFF, now=NOW)
    moved = told(booked)[-1]
    assert moved.startswith("Moved from Monday 2 March 2026, 08:00, KEP Chania to Monday 2 March 2026, 08:00, KEP New")


def test_timeline_of_a_move_before_times_were_kept(branch: Branch) -> None:
    booked = an_appointment(slots_of(branch)[0])
    history.note(Verb.MOVE, by=GUEST, now=NOW + minutes(5), appointment=booked)
    assert told(booked) == ["Booked on the website", "Moved · the citizen"]


def test_timeline_tells_who_booked_and_how(branch: Branch) -> None:
    officer, slots, procedure = an_officer(branch), slots_of(branch), Procedure.objects.select_related("agency").get()
    beginnings = {
        GUEST: "Booked on the website",
        SYSTEM: "Booked by the agency's system",
        by(officer): "Booked by an officer",
    }
    for number, (actor, text) in enumerate(beginnings.items()):
        booked = booking.book(slots[number].pk, procedure, Channel.IN_PERSON, a_contact(number), by=actor, now=NOW)
        assert told(booked) == [text + " · Άννα Υπαλλήλου" * (actor.officer is not None)]


def test_timeline_of_one_who_comes_after_having_been_missed(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    booking.miss(booked, by=by(officer), now=NOW + minutes(80))
    booking.arrive(booked, by=by(officer), now=NOW + minutes(85))
    name = "Άννα Υπαλλήλου"
    assert told(booked) == ["Booked on the website", f"Did not come · {name}", f"Arrived · {name}"]


def test_timeline_of_a_cancellation_says_by_whom_and_why(branch: Branch) -> None:
    officer, slots = an_officer(branch), slots_of(branch)
    mine, theirs = an_appointment(slots[20], 1), an_appointment(slots[21], 2)
    booking.cancel(mine, by=GUEST, now=NOW + minutes(2), reason="Ταξιδεύω")
    booking.cancel(theirs, by=by(officer), now=NOW + minutes(2), reason="Απεργία")
    assert told(mine)[-1] == "Cancelled · the citizen · Ταξιδεύω"
    assert told(theirs)[-1] == "Cancelled · Άννα Υπαλλήλου · Απεργία"


def test_timeline_shows_a_step_that_was_taken_back_as_such(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    desk = a_desk(branch, officer)
    ticket = counter.call(counter.check_in(booked, by=GUEST, now=NOW), desk, by=by(officer), now=booked.starts_at)
    counter.miss(ticket, by=by(officer), now=booked.starts_at)
    counter.undo(ticket, by=by(officer), now=booked.starts_at + timedelta(seconds=5))
    last = entries(booked)[-1]
    assert (last.text, last.is_undone) == ("Did not come", True)


def test_timeline_names_desks_and_services_of_the_queue(branch: Branch) -> None:
    officer = an_officer(branch)
    passport = a_procedure(branch.agency, "passport", name_en="Passport")
    booked = an_appointment(slots_of(branch)[0])
    first, second = NOW + minutes(60), NOW + minutes(61)
    history.note(Verb.CALL, by=by(officer), now=first, appointment=booked, details={"desk": "3"})
    details = {"desk": "", "procedure": passport.code}
    history.note(Verb.FORWARD, by=by(officer), now=second, appointment=booked, details=details)
    assert told(booked)[1:] == [
        "Called to desk 3 · Άννα Υπαλλήλου",
        "Forwarded · Άννα Υπαλλήλου · Passport",
    ]


def test_timeline_of_a_guest_who_confirms_the_address_and_of_one_who_does_not() -> None:
    branch = an_open_branch()
    branch.agency.verify_minutes = 30
    branch.agency.save()
    slots, procedure = slots_of(branch), branch.agency.procedures.select_related("agency").get()
    confirmed, forgotten = (
        booking.hold(slot.pk, procedure, Channel.IN_PERSON, by=GUEST, now=NOW) for slot in (slots[20], slots[30])
    )
    for number, held in enumerate((confirmed, forgotten)):
        contact = Contact(name="Ελένη", email=f"eleni{number}@example.org")
        booking.confirm(held, contact, by=GUEST, now=NOW + minutes(1))
    booking.verify(confirmed, by=GUEST, now=NOW + minutes(5))
    booking.expire(by=WORKER, now=NOW + minutes(40))
    assert told(confirmed) == ["Requested on the website", "E-mail address confirmed: booked"]
    assert told(forgotten) == ["Requested on the website", "Expired: not confirmed in time"]


def test_timeline_tells_which_messages_left_and_which_gave_up(branch: Branch) -> None:
    booked = an_appointment(slots_of(branch)[100])
    details = {"kind": "confirmation", "medium": "email"}
    history.note(Verb.TELL, by=WORKER, now=NOW + minutes(1), appointment=booked, details=details)
    history.note(Verb.FAIL, by=WORKER, now=NOW + minutes(9), appointment=booked, details=details | {"kind": "reminder"})
    sent, lost = "Message sent: Confirmation (E-mail)", "Message did not arrive: Reminder (E-mail)"
    assert told(booked)[1:] == [sent, lost]
    assert entries(booked)[-1].is_problem


def test_timeline_tells_of_an_offer_and_its_answer(branch: Branch) -> None:
    booked = an_appointment(slots_of(branch)[120])
    a_strike(branch, day=booked.starts_at.date())
    offer = Offer.objects.get()
    offers.accept(offer, by=GUEST, now=NOW + minutes(9))
    offered = told(booked)[1]
    assert offered.startswith("Thursday 5 March 2026, 10:00, KEP Chania falls out: Strike · Offered: ")
    moved = told(booked)[2]
    assert moved.startswith("Moved from Thursday 5 March 2026, 10:00 to ")
    assert moved.endswith("· the citizen · Answer to the offer: Accepted")


def test_timeline_tells_of_video_and_follow_up(branch: Branch) -> None:
    slots = slots_of(branch)
    booked = an_appointment(slots[0], 1, channel=Channel.VIDEO)
    provision.give_call(booked.pk, by=WORKER, now=NOW + minutes(1))
    procedure = Procedure.objects.select_related("agency").get()
    later = booking.book(
        slots[40].pk, procedure, Channel.IN_PERSON, a_contact(2), by=STAFF, now=NOW + minutes(20), follows=booked
    )
    texts = told(booked)
    assert texts[1] == "Room of the video call made"
    assert texts[2].startswith(f"Follow-up booked · {later.spoken_reference}, Solemn declaration: Tuesday 3 March 2026")


def test_timeline_of_what_retention_has_folded(branch: Branch) -> None:
    booked = an_appointment(slots_of(branch)[0])
    booking.cancel(booked, by=GUEST, now=NOW)
    retention.erase_old(now=NOW + timedelta(days=400))
    assert told(booked) == ["Booked", "Cancelled"]


@pytest.mark.parametrize("count", [1, 3])
def test_timeline_takes_one_query(
    branch: Branch, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    officer, slots = an_officer(branch), slots_of(branch)
    booked = an_appointment(slots[0])
    for number in range(1, count + 1):
        booking.reschedule(booked, slots[number].pk, by=by(officer), now=NOW + minutes(number))
    appointment = Appointment.objects.select_related("branch").get(pk=booked.pk)
    with django_assert_num_queries(1):
        assert len(timeline.of(appointment)) == count + 1


def test_citizens_history_tells_every_move_in_the_citizens_words(branch: Branch) -> None:
    slots = slots_of(branch)
    booked = an_appointment(slots[12])
    booking.reschedule(booked, slots[18].pk, by=GUEST, now=NOW + minutes(1))
    moved = booking.reschedule(booked, slots[24].pk, by=STAFF, now=NOW + minutes(2))
    with translation.override("el"):
        assert [event.text for event in timeline.for_citizen(moved)] == [
            "Επιβεβαιώθηκε",
            "Αλλάξατε την ώρα: από Δευτέρα 2 Μαρτίου 2026, 10:00 σε Δευτέρα 2 Μαρτίου 2026, 11:00",
            "Ο φορέας άλλαξε την ώρα: από Δευτέρα 2 Μαρτίου 2026, 11:00 σε Δευτέρα 2 Μαρτίου 2026, 12:00",
        ]


def test_detail_page_shows_the_timeline_on_the_branchs_clock(client: Client) -> None:
    branch = a_branch(an_agency("ypex"), "ny", timezone="America/New_York", name_en="New York")
    a_procedure(branch.agency, "ypex-one")
    a_rule(branch)
    slots = slots_of(branch)
    booked = an_appointment(slots[0])
    booking.reschedule(booked, slots[6].pk, by=by(an_officer(branch)), now=NOW)
    client.force_login(User.objects.get(email="agent@example.org"))
    page = client.get(f"/en/admin/appointments/appointment/{booked.reference}/change/").content.decode()
    assert "Moved from Monday 2 March 2026, 08:00 to Monday 2 March 2026, 09:00" in page
    assert f"{NOW.astimezone(ZoneInfo('America/New_York')):%H:%M}</time>" in page


# Steps that no appointment's timeline tells one by one, with the reason.
NEVER_TOLD = {
    **dict.fromkeys(timeline.UNTOLD, "goes without saying"),
    **dict.fromkeys((Verb.SIT, Verb.PAUSE, Verb.RESUME, Verb.LEAVE), "of a desk, not of an appointment"),
    Verb.DISRUPT: "of a disruption; each appointment has its offer",
    Verb.PAST: "told as the steps that it folds",
}


@pytest.mark.parametrize("verb", Verb)
def test_verb_has_a_label_and_an_icon_unless_it_is_never_told(verb: Verb) -> None:
    assert verb.label
    assert (verb in timeline.ICONS) != (verb in NEVER_TOLD)
