"""The one history: one event for each step, nothing personal in it, and nobody changes it."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Procedure
from appointments import booking, counter, disruptions, history, offers
from appointments.booking import retention
from appointments.counter import desks
from appointments.models import Appointment, Event, Notification, Offer, Reading, Ticket
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    WORKER,
    a_contact,
    a_desk,
    a_strike,
    a_walk_in,
    an_appointment,
    an_open_branch,
    at,
    booked_at,
    by,
    slots_of,
    today_at,
)

pytestmark = pytest.mark.django_db
Verb = Event.Verb
PERSONAL = ("Πολίτης", "citizen1@example.org", "6900000000", "090000045", "Αμαξίδιο", "Ταξιδεύω", "Φέρνει αντίγραφο")


@pytest.fixture
def branch() -> Branch:
    return an_open_branch(desks=2)


def verbs_of(appointment: Appointment) -> list[str]:
    return list(appointment.events.order_by("pk").values_list("verb", flat=True))


# One event for each step


def test_booking_by_the_website_leaves_one_event_for_each_step(branch: Branch) -> None:
    slots, procedure = slots_of(branch), Procedure.objects.select_related("agency").get()
    held = booking.hold(slots[80].pk, procedure, "in_person", by=GUEST, now=NOW)
    booking.confirm(held, a_contact(), by=GUEST, now=NOW)
    booking.confirm(held, a_contact(), by=GUEST, now=NOW)  # a second click
    booking.reschedule(held, slots[90].pk, by=GUEST, now=NOW)
    booking.reschedule(held, slots[90].pk, by=GUEST, now=NOW)
    booking.cancel(held, by=STAFF, now=NOW)
    booking.cancel(held, by=STAFF, now=NOW)
    assert verbs_of(held) == ["hold", "book", "move", "cancel"]
    assert list(held.events.order_by("pk").values_list("by", flat=True)) == ["guest"] * 3 + ["officer"]


def test_guest_who_verifies_and_one_who_does_not_are_told_apart(branch: Branch) -> None:
    branch.agency.verify_minutes = 30
    branch.agency.save()
    procedure = Procedure.objects.select_related("agency").get()
    one, other, left = (
        booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW) for slot in slots_of(branch)[60:63]
    )
    for number, held in enumerate((one, other)):
        booking.confirm(held, a_contact(number), by=GUEST, now=NOW)
    booking.verify(one, by=GUEST, now=NOW)
    booking.release(left, by=GUEST, now=NOW)
    booking.expire(by=WORKER, now=NOW + timedelta(hours=1))
    assert verbs_of(one) == ["hold", "request", "verify"]
    assert verbs_of(other) == ["hold", "request", "expire"]
    assert verbs_of(left) == ["hold", "release"]


def test_day_at_the_counter_leaves_one_event_for_each_step(branch: Branch, officer: User) -> None:
    booked, desk = booked_at(branch, 8), a_desk(branch, officer)
    ticket = counter.check_in(booked, by=GUEST, now=today_at(7, 55))
    counter.call_next(desk, by=by(officer), now=today_at(8))
    for step in (counter.call_again, counter.park, counter.put_back):
        step(ticket, by=by(officer), now=today_at(8, 1))
    counter.call(ticket, desk, by=by(officer), now=today_at(8, 2))
    counter.serve(ticket, by=by(officer), now=today_at(8, 3))
    counter.complete(ticket, by=by(officer), now=today_at(8, 9))
    steps = ["check_in", "call", "call_again", "park", "return", "call", "serve", "complete"]
    assert verbs_of(booked) == ["book", *steps]
    assert list(ticket.events.order_by("pk").values_list("verb", flat=True)) == steps


def test_desks_walk_ins_and_the_end_of_the_day_leave_events(branch: Branch, officer: User) -> None:
    desk = a_desk(branch, officer)
    left, waits = a_walk_in(branch, today_at(8)), a_walk_in(branch, today_at(8))
    counter.give_up(left, by=GUEST, now=today_at(9))
    desks.pause(desk, by=by(officer), now=today_at(9))
    desks.pause(desk, by=by(officer), now=today_at(9))
    desks.resume(desk, by=by(officer), now=today_at(9))
    desks.leave(desk, by=by(officer), now=today_at(9))
    counter.close_past(by=WORKER, now=at(1))
    assert list(desk.events.order_by("pk").values_list("verb", flat=True)) == ["sit", "pause", "resume", "leave"]
    assert list(left.events.order_by("pk").values_list("verb", flat=True)) == ["check_in", "give_up"]
    assert list(waits.events.order_by("pk").values_list("verb", flat=True)) == ["check_in", "close"]


def test_disruption_and_its_answers_leave_events(branch: Branch) -> None:
    slots = slots_of(branch)
    accepted, moved, silent = (an_appointment(slots[number], number) for number in (110, 111, 112))
    strike = a_strike(branch, day=accepted.starts_at.date(), prepared=False)
    disruptions.look_after(strike, by=WORKER, now=NOW)
    offers.accept(Offer.objects.get(appointment=accepted), by=GUEST, now=NOW)
    free = next(slot for slot in slots_of(branch) if slot.has_desk and slot.starts_at > moved.starts_at)
    booking.reschedule(moved, free.pk, by=GUEST, now=NOW)
    booking.expire(by=WORKER, now=silent.starts_at)
    assert [event.verb for event in strike.events.order_by("pk")] == ["disrupt", *["offer"] * 3]
    assert [verbs_of(one) for one in (accepted, moved, silent)] == [
        ["book", "offer", "accept"],
        ["book", "offer", "move"],
        ["book", "offer", "lapse"],
    ]
    held = Appointment.objects.filter(held_for__isnull=False)
    assert {tuple(verbs_of(hold)) for hold in held} == {("hold", "release"), ("hold", "expire")}


# By whom, and from where


def test_page_and_role_are_kept(client: Client, branch: Branch, officer: User) -> None:
    booked = booked_at(branch, 8)
    client.force_login(officer)
    client.post(f"/admin/appointments/appointment/{booked.reference}/cancel/", {"reason": "Απεργία"})
    event = booked.events.latest("pk")
    assert (event.verb, event.by, event.officer) == ("cancel", "officer", officer)
    assert event.page == "admin:appointments_appointment_cancel"


def test_reading_a_record_is_kept(client: Client, branch: Branch, officer: User) -> None:
    booked = booked_at(branch, 8)
    client.force_login(officer)
    client.get(f"/admin/appointments/appointment/{booked.reference}/change/")
    reading = Reading.objects.get()
    assert (reading.appointment, reading.officer) == (booked, officer)
    assert reading.page == "admin:appointments_appointment_change"


# What it was before


def test_messages_that_a_step_drops_come_back_with_its_undo(branch: Branch, officer: User) -> None:
    slot = slots_of(branch)[120]
    booked = an_appointment(slot)
    pending = set(Notification.objects.filter(appointment=booked, state="pending").values_list("pk", flat=True))
    assert len(pending) > 1
    desk = a_desk(branch, officer)
    ticket = counter.check_in(booked, by=by(officer), now=slot.starts_at)
    assert not Notification.objects.filter(appointment=booked, state="pending").exists()
    assert set(booked.events.latest("pk").before["messages"]) == pending
    counter.undo(ticket, by=by(officer), now=slot.starts_at + timedelta(seconds=3))
    assert set(Notification.objects.filter(appointment=booked, state="pending").values_list("pk", flat=True)) == pending
    assert desk.events.count() == 1


def test_nothing_personal_stands_in_the_history(branch: Branch, officer: User) -> None:
    booked = booked_at(branch, 8, tax_number="090000045", notes="Αμαξίδιο")
    ticket = counter.check_in(booked, by=GUEST, now=today_at(8))
    counter.park(ticket, by=by(officer), now=today_at(8), reason="Φέρνει αντίγραφο")
    counter.put_back(ticket, by=by(officer), now=today_at(8))
    counter.take_ticket(branch, ticket.procedure, by=GUEST, now=today_at(8), name="Πολίτης 9")
    booking.cancel(booked, by=STAFF, now=today_at(8), reason="Ταξιδεύω")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(event::text, ' ') FROM appointments_event event")
        written = cursor.fetchone()[0]
    assert [word for word in PERSONAL if word in written] == []


# Nobody changes it


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE appointments_event SET verb = 'cancel'",
        "UPDATE appointments_event SET at = now()",
        "UPDATE appointments_event SET \"by\" = 'worker'",
        "UPDATE appointments_event SET details = '{\"a\": 1}'",
        "UPDATE appointments_event SET before = '{\"a\": 1}'",
        "UPDATE appointments_event SET appointment_id = NULL",
        "DELETE FROM appointments_event",
    ],
)
def test_database_refuses_to_change_what_has_happened(branch: Branch, change: str) -> None:
    booked_at(branch, 8)
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_step_is_taken_back_once(branch: Branch) -> None:
    booked = booked_at(branch, 8)
    event = booked.events.get()
    event.undo(NOW)
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        event.undo(NOW + timedelta(seconds=1))


def test_person_who_is_deleted_is_no_longer_named(branch: Branch, officer: User) -> None:
    booked = booked_at(branch, 8)
    history.note(Verb.ASSIGN, by=by(officer), now=NOW, appointment=booked)
    officer.delete()
    assert booked.events.latest("pk").officer is None


def test_retention_folds_the_steps_of_what_is_over(branch: Branch, officer: User) -> None:
    over, walked = booked_at(branch, 8), a_walk_in(branch, today_at(8))
    counter.complete(
        counter.call(
            counter.check_in(over, by=GUEST, now=today_at(8)), a_desk(branch, officer), by=by(officer), now=today_at(8)
        ),
        by=by(officer),
        now=today_at(8, 9),
    )
    recent = booked_at(branch, 9, number=2)
    later = over.ends_at + timedelta(days=branch.agency.retention_days, minutes=2)
    Appointment.objects.filter(pk=recent.pk).update(starts_at=later, ends_at=later + timedelta(minutes=10))
    retention.erase_old(now=later)
    retention.erase_old(now=later)
    folded = over.events.get()
    assert (folded.verb, folded.officer, folded.before) == ("past", None, {})
    assert [verb for verb, _at in folded.details["steps"]] == ["book", "check_in", "call", "complete"]
    assert [verb for verb, _at in Ticket.objects.get(pk=walked.pk).events.get().details["steps"]] == ["check_in"]
    assert verbs_of(recent) == ["book"]
