import json
import socket
import statistics
import threading
import time as clock
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from django.conf import settings
from django.db import transaction
from kombu.pools import producers

from accounts.typed.phones import mobile_number
from accounts.work.waking import WAKE_PAUSE, _latest_waking, _send_task
from appointments import booking
from appointments.booking.owed import after_night, waking_hours
from appointments.messages.truth import is_true
from appointments.models import Appointment, Notification, Status, TimeSlot
from mydesklive.celery import app
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    WORKER,
    a_contact,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    by,
    minutes,
    slots_of,
)

Kind, State = Notification.Kind, Notification.State


def owed(appointment: Appointment, state: str = State.PENDING) -> list[tuple[str, datetime]]:
    """Kind and due time of the appointment's messages in a state, in order."""
    rows = appointment.notifications.filter(state=state).order_by("due_at", "kind")
    return [(row.kind, row.due_at) for row in rows]


def a_slot_at(moment: datetime, **rule: object) -> TimeSlot:
    branch = an_open_branch(**rule)
    return next(slot for slot in slots_of(branch) if slot.starts_at == moment)


# What is owed


@pytest.mark.django_db
def test_booking_owes_confirmation_and_three_reminders() -> None:
    starts_at = at(12, day=date(2026, 3, 11))
    appointment = an_appointment(a_slot_at(starts_at))
    assert owed(appointment) == [
        (Kind.CONFIRMATION, NOW),
        (Kind.REMINDER, starts_at - timedelta(days=3)),
        (Kind.REMINDER, starts_at - timedelta(days=1)),
        (Kind.REMINDER, starts_at - timedelta(hours=2)),
    ]


@pytest.mark.django_db
def test_reminder_at_night_is_due_the_evening_before() -> None:
    appointment = an_appointment(a_slot_at(at(8, 20, day=date(2026, 3, 4))))
    assert owed(appointment)[-1] == (Kind.REMINDER, at(20, day=date(2026, 3, 3)))


@pytest.mark.django_db
def test_reminders_due_before_the_booking_are_not_owed() -> None:
    appointment = an_appointment(a_slot_at(at(8, 10, day=date(2026, 3, 2))))
    assert owed(appointment) == [(Kind.CONFIRMATION, NOW)]


@pytest.mark.django_db
@pytest.mark.parametrize(("hour", "minute", "number"), [(10, 50, 0), (11, 0, 1)])
@pytest.mark.parametrize("step", ["book", "move"])
def test_no_reminder_is_due_within_two_hours_of_the_message_with_the_time(
    step: str, hour: int, minute: int, number: int
) -> None:
    slot = a_slot_at(at(hour, minute, day=NOW.date()))
    if step == "book":
        appointment = an_appointment(slot)
    else:
        later = next(one for one in slots_of(slot.branch) if one.starts_at == at(12, day=date(2026, 3, 11)))
        appointment = booking.reschedule(an_appointment(later), slot.pk, by=STAFF, now=NOW)
    assert [kind for kind, _due in owed(appointment)].count(Kind.REMINDER) == number


@pytest.mark.django_db
def test_reminders_that_the_night_moves_together_are_one() -> None:
    slot = a_slot_at(at(8, day=date(2026, 3, 5)))
    slot.branch.agency.reminders = [120, 180, 240]
    slot.branch.agency.save()
    assert [kind for kind, _due in owed(an_appointment(slot))] == [Kind.CONFIRMATION, Kind.REMINDER]


@pytest.mark.django_db
def test_guest_who_has_to_verify_gets_only_that_mail_until_then() -> None:
    slot = a_slot_at(at(12, day=date(2026, 3, 11)))
    slot.branch.agency.verify_minutes = 30
    slot.branch.agency.save()
    procedure = slot.branch.agency.procedures.get()
    appointment = booking.confirm(
        booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW), a_contact(), by=GUEST, now=NOW
    )
    assert owed(appointment) == [(Kind.VERIFY, NOW)]
    booking.verify(appointment, by=GUEST, now=NOW)
    assert (Kind.CONFIRMATION, NOW) in owed(appointment)


@pytest.mark.django_db
def test_held_time_owes_nothing() -> None:
    slot = a_slot_at(at(12))
    held = booking.hold(slot.pk, slot.branch.agency.procedures.get(), "in_person", by=GUEST, now=NOW)
    booking.expire(by=WORKER, now=NOW + timedelta(hours=1))
    assert not held.notifications.exists()


@pytest.mark.django_db
def test_move_drops_the_old_reminders_and_owes_new_ones() -> None:
    slot = a_slot_at(at(12, day=date(2026, 3, 11)))
    appointment = an_appointment(slot)
    later = next(one for one in slots_of(slot.branch) if one.starts_at == at(13, day=date(2026, 3, 12)))
    booking.reschedule(appointment, later.pk, by=GUEST, now=NOW + minutes(1))
    assert [kind for kind, _due in owed(appointment, State.DROPPED)] == [Kind.CONFIRMATION] + 3 * [Kind.REMINDER]
    assert owed(appointment)[0] == (Kind.MOVED, NOW + minutes(1))
    assert owed(appointment)[-1] == (Kind.REMINDER, later.starts_at - timedelta(hours=2))


@pytest.mark.django_db
def test_cancellation_leaves_nothing_else_to_send() -> None:
    appointment = an_appointment(a_slot_at(at(12, day=date(2026, 3, 11))))
    booking.cancel(appointment, by=GUEST, now=NOW)
    assert owed(appointment) == [(Kind.CANCELLED, NOW)]


@pytest.mark.django_db
def test_served_citizen_is_asked_an_hour_later_and_missed_one_is_not() -> None:
    slot = a_slot_at(at(12, day=date(2026, 3, 2)))
    appointment = an_appointment(slot)
    booking.serve(appointment, by=by(an_officer(slot.branch)), now=slot.starts_at)
    booking.complete(appointment, by=STAFF, now=slot.ends_at)
    assert owed(appointment) == [(Kind.RATING, slot.ends_at + timedelta(hours=1))]
    missed = an_appointment(slots_of(slot.branch)[20], 2)
    booking.miss(missed, by=STAFF, now=missed.starts_at)
    assert owed(missed) == []


@pytest.mark.django_db
def test_repeated_event_owes_nothing_twice() -> None:
    slot = a_slot_at(at(12))
    procedure = slot.branch.agency.procedures.get()
    held = booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW)
    for _ in range(2):
        booking.confirm(held, a_contact(), by=GUEST, now=NOW)
    assert Notification.objects.filter(kind=Kind.CONFIRMATION).count() == 1


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("6912345678", "+306912345678"),
        ("+30 691 234 5678", "+306912345678"),
        ("0044 7400 123456", "+447400123456"),
        ("2821012345", ""),
        ("+30 2821 012345", ""),
        ("", ""),
        ("12345", ""),
    ],
)
def test_only_mobile_numbers_get_an_sms(typed: str, number: str) -> None:
    assert mobile_number(typed) == number


# At night nobody is woken


def wall(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """A wall-clock time in 2026: `in_zone` says where the wall is."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def in_zone(wall_time: datetime, zone: str) -> datetime:
    return wall_time.replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("zone", ["Europe/Athens", "America/New_York", "Australia/Melbourne", "Asia/Kolkata"])
@pytest.mark.parametrize(
    ("local", "evening_before", "morning_after"),
    [
        (wall(3, 10, 7, 59), wall(3, 9, 20), wall(3, 10, 8)),
        (wall(3, 10, 8, 0), wall(3, 10, 8), wall(3, 10, 8)),
        (wall(3, 10, 20, 59), wall(3, 10, 20, 59), wall(3, 10, 20, 59)),
        (wall(3, 10, 21, 0), wall(3, 10, 20), wall(3, 11, 8)),
        (wall(3, 10, 0, 30), wall(3, 9, 20), wall(3, 10, 8)),
        # the nights in which the clocks change: New York on 8 March, Athens on 29 March, Melbourne on 5 April
        (wall(3, 8, 6, 30), wall(3, 7, 20), wall(3, 8, 8)),
        (wall(3, 29, 6, 30), wall(3, 28, 20), wall(3, 29, 8)),
        (wall(4, 5, 6, 30), wall(4, 4, 20), wall(4, 5, 8)),
    ],
)
def test_night_is_counted_on_the_citizens_clock(
    zone: str, local: datetime, evening_before: datetime, morning_after: datetime
) -> None:
    citizen = Appointment(timezone=zone)
    due = in_zone(local, zone).astimezone(UTC)
    assert waking_hours(due, citizen.zone) == in_zone(evening_before, zone)
    assert after_night(due, citizen.zone) == in_zone(morning_after, zone)


@pytest.mark.django_db
def test_reminders_of_a_citizen_abroad_keep_to_the_day_there() -> None:
    appointment = an_appointment(a_slot_at(at(12, day=date(2026, 3, 11))), timezone="Australia/Melbourne")
    hours = [due.astimezone(ZoneInfo("Australia/Melbourne")).hour for kind, due in owed(appointment)[1:]]
    assert all(8 <= hour < 21 for hour in hours)


# What is still true


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "status", "revision", "true"),
    [
        (Kind.VERIFY, Status.UNVERIFIED, 3, True),
        (Kind.VERIFY, Status.BOOKED, 3, False),
        (Kind.CONFIRMATION, Status.BOOKED, 3, True),
        (Kind.CONFIRMATION, Status.BOOKED, 2, False),
        (Kind.REMINDER, Status.BOOKED, 3, True),
        (Kind.REMINDER, Status.ARRIVED, 3, False),
        (Kind.REMINDER, Status.CANCELLED, 3, False),
        (Kind.MOVED, Status.BOOKED, 2, False),
        (Kind.CANCELLED, Status.CANCELLED, 3, True),
        (Kind.CANCELLED, Status.BOOKED, 3, False),
        (Kind.RATING, Status.COMPLETED, 3, True),
        (Kind.RATING, Status.NO_SHOW, 3, False),
    ],
)
def test_message_is_true_while_the_appointment_is_as_it_says(kind: str, status: str, revision: int, true: bool) -> None:
    later = NOW + timedelta(days=1)
    appointment = Appointment(pk=1, status=status, revision=3, starts_at=later, expires_at=later)
    assert is_true(Notification(appointment=appointment, kind=kind, revision=revision), now=NOW) is true


@pytest.mark.django_db
def test_reminder_overtaken_by_a_later_one_is_not_sent() -> None:
    starts_at = at(12, day=date(2026, 3, 11))
    reminders = an_appointment(a_slot_at(starts_at)).notifications.filter(kind=Kind.REMINDER).order_by("due_at")
    day_before = starts_at - timedelta(hours=20)
    assert [is_true(reminder, now=day_before) for reminder in reminders] == [False, True, True]
    assert [is_true(reminder, now=starts_at - minutes(30)) for reminder in reminders] == [False, False, True]


@pytest.mark.parametrize("kind", [Kind.VERIFY, Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVED])
def test_message_is_not_true_once_the_time_has_come(kind: str) -> None:
    status = Status.UNVERIFIED if kind == Kind.VERIFY else Status.BOOKED
    appointment = Appointment(status=status, starts_at=NOW, expires_at=NOW)
    assert not is_true(Notification(appointment=appointment, kind=kind), now=NOW)


# The worker is woken, and nobody waits for a broker


@pytest.fixture
def broker_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Points this process's Celery at another broker."""

    def point(url: str) -> None:
        monkeypatch.setattr(app.conf, "broker_write_url", url)

    yield point
    producers.clear()


def tasks_waiting() -> list[str]:
    """Takes the names of the tasks that the queue holds out of it; the pause since the last waking is over."""
    _latest_waking.clear()
    return [headers["task"] for headers in headers_waiting()]


def headers_waiting() -> list[dict[str, Any]]:
    for later in threading.enumerate():
        if isinstance(later, threading.Timer):  # a waking that waits for the end of the pause
            later.join()
    with redis.from_url(settings.REDIS_URL) as broker:
        tasks = broker.lpop("mydesklive:celery", 100) or []
    return [json.loads(task)["headers"] for task in tasks]


@pytest.mark.django_db(transaction=True)
def test_booking_wakes_the_worker_once_it_is_committed() -> None:
    slot = a_slot_at(at(12))
    tasks_waiting()
    with transaction.atomic():
        an_appointment(slot)
        assert tasks_waiting() == []
    assert tasks_waiting() == ["appointments.tasks.deliver_urgent"]


@pytest.mark.django_db(transaction=True)
def test_many_bookings_in_a_moment_wake_the_worker_at_once_and_after_the_last() -> None:
    slots = slots_of(an_open_branch())[20:25]
    tasks_waiting()
    for number, slot in enumerate(slots):
        an_appointment(slot, number)
    with redis.from_url(settings.REDIS_URL) as broker:
        assert broker.llen("mydesklive:celery") == 1
    assert max(_latest_waking.values()) - clock.monotonic() < WAKE_PAUSE
    waiting = headers_waiting()
    assert len(waiting) == 2
    # No clock of another machine can delay or drop them.
    assert {(one["eta"], one["expires"]) for one in waiting} == {(None, None)}


def _booking_seconds(slots: list[TimeSlot], first: int) -> list[float]:
    """How long each booking takes."""
    seconds = []
    for number, slot in enumerate(slots):
        begin = clock.perf_counter()
        an_appointment(slot, first + number)
        seconds.append(clock.perf_counter() - begin)
    return seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", ["refuses", "hangs"])
def test_lost_broker_delays_messages_but_neither_loses_them_nor_holds_up_bookings(
    broker_at: Callable[[str], None], trouble: str
) -> None:
    slots = slots_of(an_open_branch())[20:60]
    _booking_seconds(slots[:5], 100)  # connections and caches are warm
    with_broker = statistics.median(_booking_seconds(slots[5:20], 0))
    with socket.socket() as lost:
        lost.bind(("127.0.0.1", 0))
        if trouble == "hangs":
            lost.listen(50)
        broker_at(f"redis://127.0.0.1:{lost.getsockname()[1]}/0")
        without = statistics.median(_booking_seconds(slots[20:35], 20))
    assert without - with_broker < 0.1
    assert Notification.objects.filter(kind=Kind.CONFIRMATION, state=State.PENDING).count() == 35


def test_waking_recovers_when_the_broker_is_back(broker_at: Callable[[str], None]) -> None:
    own = app.conf.broker_write_url
    tasks_waiting()
    broker_at("redis://127.0.0.1:9/0")
    _send_task("appointments.tasks.deliver_due")
    broker_at(own)
    _send_task("appointments.tasks.deliver_due")
    assert tasks_waiting() == ["appointments.tasks.deliver_due"]
