from datetime import timedelta
from itertools import combinations

import pytest
from django.db import connection

from agencies.models import Procedure
from appointments import booking
from appointments.errors import HoldExpired, LimitReached, SlotTaken, TooLate
from appointments.models import Appointment, Status, TimeSlot
from tests.builders import GUEST, NOW, STAFF, WORKER, a_contact, an_appointment, an_open_branch, minutes, slots_of

pytestmark = pytest.mark.django_db


def test_book_takes_the_slot() -> None:
    slot = slots_of(an_open_branch())[0]
    appointment = an_appointment(slot)
    slot.refresh_from_db()
    assert (slot.taken, appointment.status, appointment.slot_ids) == (1, Status.BOOKED, [slot.pk])
    assert appointment.ends_at - appointment.starts_at == minutes(10)


def test_book_full_slot_is_refused() -> None:
    slot = slots_of(an_open_branch())[0]
    an_appointment(slot)
    with pytest.raises(SlotTaken):
        an_appointment(slot, 2)
    assert Appointment.objects.count() == 1


def test_book_twice_for_one_person_is_refused() -> None:
    slots = slots_of(an_open_branch())
    an_appointment(slots[0])
    with pytest.raises(LimitReached):
        an_appointment(slots[5])
    assert TimeSlot.objects.get(pk=slots[5].pk).taken == 0


def test_hold_then_confirm_books() -> None:
    slot = slots_of(an_open_branch())[0]
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW)
    assert held.expires_at == NOW + minutes(10)
    confirmed = booking.confirm(held, a_contact(), by=GUEST, now=NOW + minutes(9))
    assert confirmed.status == Status.BOOKED
    assert confirmed.notifications.filter(kind="confirmation").count() == 1
    assert booking.confirm(held, a_contact(), by=GUEST, now=NOW + minutes(9)).pk == confirmed.pk


def test_confirm_after_the_deadline_is_refused() -> None:
    slot = slots_of(an_open_branch())[0]
    held = booking.hold(slot.pk, Procedure.objects.select_related("agency").get(), "in_person", by=GUEST, now=NOW)
    with pytest.raises(HoldExpired):
        booking.confirm(held, a_contact(), by=GUEST, now=NOW + minutes(10))
    assert booking.expire(by=WORKER, now=NOW + minutes(10)) == 1
    slot.refresh_from_db()
    assert slot.taken == 0


def test_reschedule_moves_the_taken_slot() -> None:
    first, *_, other = slots_of(an_open_branch())
    appointment = an_appointment(first)
    moved = booking.reschedule(appointment, other.pk, by=GUEST, now=NOW)
    first.refresh_from_db()
    other.refresh_from_db()
    assert (first.taken, other.taken, moved.revision, moved.starts_at) == (0, 1, 1, other.starts_at)


def test_reschedule_to_a_full_slot_keeps_the_old_one() -> None:
    first, *_, other = slots_of(an_open_branch())
    appointment = an_appointment(first)
    an_appointment(other, 2)
    with pytest.raises(SlotTaken):
        booking.reschedule(appointment, other.pk, by=GUEST, now=NOW)
    appointment.refresh_from_db()
    first.refresh_from_db()
    assert (first.taken, appointment.slot_ids) == (1, [first.pk])


def test_cancel_gives_the_slot_back() -> None:
    slot = slots_of(an_open_branch())[30]
    appointment = booking.cancel(an_appointment(slot), by=GUEST, now=NOW)
    slot.refresh_from_db()
    assert (slot.taken, appointment.status, appointment.slot_ids) == (0, Status.CANCELLED, [])


def test_cancel_too_late_is_refused_for_citizens() -> None:
    slot = slots_of(an_open_branch())[30]
    appointment = an_appointment(slot)
    with pytest.raises(TooLate):
        booking.cancel(appointment, by=GUEST, now=slot.starts_at - timedelta(minutes=59))
    assert booking.cancel(appointment, by=STAFF, now=slot.starts_at).status == Status.CANCELLED


@pytest.mark.parametrize("open_limit", [1, 2, 3])
@pytest.mark.django_db
def test_lowest_free_place_of_a_person_is_given(open_limit: int) -> None:
    """For every set of places that the person's open appointments have; ended ones and those of others do not count."""
    slots = slots_of(an_open_branch())
    own = [an_appointment(slots[number], number) for number in range(3)]
    ended, other = an_appointment(slots[3], 3), an_appointment(slots[4], 4)
    for one in (ended, other):
        Appointment.objects.filter(pk=one.pk).update(limit_place=0)
    booking.cancel(ended, by=STAFF, now=NOW)
    with connection.cursor() as cursor:
        for taken in (places for size in range(4) for places in combinations(range(3), size)):
            Appointment.objects.filter(pk__in=[one.pk for one in own]).update(person_key="", limit_place=None)
            for one, place in zip(own, taken, strict=False):
                Appointment.objects.filter(pk=one.pk).update(person_key="me", limit_place=place)
            Appointment.objects.filter(pk=ended.pk).update(person_key="me")
            for itself in (None, own[0].pk):
                cursor.execute(
                    "SELECT appointments_free_place('me', %s, %s, %s)", [other.procedure_id, open_limit, itself]
                )
                full = taken[1:] if itself else taken
                assert cursor.fetchone() == (min({*range(open_limit)} - {*full}, default=None),)
