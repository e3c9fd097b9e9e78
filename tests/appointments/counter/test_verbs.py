from collections.abc import Callable
from datetime import timedelta

import pytest

from agencies.models import Channel
from appointments import booking, counter
from appointments.counter import Result, desks
from appointments.errors import (
    DeskBusy,
    DeskPaused,
    DeskTaken,
    NobodyWaits,
    NoDesk,
    SentElsewhere,
    SlotTaken,
    TooEarlyToMiss,
    UndoTooLate,
    WrongStatus,
)
from appointments.models import Notification, Status, Ticket, TimeSlot
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    WORKER,
    a_branch,
    a_contact,
    a_desk,
    a_procedure,
    a_rule,
    a_walk_in,
    an_officer,
    an_open_branch,
    at,
    booked_at,
    by,
    minutes,
    slots_of,
)

pytestmark = pytest.mark.django_db

State = Ticket.State
TODAY = NOW.date()


def test_check_in_gives_numbers_in_order_and_a_place_by_the_time_of_the_appointment() -> None:
    branch = an_open_branch()
    later, sooner = booked_at(branch, 9, 10), booked_at(branch, 9, number=2)
    first = counter.check_in(later, by=GUEST, now=at(8, 50, day=TODAY))
    second = counter.check_in(sooner, by=GUEST, now=at(8, 55, day=TODAY))
    assert [first.spoken_number, second.spoken_number] == ["A001", "A002"]
    assert list(Ticket.objects.waiting()) == [second, first]
    later.refresh_from_db()
    assert (later.status, later.arrived_at) == (Status.ARRIVED, at(8, 50, day=TODAY))


def test_check_in_twice_returns_the_same_ticket() -> None:
    branch = an_open_branch()
    appointment = booked_at(branch, 9)
    once = counter.check_in(appointment, by=GUEST, now=at(8, 50, day=TODAY))
    assert counter.check_in(appointment, by=GUEST, now=at(8, 51, day=TODAY)) == once
    assert Ticket.objects.get().arrived_at == at(8, 50, day=TODAY)


@pytest.mark.parametrize(("minute", "due_minute"), [(10, 0), (11, 11)])
def test_check_in_late_beyond_the_grace_counts_from_the_arrival(minute: int, due_minute: int) -> None:
    appointment = booked_at(an_open_branch(), 9)
    ticket = counter.check_in(appointment, by=GUEST, now=at(9, minute, day=TODAY))
    assert ticket.due_at == at(9, due_minute, day=TODAY)


def test_walk_in_counts_from_half_an_hour_after_the_arrival() -> None:
    branch = an_open_branch()
    walk_in = a_walk_in(branch, at(8, 40, day=TODAY))
    punctual = counter.check_in(booked_at(branch, 9), by=GUEST, now=at(8, 50, day=TODAY))
    later = counter.check_in(booked_at(branch, 9, 20, number=2), by=GUEST, now=at(8, 55, day=TODAY))
    assert walk_in.spoken_number == "B001"
    assert list(Ticket.objects.waiting()) == [punctual, walk_in, later]


def test_priority_goes_first() -> None:
    branch = an_open_branch()
    counter.check_in(booked_at(branch, 9), by=GUEST, now=at(8, 50, day=TODAY))
    urgent = a_walk_in(branch, at(8, 55, day=TODAY), priority=True)
    assert Ticket.objects.waiting().first() == urgent


def test_numbers_begin_again_each_day() -> None:
    branch = an_open_branch()
    a_walk_in(branch, at(9, day=TODAY))
    assert a_walk_in(branch, at(9, day=TODAY) + timedelta(days=1)).spoken_number == "B001"


def test_call_next_takes_the_first_and_only_with_a_free_desk() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    first, second = a_walk_in(branch, at(8, day=TODAY)), a_walk_in(branch, at(8, 1, day=TODAY))
    called = counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    assert (called.pk, called.state, called.desk, called.calls) == (first.pk, State.CALLED, desk, 1)
    with pytest.raises(DeskBusy):
        counter.call_next(desk, by=by(officer), now=at(8, 31, day=TODAY))
    counter.complete(called, by=by(officer), now=at(8, 40, day=TODAY))
    assert counter.call_next(desk, by=by(officer), now=at(8, 41, day=TODAY)).pk == second.pk
    counter.complete(second, by=by(officer), now=at(8, 50, day=TODAY))
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=at(8, 51, day=TODAY))


def test_call_next_needs_a_seat() -> None:
    branch = an_open_branch()
    a_walk_in(branch, at(8, day=TODAY))
    with pytest.raises(NoDesk):
        counter.call_next(a_desk(branch), by=by(an_officer(branch)), now=at(8, 30, day=TODAY))


def test_call_next_admits_phone_and_video_when_their_time_has_come() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    video = booked_at(branch, 9, channel=Channel.VIDEO)
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=at(8, 59, day=TODAY))
    called = counter.call_next(desk, by=by(officer), now=at(9, day=TODAY))
    assert (called.appointment, called.channel, called.arrived_at) == (video, Channel.VIDEO, at(9, day=TODAY))
    video.refresh_from_db()
    assert video.status == Status.BOOKED
    counter.miss(called, by=by(officer), now=at(9, 5, day=TODAY))
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=at(9, 6, day=TODAY))


def test_desk_calls_only_its_services_and_whom_others_sent() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    special = a_procedure(branch.agency, "kep-special")
    desk.procedures.add(special)
    ticket = counter.take_ticket(
        branch, branch.agency.procedures.get(code="kep-dilosi"), by=by(officer), now=at(8, day=TODAY)
    )
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=at(8, 1, day=TODAY))
    counter.forward(ticket, by=by(officer), now=at(8, 2, day=TODAY), desk=desk)
    assert counter.call_next(desk, by=by(officer), now=at(8, 3, day=TODAY)).pk == ticket.pk


@pytest.mark.parametrize("parked", [False, True])
def test_only_the_desk_to_which_a_ticket_was_sent_calls_it_while_it_serves(*, parked: bool) -> None:
    branch = an_open_branch()
    officer, other = an_officer(branch), an_officer(branch, email="other@example.org")
    desk, second = a_desk(branch, officer), a_desk(branch, other, name="2")
    ticket = a_walk_in(branch, at(8, day=TODAY))
    now = at(8, 1, day=TODAY)
    counter.forward(ticket, by=by(officer), now=now, desk=second)
    if parked:
        counter.park(ticket, by=by(other), now=now)
    with pytest.raises(SentElsewhere) as refused:
        counter.call(ticket, desk, by=by(officer), now=now)
    assert (refused.value.number, refused.value.desk) == ("B001", "2")
    desks.pause(second, by=by(other), now=now)
    assert counter.call(ticket, desk, by=by(officer), now=now).desk == desk
    counter.undo(ticket, by=by(officer), now=now)
    desks.resume(second, by=by(other), now=now)
    assert counter.call(ticket, second, by=by(other), now=now).desk == second
    counter.undo(ticket, by=by(other), now=now)
    desks.leave(second, by=by(other), now=now)
    assert counter.call(ticket, desk, by=by(officer), now=now).desk == desk


def test_forward_to_another_procedure_keeps_the_turn() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    appointment = booked_at(branch, 8)
    ticket = counter.check_in(appointment, by=GUEST, now=at(8, day=TODAY))
    counter.serve(
        counter.call(ticket, desk, by=by(officer), now=at(8, 1, day=TODAY)), by=by(officer), now=at(8, 1, day=TODAY)
    )
    special = a_procedure(branch.agency, "kep-special")
    forwarded = counter.forward(ticket, by=by(officer), now=at(8, 9, day=TODAY), procedure=special)
    appointment.refresh_from_db()
    assert (forwarded.state, forwarded.procedure_id, forwarded.due_at) == (State.WAITING, special.pk, at(8, day=TODAY))
    assert appointment.status == Status.ARRIVED
    assert forwarded.desk_id is None


def test_serving_an_appointment_steps_it_along() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    appointment = booked_at(branch, 8)
    ticket = counter.check_in(appointment, by=GUEST, now=at(7, 55, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, day=TODAY))
    counter.serve(ticket, by=by(officer), now=at(8, 1, day=TODAY))
    appointment.refresh_from_db()
    assert (appointment.status, appointment.officer) == (Status.SERVING, officer)
    result = Result(
        ["Identity card"], "Copy kept.", "Your form is on its way.", Ticket.Outcome.DONE, Ticket.Delivery.POST
    )
    done = counter.complete(ticket, by=by(officer), now=at(8, 12, day=TODAY), result=result)
    appointment.refresh_from_db()
    assert (appointment.status, appointment.completed_at) == (Status.COMPLETED, at(8, 12, day=TODAY))
    assert (done.documents_seen, done.citizen_note) == (["Identity card"], "Your form is on its way.")
    assert appointment.notifications.filter(kind=Notification.Kind.SUMMARY).count() == 1
    assert [event.verb for event in ticket.events.all()] == ["check_in", "call", "serve", "complete"]


def test_miss_before_the_time_is_refused_and_after_ends_the_ticket() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    appointment = booked_at(branch, 9)
    ticket = counter.check_in(appointment, by=GUEST, now=at(8, 30, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 40, day=TODAY))
    with pytest.raises(TooEarlyToMiss):
        counter.miss(ticket, by=by(officer), now=at(8, 41, day=TODAY))
    counter.put_back(ticket, by=by(officer), now=at(8, 42, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(9, day=TODAY))
    counter.miss(ticket, by=by(officer), now=at(9, 5, day=TODAY))
    appointment.refresh_from_db()
    ticket.refresh_from_db()
    assert (appointment.status, ticket.state, ticket.desk_id) == (Status.NO_SHOW, State.GONE, None)
    again = counter.check_in(appointment, by=GUEST, now=at(9, 30, day=TODAY))
    assert (again.pk, again.state, again.number, again.due_at) == (ticket.pk, State.WAITING, 2, at(9, 30, day=TODAY))


def test_park_and_return() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    ticket = a_walk_in(branch, at(8, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    counter.park(ticket, by=by(officer), now=at(8, 31, day=TODAY), reason="Fetches a copy")
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=at(8, 32, day=TODAY))
    counter.put_back(ticket, by=by(officer), now=at(8, 40, day=TODAY))
    again = counter.undo(ticket, by=by(officer), now=at(8, 40, day=TODAY))
    assert (again.state, again.park_reason) == (State.PARKED, "Fetches a copy")
    counter.put_back(ticket, by=by(officer), now=at(8, 41, day=TODAY))
    assert counter.call_next(desk, by=by(officer), now=at(8, 42, day=TODAY)).state == State.CALLED


def test_undo_restores_ticket_and_appointment_within_ten_seconds() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    appointment = booked_at(branch, 8)
    ticket = counter.check_in(appointment, by=GUEST, now=at(7, 55, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, day=TODAY))
    counter.complete(ticket, by=by(officer), now=at(8, 10, day=TODAY))
    back = counter.undo(ticket, by=by(officer), now=at(8, 10, day=TODAY) + timedelta(seconds=10))
    appointment.refresh_from_db()
    assert (back.state, back.desk, back.ended_at) == (State.CALLED, desk, None)
    assert (appointment.status, appointment.completed_at, appointment.officer) == (Status.ARRIVED, None, None)
    assert ticket.events.order_by("-pk").first().is_undone
    counter.complete(ticket, by=by(officer), now=at(8, 11, day=TODAY))
    with pytest.raises(UndoTooLate):
        counter.undo(ticket, by=by(officer), now=at(8, 12, day=TODAY))


def test_undo_of_completed_keeps_what_was_written() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    ticket = a_walk_in(branch, at(8, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    written = Result(documents_seen=["ΑΦΜ"], internal_note="Λείπει η υπογραφή", outcome=Ticket.Outcome.MISSING_DOCUMENT)
    counter.complete(ticket, by=by(officer), now=at(8, 31, day=TODAY), result=written)
    back = counter.undo(ticket, by=by(officer), now=at(8, 31, day=TODAY))
    assert (back.state, back.ended_at) == (State.CALLED, None)
    assert (back.documents_seen, back.internal_note) == (["ΑΦΜ"], "Λείπει η υπογραφή")
    assert back.outcome == Ticket.Outcome.MISSING_DOCUMENT


def test_undo_is_for_who_did_it_and_not_onto_a_busy_desk() -> None:
    branch = an_open_branch()
    officer, colleague = an_officer(branch), an_officer(branch, email="other@example.org")
    desk = a_desk(branch, officer)
    ticket = a_walk_in(branch, at(8, day=TODAY))
    a_walk_in(branch, at(8, 1, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    counter.complete(ticket, by=by(officer), now=at(8, 31, day=TODAY))
    with pytest.raises(UndoTooLate):
        counter.undo(ticket, by=by(colleague), now=at(8, 31, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 31, day=TODAY))
    with pytest.raises(DeskBusy):
        counter.undo(ticket, by=by(officer), now=at(8, 31, day=TODAY))


def test_undo_of_a_ticket_that_was_given_by_mistake_takes_it_away() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment = booked_at(branch, 9)
    ticket = counter.check_in(appointment, by=by(officer), now=at(8, 50, day=TODAY))
    counter.undo(ticket, by=by(officer), now=at(8, 50, day=TODAY))
    appointment.refresh_from_db()
    assert (Ticket.objects.get().state, appointment.status) == (State.GONE, Status.BOOKED)


def test_cancelling_or_moving_after_the_arrival_leaves_the_queue() -> None:
    branch = an_open_branch()
    appointment = booked_at(branch, 9)
    counter.check_in(appointment, by=GUEST, now=at(8, 50, day=TODAY))
    later = next(one for one in slots_of(branch) if one.starts_at == at(9, day=TODAY) + timedelta(days=1))
    booking.reschedule(appointment, later.pk, by=STAFF, now=at(8, 55, day=TODAY))
    appointment.refresh_from_db()
    assert (Ticket.objects.get().state, appointment.status) == (State.GONE, Status.BOOKED)
    assert appointment.arrived_at is None


def test_desks_seat_one_officer_each() -> None:
    branch = an_open_branch()
    officer, colleague = an_officer(branch), an_officer(branch, email="other@example.org")
    one, two = a_desk(branch, officer), a_desk(branch, name="2")
    with pytest.raises(DeskTaken):
        desks.sit(one, by=by(colleague), now=NOW)
    desks.sit(two, by=by(officer), now=NOW)
    one.refresh_from_db()
    assert one.officer is None
    desks.sit(one, by=by(colleague), now=NOW)
    desks.pause(one, by=STAFF, now=NOW)
    one.refresh_from_db()
    assert one.paused_at is not None
    desks.resume(one, by=STAFF, now=NOW)
    desks.leave(one, by=STAFF, now=NOW)
    one.refresh_from_db()
    assert (one.officer, one.seated_at) == (None, None)


def test_paused_desk_calls_nobody_and_serves_to_the_end() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    here, waiting = a_walk_in(branch, NOW), a_walk_in(branch, NOW)
    counter.call(here, desk, by=by(officer), now=NOW)
    desks.pause(desk, by=by(officer), now=NOW)
    counter.serve(here, by=by(officer), now=NOW)
    counter.complete(here, by=by(officer), now=NOW)
    for call in (
        lambda: counter.call_next(desk, by=by(officer), now=NOW),
        lambda: counter.call(waiting, desk, by=by(officer), now=NOW),
    ):
        with pytest.raises(DeskPaused):
            call()
    desks.resume(desk, by=by(officer), now=NOW)
    assert counter.call_next(desk, by=by(officer), now=NOW) == waiting


def test_nobody_leaves_a_desk_where_somebody_is_served() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    a_walk_in(branch, at(8, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    with pytest.raises(DeskBusy):
        desks.leave(desk, by=STAFF, now=NOW)


def test_old_page_changes_nothing() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    ticket = a_walk_in(branch, at(8, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    counter.complete(ticket, by=by(officer), now=at(8, 31, day=TODAY))
    with pytest.raises(WrongStatus):
        counter.park(ticket, by=by(officer), now=at(8, 32, day=TODAY))
    assert Ticket.objects.get().state == State.DONE


def test_close_past_ends_what_yesterday_left() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    left = a_walk_in(branch, at(13, day=TODAY))
    assert counter.close_past(by=WORKER, now=at(14, day=TODAY)) == 0
    assert counter.close_past(by=WORKER, now=at(1, day=TODAY) + timedelta(days=1)) == 1
    left.refresh_from_db()
    desk.refresh_from_db()
    assert (left.state, desk.officer) == (State.GONE, None)


def test_waited_counts_to_the_call() -> None:
    branch = an_open_branch()
    ticket = a_walk_in(branch, at(8, day=TODAY))
    assert ticket.waited(at(8, 20, day=TODAY)) == minutes(20)


# Two steps that meet: what any sequence of them once broke, by its shortest one


def test_check_in_is_for_the_day_of_the_appointment() -> None:
    appointment = booked_at(an_open_branch(), 9, day=TODAY + timedelta(days=1))
    with pytest.raises(WrongStatus):
        counter.check_in(appointment, by=GUEST, now=at(9, day=TODAY))
    assert not Ticket.objects.exists()


def test_admit_is_for_the_day_of_the_appointment() -> None:
    branch = an_open_branch()
    video = booked_at(branch, 9, channel=Channel.VIDEO, day=TODAY + timedelta(days=1))
    with pytest.raises(WrongStatus):
        counter.admit(video, by=by(an_officer(branch)), now=at(9, day=TODAY))


def test_admitted_caller_who_moves_to_later_today_is_called_again() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk, video = a_desk(branch, officer), booked_at(branch, 9, channel=Channel.VIDEO)
    counter.admit(video, by=by(officer), now=at(8, 30, day=TODAY))
    later = next(slot for slot in slots_of(branch) if slot.starts_at == at(11, day=TODAY))
    booking.reschedule(video, later.pk, by=STAFF, now=at(8, 40, day=TODAY))
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=at(10, 59, day=TODAY))
    assert counter.call_next(desk, by=by(officer), now=at(11, day=TODAY)).appointment == video


def test_undo_of_admit_takes_the_caller_out_of_the_line() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    ticket = counter.admit(booked_at(branch, 9, channel=Channel.VIDEO), by=by(officer), now=at(8, day=TODAY))
    counter.call(ticket, a_desk(branch, officer), by=by(officer), now=at(8, day=TODAY))
    assert counter.undo(ticket, by=by(officer), now=at(8, day=TODAY)).state == State.WAITING
    assert counter.undo(ticket, by=by(officer), now=at(8, day=TODAY)).state == State.GONE


def test_undo_of_a_check_in_after_a_miss_brings_the_old_ticket_back() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment, desk = booked_at(branch, 8), a_desk(branch, officer)
    counter.check_in(appointment, by=GUEST, now=at(8, day=TODAY))
    called = counter.call_next(desk, by=by(officer), now=at(8, day=TODAY))
    missed = counter.miss(called, by=by(officer), now=at(8, 5, day=TODAY))
    ticket = counter.check_in(appointment, by=by(officer), now=at(8, 30, day=TODAY))
    assert ticket.number == 2
    back = counter.undo(ticket, by=by(officer), now=at(8, 30, day=TODAY))
    assert (back.state, back.number, back.calls, back.ended_at) == (State.GONE, 1, 1, missed.ended_at)


def test_undo_after_leaving_the_desk_brings_nobody_to_an_empty_one() -> None:
    branch = an_open_branch()
    officer, colleague = an_officer(branch), an_officer(branch, email="other@example.org")
    desk, ticket = a_desk(branch, officer), a_walk_in(branch, at(8, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    counter.complete(ticket, by=by(officer), now=at(8, 31, day=TODAY))
    desks.leave(desk, by=by(officer), now=at(8, 31, day=TODAY))
    with pytest.raises(NoDesk):
        counter.undo(ticket, by=by(officer), now=at(8, 31, day=TODAY))
    desks.sit(desk, by=by(colleague), now=at(8, 31, day=TODAY) + timedelta(seconds=1))
    with pytest.raises(DeskTaken):
        counter.undo(ticket, by=by(officer), now=at(8, 31, day=TODAY) + timedelta(seconds=2))
    assert Ticket.objects.get().state == State.DONE


def test_leaving_an_empty_desk_is_no_step() -> None:
    desk = a_desk(an_open_branch())
    desks.leave(desk, by=STAFF, now=NOW)
    assert not desk.events.exists()


def test_close_past_completes_who_was_still_being_served() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment, desk = booked_at(branch, 8), a_desk(branch, officer)
    ticket = counter.check_in(appointment, by=GUEST, now=at(8, day=TODAY))
    counter.serve(
        counter.call_next(desk, by=by(officer), now=at(8, day=TODAY)), by=by(officer), now=at(8, 1, day=TODAY)
    )
    counter.close_past(by=WORKER, now=at(1, day=TODAY) + timedelta(days=1))
    ticket.refresh_from_db()
    appointment.refresh_from_db()
    assert (ticket.state, appointment.status) == (State.DONE, Status.COMPLETED)
    assert ticket.events.latest("pk").verb == "close"


def test_close_past_leaves_an_officer_who_serves_after_midnight() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk, midnight = a_desk(branch, officer), at(0, day=TODAY + timedelta(days=1))
    a_walk_in(branch, midnight)
    counter.call_next(desk, by=by(officer), now=midnight + minutes(5))
    counter.close_past(by=WORKER, now=midnight + minutes(7))
    desk.refresh_from_db()
    assert desk.officer == officer


def test_record_after_complete_changes_nothing() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk, ticket = a_desk(branch, officer), a_walk_in(branch, at(8, day=TODAY))
    counter.call_next(desk, by=by(officer), now=at(8, 30, day=TODAY))
    final = Result(citizen_note="Έτοιμο.")
    counter.complete(ticket, by=by(officer), now=at(8, 31, day=TODAY), result=final)
    with pytest.raises(WrongStatus):
        counter.record(ticket, Result(citizen_note="Έτοι"))
    assert Ticket.objects.get().citizen_note == "Έτοιμο."


@pytest.mark.parametrize("verb", [booking.arrive, booking.serve, booking.complete, booking.miss, booking.interrupt])
def test_steps_without_a_ticket_refuse_who_has_a_place_in_the_line(verb: Callable[..., object]) -> None:
    branch = an_open_branch()
    appointment = booked_at(branch, 9)
    ticket = counter.check_in(appointment, by=GUEST, now=at(9, day=TODAY))
    if verb in (booking.complete, booking.interrupt):
        counter.serve(ticket, by=STAFF, now=at(9, day=TODAY))
    with pytest.raises(WrongStatus):
        verb(appointment, by=STAFF, now=at(9, 5, day=TODAY))


def test_step_on_a_ticket_that_moved_to_another_branch_is_refused() -> None:
    branch = an_open_branch()
    other = a_branch(branch.agency, "kep-other")
    a_rule(other)
    appointment = booked_at(branch, 9)
    page = counter.check_in(appointment, by=GUEST, now=at(8, 50, day=TODAY))
    slot = next(one for one in slots_of(other) if one.starts_at == at(10, day=TODAY))
    booking.reschedule(appointment, slot.pk, by=STAFF, now=at(8, 51, day=TODAY))
    appointment.refresh_from_db()
    counter.check_in(appointment, by=GUEST, now=at(9, 50, day=TODAY))
    with pytest.raises(WrongStatus):
        counter.park(page, by=STAFF, now=at(9, 51, day=TODAY))


def test_follow_up_that_is_refused_leaves_the_one_before_as_it_was() -> None:
    branch = an_open_branch()
    first, second = booked_at(branch, 9), booked_at(branch, 10, number=2)
    taken, procedure = TimeSlot.objects.get(pk=second.slot_ids[0]), branch.agency.procedures.get()
    with pytest.raises(SlotTaken):
        booking.book(taken.pk, procedure, "in_person", a_contact(), by=STAFF, now=NOW, follows=first)
    first.refresh_from_db()
    assert first.limit_place == 0
