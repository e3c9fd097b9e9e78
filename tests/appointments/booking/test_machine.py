"""Any sequence of verbs, clock ticks and publishing keeps the counts of slots and the promises to people."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from agencies.models import OpeningRule, Procedure
from appointments import booking
from appointments.errors import BookingError
from appointments.models import Appointment, Status, TimeSlot
from appointments.models.appointment import OPEN
from appointments.times.publishing import publish
from tests.builders import GUEST, NOW, STAFF, WORKER, a_contact, a_procedure, an_open_branch
from tests.races import assert_counts_agree, assert_promises_agree

places = st.integers(0, 20)
people = st.integers(0, 3)


class Bookings(RuleBasedStateMachine):
    held = Bundle("held")
    booked = Bundle("booked")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = NOW
        self.branch = an_open_branch(desks=2)
        a_procedure(self.branch.agency, "kep-aitisi", duration_minutes=25, open_limit=2)
        self.procedures = list(Procedure.objects.select_related("agency").order_by("pk"))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def slot(self, place: int) -> int:
        return TimeSlot.objects.order_by("starts_at", "pk")[place].pk

    @rule(target=held, place=places, which=st.integers(0, 1))
    def hold(self, place: int, which: int) -> object:
        try:
            return booking.hold(self.slot(place), self.procedures[which], "in_person", by=GUEST, now=self.now)
        except BookingError:
            return multiple()

    @rule(target=booked, appointment=consumes(held), person=people)
    def confirm(self, appointment: Appointment, person: int) -> object:
        try:
            return booking.confirm(appointment, a_contact(person), by=GUEST, now=self.now)
        except BookingError:
            return multiple()

    @rule(target=booked, place=places, which=st.integers(0, 1), person=people)
    def book(self, place: int, which: int, person: int) -> object:
        procedure, contact = self.procedures[which], a_contact(person)
        try:
            return booking.book(self.slot(place), procedure, "in_person", contact, by=GUEST, now=self.now)
        except BookingError:
            return multiple()

    @rule(appointment=booked, place=places)
    def move(self, appointment: Appointment, place: int) -> None:
        before = Appointment.objects.get(pk=appointment.pk)
        try:
            booking.reschedule(appointment, self.slot(place), by=STAFF, now=self.now)
        except BookingError:
            after = Appointment.objects.get(pk=appointment.pk)
            assert (after.slot_ids, after.starts_at, after.status) == (before.slot_ids, before.starts_at, before.status)

    @rule(appointment=booked, person=people)
    def correct(self, appointment: Appointment, person: int) -> None:
        before = Appointment.objects.get(pk=appointment.pk)
        to = booking.NewContact(a_contact(person).email, before.phone)
        try:
            booking.correct(appointment, to, by=STAFF, now=self.now)
        except BookingError:
            after = Appointment.objects.get(pk=appointment.pk)
            assert (after.email, after.revision) == (before.email, before.revision)
        else:
            assert Appointment.objects.get(pk=appointment.pk).email == to.email

    @rule(appointment=booked)
    def cancel(self, appointment: Appointment) -> None:
        try:
            booking.cancel(appointment, by=GUEST, now=self.now)
        except BookingError:
            return
        assert Appointment.objects.get(pk=appointment.pk).status == Status.CANCELLED

    @rule(minutes=st.integers(1, 15))
    def wait_and_expire(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        booking.expire(by=WORKER, now=self.now)
        assert not Appointment.objects.overdue(now=self.now).exists()

    @rule(desks=st.integers(1, 3), slot_minutes=st.sampled_from([10, 15]))
    def change_the_opening(self, desks: int, slot_minutes: int) -> None:
        OpeningRule.objects.update(desks=desks, slot_minutes=slot_minutes)
        publish([self.branch.pk], now=self.now)

    @invariant()
    def counts_agree(self) -> None:
        assert_counts_agree()
        assert_promises_agree()

    @invariant()
    def nobody_has_more_than_the_limit(self) -> None:
        named = Appointment.objects.filter(status__in=OPEN).exclude(person_key="")
        limits = {procedure.pk: procedure.open_limit for procedure in self.procedures}
        for (procedure, _person), number in Counter(named.values_list("procedure", "person_key")).items():
            assert number <= limits[procedure]


@pytest.mark.django_db
def test_any_sequence_of_verbs_keeps_the_counts() -> None:
    run_state_machine_as_test(Bookings, settings=settings(max_examples=30, stateful_step_count=30, deadline=None))
