from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agencies.models import Branch, Channel, Closure, OpeningRule, Procedure
from agencies.openings.walk_ins import walk_in_rules
from appointments import booking
from appointments.errors import SlotNotReleased
from appointments.models import Appointment, TimeSlot
from appointments.times.availability import earliest, free_times, free_times_json, next_free
from appointments.times.publishing import NEVER, Published, publish, publish_all
from appointments.times.week import find_seven_days
from tests.builders import (
    ATHENS,
    EVERY_DAY,
    GUEST,
    NOW,
    STAFF,
    SYSTEM,
    TUESDAY,
    a_branch,
    a_closure,
    a_contact,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_open_branch,
    at,
    slot_at,
    slots_of,
)

pytestmark = pytest.mark.django_db


def local_times(branch: Branch, day: date) -> list[str]:
    """The day's slots on the branch's wall clock, as "08:00–08:10"."""
    slots = TimeSlot.objects.filter(branch=branch, capacity__gt=0).order_by("starts_at")
    times = [(branch.local(slot.starts_at), branch.local(slot.ends_at)) for slot in slots]
    return [f"{start:%H:%M}–{end:%H:%M}" for start, end in times if start.date() == day]


def test_publish_twice_changes_nothing() -> None:
    branch = an_open_branch()
    # 2 to 16 March are eleven weekdays: six hours of six slots each.
    assert TimeSlot.objects.count() == 11 * 36
    assert publish([branch.pk], now=NOW) == Published()


def test_publish_reaches_the_horizon_and_no_further() -> None:
    branch = an_open_branch(weekdays=EVERY_DAY)
    days = {branch.local(slot.starts_at).date() for slot in TimeSlot.objects.all()}
    assert (min(days), max(days)) == (date(2026, 3, 2), date(2026, 3, 16))


def test_publish_leaves_out_times_of_today_that_have_passed() -> None:
    branch = a_branch(an_agency())
    a_rule(branch)
    publish([branch.pk], now=at(13, 35, day=date(2026, 3, 2)))
    assert local_times(branch, date(2026, 3, 2)) == ["13:40–13:50", "13:50–14:00"]


def test_publish_slot_that_does_not_fit_before_closing_is_left_out() -> None:
    branch = an_open_branch(opens_at=time(13), closes_at=time(13, 50), slot_minutes=20)
    assert local_times(branch, TUESDAY) == ["13:00–13:20", "13:20–13:40"]


def test_publish_every_second_week_counts_from_the_first() -> None:
    branch = an_open_branch(weekdays=[2], every_n_weeks=2, valid_from=date(2026, 2, 25))
    assert {branch.local(slot.starts_at).date() for slot in TimeSlot.objects.all()} == {date(2026, 3, 10)}


def test_publish_season_ends_on_its_last_day() -> None:
    an_open_branch(weekdays=EVERY_DAY, valid_from=date(2026, 3, 4), valid_until=date(2026, 3, 5))
    days = {slot.starts_at.astimezone(ATHENS).date() for slot in TimeSlot.objects.all()}
    assert days == {date(2026, 3, 4), date(2026, 3, 5)}


def test_publish_holiday_has_no_slots() -> None:
    branch = an_open_branch()
    a_closure(branch, TUESDAY, kind=Closure.Kind.HOLIDAY)
    assert publish([branch.pk], now=NOW) == Published(removed=36)
    assert local_times(branch, TUESDAY) == []


def test_publish_agency_closure_closes_its_branches_and_no_others() -> None:
    branch = an_open_branch()
    elsewhere = a_branch(an_agency("efka"), "efka-chania")
    a_rule(elsewhere)
    Closure.objects.create(agency=branch.agency, from_date=TUESDAY, until_date=TUESDAY)
    publish_all(now=NOW)
    assert local_times(branch, TUESDAY) == []
    assert len(local_times(elsewhere, TUESDAY)) == 36


def test_publish_closed_hours_touch_no_slot_beside_them() -> None:
    branch = an_open_branch(closes_at=time(9))
    a_closure(branch, TUESDAY, from_time=time(8, 15), until_time=time(8, 30))
    publish([branch.pk], now=NOW)
    assert local_times(branch, TUESDAY) == ["08:00–08:10", "08:30–08:40", "08:40–08:50", "08:50–09:00"]


def test_publish_absences_add_up_to_desks_away() -> None:
    branch = an_open_branch(desks=3)
    a_closure(branch, TUESDAY, kind=Closure.Kind.ABSENCE, desks=1)
    a_closure(branch, TUESDAY, kind=Closure.Kind.ABSENCE, desks=1, from_time=time(12), until_time=time(14))
    publish([branch.pk], now=NOW)
    slots = TimeSlot.objects.filter(starts_at__gte=at(0), starts_at__lt=at(23))
    assert set(slots.filter(starts_at__lt=at(12)).values_list("capacity", flat=True)) == {2}
    assert set(slots.filter(starts_at__gte=at(12)).values_list("capacity", flat=True)) == {1}


def test_publish_release_time_is_on_the_branch_clock() -> None:
    branch = an_open_branch(release_days=7, release_at=time(9))
    slot = next(slot for slot in slots_of(branch) if branch.local(slot.starts_at).date() == date(2026, 3, 12))
    assert slot.bookable_from == datetime(2026, 3, 5, 9, 0, tzinfo=ATHENS)


# Changes over taken slots


def test_publish_closure_over_an_appointment_keeps_it_and_reports_it() -> None:
    branch = an_open_branch()
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == at(9))
    appointment = an_appointment(slot)
    a_closure(branch, TUESDAY)
    assert publish([branch.pk], now=NOW) == Published(removed=35, kept=1)
    assert list(Appointment.objects.unplaced(now=NOW)) == [appointment]
    assert publish([branch.pk], now=NOW) == Published()
    slot.refresh_from_db()
    assert (slot.desks, slot.capacity, slot.taken) == (0, 1, 1)


def test_appointment_that_has_begun_is_no_longer_reported() -> None:
    branch = an_open_branch(desks=2)
    long = a_procedure(branch.agency, "kep-long", duration_minutes=30)
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == at(9))
    begun = an_appointment(slot, 1, procedure=long)
    ahead = an_appointment(slot_at(at(9, 20), branch), 2)
    OpeningRule.objects.update(desks=1)
    publish([branch.pk], now=NOW)
    assert set(Appointment.objects.unplaced(now=at(8, 59))) == {ahead}
    assert set(Appointment.objects.unplaced(now=at(9, 15))) == {ahead}
    a_closure(branch, TUESDAY)
    publish([branch.pk], now=NOW)
    assert set(Appointment.objects.unplaced(now=at(8, 59))) == {begun, ahead}
    assert set(Appointment.objects.unplaced(now=at(9))) == {ahead}
    assert not Appointment.objects.unplaced(now=at(9, 20)).exists()


def test_publish_lifted_closure_gives_the_place_back() -> None:
    branch = an_open_branch(desks=2)
    an_appointment(next(slot for slot in slots_of(branch) if slot.starts_at == at(9)))
    closure = a_closure(branch, TUESDAY)
    publish([branch.pk], now=NOW)
    closure.delete()
    assert publish([branch.pk], now=NOW) == Published(added=35, changed=1)
    assert not Appointment.objects.unplaced(now=NOW).exists()


def test_publish_fewer_desks_reports_those_who_booked_last() -> None:
    branch = an_open_branch(desks=3)
    slot = slots_of(branch)[40]
    appointments = [an_appointment(slot, number) for number in range(3)]
    OpeningRule.objects.update(desks=1)
    publish([branch.pk], now=NOW)
    assert list(Appointment.objects.unplaced(now=NOW, branches=[branch.pk])) == appointments[1:]


def test_cancelled_surplus_is_not_offered_again() -> None:
    branch = an_open_branch(desks=2)
    slot = slots_of(branch)[40]
    first, second = an_appointment(slot, 1), an_appointment(slot, 2)
    OpeningRule.objects.update(desks=1)
    publish([branch.pk], now=NOW)
    booking.cancel(second, by=STAFF, now=NOW)
    slot.refresh_from_db()
    assert (slot.taken, slot.capacity) == (1, 1)
    booking.cancel(first, by=STAFF, now=NOW)
    slot.refresh_from_db()
    assert (slot.taken, slot.capacity) == (0, 1)


def test_publish_deleted_rule_keeps_taken_slots_alone() -> None:
    branch = an_open_branch()
    appointment = an_appointment(slots_of(branch)[40])
    OpeningRule.objects.all().delete()
    publish([branch.pk], now=NOW)
    assert TimeSlot.objects.count() == 1
    assert list(Appointment.objects.unplaced(now=NOW)) == [appointment]


def test_publish_new_slot_length_leaves_room_for_what_is_booked() -> None:
    """One desk, booked 08:10–08:20; with slots of 15 minutes 08:00 and 08:15 cross it and cannot be offered."""
    branch = an_open_branch(closes_at=time(9))
    appointment = an_appointment(next(slot for slot in slots_of(branch) if slot.starts_at == at(8, 10)))
    OpeningRule.objects.update(slot_minutes=15)
    publish([branch.pk], now=NOW)
    assert local_times(branch, TUESDAY) == ["08:10–08:20", "08:30–08:45", "08:45–09:00"]
    assert list(Appointment.objects.unplaced(now=NOW)) == [appointment]
    assert publish([branch.pk], now=NOW) == Published()
    booking.cancel(appointment, by=STAFF, now=NOW)
    publish([branch.pk], now=NOW)
    assert local_times(branch, TUESDAY) == ["08:00–08:15", "08:15–08:30", "08:30–08:45", "08:45–09:00"]


def test_publish_does_not_touch_the_past() -> None:
    branch = an_open_branch()
    later = NOW + timedelta(days=3)
    before = TimeSlot.objects.filter(starts_at__lte=later).count()
    a_closure(branch, date(2026, 1, 1), until_date=date(2026, 12, 31))
    publish([branch.pk], now=later)
    assert TimeSlot.objects.count() == before
    publish_all(now=later)
    assert TimeSlot.objects.filter(starts_at__lt=later - timedelta(days=1)).count() == 0


def test_publish_takes_a_constant_number_of_queries() -> None:
    first = an_open_branch()
    agency = first.agency
    others = [a_branch(agency, f"kep-{number}") for number in range(3)]
    for branch in others:
        a_rule(branch)
    with CaptureQueriesContext(connection) as one:
        publish([first.pk], now=NOW)
    with CaptureQueriesContext(connection) as four:
        publish([first.pk, *(branch.pk for branch in others)], now=NOW)
    assert len(one) == len(four)


# Nights in which clocks change


@pytest.mark.parametrize(
    ("zone", "night", "expected"),
    [
        # 03:00 becomes 04:00: the hour from three does not exist.
        ("Europe/Athens", date(2026, 3, 29), ["01", "02", "04", "05"]),
        ("America/New_York", date(2026, 3, 8), ["01", "03", "04", "05"]),
        ("Australia/Melbourne", date(2026, 10, 4), ["01", "03", "04", "05"]),
        # 04:00 becomes 03:00 again: the hour from three is used once.
        ("Europe/Athens", date(2026, 10, 25), ["01", "02", "03", "04", "05"]),
        ("America/New_York", date(2026, 11, 1), ["01", "02", "03", "04", "05"]),
        ("Australia/Melbourne", date(2026, 4, 5), ["01", "02", "03", "04", "05"]),
        # Half an hour, half hours, quarters.
        ("Australia/Lord_Howe", date(2026, 10, 4), ["01", "03", "04", "05"]),
        ("Asia/Kolkata", date(2026, 3, 29), ["01", "02", "03", "04", "05"]),
        ("Asia/Kathmandu", date(2026, 3, 29), ["01", "02", "03", "04", "05"]),
    ],
)
def test_publish_on_a_night_of_clock_change(zone: str, night: date, expected: list[str]) -> None:
    branch = a_branch(an_agency("consul"), "consul-there", timezone=zone)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(1), closes_at=time(6), slot_minutes=60)
    publish([branch.pk], now=datetime.combine(night - timedelta(days=2), time(12), ZoneInfo(zone)))
    assert [text[:2] for text in local_times(branch, night)] == expected


@pytest.mark.parametrize(
    ("zone", "night"), [("America/Santiago", date(2026, 9, 6)), ("Africa/Cairo", date(2026, 4, 24))]
)
def test_publish_where_midnight_does_not_exist(zone: str, night: date) -> None:
    branch = a_branch(an_agency("consul"), "consul-there", timezone=zone)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(0), closes_at=time(3), slot_minutes=60)
    publish([branch.pk], now=datetime.combine(night - timedelta(days=2), time(12), ZoneInfo(zone)))
    assert local_times(branch, night) == ["01:00–02:00", "02:00–03:00"]


@pytest.mark.parametrize(
    ("zone", "night"), [("America/Santiago", date(2026, 4, 4)), ("Africa/Cairo", date(2026, 10, 29))]
)
def test_publish_where_the_hour_before_midnight_comes_twice(zone: str, night: date) -> None:
    branch = a_branch(an_agency("consul"), "consul-there", timezone=zone)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(22, 30), closes_at=time(23, 59), slot_minutes=30)
    publish([branch.pk], now=datetime.combine(night - timedelta(days=2), time(12), ZoneInfo(zone)))
    assert local_times(branch, night) == ["22:30–23:00", "23:00–23:30"]


def test_publish_no_slots_of_a_rule_overlap_at_a_clock_change() -> None:
    """45 minutes do not divide the hour: a slot that would straddle the jump is left out."""
    branch = a_branch(an_agency("consul"), "consul-athens-night")
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(0, 15), closes_at=time(7), slot_minutes=45)
    publish([branch.pk], now=datetime(2026, 3, 28, 12, tzinfo=ATHENS))
    slots = list(TimeSlot.objects.order_by("starts_at"))
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(slots))
    assert "02:30–04:15" not in local_times(branch, date(2026, 3, 29))


# What is free


def test_procedure_longer_than_a_slot_takes_the_next_ones() -> None:
    branch = an_open_branch()
    long = a_procedure(branch.agency, "kep-aitisi", duration_minutes=25, channels=[Channel.IN_PERSON])
    slots = slots_of(branch)
    appointment = an_appointment(slots[0], procedure=Procedure.objects.select_related("agency").get(pk=long.pk))
    assert appointment.slot_ids == [slot.pk for slot in slots[:3]]
    assert appointment.ends_at - appointment.starts_at == timedelta(minutes=25)
    assert list(TimeSlot.objects.filter(taken=1)) == slots[:3]


# Desks away


def desks_by_rule(branch: Branch) -> list[tuple[str, int]]:
    slots = TimeSlot.objects.filter(branch=branch, starts_at=at(10)).select_related("rule")
    return sorted((slot.rule.purpose, slot.desks) for slot in slots if slot.rule)


@pytest.mark.parametrize(
    ("away", "left"),
    [
        (1, [("assisted", 1), ("public", 2)]),
        (3, [("assisted", 1)]),
        (4, [("assisted", 1)]),
        (5, []),
        (None, []),
    ],
)
def test_absence_takes_its_desks_once_from_the_largest_share(away: int | None, left: list[tuple[str, int]]) -> None:
    """Three desks for the public, one for assisted booking, one for visits without an appointment."""
    branch = an_open_branch(desks=3)
    a_rule(branch, purpose="assisted")
    a_rule(branch, purpose="walk_in", slot_minutes=60)
    a_closure(branch, TUESDAY, desks=away)
    publish([branch.pk], now=NOW)
    assert desks_by_rule(branch) == left
    assert bool(walk_in_rules(branch, now=at(10))) == (away in {1, 3})


def test_absence_takes_from_a_rule_what_the_larger_one_does_not_cover() -> None:
    branch = an_open_branch(desks=3, closes_at=time(10))
    a_rule(branch, opens_at=time(9), closes_at=time(12), slot_minutes=60, desks=2)
    a_closure(branch, TUESDAY, desks=1)
    publish([branch.pk], now=NOW)
    hourly = TimeSlot.objects.filter(rule__slot_minutes=60, starts_at__gte=at(8), starts_at__lt=at(13))
    assert list(hourly.order_by("starts_at").values_list("desks", flat=True)) == [2, 1, 1]


# Purposes


def test_walk_in_opening_has_no_slots() -> None:
    branch = an_open_branch(purpose="walk_in")
    assert not TimeSlot.objects.filter(branch=branch).exists()


def test_opening_turned_to_walk_ins_withdraws_its_times_and_keeps_who_booked() -> None:
    branch = an_open_branch()
    appointment = an_appointment(slots_of(branch)[0])
    OpeningRule.objects.update(purpose="walk_in")
    publish([branch.pk], now=NOW)
    assert [slot.pk for slot in TimeSlot.objects.all()] == appointment.slot_ids
    assert list(Appointment.objects.unplaced(now=NOW)) == [appointment]


def test_assisted_times_are_never_released_whatever_the_rule_says() -> None:
    branch = an_open_branch(purpose="assisted", release_days=0, release_at=time(7))
    assert {slot.bookable_from for slot in TimeSlot.objects.filter(branch=branch)} == {NEVER}
    assert publish([branch.pk], now=NOW) == Published()
    OpeningRule.objects.update(purpose="public", release_days=None)
    publish([branch.pk], now=NOW)
    assert {slot.bookable_from for slot in TimeSlot.objects.filter(branch=branch)} == {None}


@pytest.mark.usefixtures("clock")
def test_public_never_sees_assisted_times(client: Client) -> None:
    branch = an_open_branch(purpose="assisted")
    procedure = Procedure.objects.select_related("agency").get()
    asked = {"now": NOW, "since": NOW, "until": NOW + timedelta(days=14)}
    assert free_times(procedure, branch, Channel.IN_PERSON, **asked) == []
    assert free_times_json(procedure, branch, Channel.IN_PERSON, **asked) == "[]"
    assert earliest(procedure, Channel.IN_PERSON, now=NOW) == {}
    assert not Branch.objects.serving(procedure, Channel.IN_PERSON).exists()
    query = {"procedure": procedure.code, "channel": "in_person"}
    for place in ({}, {"branch": branch.code}):
        assert client.get("/api/v1/slots/", query | place).json() == []
    slot = TimeSlot.objects.filter(starts_at__gt=NOW + timedelta(days=1)).first()
    assert slot is not None
    for actor in (GUEST, SYSTEM):
        with pytest.raises(SlotNotReleased):
            booking.book(slot.pk, procedure, Channel.IN_PERSON, a_contact(), by=actor, now=NOW)
    with pytest.raises(SlotNotReleased):
        booking.hold(slot.pk, procedure, Channel.IN_PERSON, by=GUEST, now=NOW)
    OpeningRule.objects.update(purpose="public")
    assert Branch.objects.serving(procedure, Channel.IN_PERSON).exists()
    OpeningRule.objects.update(purpose="walk_in")
    assert not Branch.objects.serving(procedure, Channel.IN_PERSON).exists()


def test_officers_see_book_and_move_to_assisted_times() -> None:
    branch = an_open_branch(purpose="assisted")
    procedure = Procedure.objects.select_related("agency").get()
    found = find_seven_days(procedure, branch, Channel.IN_PERSON, asked=date(2026, 3, 3), now=NOW)
    first, second, *_others = found.days[0].times
    assert next_free(branch, now=NOW) == at(8, day=date(2026, 3, 2))
    appointment = booking.book(first.slot, procedure, Channel.IN_PERSON, a_contact(), by=STAFF, now=NOW)
    with pytest.raises(SlotNotReleased):
        booking.reschedule(appointment, second.slot, by=GUEST, now=NOW)
    moved = booking.reschedule(appointment, second.slot, by=STAFF, now=NOW)
    assert moved.starts_at == second.starts_at


def test_officers_are_led_to_the_first_assisted_time() -> None:
    branch = an_open_branch(purpose="assisted", valid_from=date(2026, 3, 12))
    procedure = Procedure.objects.select_related("agency").get()
    assert find_seven_days(procedure, branch, Channel.IN_PERSON, asked=None, now=NOW).soonest == date(2026, 3, 12)
