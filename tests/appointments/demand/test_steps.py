"""How far visitors of the website come: each journey counts once at each step."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from appointments.models import Appointment, Journey, NothingFree, Status, TimeSlot
from tests.builders import a_branch, a_rule, an_open_branch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
TYPED = {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678", "language": "el"}


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"User-Agent": AGENT})


def hold(visitor: Client, number: int = 0) -> None:
    slot = TimeSlot.objects.filter(taken=0).order_by("starts_at")[number]
    assert visitor.post(TIMES, {"slot": slot.pk}).status_code == 302


def confirm(visitor: Client) -> None:
    page = visitor.get(f"{BOOK}check/")
    held = Appointment.objects.get(status=Status.HELD)
    visitor.post(f"{BOOK}check/", {"hold": held.reference, "seen": page.context["seen"], "agree": "on"})


def steps() -> list[tuple[Any, ...]]:
    rows = Journey.objects.order_by("pk")
    return [(one.held_at is not None, one.filled_at is not None, one.appointment_id is not None) for one in rows]


def test_journey_is_followed_until_it_is_booked(visitor: Client) -> None:
    an_open_branch()
    hold(visitor)
    assert steps() == [(True, False, False)]
    visitor.post(f"{BOOK}details/", {"name": ""})
    assert steps() == [(True, False, False)]
    visitor.post(f"{BOOK}details/", TYPED)
    assert steps() == [(True, True, False)]
    confirm(visitor)
    assert steps() == [(True, True, True)]
    journey, appointment = Journey.objects.get(), Appointment.objects.get(status=Status.BOOKED)
    assert journey.appointment_id == appointment.pk
    told = (journey.agency_id, journey.branch_id, journey.procedure_id, journey.channel)
    assert told == (appointment.agency_id, appointment.branch_id, appointment.procedure_id, "in_person")
    assert (journey.device, journey.language, f"{journey.day}") == ("phone", "el", "2026-03-02")


def test_other_time_goes_on_with_the_journey_and_another_booking_begins_one(visitor: Client) -> None:
    an_open_branch()
    for number in (0, 5, 9):
        hold(visitor, number)
    visitor.post(f"{BOOK}details/", TYPED)
    visitor.post(f"{BOOK}details/", TYPED)
    confirm(visitor)
    assert steps() == [(True, True, True)]
    hold(visitor, 3)
    assert steps() == [(True, True, True), (True, False, False)]


def test_journey_that_began_long_ago_is_another_one(visitor: Client, clock: time_machine.Traveller) -> None:
    an_open_branch()
    hold(visitor)
    clock.shift(timedelta(hours=13))
    hold(visitor, 60)
    assert len(steps()) == 2


def test_program_leaves_no_journey(client: Client) -> None:
    an_open_branch()
    hold(client)
    assert steps() == []


def test_page_without_free_times_is_counted_once_for_a_visitor(visitor: Client) -> None:
    branch = an_open_branch()
    visitor.get(TIMES)
    assert not NothingFree.objects.exists()
    TimeSlot.objects.all().delete()
    visitor.get(TIMES)
    visitor.get(TIMES)
    visitor.head(TIMES)
    (told,) = NothingFree.objects.all()
    assert (told.branch_id, told.channel, told.device, f"{told.day}") == (branch.pk, "in_person", "phone", "2026-03-02")


def test_list_of_branches_without_free_times_counts_for_all(visitor: Client, clock: time_machine.Traveller) -> None:
    branch = an_open_branch()
    a_rule(a_branch(branch.agency, "kep-rethymno"))
    visitor.get(f"{BOOK}branch/?channel=in_person")
    assert not NothingFree.objects.exists()
    TimeSlot.objects.all().delete()
    clock.shift(timedelta(minutes=1))  # pages keep what they saw for seconds
    visitor.get(f"{BOOK}branch/?channel=in_person")
    visitor.get(f"{BOOK}branch/?channel=in_person&q=Χανιά")
    assert [*NothingFree.objects.values_list("branch_id", "agency_id")] == [(None, branch.agency_id)]


def test_question_of_the_channel_counts_if_no_channel_has_a_time(
    visitor: Client, clock: time_machine.Traveller
) -> None:
    branch = an_open_branch()
    visitor.get(f"{BOOK}channel/")
    assert not NothingFree.objects.exists()
    TimeSlot.objects.all().delete()
    clock.shift(timedelta(minutes=1))
    visitor.get(f"{BOOK}channel/")
    assert [*NothingFree.objects.values_list("channel", "branch_id", "agency_id")] == [("", None, branch.agency_id)]


def test_booking_works_while_nothing_can_be_counted(visitor: Client) -> None:
    an_open_branch()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE appointments_journey, appointments_nothingfree")
    hold(visitor)
    visitor.post(f"{BOOK}details/", TYPED)
    confirm(visitor)
    assert Appointment.objects.filter(status=Status.BOOKED).exists()
    TimeSlot.objects.all().update(desks=0, capacity=1, taken=1)
    assert visitor.get(TIMES).status_code == 200
