"""A strike from its beginning to the last answer: who is offered what, who may answer how, and what a crash leaves."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from agencies.models import Agency, Branch, Channel, Closure, OpeningRule, Procedure
from appointments import booking, disruptions, offers, tasks
from appointments.booking import changing, owed
from appointments.disruptions import closing, replacements_for
from appointments.errors import OfferGone, SlotTaken, TooLate, WrongStatus
from appointments.messages import mails
from appointments.messages.truth import is_true
from appointments.models import Appointment, Disruption, Notification, Offer, Status, TimeSlot
from appointments.offers import holding
from appointments.offers.replacements import NOTICE, near_branches
from appointments.times.publishing import publish
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    WORKER,
    a_branch,
    a_closure,
    a_contact,
    a_procedure,
    a_rule,
    a_strike,
    an_appointment,
    an_open_branch,
    at,
    booked_at,
    by,
    minutes,
    offer_of,
    slot_at,
)
from tests.races import assert_counts_agree, assert_promises_agree, at_once

State = Offer.State


@pytest.fixture
def branch(db: None) -> Branch:
    return an_open_branch()


@pytest.fixture(autouse=True)
def _counts_agree_at_the_end(db: None) -> Iterator[None]:
    """After every test, whatever it did: desks taken are those of open appointments and holds."""
    yield
    assert_counts_agree()
    assert_promises_agree()


# Who is affected


def test_disruption_closes_its_times_and_holds_the_nearest_one_after(branch: Branch) -> None:
    booked = booked_at(branch, 13, day=TUESDAY)
    strike = a_strike(branch)
    offer = offer_of(booked)
    assert (offer.state, offer.was_starts_at, offer.was_branch) == (State.OPEN, at(13), branch)
    assert offer.hold
    assert (offer.hold.status, offer.hold.starts_at) == (Status.HELD, at(8, day=WEDNESDAY))
    assert strike.state == Disruption.State.OPEN
    closure = Closure.objects.get()
    assert (closure.branch, closure.from_date, closure.until_date, closure.reason_en) == (
        branch,
        TUESDAY,
        TUESDAY,
        "Strike",
    )
    assert not TimeSlot.objects.filter(starts_at__gte=at(0), starts_at__lt=at(0, day=WEDNESDAY), desks__gt=0).exists()
    booked.refresh_from_db()
    assert (booked.status, booked.starts_at) == (Status.BOOKED, at(13))


def test_disruption_takes_an_earlier_time_that_is_nearer(branch: Branch) -> None:
    booked = booked_at(branch, 8, day=THURSDAY)
    a_strike(branch, day=THURSDAY)
    assert offer_of(booked).hold.starts_at == at(13, 50, day=WEDNESDAY)


def test_disruption_gives_notice_of_a_day(branch: Branch) -> None:
    """Monday would be nearer, but nobody has to come tomorrow morning."""
    booked = booked_at(branch, 8, day=TUESDAY)
    a_strike(branch)
    hold = offer_of(booked).hold
    assert hold.starts_at == at(8, day=WEDNESDAY)
    assert hold.starts_at >= NOW + NOTICE


@pytest.mark.parametrize(
    ("hour", "minute", "falls_out"), [(9, 40, False), (9, 50, True), (10, 0, True), (11, 50, True), (12, 0, False)]
)
def test_disruption_of_some_hours_hits_what_overlaps_them(
    branch: Branch, hour: int, minute: int, falls_out: bool
) -> None:
    booked = booked_at(branch, hour, minute, day=TUESDAY)
    a_strike(branch, from_time=time(9, 55), until_time=time(12))
    assert booked.offers.exists() == falls_out
    assert Appointment.objects.unplaced(now=NOW).filter(pk=booked.pk).exists() == falls_out


def test_disruption_counts_hours_on_each_branchs_clock(branch: Branch) -> None:
    far = a_branch(branch.agency, "kep-ny", timezone="America/New_York", city_el="Νέα Υόρκη")
    a_rule(far)
    publish([far.pk], now=NOW)
    here = booked_at(branch, 9, day=TUESDAY)
    there = an_appointment(slot_at(datetime(2026, 3, 3, 14, tzinfo=UTC), far), 2)
    a_strike(branch, far, from_time=time(9), until_time=time(9, 30))
    assert offer_of(here).was_starts_at == at(9)
    assert offer_of(there).was_starts_at == there.starts_at


def test_disruption_leaves_other_days_branches_and_times_only_held_alone(branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-iraklio", city_el="Ηράκλειο")
    a_rule(other)
    publish([other.pk], now=NOW)
    booked_at(branch, 9, day=WEDNESDAY)
    booked_at(other, 9, day=TUESDAY)
    booking.hold(
        slot_at(at(9), branch).pk, Procedure.objects.select_related("agency").get(), "in_person", by=GUEST, now=NOW
    )
    strike = a_strike(branch)
    assert not Offer.objects.exists()
    assert strike.state == Disruption.State.SETTLED


def test_disruption_waits_for_who_still_has_to_confirm(branch: Branch) -> None:
    Agency.objects.update(verify_minutes=60)
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slot_at(at(9), branch).pk, procedure, "in_person", by=GUEST, now=NOW)
    guest = booking.confirm(held, a_contact(), by=GUEST, now=NOW)
    strike = a_strike(branch)
    assert not Offer.objects.exists()
    booking.verify(guest, by=GUEST, now=NOW + minutes(5))
    disruptions.look_after(strike, by=WORKER, now=NOW + minutes(6))
    assert offer_of(guest).state == State.OPEN
    assert strike.state == Disruption.State.OPEN


def test_who_slips_in_is_found_by_the_next_look(branch: Branch) -> None:
    strike = a_strike(branch)
    TimeSlot.objects.filter(starts_at=at(9)).delete()
    booked = booked_at(branch, 9, day=WEDNESDAY)
    stray = TimeSlot.objects.filter(starts_at=at(9, day=WEDNESDAY))
    # As if booked between the closure and the withdrawal of the times.
    stray.update(starts_at=at(9), ends_at=at(9, 10))
    Appointment.objects.update(starts_at=at(9), ends_at=at(9, 10), promised_day=TUESDAY)
    assert disruptions.look_after(strike, by=WORKER, now=NOW) == 1
    assert offer_of(booked).state == State.OPEN


# What is offered


def a_near_branch(branch: Branch, code: str = "kep-souda", **fields: Any) -> Branch:
    near = a_branch(branch.agency, code, **fields)
    a_rule(near)
    publish([near.pk], now=NOW)
    return near


def fill(branch: Branch, until: date) -> None:
    """Leave no free time at the branch before that day."""
    a_closure(branch, NOW.date(), until_date=until - timedelta(days=1))


def test_near_branch_is_offered_where_it_saves_days(branch: Branch) -> None:
    near = a_near_branch(branch)
    booked = booked_at(branch, 9, day=TUESDAY)
    fill(branch, date(2026, 3, 10))
    a_strike(branch)
    hold = offer_of(booked).hold
    assert (hold.branch, hold.starts_at) == (near, at(9))


def test_own_branch_is_offered_where_another_saves_little(branch: Branch) -> None:
    a_near_branch(branch)
    booked = booked_at(branch, 9, day=TUESDAY)
    fill(branch, date(2026, 3, 6))
    a_strike(branch)
    assert offer_of(booked).hold.branch == branch


def test_ways_that_are_not_ticked_are_not_offered(branch: Branch) -> None:
    a_near_branch(branch)
    booked = booked_at(branch, 9, day=TUESDAY)
    fill(branch, date(2026, 3, 10))
    a_strike(branch, ways=["same"])
    assert offer_of(booked).hold.branch == branch


def test_video_is_offered_to_who_can_be_sent_the_link(branch: Branch) -> None:
    with_mail, without = booked_at(branch, 9, day=TUESDAY), booked_at(branch, 9, 10, day=TUESDAY, email="")
    a_strike(branch, ways=["video"])
    hold = offer_of(with_mail).hold
    assert (hold.channel, hold.starts_at) == (Channel.VIDEO, at(8, day=WEDNESDAY))
    assert offer_of(without).state == State.NONE_FOUND


def test_near_branches_are_of_the_city_then_of_the_region_and_not_far(branch: Branch) -> None:
    chania = {"region_el": "Κρήτη", "latitude": "35.5112", "longitude": "24.0292"}
    Branch.objects.update(**chania)
    branch.refresh_from_db()
    places = {
        "kissamos": {"city_el": "Κίσσαμος", "latitude": "35.4944", "longitude": "23.6544"},
        "sitia": {"city_el": "Σητεία", "latitude": "35.2000", "longitude": "26.1000"},
        "souda": {"city_el": "Σούδα", "latitude": "35.4890", "longitude": "24.0720"},
        "chania-2": {},
        "unknown": {"city_el": "Αλλού", "latitude": None, "longitude": None},
        "rhodes": {"city_el": "Ρόδος", "region_el": "Νότιο Αιγαίο"},
    }
    others = [a_branch(branch.agency, code, **chania | fields) for code, fields in places.items()]
    for other in others:
        other.refresh_from_db()
    found = [one.code for one in near_branches(branch, [branch, *others])]
    assert found == ["chania-2", "souda", "kissamos", "unknown"]


def test_nothing_free_is_said_honestly(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    strike = a_strike(branch, ways=["near"])
    offer = offer_of(booked)
    assert (offer.state, offer.hold, offer.deadline) == (State.NONE_FOUND, None, None)
    assert strike.state == Disruption.State.OPEN
    assert Notification.objects.get(kind="offer", state="pending").appointment == booked


def test_one_time_is_offered_to_one_person_only(branch: Branch) -> None:
    """Forty people, thirty-six times a day: the first have the nearest, nobody shares."""
    for number in range(36):
        booked_at(branch, 8 + number // 6, number % 6 * 10, day=TUESDAY)
    strike = a_strike(branch)
    starts = [offer.hold.starts_at for offer in strike.offers.select_related("hold")]
    assert starts == sorted(starts)
    assert len(set(starts)) == 36
    assert Appointment.objects.filter(status=Status.HELD).count() == 36


def test_longer_services_get_all_their_slots(branch: Branch) -> None:
    long = a_procedure(branch.agency, "kep-long", duration_minutes=25, channels=[Channel.IN_PERSON])
    first, second = (an_appointment(slot_at(at(hour), branch), hour, procedure=long) for hour in (9, 10))
    short = booked_at(
        branch, 11, day=TUESDAY, procedure=Procedure.objects.select_related("agency").get(code="kep-dilosi")
    )
    a_strike(branch)
    assert [len(offer_of(one).hold.slot_ids) for one in (first, second, short)] == [3, 3, 1]
    assert [offer_of(one).hold.starts_at for one in (first, second, short)] == [
        at(8, day=WEDNESDAY),
        at(8, 30, day=WEDNESDAY),
        at(9, day=WEDNESDAY),
    ]


@pytest.mark.parametrize(
    ("starts_at", "due", "until"),
    [
        # Two days, where the time is far away
        (at(9, day=date(2026, 3, 13)), at(10, day=TUESDAY), at(10, day=THURSDAY)),
        # Four hours before the time
        (at(13, day=WEDNESDAY), at(10, day=TUESDAY), at(9, day=WEDNESDAY)),
        # The evening before, where that would be at night
        (at(9, day=WEDNESDAY), at(10, day=TUESDAY), at(20, day=TUESDAY)),
        # But two hours in any case
        (at(9, day=WEDNESDAY), at(19, 30, day=TUESDAY), at(21, 30, day=TUESDAY)),
    ],
)
def test_deadline_leaves_time_and_sleep(branch: Branch, starts_at: datetime, due: datetime, until: datetime) -> None:
    assert holding.deadline(starts_at, booked_at(branch, 9, day=TUESDAY), due=due) == until


def test_message_at_night_waits_for_the_morning_unless_it_is_urgent(branch: Branch) -> None:
    night = at(23, day=date(2026, 3, 2))
    soon, later = booked_at(branch, 9, day=TUESDAY), booked_at(branch, 13, day=TUESDAY)
    a_strike(branch, now=night)
    due = {one.appointment: one.due_at for one in Notification.objects.filter(kind="offer")}
    assert due == {soon: night, later: at(8)}


# Answers


def test_accepting_takes_over_the_held_time(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    old = booked.slot_ids
    strike = a_strike(branch)
    offer = offer_of(booked)
    held = offer.hold.slot_ids
    offers.accept(offer, by=GUEST, now=NOW + minutes(5))
    booked.refresh_from_db()
    offer.refresh_from_db()
    assert (booked.status, booked.starts_at, booked.slot_ids) == (Status.BOOKED, at(8, day=WEDNESDAY), held)
    assert (offer.state, offer.answered_at) == (State.ACCEPTED, NOW + minutes(5))
    hold = Appointment.objects.get(pk=offer.hold_id)
    assert (hold.status, hold.slot_ids) == (Status.EXPIRED, [])
    assert TimeSlot.objects.get(pk=old[0]).taken == 0
    kinds = set(booked.notifications.filter(state="pending").values_list("kind", flat=True))
    assert kinds == {"moved", "reminder"}
    disruptions.look_after(strike, by=WORKER, now=NOW + minutes(6))
    assert (strike.state, strike.settled_at) == (Disruption.State.SETTLED, NOW + minutes(6))


def test_accepting_twice_moves_once(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    for number in (5, 6):
        offers.accept(offer_of(booked), by=GUEST, now=NOW + minutes(number))
    booked.refresh_from_db()
    assert booked.moved_at == NOW + minutes(5)
    assert booked.notifications.filter(kind="moved").count() == 1


def test_accepting_video_asks_for_a_room(branch: Branch, woken: list[str]) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch, ways=["video"])
    offers.accept(offer_of(booked), by=GUEST, now=NOW)
    booked.refresh_from_db()
    assert booked.channel == Channel.VIDEO
    assert booked in Appointment.objects.without_call(now=NOW)
    assert "appointments.tasks.provide_video_calls" in woken


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that are sent for to the broker, which is outside."""
    woken: list[str] = []
    for module in (changing, closing, owed):
        monkeypatch.setattr(module, "wake_worker", woken.append)
    return woken


def test_moving_oneself_ends_the_offer_and_frees_its_time(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    hold = offer_of(booked).hold
    booking.reschedule(booked, slot_at(at(12, day=THURSDAY), branch).pk, by=GUEST, now=NOW)
    offer = offer_of(booked)
    assert (offer.state, offer.answered_at) == (State.CHANGED, NOW)
    assert TimeSlot.objects.get(pk=hold.slot_ids[0]).taken == 0
    assert offer.hold.status == Status.EXPIRED


def test_choosing_the_offered_time_oneself_gets_it(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    held = offer_of(booked).hold
    booking.reschedule(booked, held.slot_ids[0], by=GUEST, now=NOW)
    booked.refresh_from_db()
    assert booked.starts_at == held.starts_at


def test_moving_in_vain_keeps_the_offer(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    full = booked_at(branch, 12, day=THURSDAY)
    with pytest.raises(SlotTaken):
        booking.reschedule(booked, full.slot_ids[0], by=GUEST, now=NOW)
    assert offer_of(booked).state == State.OPEN
    assert offer_of(booked).hold.status == Status.HELD


def test_cancelling_ends_the_offer_and_frees_both_times(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    booking.cancel(booked, by=GUEST, now=NOW)
    assert offer_of(booked).state == State.CANCELLED
    assert not TimeSlot.objects.filter(taken__gt=0).exists()


def test_no_answer_lapses_with_the_hold_and_keeps_the_appointment(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    strike = a_strike(branch)
    offer = offer_of(booked)
    assert booking.expire(by=WORKER, now=offer.deadline - minutes(1)) == 0
    assert booking.expire(by=WORKER, now=offer.deadline) == 1
    offer.refresh_from_db()
    assert (offer.state, offer.answered_at) == (State.LAPSED, None)
    booked.refresh_from_db()
    assert (booked.status, booked.starts_at) == (Status.BOOKED, at(9))
    with pytest.raises(OfferGone):
        offers.accept(offer, by=GUEST, now=offer.deadline + minutes(1))
    disruptions.look_after(strike, by=WORKER, now=offer.deadline + minutes(1))
    assert strike.state == Disruption.State.OPEN


def test_answer_after_the_deadline_is_too_late_before_the_sweep_comes(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    with pytest.raises(OfferGone):
        offers.accept(offer_of(booked), by=GUEST, now=offer_of(booked).deadline)


def test_offering_again_holds_another_time_and_tells_it(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    strike = a_strike(branch)
    later = offer_of(booked).deadline
    booking.expire(by=WORKER, now=later)
    offers.again(
        offer_of(booked), replacements_for(strike, list(strike.branches.all()), now=later), by=WORKER, now=later
    )
    offer = offer_of(booked)
    assert (offer.state, offer.hold.status) == (State.OPEN, Status.HELD)
    assert offer.deadline > later
    assert booked.notifications.filter(kind="offer").count() == 2
    with pytest.raises(WrongStatus):
        offers.again(offer, replacements_for(strike, list(strike.branches.all()), now=later), by=WORKER, now=later)


def test_citizen_may_change_what_fell_out_as_long_as_it_takes(branch: Branch) -> None:
    """Inside the agency's deadline for changes, and even when the time is over."""
    booked = booked_at(branch, 9, day=TUESDAY)
    with pytest.raises(TooLate):
        booking.cancel(booked, by=GUEST, now=at(8, 30))
    a_strike(branch)
    booking.reschedule(booked, slot_at(at(12, day=THURSDAY), branch).pk, by=GUEST, now=at(10))
    assert offer_of(booked).state == State.CHANGED
    with pytest.raises(TooLate):
        booking.cancel(booked, by=GUEST, now=at(11, 30, day=THURSDAY))


def test_nobody_misses_a_time_that_fell_out(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    with pytest.raises(WrongStatus):
        booking.miss(booked, by=STAFF, now=at(9, 30))


def test_who_is_served_after_all_waits_for_nothing(branch: Branch, user: User) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    strike = a_strike(branch)
    booking.serve(booked, by=by(user), now=at(9))
    disruptions.look_after(strike, by=WORKER, now=at(9))
    assert offer_of(booked).state == State.KEPT
    assert strike.state == Disruption.State.SETTLED
    assert not Appointment.objects.filter(status=Status.HELD).exists()


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("agent@example.org")


def test_strike_that_goes_on_offers_another_time_for_the_one_held(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    first = a_strike(branch)
    second = a_strike(branch, until_date=THURSDAY)
    offer = offer_of(booked)
    assert (offer.disruption, offer.state) == (first, State.OPEN)
    assert offer.hold.starts_at == at(8, day=date(2026, 3, 6))
    assert second.state == Disruption.State.SETTLED
    assert Appointment.objects.filter(status=Status.HELD).count() == 1


def test_accepted_time_that_falls_out_is_offered_another_one(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    offers.accept(offer_of_first(booked, a_strike(branch)), by=GUEST, now=NOW)
    second = a_strike(branch, day=WEDNESDAY)
    assert second.offers.get().was_starts_at == at(8, day=WEDNESDAY)
    assert list(booked.offers.order_by("pk").values_list("state", flat=True)) == [State.ACCEPTED, State.OPEN]


def offer_of_first(appointment: Appointment, strike: Disruption) -> Offer:
    return strike.offers.get(appointment=appointment)


# Messages


def sent(appointment: Appointment, now: datetime = NOW) -> Any:
    message = Notification.objects.get(appointment=appointment, kind="offer", medium="email")
    assert is_true(message, now=now)
    return mails.mail(message, now=now)


def test_offer_tells_both_times_and_the_three_answers(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    letter = sent(booked)
    assert letter.subject == "Το ραντεβού σας δεν μπορεί να γίνει: Τρίτη 3 Μαρτίου 2026, 09:00, ΚΕΠ Χανίων"
    for said in (
        "Απεργία",
        "Τετάρτη 4 Μαρτίου 2026, 08:00",
        "έως Τρίτη 3 Μαρτίου 2026, 20:00",
        booked.link("offer"),
        booked.link("move"),
        booked.link("cancel"),
    ):
        assert said in letter.body
    html = letter.alternatives[0][0]
    assert booked.link("offer") in html
    assert "Απεργία" in html


def test_offer_is_told_in_english(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY, language="en")
    a_strike(branch)
    letter = sent(booked)
    assert letter.subject == "Your appointment cannot take place: Tuesday 3 March 2026, 09:00, KEP Chania"
    assert "Reason: Strike" in letter.body
    assert "We hold another time for you" in letter.body
    assert "Wednesday 4 March 2026, 08:00" in letter.body
    assert "/en/appointments/" in letter.body


def test_message_of_nothing_free_promises_nothing(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY, language="en")
    a_strike(branch, ways=["near"])
    body = sent(booked).body
    assert "We found no other time" in body
    assert "hold" not in body
    assert booked.link("cancel") in body


def test_reminders_of_the_time_that_fell_out_are_dropped(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    assert booked.notifications.filter(kind="reminder", state="pending").exists()
    a_strike(branch)
    assert set(booked.notifications.filter(state="pending").values_list("kind", flat=True)) == {"offer"}


def test_offer_is_not_sent_once_it_is_answered_or_over(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    message = Notification.objects.get(kind="offer")
    assert is_true(message, now=NOW)
    message = Notification.objects.get(kind="offer")
    assert not is_true(message, now=offer_of(booked).deadline)
    offers.accept(offer_of(booked), by=GUEST, now=NOW)
    message = Notification.objects.get(kind="offer")
    assert not is_true(message, now=NOW)


def test_sms_tells_the_times_without_a_link_that_signs_in(branch: Branch, settings: Any) -> None:
    settings.SMS_URL = "json://localhost/?:to={phone}"
    booked = booked_at(branch, 9, day=TUESDAY, language="en")
    a_strike(branch)
    text = mails.text(booked.notifications.get(kind="offer", medium="sms"), now=NOW)
    assert "03/03/2026 09:00" in text
    assert "04/03/2026 08:00" in text
    assert "key=" not in text
    assert len(text) <= 320


# Crashes and crowds


def test_crash_in_the_middle_is_resumed(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        booked_at(branch, 9, number * 10, day=TUESDAY)
    strike = a_strike(branch, prepared=False)
    owe, calls = owed.owe_offer, []

    def die_at_the_fourth(appointment: Appointment, *, due: datetime) -> None:
        calls.append(appointment)
        if len(calls) == 4:
            raise KeyboardInterrupt
        owe(appointment, due=due)

    monkeypatch.setattr(owed, "owe_offer", die_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        disruptions.look_after(strike, by=WORKER, now=NOW)
    monkeypatch.undo()
    assert strike.offers.count() == Notification.objects.filter(kind="offer").count() == 3
    assert_counts_agree()

    strike = Disruption.objects.to_look_after(now=NOW).get()
    assert disruptions.look_after(strike, by=WORKER, now=NOW) == 3
    assert strike.state == Disruption.State.OPEN
    assert disruptions.look_after(strike, by=WORKER, now=NOW) == 0
    assert strike.offers.count() == Notification.objects.filter(kind="offer").count() == 6


def test_workers_sweep_finds_every_disruption_that_is_not_over(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    strike = a_strike(branch, prepared=False)
    with time_machine.travel(NOW, tick=False):
        tasks.look_after_disruptions()
        assert offer_of(booked).state == State.OPEN
        booking.cancel(booked, by=GUEST, now=NOW)
        tasks.look_after_disruptions()
    strike.refresh_from_db()
    assert strike.state == Disruption.State.SETTLED
    assert Disruption.objects.to_look_after(now=at(12)).exists()
    assert not Disruption.objects.to_look_after(now=at(12, day=THURSDAY)).exists()


def test_one_that_fails_leaves_nobody_else_hanging(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    booked = [booked_at(branch, 9, number * 10, day=TUESDAY) for number in range(3)]
    strike = a_strike(branch, prepared=False)
    owe = owed.owe_offer

    def fail_for_one(appointment: Appointment, *, due: datetime) -> None:
        if appointment == booked[1]:
            raise ValueError
        owe(appointment, due=due)

    monkeypatch.setattr(owed, "owe_offer", fail_for_one)
    assert disruptions.look_after(strike, by=WORKER, now=NOW) == 2
    assert strike.state == Disruption.State.PREPARING
    monkeypatch.undo()
    assert disruptions.look_after(strike, by=WORKER, now=NOW) == 1


def test_disruption_reads_free_times_once(branch: Branch) -> None:
    """Each further appointment costs the same few statements, however many free times there are."""
    costs = []
    for count, day in ((1, WEDNESDAY), (5, THURSDAY)):
        for number in range(count):
            booked_at(branch, 9, number * 10, day=day)
        strike = a_strike(branch, day=day, prepared=False)
        with CaptureQueriesContext(connection) as queries:
            disruptions.look_after(strike, by=WORKER, now=NOW)
        costs.append(len(queries))
    assert (costs[1] - costs[0]) / 4 <= 13


@pytest.mark.django_db(transaction=True)
def test_four_workers_make_one_offer_each(branch: Branch, caplog: pytest.LogCaptureFixture) -> None:
    booked = [booked_at(branch, 8 + number // 6, number % 6 * 10, day=TUESDAY) for number in range(30)]
    strike = a_strike(branch, prepared=False)

    def work() -> bool:
        disruptions.look_after(Disruption.objects.get(pk=strike.pk), by=WORKER, now=NOW)
        return True

    assert at_once([work] * 4) == {"done": 4}
    work()
    assert {offer.appointment_id for offer in Offer.objects.all()} == {one.pk for one in booked}
    assert Offer.objects.filter(state=State.OPEN).count() == 30
    assert Appointment.objects.filter(status=Status.HELD).count() == 30
    assert Notification.objects.filter(kind="offer").count() == 30
    assert Disruption.objects.get().state == Disruption.State.OPEN
    assert caplog.records == []


@pytest.mark.django_db(transaction=True)
def test_one_offer_accepted_twenty_times_moves_once(branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    offer = offer_of(booked)
    assert at_once([lambda: offers.accept(offer, by=GUEST, now=NOW)] * 20) == {"done": 20}
    assert booked.events.filter(verb="accept").count() == 1
    assert booked.notifications.filter(kind="moved").count() == 1


@pytest.mark.django_db(transaction=True)
def test_accepting_and_lapsing_at_the_deadline_do_not_both_win(branch: Branch) -> None:
    booked = [booked_at(branch, 9 + number // 6, number % 6 * 10, day=TUESDAY) for number in range(12)]
    a_strike(branch)
    late = max(offer.deadline for offer in Offer.objects.all())
    answers = [lambda one=one: offers.accept(offer_of(one), by=GUEST, now=NOW) for one in booked]
    results = at_once([*answers, *[lambda: booking.expire(by=WORKER, now=late) or True] * 4])
    assert set(results) <= {"done", "OfferGone"}
    for one in booked:
        offer, before = offer_of(one), one.starts_at
        one.refresh_from_db()
        assert (offer.state, one.starts_at == before) in {(State.ACCEPTED, False), (State.LAPSED, True)}
        assert offer.hold.status == Status.EXPIRED


@pytest.mark.django_db(transaction=True)
def test_all_answers_at_once_leave_one(branch: Branch) -> None:
    """The citizen in two tabs, an officer on the telephone, and the sweep."""
    booked = [booked_at(branch, 9 + number // 6, number % 6 * 10, day=TUESDAY) for number in range(8)]
    strike = a_strike(branch)
    free = [slot_at(at(12, number * 10, day=date(2026, 3, 6)), branch).pk for number in range(6)] * 2
    calls: list[Any] = []
    for one, slot in zip(booked, free, strict=False):
        calls += [
            lambda one=one: offers.accept(offer_of(one), by=GUEST, now=NOW),
            lambda one=one, slot=slot: booking.reschedule(one, slot, by=GUEST, now=NOW),
            lambda one=one: booking.cancel(one, by=STAFF, now=NOW),
        ]
    results = at_once([*calls, lambda: disruptions.look_after(strike, by=WORKER, now=NOW) or True])
    assert set(results) <= {"done", "OfferGone", "WrongStatus", "SlotTaken"}
    for one in booked:
        offer = offer_of(one)
        assert offer.state in (State.ACCEPTED, State.CHANGED, State.CANCELLED)
        assert offer.hold.status == Status.EXPIRED
    assert not Appointment.objects.filter(status=Status.HELD).exists()


# A strike from beginning to end


def test_two_days_of_strike_are_resolved_to_the_last(branch: Branch, user: User) -> None:
    """120 appointments: some accept, some choose, some cancel; the rest lapses and is called by an officer."""
    booked = a_crowd(branch)
    strike = a_strike(branch, until_date=WEDNESDAY)
    assert strike.offers.filter(state=State.OPEN).count() == 120
    assert_counts_agree()

    most_answer(booked, NOW + timedelta(hours=3))
    disruptions.look_after(strike, by=WORKER, now=NOW + timedelta(hours=3))
    assert strike.state == Disruption.State.OPEN
    assert strike.offers.unsettled().count() == 30
    assert_counts_agree()

    late = max(offer.deadline for offer in strike.offers.unsettled())
    booking.expire(by=WORKER, now=late)
    assert strike.offers.filter(state=State.LAPSED).count() == 30
    call_the_silent(strike, user, late)
    disruptions.look_after(strike, by=WORKER, now=late)
    assert (strike.state, strike.settled_at) == (Disruption.State.SETTLED, late)
    closed = Appointment.objects.promised().filter(starts_at__gte=at(0), starts_at__lt=at(0, day=THURSDAY))
    assert not closed.exists()
    assert Appointment.objects.filter(status=Status.CANCELLED).count() == 45
    assert Appointment.objects.filter(status=Status.BOOKED).count() == 75
    assert not Appointment.objects.filter(status=Status.HELD).exists()
    assert Notification.objects.filter(kind="cancelled").count() == 45
    assert not Appointment.objects.unplaced(now=late).exists()


def a_crowd(branch: Branch) -> list[Appointment]:
    """120 people on Tuesday and Wednesday, at two desks."""
    OpeningRule.objects.update(desks=2)
    publish([branch.pk], now=NOW)
    slots = TimeSlot.objects.filter(branch=branch, starts_at__gte=at(8), starts_at__lt=at(20, day=WEDNESDAY))
    return [an_appointment(slot, number) for number, slot in enumerate([*slots.order_by("starts_at"), *slots][:120])]


def most_answer(booked: list[Appointment], now: datetime) -> None:
    """Three of four do something, each something else."""
    chosen = iter(TimeSlot.objects.filter(starts_at__gte=at(8, day=date(2026, 3, 13)), taken=0).order_by("starts_at"))
    for number, one in enumerate(booked):
        match number % 4:
            case 0:
                offers.accept(offer_of(one), by=GUEST, now=now)
            case 1:
                booking.reschedule(one, next(chosen).pk, by=GUEST, now=now)
            case 2:
                booking.cancel(one, by=GUEST, now=now)


def call_the_silent(strike: Disruption, officer: User, now: datetime) -> None:
    """Every other one says yes to a new offer, the rest wants nothing any more."""
    for number, offer in enumerate(strike.offers.filter(state=State.LAPSED).select_related("appointment")):
        if number % 2:
            offers.again(offer, replacements_for(strike, list(strike.branches.all()), now=now), by=WORKER, now=now)
            offers.accept(offer, by=by(officer), now=now)
        else:
            booking.cancel(offer.appointment, by=STAFF, now=now, reason="Δεν τον θέλει πια")
