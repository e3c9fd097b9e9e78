"""Runs of consecutive slots: what is free, what can be taken and what is missed agree with the plain way."""

from datetime import timedelta
from random import Random

import pytest
from django.db import transaction

from agencies.models import Branch, Channel, Procedure
from appointments.booking import taking
from appointments.errors import SlotTaken
from appointments.models import Alert, Appointment, TimeSlot
from appointments.models.slot import RUNNING
from appointments.times.asking import asked_for
from appointments.times.availability import earliest, free_times
from appointments.times.slots import slots_needed
from appointments.watch import alerts
from tests.builders import NOW, TUESDAY, a_branch, a_procedure, a_rule, an_agency, at, slots_of

pytestmark = pytest.mark.django_db
IN_PERSON = Channel.IN_PERSON


def a_random_day(random: Random) -> tuple[Branch, list[Procedure]]:
    """Two rules on Tuesday alone, with slots of which most are full, and some are missing."""
    agency = an_agency(alert_days=7)
    branch = a_branch(agency)
    for _number in range(2):
        length, desks = random.choice((10, 15, 20, 30)), random.randint(1, 2)
        a_rule(
            branch, valid_from=TUESDAY, valid_until=TUESDAY, slot_minutes=length, desks=desks, closes_at=at(12).time()
        )
    for slot in slots_of(branch):
        if random.random() < 0.1:
            slot.delete()
        elif random.random() < 0.4:
            TimeSlot.objects.filter(pk=slot.pk).update(taken=random.randint(1, slot.capacity))
    durations = random.sample((5, 10, 15, 25, 30, 45, 60, 90), 4)
    return branch, [a_procedure(agency, f"kep-{minutes}", duration_minutes=minutes) for minutes in durations]


def free_slots(branch: Branch, procedure: Procedure) -> list[TimeSlot]:
    """The slots with which a free run begins, one looked at after the other."""
    every = list(TimeSlot.objects.filter(branch=branch).select_related("rule", "branch").order_by("starts_at", "pk"))
    found = []
    for first in every:
        ends = first.starts_at + timedelta(minutes=procedure.duration_minutes)
        run = [one for one in every if one.rule == first.rule and first.starts_at <= one.starts_at < ends]
        has_desks = all(one.taken < one.capacity for one in run)
        if has_desks and len(run) == slots_needed(procedure.duration, first.ends_at - first.starts_at):
            found.append(first)
    return found


@pytest.mark.parametrize(
    ("duration", "length", "needed"), [(10, 10, 1), (5, 10, 1), (11, 10, 2), (20, 10, 2), (90, 20, 5), (480, 5, 96)]
)
def test_slots_needed(duration: int, length: int, needed: int) -> None:
    assert slots_needed(timedelta(minutes=duration), timedelta(minutes=length)) == needed


@pytest.mark.parametrize("seed", range(12))
def test_free_runs_agree_with_the_plain_way(seed: int) -> None:
    branch, procedures = a_random_day(Random(seed))
    lacking = set()
    for procedure in procedures:
        # Both rules may give a time. It is listed once, under the first slot.
        expected = list({slot.starts_at: slot for slot in reversed(free_slots(branch, procedure))}.values())[::-1]
        until = NOW + timedelta(days=3)
        found = free_times(procedure, branch, IN_PERSON, now=NOW, since=NOW, until=until)
        assert [time.slot for time in found] == [slot.pk for slot in expected]
        first = earliest(procedure, IN_PERSON, now=NOW)
        assert {pk: time.slot for pk, time in first.items()} == ({branch.pk: expected[0].pk} if expected else {})
        if not expected:
            lacking.add(procedure.pk)
    alerts.check(now=NOW)
    assert set(Alert.objects.values_list("procedure", flat=True)) == lacking


@pytest.mark.parametrize("seed", range(3))
def test_what_is_free_can_be_taken_and_nothing_else(seed: int) -> None:
    branch, procedures = a_random_day(Random(seed))
    for procedure in procedures:
        expected = {slot.pk for slot in free_slots(branch, procedure)}
        for slot in TimeSlot.objects.filter(branch=branch).select_related("branch"):
            appointment = Appointment(procedure=procedure, agency=branch.agency)
            _procedure, asked = asked_for(slot.pk, procedure.code)
            assert asked is not None
            try:
                with transaction.atomic():
                    taking.take(appointment, asked)
                    transaction.set_rollback(True)
            except SlotTaken:
                assert slot.pk not in expected
            else:
                assert slot.pk in expected


def test_running_slots_are_the_same_in_sql() -> None:
    branch, _procedures = a_random_day(Random(1))
    for quarter in range(17):
        now = at(8) + timedelta(minutes=15 * quarter)
        sql = f"SELECT * FROM appointments_timeslot slot WHERE {RUNNING.format(now='%(now)s')}"
        expected = {slot for slot in TimeSlot.objects.filter(branch=branch) if slot.starts_at <= now < slot.ends_at}
        assert set(TimeSlot.objects.running(now=now)) == expected
        assert set(TimeSlot.objects.raw(sql, {"now": now})) == expected
