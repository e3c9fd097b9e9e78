from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection

from agencies.models import Channel
from appointments import booking, tasks
from appointments.calls import provision
from appointments.models import Appointment, Notification, Status, TimeSlot
from mydesklive.celery import app
from tests.builders import GUEST, NOW, WORKER, a_desk, an_appointment, an_officer, an_open_branch, at, minutes, slots_of
from videocalls.models import VideoCall

pytestmark = pytest.mark.usefixtures("clock")
State = VideoCall.State


def a_video_appointment(number: int = 1) -> Appointment:
    slots = slots_of(an_open_branch())
    return an_appointment(slots[40], number, channel=Channel.VIDEO)


def test_scheduled_tasks_exist() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
def test_deliver_due_sends_what_is_due_and_only_once() -> None:
    an_appointment(slots_of(an_open_branch())[40])
    tasks.deliver_due()
    tasks.deliver_due()
    assert [letter.to for letter in mail.outbox] == [["citizen1@example.org"]]


@pytest.mark.django_db
def test_expire_due_gives_back_every_overdue_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SWEEP", 2)
    slots = slots_of(an_open_branch())[20:25]
    procedure = slots[0].branch.agency.procedures.get()
    for slot in slots:
        booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW - timedelta(hours=1))
    tasks.expire_due()
    tasks.expire_due()
    assert not TimeSlot.objects.filter(taken__gt=0).exists()
    assert Appointment.objects.filter(status=Status.EXPIRED).count() == 5


@pytest.mark.django_db
def test_provide_video_calls_makes_and_prepares_one_call_for_each() -> None:
    appointment = a_video_appointment()
    for _ in range(2):
        tasks.provide_video_calls()
    appointment.refresh_from_db()
    call = VideoCall.objects.get()
    assert appointment.video_call == call
    assert (call.state, call.provider) == (State.READY, "room")
    assert (call.opens_at, call.closes_at) == (appointment.starts_at - minutes(10), appointment.ends_at + minutes(30))


@pytest.mark.django_db
def test_no_call_for_others(settings: object) -> None:
    slots = slots_of(an_open_branch())
    in_person = an_appointment(slots[40], 1)
    cancelled = an_appointment(slots[41], 2, channel=Channel.VIDEO)
    booking.cancel(cancelled, by=GUEST, now=NOW)
    over = an_appointment(slots[42], 3, channel=Channel.VIDEO)
    assert provision.give_call(in_person.pk, by=WORKER, now=NOW) is None
    assert provision.give_call(cancelled.pk, by=WORKER, now=NOW) is None
    assert provision.give_call(over.pk, by=WORKER, now=over.ends_at + timedelta(hours=1)) is None
    assert not VideoCall.objects.exists()


@pytest.mark.django_db
def test_moved_appointment_keeps_its_call_which_is_prepared_anew() -> None:
    appointment = a_video_appointment()
    tasks.provide_video_calls()
    room = VideoCall.objects.get().room
    slot = slots_of(appointment.branch)[50]
    booking.reschedule(appointment, slot.pk, by=GUEST, now=NOW)
    assert VideoCall.objects.get().state == State.PENDING
    tasks.provide_video_calls()
    call = VideoCall.objects.get()
    assert (call.room, call.state, call.opens_at) == (room, State.READY, slot.starts_at - minutes(10))


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_make_one_call() -> None:
    appointment = a_video_appointment()

    def give(_: int) -> int | None:
        try:
            call = provision.give_call(appointment.pk, by=WORKER, now=NOW)
            return call and call.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(give, range(16)))
    assert keys == {VideoCall.objects.get().pk}


@pytest.mark.django_db
def test_publish_agency_and_all() -> None:
    branch = an_open_branch()
    TimeSlot.objects.all().delete()
    tasks.publish_agency(branch.agency_id)
    count = TimeSlot.objects.count()
    tasks.publish_all()
    assert count == TimeSlot.objects.count() > 0


@pytest.mark.django_db
def test_messages_of_the_day_go_out_as_the_clock_moves() -> None:
    slot = next(slot for slot in slots_of(an_open_branch()) if slot.starts_at == at(12))
    an_appointment(slot)
    tasks.deliver_due()
    with time_machine.travel(at(10)):
        tasks.deliver_due()
    kinds = Notification.objects.filter(state=Notification.State.SENT).order_by("due_at").values_list("kind", flat=True)
    assert list(kinds) == ["confirmation", "reminder"]
    assert mail.outbox[-1].subject == "Υπενθύμιση: Τρίτη 3 Μαρτίου 2026, 12:00, ΚΕΠ Χανίων"


@pytest.mark.django_db
def test_desk_of_somebody_who_lost_the_role_is_freed() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    desk = a_desk(branch, officer)
    tasks.free_desks()
    desk.refresh_from_db()
    assert desk.officer == officer
    officer.memberships.all().delete()
    tasks.free_desks()
    desk.refresh_from_db()
    assert desk.officer is None
    assert desk.events.latest("pk").page == "free_desks"
