from datetime import datetime, timedelta

import pytest
from django.utils import translation

from agencies.models import Branch, Channel
from appointments import booking, counter
from appointments.counter import arrivals
from appointments.counter.arrivals import Answer, Arrival
from appointments.models import Appointment, Notification, Status, Ticket
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    WORKER,
    a_branch,
    a_desk,
    a_rule,
    a_walk_in,
    an_officer,
    an_open_branch,
    booked_at,
    by,
    minutes,
    slots_of,
    today_at,
)

pytestmark = pytest.mark.django_db


def arrive(appointment: Appointment, when: datetime, branch: Branch | None = None) -> Arrival:
    return arrivals.by_reference(appointment.reference, branch or appointment.branch, by=GUEST, now=when)


def test_unknown_reference():
    branch = an_open_branch()
    arrival = arrivals.by_reference("K7M4Q2XDBN", branch, by=GUEST, now=NOW)
    assert (arrival.answer, arrival.ticket) == (Answer.UNKNOWN, None)
    assert "δέκα χαρακτήρες" in arrival.text


def test_time_only_held_is_unknown():
    branch = an_open_branch()
    held = booking.hold(slots_of(branch)[20].pk, branch.agency.procedures.get(), Channel.IN_PERSON, by=GUEST, now=NOW)
    assert arrive(held, NOW).answer == Answer.UNKNOWN
    booking.expire(by=WORKER, now=NOW + timedelta(hours=1))
    assert arrive(held, NOW).answer == Answer.UNKNOWN


def test_early_says_when_to_come_back_and_gives_no_ticket():
    arrival = arrive(booked_at(an_open_branch(), 9), today_at(7, 59))
    assert arrival.answer == Answer.EARLY
    assert arrival.text == "Είναι στις 09:00. Δηλώστε εδώ άφιξη από τις 08:00."
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(("hour", "minute"), [(8, 0), (9, 0), (9, 10)])
def test_in_time_gets_a_ticket_at_the_appointments_own_time(hour: int, minute: int):
    appointment = booked_at(an_open_branch(), 9)
    arrival = arrive(appointment, today_at(hour, minute))
    assert arrival.answer == Answer.IN_TIME
    assert arrival.ticket
    assert arrival.ticket.due_at == appointment.starts_at
    appointment.refresh_from_db()
    assert appointment.status == Status.ARRIVED


def test_late_gets_a_ticket_that_counts_from_now():
    arrival = arrive(booked_at(an_open_branch(), 9), today_at(9, 11))
    assert arrival.answer == Answer.LATE
    assert arrival.ticket
    assert arrival.ticket.due_at == today_at(9, 11)


def test_who_was_told_of_a_delay_may_come_twenty_minutes_late():
    appointment = booked_at(an_open_branch(), 9)
    appointment.notifications.create(kind=Notification.Kind.DELAYED, language="el", due_at=NOW, state="sent")
    assert arrive(appointment, today_at(9, 20)).answer == Answer.IN_TIME


def test_delay_told_before_a_move_gives_no_more_time_after_it():
    appointment = booked_at(an_open_branch(), 9)
    appointment.notifications.create(kind=Notification.Kind.DELAYED, language="el", due_at=NOW, state="sent")
    Appointment.objects.filter(pk=appointment.pk).update(revision=1)
    assert arrive(appointment, today_at(9, 20)).answer == Answer.LATE


def test_missed_today_gets_a_new_number_and_counts_from_now():
    branch = an_open_branch()
    officer = an_officer(branch)
    first = arrive(booked_at(branch, 9), today_at(8, 50)).ticket
    assert first
    called = counter.call_next(a_desk(branch, officer), by=by(officer), now=today_at(9))
    counter.miss(called, by=by(officer), now=today_at(9, 5))
    again = arrive(Appointment.objects.get(), today_at(9, 30))
    assert (again.answer, again.ticket and again.ticket.due_at) == (Answer.MISSED, today_at(9, 30))
    assert again.ticket
    assert again.ticket.number == first.number + 1


def test_three_with_one_time_are_told_the_order_of_the_line():
    branch = an_open_branch(desks=3)
    officer = an_officer(branch)
    a_desk(branch, officer)
    tickets = [arrive(booked_at(branch, 9, number=number), today_at(8, 50)).ticket for number in range(3)]
    places = [arrivals.place_of(ticket, now=today_at(9)) for ticket in tickets if ticket]
    assert [(place.ahead, place.wait) for place in places] == [(0, minutes(0)), (1, minutes(10)), (2, minutes(20))]


def test_again_shows_the_same_number():
    appointment = booked_at(an_open_branch(), 9)
    first, again = arrive(appointment, today_at(8, 50)), arrive(appointment, today_at(8, 55))
    assert (again.answer, again.ticket) == (Answer.HERE, first.ticket)


def test_other_day_says_which():
    appointment = booked_at(an_open_branch(), 9)
    arrival = arrive(appointment, today_at(9) - timedelta(days=3))
    assert arrival.answer == Answer.OTHER_DAY
    assert "Δευτέρα 2 Μαρτίου 2026, 09:00" in arrival.text


def test_past_day_leads_to_a_new_booking():
    appointment = booked_at(an_open_branch(), 9)
    arrival = arrive(appointment, today_at(9) + timedelta(days=1))
    assert arrival.answer == Answer.PAST_DAY
    assert arrival.books_again
    assert not Ticket.objects.exists()


def test_other_branch_says_where():
    branch = an_open_branch()
    other = a_branch(branch.agency, "kep-souda", name_el="ΚΕΠ Σούδας")
    branch.address_el = "Κυδωνίας 29"
    branch.save()
    arrival = arrive(booked_at(branch, 9), today_at(8, 50), other)
    assert arrival.answer == Answer.OTHER_BRANCH
    assert "ΚΕΠ Χανίων, Κυδωνίας 29" in arrival.text
    assert not Ticket.objects.exists()


def test_cancelled_leads_to_a_new_booking():
    appointment = booked_at(an_open_branch(), 9)
    booking.cancel(appointment, by=STAFF, now=NOW)
    arrival = arrive(appointment, today_at(8, 50))
    assert (arrival.answer, arrival.books_again) == (Answer.CANCELLED, True)


def test_booking_never_confirmed_is_told_from_an_unknown_one():
    appointment = booked_at(an_open_branch(), 9)
    Appointment.objects.filter(pk=appointment.pk).update(status=Status.EXPIRED, slot_ids=[])
    assert arrive(appointment, today_at(8, 50)).answer == Answer.UNCONFIRMED


@pytest.mark.parametrize(("channel", "answer"), [(Channel.VIDEO, Answer.VIDEO), (Channel.PHONE, Answer.PHONE)])
def test_video_and_phone_do_not_check_in(channel: str, answer: Answer):
    appointment = booked_at(an_open_branch(), 9)
    Appointment.objects.filter(pk=appointment.pk).update(channel=channel)
    assert arrive(appointment, today_at(8, 55)).answer == answer
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("status", [Status.SERVING, Status.COMPLETED])
def test_served_elsewhere_than_in_the_queue(status: Status):
    appointment = booked_at(an_open_branch(), 9)
    Appointment.objects.filter(pk=appointment.pk).update(status=status)
    assert arrive(appointment, today_at(9)).answer == Answer.SERVED
    assert not Ticket.objects.exists()


def test_every_answer_has_words_in_both_languages_and_names_nobody():
    appointment = booked_at(an_open_branch(), 9, name="Μαρία Παπαδοπούλου", email="maria@example.org")
    for answer in Answer:
        for language, letters in (("el", "αεηιου"), ("en", "aeiou")):
            with translation.override(language):
                said = f"{(arrival := Arrival(answer, appointment)).title}. {arrival.text}"
            assert any(letter in said for letter in letters), said
            assert "Παπαδοπούλου" not in said
            assert "maria@" not in said


# The place in the queue


def test_place_counts_who_goes_first_and_how_long_it_takes():
    branch = an_open_branch()
    a_desk(branch, an_officer(branch))
    first, second = a_walk_in(branch, today_at(13)), a_walk_in(branch, today_at(13, 1))
    place = arrivals.place_of(second, now=today_at(13, 2))
    assert (place.ahead, place.wait, place.about) == (1, minutes(10), "περίπου 10 λεπτά")
    soon = arrivals.place_of(first, now=today_at(13, 2))
    assert (soon.ahead, soon.is_soon) == (0, True)


def test_place_tells_no_time_where_nobody_serves():
    branch = an_open_branch()
    place = arrivals.place_of(a_walk_in(branch, today_at(13)), now=today_at(13))
    assert (place.ahead, place.wait, place.is_soon) == (0, None, False)


def test_visit_begins_an_hour_before_and_only_on_the_day():
    appointment = booked_at(an_open_branch(), 9)
    assert arrivals.visit_of(appointment, now=today_at(7, 59)) is None
    assert arrivals.visit_of(appointment, now=today_at(9) + timedelta(days=1)) is None
    visit = arrivals.visit_of(appointment, now=today_at(8))
    assert visit
    assert (visit.place, visit.may_check_in, visit.delay) == (None, True, None)


def test_visit_tells_the_delay():
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    for _ in range(3):
        a_walk_in(branch, today_at(8), priority=True)
    counter.call_next(desk, by=by(officer), now=today_at(9))
    visit = arrivals.visit_of(booked_at(branch, 9), now=today_at(9))
    assert visit
    assert (visit.delay, visit.about, visit.is_punctual) == (minutes(30), "περίπου 30 λεπτά", False)


def test_visit_shows_the_place_of_who_is_there_and_lets_who_was_missed_come_again():
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment = booked_at(branch, 9)
    ticket = arrive(appointment, today_at(8, 50)).ticket
    appointment.refresh_from_db()
    visit = arrivals.visit_of(appointment, now=today_at(8, 51))
    assert visit
    assert visit.place
    assert (visit.place.ticket, visit.may_check_in) == (ticket, False)
    called = counter.call_next(a_desk(branch, officer), by=by(officer), now=today_at(9))
    counter.miss(called, by=by(officer), now=today_at(9, 5))
    appointment.refresh_from_db()
    missed = arrivals.visit_of(appointment, now=today_at(9, 6))
    assert missed
    assert missed.may_check_in


def test_walk_in_hours_are_those_of_the_week_and_of_today():
    branch, today, day = an_open_branch(), NOW.date(), timedelta(days=1)
    for since, until in ((today - 9 * day, today - day), (today + day, None), (today + day, today + day)):
        a_rule(branch, purpose="walk_in", valid_from=since, valid_until=until)
    weekly = a_rule(branch, purpose="walk_in")
    once = a_rule(branch, purpose="walk_in", valid_from=today, valid_until=today)
    assert arrivals.walk_in_hours(branch, [Channel.IN_PERSON], now=NOW) == [once, weekly]
