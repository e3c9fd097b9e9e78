"""Everybody who is booked is told once what has changed about the branch or the service."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from agencies.models import Branch, Channel, Procedure
from appointments import booking, facts, news
from appointments.booking import owed
from appointments.counter.line import kept_until
from appointments.facts import Row
from appointments.history import timeline
from appointments.messages import mails, truth
from appointments.models import Appointment, Event, Notification, Status
from appointments.news import People
from tests.builders import (
    ATHENS,
    GUEST,
    NOON,
    NOW,
    STAFF,
    WEDNESDAY,
    a_branch,
    a_rule,
    at,
    booked_at,
    messages_of,
    minutes,
    slot_at,
    slots_of,
    today_at,
)

pytestmark = pytest.mark.django_db
Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State
OFFICES = {"address_el": "Ελευθερίου Βενιζέλου 1", "address_en": "1 Eleftheriou Venizelou"}


@pytest.fixture(autouse=True)
def _settled(branch: Branch) -> None:
    Procedure.objects.update(channels=[*Channel])
    branch.opening_rules.update(channels=[*Channel])
    Branch.objects.update(address_el="Παλιά Οδός 7", address_en="7 Old Street", phone="+302821012345")


def change(row: Row, *, now: datetime = NOON, **fields: str) -> People:
    """Changes the row, and tells everybody."""
    row = type(row).objects.get(pk=row.pk)
    was = facts.stored(row)
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    return news.announce(
        row, {name: old for name, old in was.items() if old != facts.stored(row)[name]}, by=STAFF, now=now
    )


def news_for(appointment: Appointment, medium: str = Medium.EMAIL) -> Notification:
    found = Notification.objects.select_related("appointment__agency", "appointment__branch", "appointment__procedure")
    return found.get(appointment=appointment, kind=Kind.CHANGED, medium=medium, state=State.PENDING)


def told(appointment: Appointment, *, now: datetime = NOON) -> str:
    message = news_for(appointment)
    assert truth.is_true(message, now=now)
    return str(mails.mail(message, now=now).body)


def is_told(appointment: Appointment) -> bool:
    return appointment.notifications.filter(kind=Kind.CHANGED).exists()


def test_mail_says_what_is_new_and_what_was(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    assert change(branch, **OFFICES, phone="") == People(1, 1, 0)
    text = told(appointment)
    assert "Διεύθυνση: Ελευθερίου Βενιζέλου 1, Χανιά (πριν: Παλιά Οδός 7, Χανιά)" in text
    assert "Τηλέφωνο του σημείου εξυπηρέτησης: δεν υπάρχει πια (πριν: +302821012345)" in text
    assert "10:00" in text
    event = appointment.events.get(verb=Event.Verb.CHANGE)
    assert event.details == {"facts": ["address", "phone"]}
    assert "Άλλαξαν στην υπηρεσία: Διεύθυνση, Τηλέφωνο" in timeline.for_citizen(appointment)[-1].text


def test_documents_and_name_of_a_service(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY, language="en")
    change(Procedure.objects.get(), documents_en="Passport\nTax number", name_en="Declaration")
    text = told(appointment)
    assert "What to have with you: Passport, Tax number (before: Identity card, Tax number)" in text
    assert "Service: Declaration (before: Solemn declaration)" in text


@pytest.mark.parametrize(
    ("fields", "greek", "english", "by_video"),
    [
        ({"address_en": "New Street 1"}, False, True, False),
        ({"address_el": "Νέα Οδός 1"}, True, False, False),
        ({"phone": "+302821099999"}, True, True, True),
        ({"access_el": "Ράμπα"}, True, True, False),  # the Greek replaces a missing English text
        ({"name_el": "ΚΕΠ Νέων Χανίων"}, True, False, True),
        ({"name_el": "ΚΕΠ  Χανίων"}, False, False, False),  # spaces are no news
        ({"city_el": "Σούδα"}, True, False, False),
        ({"latitude": "35.5"}, False, False, False),
        ({"unit_el": "Χανίων"}, False, False, False),
    ],
)
def test_only_those_are_told_who_read_something_else(
    branch: Branch, fields: dict[str, str], greek: bool, english: bool, by_video: bool
) -> None:
    here = booked_at(branch, 10, day=WEDNESDAY)
    abroad = booked_at(branch, 11, day=WEDNESDAY, language="en")
    screen = booked_at(branch, 12, day=WEDNESDAY, channel=Channel.VIDEO)
    change(branch, **fields)
    assert (is_told(here), is_told(abroad), is_told(screen)) == (greek, english, by_video)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.BOOKED}))
def test_nobody_else_is_told(branch: Branch, status: str) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    fields: dict[str, Any] = {"status": status, "expires_at": NOON + minutes(20)}
    if status in (Status.CANCELLED, Status.EXPIRED):
        fields["slot_ids"] = []
    Appointment.objects.filter(pk=appointment.pk).update(**fields)
    assert change(branch, **OFFICES) == People(0, 0, 0)
    assert not is_told(appointment)


def test_elsewhere_and_over_is_not_told(branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-souda", name_el="ΚΕΠ Σούδας")
    a_rule(other)
    elsewhere, over = booked_at(other, 10, day=WEDNESDAY), booked_at(branch, 8)
    assert change(branch, **OFFICES) == People(0, 0, 0)
    assert not is_told(elsewhere)
    assert not is_told(over)


def test_several_changes_before_it_is_sent_are_one_message(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    change(branch, address_el="Λάθος 2")
    change(branch, **OFFICES)
    change(Procedure.objects.get(), documents_el="Διαβατήριο")
    assert appointment.notifications.filter(kind=Kind.CHANGED).count() == 1
    text = told(appointment)
    assert "Ελευθερίου Βενιζέλου 1, Χανιά (πριν: Παλιά Οδός 7, Χανιά)" in text
    assert "Διαβατήριο" in text
    assert "Λάθος" not in text


def test_what_is_changed_back_before_it_is_sent_is_not_told(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    change(branch, address_el="Λάθος 2")
    change(branch, address_el="Παλιά Οδός 7")
    assert not truth.is_true(news_for(appointment), now=NOON)


@pytest.mark.parametrize("state", [State.SENDING, State.SENT])
def test_change_after_a_message_went_out_is_told_by_another(branch: Branch, state: str) -> None:
    """What is on its way may still fail, so it is told again. What was sent is not."""
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    change(branch, **OFFICES)
    appointment.notifications.filter(kind=Kind.CHANGED).update(state=state)
    change(branch, phone="+302821099999")
    text = told(appointment)
    assert "+302821099999" in text
    assert ("πριν: Παλιά Οδός" in text) == (state == State.SENDING)


def test_it_is_true_until_the_end_and_no_longer(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    change(branch, **OFFICES)
    message = news_for(appointment)
    assert truth.is_true(message, now=appointment.ends_at - minutes(1))
    assert not truth.is_true(message, now=appointment.ends_at)
    message.appointment.status = Status.CANCELLED
    assert not truth.is_true(message, now=NOON)


@pytest.mark.parametrize(
    ("now", "day", "due"),
    [
        (at(12), WEDNESDAY, at(12, 10)),
        (today_at(22), WEDNESDAY, at(8)),  # by night it waits for the morning
        (today_at(20, 55), WEDNESDAY, at(8)),
        (at(22), WEDNESDAY, at(22, 10)),  # within a day it does not
        (at(8, 30, day=WEDNESDAY), WEDNESDAY, at(8, 30, day=WEDNESDAY)),
    ],
)
def test_it_waits_a_little_and_for_the_morning(branch: Branch, now: datetime, day: Any, due: datetime) -> None:
    appointment = booked_at(branch, 10, day=day)
    change(branch, now=now, **OFFICES)
    message = news_for(appointment)
    assert message.due_at.astimezone(ATHENS) == due
    assert owed.waits_for_morning(message, now=now) == (appointment.starts_at - now > timedelta(days=1))


def test_calendars_take_the_new_place(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    change(branch, **OFFICES)
    letter = mails.mail(news_for(appointment), now=NOON)
    parsed = Calendar.from_ical(letter.attachments[-1].content)
    event = parsed.events[0]
    assert (parsed["method"], event["sequence"]) == ("REQUEST", 1)
    assert "Ελευθερίου Βενιζέλου 1" in event["location"]


def test_what_was_owed_and_promised_before_still_holds(branch: Branch) -> None:
    """Reminders are still sent, also one that is being tried; and who was told of a delay keeps the time to come."""
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    reminder = appointment.notifications.filter(kind=Kind.REMINDER).earliest("due_at")
    Notification.objects.filter(pk=reminder.pk).update(state=State.SENDING)
    appointment.notifications.create(kind=Kind.DELAYED, language="el", due_at=NOW, state=State.SENT)
    waits = kept_until(appointment)
    change(branch, **OFFICES)
    appointment.refresh_from_db()
    reminder.refresh_from_db()
    assert appointment.revision == 1
    assert reminder.revision == 1
    assert kept_until(appointment) == waits


def test_move_at_the_same_branch_keeps_the_news(branch: Branch) -> None:
    appointment = booked_at(branch, 10, day=WEDNESDAY)
    change(branch, **OFFICES)
    moved = booking.reschedule(appointment, slot_at(at(12, day=WEDNESDAY)).pk, by=GUEST, now=NOON)
    assert {(Kind.CHANGED, State.PENDING), (Kind.MOVED, State.PENDING)} <= messages_of(moved)
    assert "12:00" in told(moved)


def test_cancelled_or_moved_elsewhere_it_is_dropped(branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-souda", name_el="ΚΕΠ Σούδας")
    a_rule(other)
    slots_of(other)
    cancelled, moved = booked_at(branch, 10, day=WEDNESDAY), booked_at(branch, 11, day=WEDNESDAY)
    change(branch, **OFFICES)
    booking.cancel(cancelled, by=GUEST, now=NOON)
    booking.reschedule(moved, slot_at(at(12, day=WEDNESDAY), other).pk, by=GUEST, now=NOON)
    for appointment in (cancelled, moved):
        assert (Kind.CHANGED, State.DROPPED) in messages_of(appointment)


def test_who_cannot_be_reached_is_counted(branch: Branch) -> None:
    booked_at(branch, 10, 0, 1, day=WEDNESDAY)
    silent = booked_at(branch, 11, day=WEDNESDAY, email="", phone="+302821012345")
    assert change(branch, **OFFICES) == People(2, 2, 1)
    assert silent.events.filter(verb=Event.Verb.CHANGE).exists()


def test_one_person_with_two_appointments_is_one(branch: Branch) -> None:
    Procedure.objects.update(open_limit=2)
    for hour in (10, 11):
        booked_at(branch, hour, 0, 1, day=WEDNESDAY)
    assert change(branch, **OFFICES) == People(2, 1, 0)


def test_many_are_told_by_few_statements(branch: Branch, django_assert_num_queries: Any) -> None:
    for place in range(2):
        booked_at(branch, 10 + place, day=WEDNESDAY)
    row = Branch.objects.get()
    was = {"branch.address_el": "Αλλού 3"}
    with django_assert_num_queries(9):
        news.announce(row, was, by=STAFF, now=NOON)
    booked_at(branch, 13, day=WEDNESDAY)
    with django_assert_num_queries(9):
        news.announce(row, was, by=STAFF, now=NOON)
