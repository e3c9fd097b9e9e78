"""The history of an appointment: every step once, with who did it, on the branch's clock."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import booking, history
from appointments.booking.persons import Contact
from appointments.history import timeline
from appointments.history.timeline import Entry
from appointments.models import Appointment, Disruption, Event, Notification, Offer, Status
from appointments.views.booking.appointment import history as told_to_citizen
from tests.builders import (
    EVERY_DAY,
    NOW,
    a_branch,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    minutes,
    slots_of,
)
from videocalls.models import VideoCall

pytestmark = pytest.mark.django_db
CITIZEN, AGENCY = Appointment.CancelledBy
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
    related = Appointment.objects.select_related("branch", "officer", "video_call")
    return timeline.of(related.get(pk=appointment.pk))


def click(appointment: Appointment, officer: User, what: str, when: object) -> None:
    LogEntry.objects.log_actions(str(officer.pk), [appointment], CHANGE, what, single_object=True)
    LogEntry.objects.filter(object_id=str(appointment.pk), change_message=what).update(action_time=when)


def test_timeline_of_a_booking_served_at_the_counter(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    booking.arrive(booked, now=NOW + minutes(50))
    booking.serve(booked, officer=officer, now=NOW + minutes(61))
    booking.complete(booked, now=NOW + minutes(70))
    assert told(booked) == [
        "Booked on the website",
        "Arrived",
        "Service begun · Άννα Υπαλλήλου",
        "Completed · Άννα Υπαλλήλου",
    ]


def test_timeline_tells_every_move_with_its_officer(branch: Branch) -> None:
    officer, slots = an_officer(branch), slots_of(branch)
    booked = an_appointment(slots[12])
    booking.reschedule(booked, slots[18].pk, by=CITIZEN, now=NOW + minutes(1))
    booking.reschedule(booked, slots[24].pk, by=AGENCY, now=NOW + minutes(2), officer=officer)
    assert told(booked)[1:] == [
        "Moved from Monday 2 March 2026, 10:00 to Monday 2 March 2026, 11:00 · the citizen",
        "Moved from Monday 2 March 2026, 11:00 to Monday 2 March 2026, 12:00 · Άννα Υπαλλήλου",
    ]


def test_timeline_of_a_move_to_another_branch_names_both_on_their_clocks(branch: Branch) -> None:
    far = a_branch(branch.agency, "kep-ny", name_en="KEP New York", timezone="America/New_York")
    a_rule(far, weekdays=EVERY_DAY)
    booked = an_appointment(slots_of(branch)[0])
    booking.reschedule(booked, slots_of(far)[0].pk, by=AGENCY, now=NOW)
    moved = told(booked)[-1]
    assert moved.startswith("Moved from Monday 2 March 2026, 08:00, KEP Chania to Monday 2 March 2026, 08:00, KEP New")


def test_timeline_of_a_move_before_moves_were_written_down(branch: Branch) -> None:
    booked = an_appointment(slots_of(branch)[0])
    Appointment.objects.filter(pk=booked.pk).update(moved_at=NOW + minutes(5))
    assert told(booked) == ["Booked on the website", "Moved"]


def test_timeline_takes_the_officer_from_the_log_and_tells_the_step_once(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    booking.arrive(booked, now=NOW + minutes(50))
    click(booked, officer, "Arrived", NOW + minutes(50) + timedelta(seconds=1))
    assert told(booked) == ["Booked on the website", "Arrived · Άννα Υπαλλήλου"]


def test_timeline_keeps_a_click_whose_step_was_overtaken(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    booking.miss(booked, now=NOW + minutes(80))
    click(booked, officer, "Did not come", NOW + minutes(80))
    booking.arrive(booked, now=NOW + minutes(85))
    click(booked, officer, "Arrived", NOW + minutes(85))
    by = "Άννα Υπαλλήλου"
    assert told(booked) == ["Booked on the website", f"Did not come · {by}", f"Arrived · {by}"]


def test_timeline_of_a_cancellation_says_by_whom_and_why(branch: Branch) -> None:
    officer, slots = an_officer(branch), slots_of(branch)
    mine, theirs = an_appointment(slots[20], 1), an_appointment(slots[21], 2)
    booking.cancel(mine, by=CITIZEN, now=NOW + minutes(2), reason="Ταξιδεύω")
    booking.cancel(theirs, by=AGENCY, now=NOW + minutes(2), reason="Απεργία")
    click(theirs, officer, "Cancelled", NOW + minutes(2))
    assert told(mine)[-1] == "Cancelled · the citizen · Ταξιδεύω"
    assert told(theirs)[-1] == "Cancelled · Άννα Υπαλλήλου · Απεργία"


def test_timeline_shows_a_step_that_was_taken_back_as_such(branch: Branch) -> None:
    officer = an_officer(branch)
    booked = an_appointment(slots_of(branch)[0])
    booking.miss(booked, now=NOW + minutes(80))
    history.note(at=NOW + minutes(80), verb=Verb.MISS, appointment=booked, officer=officer)
    assert [one.is_undone for one in entries(booked)] == [False, False]
    Event.objects.update(is_undone=True)
    Appointment.objects.update(status=Status.BOOKED, ended_at=None)
    assert [(one.text, one.is_undone) for one in entries(booked)][1:] == [("Did not come", True)]


def test_timeline_names_desks_and_services_of_the_queue(branch: Branch) -> None:
    officer = an_officer(branch)
    passport = a_procedure(branch.agency, "passport", name_en="Passport")
    booked = an_appointment(slots_of(branch)[0])
    first, second = NOW + minutes(60), NOW + minutes(61)
    history.note(at=first, verb=Verb.CALL, appointment=booked, officer=officer, details={"desk": "3"})
    details = {"desk": "", "procedure": passport.code}
    history.note(at=second, verb=Verb.FORWARD, appointment=booked, officer=officer, details=details)
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
        booking.hold(slot.pk, procedure, Channel.IN_PERSON, now=NOW) for slot in (slots[20], slots[30])
    )
    for number, held in enumerate((confirmed, forgotten)):
        contact = Contact(name="Ελένη", email=f"eleni{number}@example.org")
        booking.confirm(held, contact, now=NOW + minutes(1))
    booking.verify(confirmed, now=NOW + minutes(5))
    Notification.objects.filter(kind="verify").update(state=Notification.State.SENT, sent_at=NOW + minutes(2))
    booking.expire(now=NOW + minutes(40))
    sent = "Message sent: Please confirm (E-mail)"
    assert told(confirmed) == ["Requested on the website", sent, "E-mail address confirmed: booked"]
    assert told(forgotten) == ["Requested on the website", sent, "Expired: not confirmed in time"]


def test_timeline_tells_which_messages_left_and_which_gave_up(branch: Branch) -> None:
    booked = an_appointment(slots_of(branch)[100])
    own = Notification.objects.filter(appointment=booked)
    own.filter(kind="confirmation").update(state="sent", sent_at=NOW + minutes(1))
    own.filter(kind="reminder").update(state="failed", due_at=NOW + minutes(9), last_error="550 no such user")
    failed = "Message did not arrive: Reminder (E-mail) · 550 no such user"
    assert told(booked)[1:] == ["Message sent: Confirmation (E-mail)", *[failed] * own.filter(kind="reminder").count()]
    assert entries(booked)[-1].is_problem


def test_timeline_tells_of_an_offer_and_its_answer(branch: Branch) -> None:
    slots = slots_of(branch)
    booked, hold = an_appointment(slots[0], 1), an_appointment(slots[40], 2)
    days = {"from_date": NOW, "until_date": NOW, "created_at": NOW}
    strike = Disruption.objects.create(agency=branch.agency, reason_el="Απεργία", reason_en="Strike", **days)
    Offer.objects.create(
        disruption=strike,
        appointment=booked,
        hold=hold,
        was_starts_at=booked.starts_at,
        was_branch=branch,
        state=Offer.State.ACCEPTED,
        created_at=NOW + minutes(3),
        answered_at=NOW + minutes(9),
    )
    offered = f"Offered: Tuesday 3 March 2026, {branch.local(hold.starts_at):%H:%M}, KEP Chania"
    assert branch.local(hold.starts_at).day == at(8).day
    assert told(booked)[1:] == [
        f"Monday 2 March 2026, 08:00 falls out: Strike · {offered}",
        "Answer to the offer: Accepted",
    ]


def test_timeline_tells_of_video_rating_and_follow_up(branch: Branch) -> None:
    slots = slots_of(branch)
    booked = an_appointment(slots[0], 1, channel=Channel.VIDEO)
    later = an_appointment(slots[40], 2, now=NOW + minutes(20))
    call = VideoCall.objects.create(provider="room", opens_at=NOW, closes_at=NOW + minutes(90), state="failed")
    VideoCall.objects.update(created_at=NOW + minutes(1), last_error="no answer")
    Appointment.objects.filter(pk=booked.pk).update(video_call=call, rated_at=NOW + minutes(200))
    Appointment.objects.filter(pk=later.pk).update(follows=booked)
    texts = told(booked)
    assert texts[1] == "The room of the video call could not be made · no answer"
    assert texts[2].startswith(f"Follow-up booked · {later.spoken_reference}, Solemn declaration: Tuesday 3 March 2026")
    assert texts[3] == "The citizen rated the service"


@pytest.mark.parametrize("count", [1, 3])
def test_timeline_takes_five_queries(
    branch: Branch, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    officer, slots = an_officer(branch), slots_of(branch)
    booked = an_appointment(slots[0])
    for number in range(1, count + 1):
        when = NOW + minutes(number)
        booking.reschedule(booked, slots[number].pk, by=AGENCY, now=when, officer=officer)
        click(booked, officer, "Moved", when)
    entries(booked)  # the content type of appointments is known from here on
    appointment = Appointment.objects.select_related("branch", "officer", "video_call").get(pk=booked.pk)
    with django_assert_num_queries(5):
        assert len(timeline.of(appointment)) == count + 1


def test_citizens_history_tells_every_move_in_the_citizens_words(branch: Branch) -> None:
    slots = slots_of(branch)
    booked = an_appointment(slots[12])
    booking.reschedule(booked, slots[18].pk, by=CITIZEN, now=NOW + minutes(1))
    moved = booking.reschedule(booked, slots[24].pk, by=AGENCY, now=NOW + minutes(2))
    with translation.override("el"):
        assert [event.text for event in told_to_citizen(moved)] == [
            "Κλείστηκε",
            "Αλλάξατε την ώρα: από Δευτέρα 2 Μαρτίου 2026, 10:00 σε Δευτέρα 2 Μαρτίου 2026, 11:00",
            "Ο φορέας άλλαξε την ώρα: από Δευτέρα 2 Μαρτίου 2026, 11:00 σε Δευτέρα 2 Μαρτίου 2026, 12:00",
        ]


def test_detail_page_shows_the_timeline_on_the_branchs_clock(client: Client) -> None:
    branch = a_branch(an_agency("ypex"), "ny", timezone="America/New_York", name_en="New York")
    a_procedure(branch.agency, "ypex-one")
    a_rule(branch)
    slots = slots_of(branch)
    booked = an_appointment(slots[0])
    booking.reschedule(booked, slots[6].pk, by=AGENCY, now=NOW, officer=an_officer(branch))
    client.force_login(User.objects.get(email="agent@example.org"))
    page = client.get(f"/en/admin/appointments/appointment/{booked.reference}/change/").content.decode()
    assert "Moved from Monday 2 March 2026, 08:00 to Monday 2 March 2026, 09:00" in page
    assert f"{NOW.astimezone(ZoneInfo('America/New_York')):%H:%M}</time>" in page
