"""Many at once, with real threads and real connections: nobody is booked twice, no seat is given twice."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from agencies.models import OpeningRule, Procedure
from appointments import booking
from appointments.errors import BookingError, HoldExpired, LimitReached, SlotTaken, WrongStatus
from appointments.models import Appointment, Status, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    SYSTEM,
    WORKER,
    a_branch,
    a_contact,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_open_branch,
)
from tests.races import assert_counts_agree, at_once

pytestmark = pytest.mark.django_db(transaction=True)

PARALLEL = 200
STORM_SECONDS = 10
LEAST_STEPS = 20  # of each person


def the_procedure() -> Procedure:
    return Procedure.objects.select_related("agency").order_by("pk")[0]


def test_two_hundred_for_one_seat_give_one() -> None:
    an_open_branch()
    slot, procedure = TimeSlot.objects.order_by("starts_at")[0], the_procedure()
    results = at_once([lambda n=n: an_appointment(slot, n, procedure=procedure) for n in range(PARALLEL)])
    assert results == {"done": 1, "SlotTaken": PARALLEL - 1}
    assert_counts_agree()


def test_two_hundred_for_sixty_seats_give_sixty() -> None:
    an_open_branch(desks=60)
    slot, procedure = TimeSlot.objects.order_by("starts_at")[0], the_procedure()
    results = at_once([lambda n=n: an_appointment(slot, n, procedure=procedure) for n in range(PARALLEL)])
    assert results == {"done": 60, "SlotTaken": PARALLEL - 60}
    slot.refresh_from_db()
    assert slot.taken == 60
    assert_counts_agree()


def test_holds_compete_like_bookings() -> None:
    an_open_branch(desks=3)
    slot, procedure = TimeSlot.objects.order_by("starts_at")[0], the_procedure()
    results = at_once([lambda: booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW)] * 40)
    assert results == {"done": 3, "SlotTaken": 37}
    assert_counts_agree()


def test_clients_of_a_time_that_two_rules_give_share_the_desks_of_both() -> None:
    branch = an_open_branch(desks=1)
    a_rule(branch, desks=2)
    a_rule(branch, desks=1, slot_minutes=5)
    publish([branch.pk], now=NOW)
    first, procedure = TimeSlot.objects.order_by("starts_at", "pk")[0], the_procedure()
    later = TimeSlot.objects.filter(starts_at=first.starts_at + timedelta(hours=2)).earliest("pk")
    same_time = list(TimeSlot.objects.filter(starts_at=first.starts_at).order_by("pk"))
    moving = [an_appointment(slot, n, procedure=procedure) for n, slot in enumerate([later] * 4)]
    calls = [lambda slot=slot: booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW) for slot in same_time]
    moves = [
        lambda one=one, slot=slot: booking.reschedule(one, slot.pk, by=STAFF, now=NOW)
        for one, slot in zip(moving, [*same_time, first], strict=True)
    ]
    results = at_once([*calls * 12, *moves])
    assert results == {"done": 4, "SlotTaken": 36}
    assert_counts_agree()


def test_one_person_in_forty_tabs_gets_one_appointment() -> None:
    an_open_branch(desks=60)
    slots, procedure = list(TimeSlot.objects.order_by("starts_at")[:40]), the_procedure()
    results = at_once([lambda slot=slot: an_appointment(slot, 1, procedure=procedure) for slot in slots])
    assert results == {"done": 1, "LimitReached": 39}
    assert_counts_agree()


def test_limit_of_three_holds_under_forty_tabs() -> None:
    an_open_branch(desks=60)
    Procedure.objects.update(open_limit=3)
    slots, procedure = list(TimeSlot.objects.order_by("starts_at")[:40]), the_procedure()
    results = at_once([lambda slot=slot: an_appointment(slot, 1, procedure=procedure) for slot in slots])
    assert results == {"done": 3, "LimitReached": 37}
    assert sorted(Appointment.objects.values_list("limit_place", flat=True)) == [0, 1, 2]
    assert_counts_agree()


def test_tabs_within_the_limit_all_book() -> None:
    """Parallel requests of one person must not take each other for one too many."""
    an_open_branch(desks=60)
    Procedure.objects.update(open_limit=20)
    slots, procedure = list(TimeSlot.objects.order_by("starts_at")[:20]), the_procedure()
    results = at_once([lambda slot=slot: an_appointment(slot, 1, procedure=procedure) for slot in slots])
    assert results == {"done": 20}


def test_one_request_sent_forty_times_books_once() -> None:
    an_open_branch()
    slot, procedure = TimeSlot.objects.order_by("starts_at")[0], the_procedure()
    contact, references = a_contact(), set()

    def send() -> bool:
        appointment = booking.book(
            slot.pk, procedure, "in_person", contact, by=SYSTEM, now=NOW, idempotency_key="kep:one"
        )
        references.add(appointment.reference)
        return True

    assert at_once([send] * 40) == {"done": 40}
    assert len(references) == 1
    assert Appointment.objects.count() == 1
    assert_counts_agree()


def test_one_hold_confirmed_twenty_times_is_one_booking() -> None:
    an_open_branch()
    slot, procedure = TimeSlot.objects.order_by("starts_at")[0], the_procedure()
    held = booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW)
    assert at_once([lambda: booking.confirm(held, a_contact(), by=GUEST, now=NOW)] * 20) == {"done": 20}
    assert held.notifications.filter(kind="confirmation").count() == 1


def test_confirm_and_expire_at_the_deadline_do_not_both_win() -> None:
    an_open_branch(desks=20)
    slot, procedure = TimeSlot.objects.order_by("starts_at")[0], the_procedure()
    holds = [booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW) for _ in range(20)]
    deadline = holds[0].expires_at
    confirm = [
        lambda n=n, held=held: booking.confirm(held, a_contact(n), by=GUEST, now=deadline - timedelta(seconds=1))
        for n, held in enumerate(holds)
    ]
    results = at_once([*confirm, *[lambda: booking.expire(by=WORKER, now=deadline) >= 0] * 5])
    booked = Appointment.objects.filter(status=Status.BOOKED).count()
    assert results.get("HoldExpired", 0) == 20 - booked
    slot.refresh_from_db()
    assert slot.taken == booked
    assert_counts_agree()


def test_two_swap_their_times_without_deadlock() -> None:
    """Each wants what the other holds: both are refused, neither loses the own time."""
    an_open_branch()
    procedure = a_procedure(Procedure.objects.get().agency, "kep-aitisi", duration_minutes=30)
    procedure = Procedure.objects.select_related("agency").get(pk=procedure.pk)
    slots = list(TimeSlot.objects.order_by("starts_at")[:6])
    early, late = an_appointment(slots[0], 1, procedure=procedure), an_appointment(slots[3], 2, procedure=procedure)
    moves = [
        lambda: booking.reschedule(early, slots[2].pk, by=STAFF, now=NOW),
        lambda: booking.reschedule(late, slots[1].pk, by=STAFF, now=NOW),
    ]
    assert at_once(moves * 10) == {"SlotTaken": 20}
    assert_counts_agree()


def test_cancelling_waits_for_a_move_to_another_branch() -> None:
    """Who waits for the lock sees the appointment where it is by then, not a row that has gone from its old branch."""
    here = an_open_branch()
    there = a_branch(here.agency, "kep-there")
    a_rule(there)
    publish([there.pk], now=NOW)
    appointment = an_appointment(TimeSlot.objects.filter(branch=here).order_by("starts_at")[0])
    slot = TimeSlot.objects.filter(branch=there).order_by("starts_at")[5]

    def cancel() -> str:
        try:
            return booking.cancel(appointment, by=STAFF, now=NOW).branch.code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            booking.reschedule(appointment, slot.pk, by=STAFF, now=NOW)
            waiting = pool.submit(cancel)
            time.sleep(0.5)
        assert waiting.result(10) == "kep-there"
    assert_counts_agree()


def test_storm_of_everything_keeps_counts_and_raises_no_deadlock() -> None:
    """Book, hold, confirm, move, cancel, expire and publish, for ten seconds at two branches, or longer on a busy machine."""
    agency = an_agency()
    short, long = a_procedure(agency), a_procedure(agency, "kep-aitisi", duration_minutes=25)
    Procedure.objects.update(open_limit=5)
    branches = [a_branch(agency, f"kep-{number}") for number in range(2)]
    rules = [a_rule(branch, desks=2) for branch in branches]
    publish([branch.pk for branch in branches], now=NOW)
    procedures = list(Procedure.objects.select_related("agency").filter(pk__in=[short.pk, long.pk]))
    until = time.monotonic() + STORM_SECONDS

    with ThreadPoolExecutor(12) as pool:
        people = [pool.submit(_a_busy_person, number, procedures, until) for number in range(10)]
        staff = [pool.submit(_a_busy_publisher, rules, until), pool.submit(_a_busy_sweeper, until)]
        done = sum((future.result() for future in people), Counter())
        [future.result() for future in staff]

    assert done["done"] > 200
    assert done.keys() <= {"done", "SlotTaken", "LimitReached", "SlotNotFound", "WrongStatus", "HoldExpired"}
    assert_counts_agree()
    publish([branch.pk for branch in branches], now=NOW)
    assert_counts_agree()


def _a_busy_person(seed: int, procedures: list[Procedure], until: float) -> Counter[str]:
    chance, results = random.Random(seed), Counter[str]()
    try:
        while time.monotonic() < until or results["done"] <= LEAST_STEPS:
            try:
                _do_something(chance, seed, chance.choice(procedures))
                results["done"] += 1
            except (SlotTaken, LimitReached, HoldExpired, WrongStatus, BookingError) as refusal:
                results[type(refusal).__name__] += 1
    finally:
        connection.close()
    return results


def _do_something(chance: random.Random, person: int, procedure: Procedure) -> None:
    slot = _any(TimeSlot.objects.filter(desks__gt=0).order_by("starts_at")[:60], chance)
    mine = _any(Appointment.objects.open().filter(email=f"citizen{person}@example.org"), chance)
    match chance.randrange(5):
        case 0 | 1 if slot:
            booking.book(slot.pk, procedure, "in_person", a_contact(person), by=GUEST, now=NOW)
        case 2 if slot:
            held = booking.hold(
                slot.pk, procedure, "in_person", by=GUEST, now=NOW - timedelta(minutes=chance.choice([0, 20]))
            )
            booking.confirm(held, a_contact(person), by=GUEST, now=NOW)
        case 3 if mine and slot:
            booking.reschedule(mine, slot.pk, by=STAFF, now=NOW)
        case 4 if mine:
            booking.cancel(mine, by=STAFF, now=NOW)


def _any(rows: Any, chance: random.Random) -> Any:
    found = list(rows)
    return chance.choice(found) if found else None


def _a_busy_publisher(rules: list[OpeningRule], until: float) -> None:
    chance = random.Random(99)
    try:
        while time.monotonic() < until:
            rule = chance.choice(rules)
            changes = {"desks": chance.randint(1, 3), "slot_minutes": chance.choice([10, 10, 15])}
            OpeningRule.objects.filter(pk=rule.pk).update(**changes)
            publish([rule.branch_id], now=NOW)
    finally:
        connection.close()


def _a_busy_sweeper(until: float) -> None:
    try:
        while time.monotonic() < until:
            booking.expire(by=WORKER, now=NOW)
            time.sleep(0.02)
    finally:
        connection.close()
