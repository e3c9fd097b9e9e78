from datetime import timedelta

import pytest

from appointments import booking
from appointments.booking import retention
from appointments.booking.persons import decrypted
from appointments.models import Appointment
from tests.builders import NOW, STAFF, a_user, an_appointment, an_open_branch, slots_of

pytestmark = pytest.mark.django_db

PERSONAL = ("name", "email", "phone", "timezone", "notes", "cancel_reason", "person_key")


def test_erase_old_leaves_nothing_of_the_person() -> None:
    slot = slots_of(an_open_branch())[0]
    booked = an_appointment(slot, citizen=a_user(), tax_number="090000045", notes="Αμαξίδιο", timezone="Europe/Athens")
    booking.cancel(booked, by=STAFF, reason="Απεργία", now=NOW)
    assert decrypted(Appointment.objects.get().tax_number_encrypted) == "090000045"
    due = booked.ends_at + timedelta(days=booked.agency.retention_days)

    assert retention.erase_old(now=due) == 0
    assert retention.erase_old(now=due + timedelta(seconds=1)) == 1

    erased = Appointment.objects.get()
    assert [getattr(erased, field) for field in PERSONAL] == [""] * len(PERSONAL)
    assert (erased.citizen, erased.tax_number_encrypted, erased.limit_place, erased.search) == (None, None, None, "")
    assert (erased.reference, erased.starts_at, erased.status) == (booked.reference, booked.starts_at, "cancelled")
    assert retention.erase_old(now=due + timedelta(days=1)) == 0


def test_past_appointment_that_nobody_closed_does_not_count_for_the_limit() -> None:
    slots = slots_of(an_open_branch())
    forgotten = an_appointment(slots[0])
    later = forgotten.ends_at + timedelta(minutes=1)
    assert retention.uncount_past(now=forgotten.ends_at) == 0
    assert retention.uncount_past(now=later) == 1
    assert an_appointment(slots[80], now=later).limit_place == 0
