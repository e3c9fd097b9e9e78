"""Earliest times at a glance are kept for seconds, and not beyond a booking or a change of the offer."""

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from agencies import offering
from agencies.models import Agency, Channel, Procedure
from appointments import booking
from appointments.models import TimeSlot
from appointments.times import glance
from tests.builders import GUEST, NOW, TUESDAY, a_rule, an_open_branch, at, slot_at, slots_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def service() -> Procedure:
    branch = an_open_branch()
    slots_of(branch)
    return Procedure.objects.select_related("agency").get()


def first(service: Procedure, now: datetime = NOW) -> datetime | None:
    times = glance.earliest_in([Channel.IN_PERSON], service, offering.current(), now=now)[Channel.IN_PERSON]
    return min((time.starts_at for time in times.values()), default=None)


def test_times_are_found_once(service: Procedure, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    found, offered = first(service), offering.current()
    assert found == at(8, day=NOW.date())
    with django_assert_num_queries(1):  # whether anything was booked
        kept = glance.earliest_in([Channel.IN_PERSON], service, offered, now=NOW + timedelta(seconds=2))
    assert [time.starts_at for time in kept[Channel.IN_PERSON].values()] == [found]


def test_a_booking_is_seen_at_once(service: Procedure) -> None:
    found = first(service)
    assert found
    held = booking.hold(slot_at(found).pk, service, Channel.IN_PERSON, by=GUEST, now=NOW)
    assert first(service) == found + timedelta(minutes=10)
    booking.release(held, by=GUEST, now=NOW)
    assert first(service) == found


def test_a_change_of_the_offer_is_seen_at_once(service: Procedure) -> None:
    found = first(service)
    assert found
    Agency.objects.update(notice_minutes=24 * 60)
    service = offering.current().services["mykeplive", service.code]
    assert first(service) == at(8, day=TUESDAY)
    a_rule(TimeSlot.objects.earliest("pk").branch)
    Agency.objects.update(stage=Agency.Stage.REQUEST)
    assert first(service) is None


@pytest.mark.parametrize(("later", "is_kept"), [(2.9, True), (3, False), (-1, False)])
def test_what_no_event_tells_is_seen_after_seconds(service: Procedure, later: float, is_kept: bool) -> None:
    found = first(service)
    TimeSlot.objects.filter(starts_at=found).delete()
    assert (first(service, NOW + timedelta(seconds=later)) == found) is is_kept
