"""A crowded day: guests' browsers work for a time, and two hundred programs leave enough for people."""

from collections import Counter
from datetime import timedelta

import pytest
from django.test import Client

from accounts.limits import work
from agencies.models import Procedure
from appointments import booking, claims
from appointments.claims import Visitor
from appointments.errors import WorkToDo
from appointments.models import Appointment, Status, TimeSlot
from tests.builders import GUEST, NOW, TUESDAY, a_user, an_open_branch, slots_of
from tests.pages import solution_of, text_of
from tests.races import assert_counts_agree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_redis")]
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "COST", 1)


def tuesday(slots: list[TimeSlot]) -> list[TimeSlot]:
    return [slot for slot in slots if slot.starts_at.date() == TUESDAY]


def crowd(slots: list[TimeSlot], number: int) -> None:
    service = Procedure.objects.select_related("agency").get()
    for place, slot in enumerate(slots[:number]):
        booking.hold(slot.pk, service, "in_person", by=GUEST, now=NOW, visitor=Visitor("", f"198.51.100.{place}"))


def test_guest_of_a_quiet_day_does_not_work(client: Client) -> None:
    slots = tuesday(slots_of(an_open_branch()))
    assert client.post(TIMES, {"slot": slots[0].pk}).status_code == 302


def test_guest_of_a_crowded_day_works_once_for_one_time(client: Client) -> None:
    slots = tuesday(slots_of(an_open_branch()))
    crowd(slots, 9)
    page = client.post(TIMES, {"slot": slots[20].pk})
    assert page.status_code == 200
    assert "λύνει πρώτα" in text_of(page)
    assert page.context["sign_in"].startswith("/accounts/login/?next=")
    sent = solution_of(page.context["puzzle"])
    assert client.post(TIMES, {"slot": slots[21].pk, "proof": sent}).context["puzzle"]
    assert client.post(TIMES, {"slot": slots[20].pk, "proof": sent}).status_code == 302
    assert Appointment.objects.filter(status=Status.HELD, starts_at=slots[20].starts_at).count() == 1
    other = Client(REMOTE_ADDR="203.0.113.9")
    assert other.post(TIMES, {"slot": slots[20].pk, "proof": sent}).status_code == 200
    assert_counts_agree()


def test_who_comes_back_to_the_own_time_or_signs_in_does_not_work(client: Client) -> None:
    slots = tuesday(slots_of(an_open_branch()))
    assert client.post(TIMES, {"slot": slots[30].pk}).status_code == 302
    crowd(slots, 9)
    assert client.post(TIMES, {"slot": slots[30].pk}).status_code == 302
    client.force_login(a_user())
    assert client.post(TIMES, {"slot": slots[31].pk}).status_code == 302


def test_who_changes_the_own_time_of_the_day_does_not_work_again(client: Client) -> None:
    every = slots_of(an_open_branch())
    slots = tuesday(every)
    assert client.post(TIMES, {"slot": every[-1].pk}).status_code == 302
    crowd(slots, 9)
    page = client.post(TIMES, {"slot": slots[30].pk})  # another day's time for it takes one away from people
    sent = solution_of(page.context["puzzle"])
    assert client.post(TIMES, {"slot": slots[30].pk, "proof": sent}).status_code == 302
    assert client.post(TIMES, {"slot": slots[31].pk}).status_code == 302
    assert Appointment.objects.filter(status=Status.HELD, starts_at__gte=slots[20].starts_at).count() == 1
    assert_counts_agree()


def test_programs_that_ask_the_verb_itself_work_too() -> None:
    slots = tuesday(slots_of(an_open_branch()))
    crowd(slots, 9)
    service = Procedure.objects.select_related("agency").get()
    lazy = Visitor("", "203.0.113.9", has_worked=False)
    with pytest.raises(WorkToDo):
        booking.hold(slots[20].pk, service, "in_person", by=GUEST, now=NOW, visitor=lazy)


def tries(number: int, slots: list[TimeSlot]) -> Counter[str]:
    """One program with an address of its own asks for several times, works for each if it has to, and books what it gets."""
    client, got = Client(REMOTE_ADDR=f"198.51.{number // 250}.{number % 250 + 1}"), Counter[str]()
    slot = slots[number % len(slots)]
    answer = client.post(TIMES, {"slot": slot.pk})
    if answer.status_code == 200 and "puzzle" in answer.context:
        got["worked"] += 1
        answer = client.post(TIMES, {"slot": slot.pk, "proof": solution_of(answer.context["puzzle"])})
    if answer.status_code != 302:
        return got
    got["held"] += 1
    typed = {"name": "Πολίτης", "email": f"program{number}@example.org", "phone": "6912345678", "language": "el"}
    client.post(f"{BOOK}details/", typed)
    reference = Appointment.objects.filter(status=Status.HELD).latest("pk").reference
    got["sent"] += client.post(f"{BOOK}check/", {"hold": reference}).status_code == 302
    return got


def test_two_hundred_programs_leave_times_for_people(client: Client) -> None:
    slots = tuesday(slots_of(an_open_branch(desks=2)))
    desks = 2 * len(slots)
    total = sum((tries(number, slots) for number in range(200)), Counter[str]())
    taken = sum(slot.taken for slot in TimeSlot.objects.filter(pk__in=[slot.pk for slot in slots]))
    # Guests who have proved nothing keep two thirds of what others have left at most: the rest is for accounts.
    assert taken == total["held"] <= desks * 2 // 3 + 1
    assert total["worked"] >= total["held"] - desks // claims.QUARTER
    # Whoever came when the day was crowded has booked nothing before the address is proven.
    booked = Appointment.objects.filter(status=Status.BOOKED)
    assert booked.count() <= desks // claims.QUARTER + 1
    assert_counts_agree()
    # In the same minute, a person with an account takes a time and books it.
    free = next(
        slot for slot in TimeSlot.objects.filter(pk__in=[one.pk for one in slots]) if slot.taken < slot.capacity
    )
    person = a_user("maria@example.org")
    client.force_login(person)
    assert client.post(TIMES, {"slot": free.pk}).status_code == 302
    typed = {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678", "language": "el"}
    client.post(f"{BOOK}details/", typed)
    mine = Appointment.objects.get(status=Status.HELD, citizen=person)
    assert client.post(f"{BOOK}check/", {"hold": mine.reference}).status_code == 302
    mine.refresh_from_db()
    assert mine.status == Status.BOOKED
    # And what nobody has confirmed comes back soon.
    booking.expire(by=GUEST, now=NOW + timedelta(hours=1))
    assert Appointment.objects.open().exclude(status=Status.BOOKED).count() == 0
    assert_counts_agree()
