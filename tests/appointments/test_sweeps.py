"""Periodic tasks look after each row by itself: one that fails is logged, and keeps no other from its turn."""

import logging
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.core import mail

from agencies import tasks as agency_tasks
from agencies.models import Branch, Channel, Membership
from agencies.openings import holidays
from appointments import booking, disruptions, tasks
from appointments.booking import retention
from appointments.calls import provision
from appointments.counter import closing, delays, desks
from appointments.messages import delivery
from appointments.models import Appointment, Notification, Status, TimeSlot
from appointments.offers import holding
from appointments.times import publishing
from appointments.watch import alerts
from mydesklive.celery import app
from reports import checking
from reports import tasks as report_tasks
from tests.builders import (
    GUEST,
    NOW,
    a_branch,
    a_desk,
    a_procedure,
    a_rule,
    a_strike,
    a_walk_in,
    an_agency,
    an_appointment,
    an_officer,
    at,
    slot_at,
    slots_of,
)
from videocalls import meetings
from videocalls.models import Meeting, VideoCall

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


class Poison:
    """Stands before a function that looks after one row, and fails for the first row."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real, self.failed, self.others = real, 0, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.failed:
            self.failed += 1
            raise ValueError("poison")
        self.others += 1
        return self.real(*args, **kwargs)


@pytest.fixture
def two_of_each() -> list[Branch]:
    """Makes two branches of two agencies, each with a rule, an officer at a desk, a ticket, and appointments."""
    branches = []
    for number, slug in enumerate(("kep", "aade")):
        branch = a_branch(an_agency(slug, video_provider="bbb", video_fallback="room"), f"{slug}-chania")
        procedure = a_procedure(branch.agency, f"{slug}-one", channels=[*Channel])
        a_rule(branch, channels=[*Channel])
        slots_of(branch)
        officer = an_officer(branch, email=f"{slug}@example.org")
        a_desk(branch, officer)
        a_walk_in(branch, NOW - timedelta(days=1))
        an_appointment(slot_at(at(9), branch), number, procedure=procedure, channel=Channel.VIDEO)
        call = VideoCall.objects.create(provider="room", opens_at=NOW, closes_at=NOW + timedelta(hours=1))
        Meeting.objects.create(call=call, provider="bbb", unneeded_at=NOW)
        branches.append(branch)
    return branches


Row = tuple[Callable[[], None], ModuleType, str]
SWEEPS: dict[str, Row] = {
    "deliver_due": (tasks.deliver_due, delivery, "is_true"),
    "check_alerts": (tasks.check_alerts, alerts, "_check_times"),
    "look_after_disruptions": (tasks.look_after_disruptions, disruptions, "look_after"),
    "look_after_disruptions, offers": (tasks.look_after_disruptions, holding, "make"),
    "provide_video_calls": (tasks.provide_video_calls, provision, "give_call"),
    "provide_video_calls, rooms": (tasks.provide_video_calls, provision, "prepare"),
    "provide_video_calls, second provider": (tasks.provide_video_calls, provision, "tell_fallback"),
    "remove_meetings": (tasks.remove_meetings, meetings, "remove"),
    "tell_delays": (tasks.tell_delays, delays, "_tell_at"),
    "free_desks": (tasks.free_desks, desks, "_free_of_stranger"),
    "close_past_days": (tasks.close_past_days, closing, "_close"),
    "close_past_days, tickets": (tasks.close_past_days, closing, "_end"),
    "publish_all": (tasks.publish_all, publishing, "_publish_batch"),
    "forget": (tasks.forget, retention, "_erase_all"),
    "check_counts": (report_tasks.check_counts, checking, "_of_branch"),
    "load_coming_holidays": (agency_tasks.load_coming_holidays, holidays, "_closures"),
}
# Those with a test of their own below or beside their rules, those without rows, those that change all rows by one statement,
# and the other lanes of `deliver_due`.
OTHERWISE = {
    *(
        "deliver_sms",
        "deliver_urgent",
        "deliver_urgent_sms",
        "tell_turns",
        "expire_due",
        "follow_windows",
        "forget_calls",
        "clear_sessions",
        "clear_counts",
        "count_changed",
        "release_months",
        "count_demand",
        "sample_waits",
        "send_reports",
        "forget_mailings",
    ),
    *("send_codes", "forget_mails", "read_mailbox", "forget_invitations", "lapse_rights"),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_row_that_fails_leaves_the_others_alone(
    two_of_each: list[Branch], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    task, module, function = SWEEPS[name]
    for branch in two_of_each:
        a_strike(branch, prepared=False)
        branch.desks.update(seated_at=NOW - timedelta(hours=1))
        if name == "free_desks":
            Membership.objects.filter(branch=branch).delete()
    poison = Poison(getattr(module, function))
    monkeypatch.setattr(module, function, poison)
    with caplog.at_level(logging.ERROR):
        task()
    assert poison.failed == 1
    assert poison.others or function == "_check_times"
    assert [record for record in caplog.records if record.exc_info]


def test_every_periodic_task_is_in_the_table() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"].rpartition(".")[2] for entry in app.conf.beat_schedule.values()}
    assert scheduled == {name.partition(",")[0] for name in SWEEPS} | OTHERWISE


def test_overdue_time_that_cannot_be_given_back_leaves_the_others_alone() -> None:
    """Its slot says that nobody has taken it, which a constraint refuses to count down."""
    branch = a_branch(an_agency())
    procedure = a_procedure(branch.agency)
    a_rule(branch)
    early = NOW - timedelta(hours=1)
    held = [booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=early) for slot in slots_of(branch)[20:23]]
    TimeSlot.objects.filter(pk__in=held[0].slot_ids).update(taken=0)
    tasks.expire_due()
    states = Appointment.objects.order_by("pk").values_list("status", flat=True)
    assert list(states) == [Status.HELD, Status.EXPIRED, Status.EXPIRED]
    assert not TimeSlot.objects.filter(taken__gt=0).exists()


def test_message_in_an_unknown_time_zone_lets_the_next_one_go(two_of_each: list[Branch]) -> None:
    first, second = Appointment.objects.order_by("pk")
    Branch.objects.filter(pk=first.branch_id).update(timezone="Mars/Base")
    tasks.deliver_due()
    assert {letter.to[0] for letter in mail.outbox} == {second.email}
    waiting = first.notifications.filter(kind="confirmation", medium="email").get()
    assert (waiting.state, waiting.attempts) == (Notification.State.PENDING, 1)
    assert "Mars/Base" in waiting.last_error


def test_branch_in_an_unknown_time_zone_lets_the_others_be_published(two_of_each: list[Branch]) -> None:
    TimeSlot.objects.filter(taken=0).delete()
    Branch.objects.filter(pk=two_of_each[0].pk).update(timezone="Mars/Base")
    tasks.publish_all()
    published = TimeSlot.objects.filter(taken=0).values_list("branch", flat=True)
    assert set(published) == {two_of_each[1].pk}
