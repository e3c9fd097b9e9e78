"""Several opening rules of a branch give the same time: it is one time, with the desks of all of them."""

import json
from collections import defaultdict
from datetime import datetime, time, timedelta
from random import Random

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agencies.models import Branch, Channel, OpeningRule, Procedure
from appointments import booking, offers
from appointments.booking.persons import Contact
from appointments.calendar import agenda
from appointments.errors import SlotNotReleased, SlotTaken
from appointments.models import Appointment, Offer, Status, TimeSlot
from appointments.offers.replacements import Replacements
from appointments.times import asking
from appointments.times.availability import earliest, free_times, free_times_json
from appointments.times.publishing import publish
from appointments.times.week import find_seven_days, find_week
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    TUESDAY,
    WEDNESDAY,
    WORKER,
    a_branch,
    a_contact,
    a_procedure,
    a_rule,
    an_agency,
    an_officer,
    at,
    slot_at,
    somebody_new,
)

pytestmark = pytest.mark.django_db

NINE = at(9)
IN_PERSON = Channel.IN_PERSON


def the_procedure(code: str = "kep-dilosi") -> Procedure:
    return Procedure.objects.select_related("agency").get(code=code)


def two_rules(**second: object) -> Branch:
    """Makes a branch with two rules of one desk each, which give the hours from 8 to 10 on Tuesdays."""
    branch = a_branch(an_agency())
    a_procedure(branch.agency)
    for more in ({}, second):
        a_rule(branch, **{"weekdays": [2], "opens_at": time(8), "closes_at": time(10), **more})
    publish([branch.pk], now=NOW)
    return branch


def listed(branch: Branch, procedure: Procedure, channel: str = IN_PERSON, **more: bool) -> dict[datetime, tuple]:
    """Returns the free times of the Tuesday: which slot stands for each, and how many can book it."""
    found = free_times(procedure, branch, channel, now=NOW, since=at(0), until=at(23), **more)
    assert len({one.starts_at for one in found}) == len(found), "a time is listed twice"
    return {one.starts_at: (one.slot, one.free) for one in found}


def first_at(branch: Branch, moment: datetime) -> TimeSlot:
    return TimeSlot.objects.filter(branch=branch, starts_at=moment).earliest("pk")


def hold(slot: int, procedure: Procedure | None = None) -> Appointment:
    return booking.hold(slot, procedure or the_procedure(), IN_PERSON, by=GUEST, now=NOW)


def book(slot: int, person: int, **more: str) -> Appointment:
    contact: Contact = a_contact(person)
    return booking.book(slot, the_procedure(), IN_PERSON, contact, by=STAFF, now=NOW, **more)


# One time, everywhere


def test_two_rules_at_one_hour_are_one_time_with_both_desks() -> None:
    branch, procedure = two_rules(), the_procedure()
    slot, free = listed(branch, procedure)[NINE]
    assert free == 2
    shown = json.loads(free_times_json(procedure, branch, IN_PERSON, now=NOW, since=at(0), until=at(23)))
    assert [(one["id"], one["free"]) for one in shown if "T09:00" in one["starts_at"]] == [(slot, 2)]
    first = earliest(procedure, IN_PERSON, now=NOW)[branch.pk]
    assert (first.slot, first.starts_at, first.free) == (first_at(branch, at(8)).pk, at(8), 2)
    week = find_week(procedure, branch, IN_PERSON, asked=None, now=NOW)
    seven = find_seven_days(procedure, branch, IN_PERSON, asked=None, now=NOW)
    assert week
    assert (TUESDAY, 12) in week.days
    for days in ([week.open], seven.days):
        times = [one.slot for day in days for one in day.times if one.starts_at == NINE]
        assert times == [slot]
    hours = agenda.opening(agenda.Days(branch, TUESDAY, TUESDAY + timedelta(days=1)), NOW).hours
    assert [(hour.clock, hour.free, hour.places) for hour in hours.values()] == [("08:00", 12, 12), ("09:00", 12, 12)]


@pytest.mark.usefixtures("clock")
def test_api_lists_a_time_of_two_rules_once(client: Client) -> None:
    two_rules()
    address = "/api/v1/slots/?procedure=kep-dilosi&channel=in_person"
    (first,) = client.get(address).json()
    times = client.get(f"{address}&branch=kep-chania").json()
    assert [one["free"] for one in times] == [2] * 24  # twelve on each of two Tuesdays
    assert times[0] == first


# Taking the time: whichever rule has a desk


def test_second_hold_takes_the_other_rules_desk_and_the_third_is_refused() -> None:
    branch = two_rules()
    slot, _free = listed(branch, the_procedure())[NINE]
    held = [hold(slot), hold(slot)]
    assert sorted(pk for one in held for pk in one.slot_ids) == [
        *TimeSlot.objects.filter(starts_at=NINE).order_by("pk").values_list("pk", flat=True)
    ]
    assert NINE not in listed(branch, the_procedure())
    with pytest.raises(SlotTaken):
        hold(slot)


def test_booking_moving_and_offering_take_the_other_rules_desk_too() -> None:
    branch = two_rules()
    nine, eight = first_at(branch, NINE), first_at(branch, at(8))
    book(nine.pk, 1)
    booked = book(eight.pk, 2)
    moved = booking.reschedule(booked, nine.pk, by=STAFF, now=NOW)
    assert (moved.starts_at, moved.slot_ids == [nine.pk]) == (NINE, False)
    assert not TimeSlot.objects.filter(starts_at=at(8), taken__gt=0).exists()
    with pytest.raises(SlotTaken):
        booking.reschedule(book(eight.pk, 3), nine.pk, by=STAFF, now=NOW)
    assert Appointment.objects.get(email="citizen3@example.org").starts_at == at(8)


def test_offers_of_one_time_use_the_desks_of_both_rules() -> None:
    branch = two_rules()
    a_rule(branch, weekdays=[3], closes_at=time(8, 10), desks=3)
    publish([branch.pk], now=NOW)
    people = [book(slot_at(at(8, day=WEDNESDAY)).pk, person) for person in (1, 2, 3)]
    TimeSlot.objects.exclude(starts_at=at(9, 50)).filter(taken=0).delete()
    TimeSlot.objects.filter(starts_at__gt=at(8, day=WEDNESDAY)).delete()
    found = Replacements(["same"], now=NOW)
    source, because = offers.Source(found.candidates, found.gave), offers.Because(Offer.Reason.SUGGESTION)
    loaded = Appointment.objects.select_related("agency", "branch", "procedure__agency").in_bulk()
    made = [offers.make(loaded[one.pk], because, source, by=WORKER, now=NOW) for one in people]
    assert [offer and offer.hold and offer.hold.starts_at for offer in made] == [at(9, 50), at(9, 50), None]


def test_one_idempotency_key_gets_one_desk_of_two() -> None:
    slot = first_at(two_rules(), NINE).pk
    assert book(slot, 1, idempotency_key="k").pk == book(slot, 1, idempotency_key="k").pk
    assert TimeSlot.objects.filter(starts_at=NINE, taken=1).count() == 1


def test_time_of_another_rule_is_not_taken_before_it_is_released() -> None:
    branch = two_rules(release_days=0, release_at=time(7))
    slot = first_at(branch, NINE)
    hold(slot.pk)
    with pytest.raises(SlotTaken):
        hold(slot.pk)
    unreleased = TimeSlot.objects.filter(starts_at=NINE).latest("pk")
    with pytest.raises(SlotNotReleased):
        hold(unreleased.pk)
    assert book(slot.pk, 2).slot_ids == [unreleased.pk], "officers may book it already"


@pytest.mark.parametrize("other", ["channel", "service"])
def test_desk_of_a_rule_for_something_else_is_not_taken(other: str) -> None:
    branch = two_rules(**{"channels": [Channel.VIDEO]} if other == "channel" else {})
    if other == "service":
        OpeningRule.objects.latest("pk").procedures.add(a_procedure(branch.agency, "kep-other"))
    slot = first_at(branch, NINE).pk
    assert listed(branch, the_procedure())[NINE] == (slot, 1)
    hold(slot)
    with pytest.raises(SlotTaken):
        hold(slot)


def test_service_of_several_slots_takes_them_of_one_rule() -> None:
    branch = two_rules(slot_minutes=20)
    long = a_procedure(branch.agency, "kep-long", duration_minutes=40)
    long = the_procedure(long.code)
    slot, free = listed(branch, long)[NINE]
    assert free == 2
    lengths = sorted(len(hold(slot, long).slot_ids) for _each in range(2))
    assert lengths == [2, 4]
    with pytest.raises(SlotTaken):
        hold(slot, long)


def test_one_rule_costs_no_further_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    branch, procedure = two_rules(), the_procedure()
    asked = asking.bookable_slot(first_at(branch, NINE).pk, procedure, IN_PERSON, now=NOW)
    with django_assert_num_queries(3):  # with the savepoint that a test's transaction needs
        booking.book_asked(asked, IN_PERSON, a_contact(), by=STAFF, now=NOW)


@pytest.mark.usefixtures("clock")
def test_officer_who_drops_an_appointment_twice_moves_it_once(client: Client) -> None:
    branch = two_rules()
    nine = first_at(branch, NINE)
    hold(nine.pk)
    booked = book(first_at(branch, at(8)).pk, 1)
    client.force_login(an_officer(branch))
    address = f"/admin/appointments/appointment/{booked.reference}/calendar-move/"
    answers = [client.post(address, {"slot": nine.pk, "revision": 0}).status_code for _each in range(2)]
    assert answers == [204, 204]
    booked.refresh_from_db()
    assert (booked.starts_at, booked.revision) == (NINE, 1)


# A plain count, slot by slot, is the oracle.


def counted(branch: Branch, procedure: Procedure, channel: str, *, assisted: bool) -> dict[datetime, int]:
    """Counts, for each time of the Tuesday, the desks of every rule whose slots are free one after the other."""
    found: dict[datetime, int] = defaultdict(int)
    for rule in branch.opening_rules.all():
        named = set(rule.procedures.values_list("pk", flat=True))
        if channel not in rule.channels or channel not in procedure.channels or (named and procedure.pk not in named):
            continue
        slots = {slot.starts_at: slot for slot in TimeSlot.objects.filter(rule=rule)}
        for starts_at in slots:
            left, moment = [], starts_at
            while moment < starts_at + procedure.duration:
                slot = slots.get(moment)
                open_to = slot is not None and (assisted or not slot.bookable_from or slot.bookable_from <= NOW)
                left.append(slot.capacity - slot.taken if slot and open_to else 0)
                moment += timedelta(minutes=rule.slot_minutes)
            found[starts_at] += min(left)
    return {moment: free for moment, free in found.items() if free and at(0) <= moment < at(23)}


def a_random_branch(random: Random) -> Branch:
    branch = a_branch(an_agency())
    services = [
        a_procedure(branch.agency, f"kep-{minutes}", duration_minutes=minutes, open_limit=20)
        for minutes in (10, 25, 40)
    ]
    for _rule in range(random.randint(1, 4)):
        rule = a_rule(
            branch,
            weekdays=[2],
            opens_at=time(8, random.choice([0, 0, 20])),
            closes_at=time(10),
            slot_minutes=random.choice([10, 10, 20]),
            desks=random.randint(1, 2),
            channels=random.choice([[IN_PERSON], [IN_PERSON, Channel.VIDEO]]),
            purpose=random.choice([OpeningRule.Purpose.PUBLIC] * 3 + [OpeningRule.Purpose.ASSISTED]),
        )
        rule.procedures.set(random.choice([[], [], random.sample(services, 2)]))
    publish([branch.pk], now=NOW)
    return branch


@pytest.mark.parametrize("seed", range(25))
def test_free_times_are_what_can_be_booked(seed: int) -> None:
    random = Random(seed)
    branch = a_random_branch(random)
    services = list(Procedure.objects.select_related("agency").order_by("pk"))
    for _round in range(12):
        procedure, channel = random.choice(services), random.choice([IN_PERSON, Channel.VIDEO])
        assisted = random.random() < 0.4
        found = listed(branch, procedure, channel, assisted=assisted)
        oracle = counted(branch, procedure, channel, assisted=assisted)
        assert {moment: free for moment, (_slot, free) in found.items()} == oracle
        if not assisted:
            first = earliest(procedure, channel, now=NOW).get(branch.pk)
            this_week = first and first.starts_at < at(23)
            assert min(oracle.items(), default=None) == ((first.starts_at, first.free) if first and this_week else None)
        if not found:
            continue
        slot, free = found[random.choice(list(found))]
        actor, taken = STAFF if assisted else GUEST, random.choice([1, free])
        for _each in range(taken):
            booking.book(slot, procedure, channel, a_contact(somebody_new()), by=actor, now=NOW)
        if taken == free:
            with pytest.raises(SlotTaken):
                booking.book(slot, procedure, channel, a_contact(somebody_new()), by=actor, now=NOW)
        if random.random() < 0.5:
            gone = random.choice(list(Appointment.objects.filter(status=Status.BOOKED)))
            booking.cancel(gone, by=STAFF, now=NOW)
