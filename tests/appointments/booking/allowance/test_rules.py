"""How often a person may have a service, and how many open appointments of a category."""

import json
from datetime import date, timedelta
from random import Random

import pytest
from django.test import Client

from agencies.models import Category, Procedure, Role
from appointments import booking
from appointments.booking.allowance.rules import Frequency
from appointments.errors import (
    CountedLimit,
    LimitReached,
    PerhapsBooked,
    TooManyInPeriod,
    TooManyOfCategory,
    TooSoonAfter,
)
from appointments.models import Appointment, Status, TimeSlot
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    TUESDAY,
    a_contact,
    a_procedure,
    a_user,
    an_appointment,
    an_officer,
    an_open_branch,
    slots_of,
)
from tests.codes import follow, open_for
from tests.pages import signed_in, text_of
from tests.races import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_redis")]
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
TYPED = {"name": "Πολίτης", "email": "citizen1@example.org", "phone": "6912345678", "language": "el"}


def days_of(slots: list[TimeSlot]) -> list[TimeSlot]:
    """The first slot of each day, from Tuesday on."""
    firsts: dict[date, TimeSlot] = {}
    for slot in slots:
        firsts.setdefault(slot.starts_at.date(), slot)
    return [slot for day, slot in firsts.items() if day >= TUESDAY]


def ruled(**rules: object) -> list[TimeSlot]:
    slots = days_of(slots_of(an_open_branch(desks=3)))
    Procedure.objects.update(**{"open_limit": 20} | rules)
    return slots


# The rule about days alone


def is_allowed_plainly(rule: Frequency, day: date, taken: list[date]) -> bool:
    """Looks at every window of days that has the day in it."""
    windows = [day - timedelta(days=shift) for shift in range(rule.period)]
    numbers = [sum(0 <= (one - window).days < rule.period for one in (day, *taken)) for window in windows]
    fits = rule.most is None or max(numbers) <= rule.most
    return fits and all(abs((day - other).days) >= rule.gap for other in taken)


def test_first_allowed_day_is_the_first_that_every_window_of_days_allows() -> None:
    random = Random(7)
    begin = date(2026, 3, 3)
    for _try in range(300):
        rule = Frequency(random.choice([None, 1, 2, 3]), random.randint(1, 6), random.randint(0, 4))
        taken = [begin + timedelta(days=random.randint(-8, 12)) for _one in range(random.randint(0, 4))]
        days = (begin + timedelta(days=shift) for shift in range(60))
        assert rule.first(begin, taken) == next(day for day in days if is_allowed_plainly(rule, day, taken))


# Bookings


def test_days_between_two_appointments_are_kept_on_both_sides() -> None:
    slots = ruled(days_between=3)
    an_appointment(slots[3], 1)  # Friday 6
    with pytest.raises(TooSoonAfter) as refusal:
        an_appointment(slots[1], 1)  # Wednesday 4
    assert refusal.value.day == date(2026, 3, 9)
    assert "9 Μαρτίου 2026" in str(refusal.value)
    assert an_appointment(slots[0], 1)  # Tuesday 3
    assert an_appointment(slots[4], 1)  # Monday 9
    assert an_appointment(slots[1], 2)


def test_most_in_a_period_counts_past_ones_and_no_cancelled_ones() -> None:
    slots = ruled(period_limit=2, period_days=7)
    first, second = an_appointment(slots[0], 1), an_appointment(slots[1], 1)
    Appointment.objects.filter(pk=first.pk).update(status=Status.COMPLETED, limit_place=None)
    with pytest.raises(TooManyInPeriod) as refusal:
        an_appointment(slots[4], 1)
    assert refusal.value.day == date(2026, 3, 10)
    booking.cancel(second, by=GUEST, now=NOW)
    assert an_appointment(slots[4], 1)
    Appointment.objects.filter(pk=first.pk).update(status=Status.NO_SHOW)
    with pytest.raises(TooManyInPeriod):
        an_appointment(slots[2], 1)


def test_category_counts_all_its_services_and_no_others() -> None:
    slots = ruled()
    kep = Procedure.objects.get().agency
    category = Category.objects.create(agency=kep, name_el="Βεβαιώσεις", name_en="Certificates", open_limit=2)
    Procedure.objects.update(category=category)
    second = a_procedure(kep, "kep-second", category=category, open_limit=20)
    other = a_procedure(kep, "kep-other", open_limit=20)
    an_appointment(slots[2], 1)
    an_appointment(slots[1], 1, procedure=second)
    with pytest.raises(TooManyOfCategory) as refusal:
        an_appointment(slots[3], 1)
    assert "«Βεβαιώσεις»" in str(refusal.value)
    assert "4 Μαρτίου 2026" in str(refusal.value)  # the first of them that is over
    assert an_appointment(slots[3], 1, procedure=other)
    booking.cancel(Appointment.objects.get(procedure=second), by=GUEST, now=NOW)
    assert an_appointment(slots[3], 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rules", [{"days_between": 30}, {"period_limit": 1, "period_days": 30}, {}])
def test_bookings_of_one_moment_do_not_count_past_each_other(rules: dict[str, int]) -> None:
    slots = ruled(**rules)
    if not rules:
        kep = Procedure.objects.get().agency
        Procedure.objects.update(category=Category.objects.create(agency=kep, name_el="Μία", name_en="One"))
    calls = [lambda slot=slot: bool(an_appointment(slot, 1)) for slot in slots[:8]]
    assert at_once(calls)["done"] == 1


def test_confirming_moving_and_correcting_keep_the_rules_too() -> None:
    slots = ruled(days_between=3)
    an_appointment(slots[0], 1)
    held = booking.hold(slots[1].pk, Procedure.objects.get(), "in_person", by=GUEST, now=NOW)
    with pytest.raises(TooSoonAfter):
        booking.confirm(held, a_contact(1), by=GUEST, now=NOW)
    later = an_appointment(slots[5], 1)
    with pytest.raises(TooSoonAfter):
        booking.reschedule(later, slots[2].pk, by=GUEST, now=NOW)
    assert booking.reschedule(later, slots[6].pk, by=GUEST, now=NOW).starts_at == slots[6].starts_at
    # The agency that moves somebody has a reason.
    assert booking.reschedule(later, slots[2].pk, by=STAFF, now=NOW).starts_at == slots[2].starts_at
    neighbour = an_appointment(slots[1], 2)
    with pytest.raises(TooSoonAfter):
        booking.correct(neighbour, booking.NewContact("citizen1@example.org", ""), by=GUEST, now=NOW)


def test_officer_gives_whom_they_serve_the_next_appointment_at_once() -> None:
    slots = ruled(days_between=3)
    served = an_appointment(slots[0], 1)
    Appointment.objects.filter(pk=served.pk).update(status=Status.SERVING)
    service = Procedure.objects.select_related("agency").get()
    more = {"by": STAFF, "now": NOW}
    assert booking.book(slots[1].pk, service, "in_person", a_contact(1), follows=served, **more)
    with pytest.raises(TooSoonAfter):
        booking.book(slots[2].pk, service, "in_person", a_contact(1), **more)


# What is told, and to whom


def test_page_tells_strangers_the_rule_and_the_owner_the_day(client: Client) -> None:
    slots = ruled(days_between=3)
    booked = an_appointment(slots[0], 1)
    client.post(TIMES, {"slot": slots[1].pk})
    client.post(f"{BOOK}details/", TYPED)
    reference = Appointment.objects.get(status=Status.HELD).reference
    stranger = text_of(client.post(f"{BOOK}check/", {"hold": reference}))
    assert "τουλάχιστον 3 ημέρες" in stranger
    assert "6 Μαρτίου" not in stranger
    client.get(booked.link())  # which somebody else could have
    assert "6 Μαρτίου" not in text_of(client.post(f"{BOOK}check/", {"hold": reference}))
    follow(client, booked)
    owner = text_of(client.post(f"{BOOK}check/", {"hold": reference}))
    assert "6 Μαρτίου 2026" in owner
    assert Appointment.objects.get(reference=reference).status == Status.HELD


def test_who_books_with_the_address_of_somebody_learns_no_day_of_theirs(client: Client) -> None:
    slots = ruled(days_between=3)
    an_appointment(slots[0], 1)  # somebody's, on Tuesday 3
    open_for(client, an_appointment(slots[4], 1))  # the visitor's, on Monday 9
    client.post(TIMES, {"slot": slots[1].pk})
    client.post(f"{BOOK}details/", TYPED)
    reference = Appointment.objects.get(status=Status.HELD).reference
    told = text_of(client.post(f"{BOOK}check/", {"hold": reference}))
    assert "τουλάχιστον 3 ημέρες" in told
    assert "το νωρίτερο" not in told


def test_api_tells_the_own_citizen_when_it_is_possible_again(client: Client) -> None:
    slots, user = ruled(days_between=3), a_user()
    an_appointment(slots[0], 1, citizen=user)
    client.force_login(user)
    asked = {
        "slot": slots[1].pk,
        "procedure": "kep-dilosi",
        "channel": "in_person",
        "name": "Maria",
        "email": user.email,
    }
    answer = client.post(
        "/api/v1/appointments/", json.dumps(asked), "application/json", headers={"Accept-Language": "en"}
    )
    assert answer.status_code == 400
    assert "6 March 2026" in answer.json()["procedure"][0]


def test_refusal_of_the_limit_says_nothing_about_strangers() -> None:
    for kind in CountedLimit.__subclasses__():
        assert issubclass(kind, LimitReached)
        assert not issubclass(kind, PerhapsBooked)


# What an agency may set


def test_agency_counts_no_further_back_than_it_remembers(client: Client) -> None:
    ruled()
    service = Procedure.objects.select_related("agency").get()
    signed_in(client, an_officer(service.agency, Role.AGENCY_ADMIN, "administrator@example.org"))
    path = f"/admin/agencies/procedure/{service.pk}/change/"
    typed = {
        name: "" if value is None else value
        for name, value in client.get(path).context["adminform"].form.initial.items()
    }
    days = service.agency.retention_days + 1
    page = client.post(path, typed | {"days_between": days, "period_limit": 2, "period_days": days})
    assert {"days_between", "period_days"} == set(page.context["adminform"].form.errors)
    other = Category.objects.create(agency=service.agency, name_el="Μία", name_en="One")
    assert client.post(path, typed | {"days_between": 3, "category": other.pk}).status_code == 302
    service.refresh_from_db()
    assert (service.days_between, service.category_id) == (3, other.pk)
