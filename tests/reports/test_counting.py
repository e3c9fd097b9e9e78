"""Tests of the roll-ups: after each step they say what a plain count says, whatever was done, and in whatever order."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agencies.models import Branch
from appointments import booking, counter
from appointments.booking import retention
from appointments.models import Appointment, ChangedDay, Miscount, Notification, Rating, Ticket, TimeSlot
from reports import checking, counting
from reports.models import (
    DailyCapacity,
    DailyFact,
    DailyHours,
    DailyRating,
    DailySum,
    MonthlyFact,
    MonthlyHours,
    MonthlyRating,
    MonthlySum,
)
from reports.rollups import facts
from tests.builders import (
    GUEST,
    NOON,
    NOW,
    STAFF,
    a_branch,
    a_desk,
    a_procedure,
    a_strike,
    a_user,
    a_walk_in,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    booked_at,
    by,
    minutes,
    slots_of,
)
from tests.races import at_once
from tests.reports import figures
from videocalls.models import Participant, VideoCall

pytestmark = pytest.mark.django_db
ZONES = ("Europe/Athens", "America/New_York", "Australia/Melbourne", "Asia/Kathmandu", "Pacific/Kiritimati")
LAST = date(2027, 1, 1)

# Random histories

CHANNELS, SOURCES = ("in_person", "video", "phone"), ("web", "staff", "system")
MOMENTS = st.integers(-40 * 48, 40 * 48).map(lambda halves: NOW + timedelta(minutes=30 * halves))
SECONDS = st.integers(-600, 3 * 3600).map(lambda seconds: timedelta(seconds=seconds))
SOME = st.integers(0, 99)  # which of the rows
STATUSES = ("held", "unverified", "expired", "booked", "arrived", "serving", "completed", "cancelled", "no_show")
KINDS = {
    "make": (SOME, st.sampled_from(CHANNELS), st.sampled_from(SOURCES), MOMENTS, MOMENTS),
    "end": (SOME, st.sampled_from(STATUSES), MOMENTS, SECONDS, st.sampled_from(("", "citizen", "agency"))),
    "move": (SOME, MOMENTS, SOME, st.sampled_from(CHANNELS)),
    "ticket": (SOME, st.sampled_from([*Ticket.State]), SECONDS, st.sampled_from([*Ticket.Outcome]), st.booleans()),
    "walk_in": (SOME, st.sampled_from([*Ticket.State]), MOMENTS, SECONDS, st.booleans()),
    "rate": (SOME, MOMENTS, st.integers(1, 5)),
    "tell": (SOME, st.sampled_from([*Notification.State]), st.sampled_from(("reminder", "corrected"))),
    "join": (SOME, st.sampled_from([*Participant.Role]), st.booleans()),
    "offer": (SOME, MOMENTS, st.integers(0, 3)),
    "remove": (SOME, st.sampled_from(("slot", "rating", "ticket", "message", "appointment"))),
    "erase": (),
    "zone": (SOME, st.sampled_from(ZONES)),
    "count": (),
}
STEPS = st.lists(
    st.one_of(*(st.tuples(st.just(kind), *values) for kind, values in KINDS.items()), st.tuples(st.just("count"))),
    max_size=20,
)
A_START = [("make", number, "video", "web", NOW, NOW + minutes(600)) for number in range(3)]


class World:
    """Does the steps of a history by the rows alone, as no verb would: whatever writes, the figures have to follow."""

    def __init__(self) -> None:
        agencies = [an_agency("kep"), an_agency("aade")]
        self.branches = [a_branch(agencies[n % 2], f"b{n}", timezone=zone) for n, zone in enumerate(ZONES)]
        self.procedures = [a_procedure(agency, f"{agency.slug}-{n}") for agency in agencies for n in range(2)]

    def of(self, rows: Any, number: int) -> Any:
        found = list(rows.order_by("pk"))
        return found[number % len(found)] if found else None

    def make(self, number: int, channel: str, source: str, made: datetime, at: datetime) -> None:
        branch = self.branches[number % len(self.branches)]
        call = VideoCall.objects.create(provider="room", opens_at=at, closes_at=at + minutes(20))
        Appointment.objects.create(
            agency=branch.agency, branch=branch, procedure=self.procedures[number % 4], channel=channel, source=source,
            status="booked", slot_ids=[1], starts_at=at, ends_at=at + minutes(10), created_at=made, booked_at=made,
            video_call=call if number % 2 else None, name="Somebody", expires_at=at,
        )  # fmt: skip

    def end(self, number: int, status: str, at: datetime, took: timedelta, who: str) -> None:
        """Gives the appointment any status, also the one of before: a no-show is undone, a cancelled one stands again."""
        if one := self.of(Appointment.objects, number):
            one.status, one.ended_at, one.cancelled_by = status, at, who
            one.slot_ids = [] if status in ("cancelled", "expired") else [1]
            one.serving_at = one.starts_at + took if status in ("serving", "completed") else None
            one.completed_at = at if status == "completed" else None
            one.save()

    def move(self, number: int, at: datetime, where: int, channel: str) -> None:
        branch = self.branches[where % len(self.branches)]
        if one := self.of(Appointment.objects, number):
            to = {"starts_at": at, "ends_at": at + minutes(15), "moved_at": at, "channel": channel}
            Appointment.objects.filter(pk=one.pk).update(branch=branch, agency=branch.agency, **to)

    def ticket(self, number: int, state: str, after: timedelta, outcome: str, priority: bool) -> None:
        if one := self.of(Appointment.objects, number):
            begin = {"procedure": one.procedure, "channel": one.channel, "due_at": NOW, "arrived_at": NOW}
            begin |= {"branch": one.branch, "number": Ticket.objects.count() + 1000 + number, "day": NOW.date()}
            rest = {"state": state, "called_at": NOW + after, "outcome": outcome, "priority": priority}
            Ticket.objects.update_or_create(appointment=one, defaults=begin | rest)

    def walk_in(self, number: int, state: str, at: datetime, after: timedelta, priority: bool) -> None:
        branch = self.branches[number % len(self.branches)]
        Ticket.objects.create(
            branch=branch, procedure=self.procedures[number % 4], day=branch.local(at).date(), state=state, due_at=at,
            number=Ticket.objects.count() + 5000 + number, arrived_at=at, called_at=at + after, serving_at=at + after,
            ended_at=at + 2 * after, priority=priority,
        )  # fmt: skip

    def rate(self, number: int, at: datetime, score: int) -> None:
        procedure = self.procedures[number % 4]
        Rating.objects.create(
            agency=procedure.agency, procedure=procedure, channel="video", served_on=at.date(), score=score
        )

    def tell(self, number: int, state: str, kind: str) -> None:
        if one := self.of(Appointment.objects, number):
            fields = {"language": "el", "due_at": NOW, "state": state}
            Notification.objects.update_or_create(appointment=one, kind=kind, medium="email", defaults=fields)

    def join(self, number: int, role: str, admitted: bool) -> None:
        if call := self.of(VideoCall.objects, number):
            fields = {"admitted_at": NOW if admitted else None, "role": role}
            Participant.objects.update_or_create(call=call, key=role, defaults=fields)

    def offer(self, number: int, at: datetime, desks: int) -> None:
        """Offers a time of a coming day, or changes how many desks it has."""
        at = max(at, NOW + timedelta(days=3))
        branch = self.branches[number % len(self.branches)]
        fields = {"ends_at": at + minutes(20), "desks": desks, "capacity": 3}
        TimeSlot.objects.update_or_create(branch=branch, starts_at=at, defaults=fields)

    def remove(self, number: int, what: str) -> None:
        rows = {
            "slot": TimeSlot,
            "rating": Rating,
            "ticket": Ticket,
            "message": Notification,
            "appointment": Appointment,
        }
        if one := self.of(rows[what]._default_manager, number):
            one.delete()

    def erase(self) -> None:
        retention.erase_old(now=NOW + timedelta(days=3000))

    def zone(self, number: int, zone: str) -> None:
        branch = self.branches[number % len(self.branches)]
        Branch.objects.filter(pk=branch.pk).update(timezone=zone)
        self.branches = list(Branch.objects.order_by("pk"))

    def count(self) -> None:
        assert_readers_are_right()
        counting.count_all(now=NOW)
        assert_all_is_counted()


def assert_readers_are_right() -> None:
    """Whatever is still to be counted, the totals are right."""
    for until in (NOW.date(), LAST):
        found = {agency: [*vars(one).values()] for agency, one in counting.totals(until).items()}
        assert {agency: row for agency, row in found.items() if any(row)} == figures.plain_totals(until)


def assert_all_is_counted() -> None:
    """Every row of the roll-ups is what a plain count gives. So any filter of them gives the same, too."""
    assert not ChangedDay.objects.exists()
    assert figures.kept_facts() == figures.plain_facts()
    assert figures.kept_ratings() == figures.plain_ratings()
    assert figures.kept_capacity() == figures.plain_capacity()
    assert figures.kept_hours() == figures.plain_hours()
    assert figures.kept_months() == figures.plain_months()
    assert figures.kept_totals(LAST) == figures.plain_totals(LAST)


def all_kept() -> tuple[Any, ...]:
    days = figures.kept_facts(), figures.kept_ratings(), figures.kept_capacity(), figures.kept_hours()
    return (*days, *figures.kept_months(), figures.kept_totals(LAST))


@contextmanager
def undone() -> Iterator[None]:
    """Takes everything back that the block does."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


SOON = NOW + timedelta(days=5)
# Everything that can be done, each counted by itself. Many of these are rare among random histories.
EACH = [
    *[("tell", 0, "pending", "reminder"), ("tell", 0, "sent", "reminder"), ("tell", 0, "bounced", "reminder")],
    *[("remove", 0, "message"), ("tell", 0, "sent", "reminder"), ("tell", 0, "failed", "corrected")],
    *[("join", 1, "visitor", True), ("join", 1, "host", True), ("join", 1, "host", False), ("join", 1, "host", True)],
    *[("ticket", 1, "called", minutes(7), "", True), ("ticket", 1, "done", minutes(9), "missing", True)],
    *[("end", 1, "completed", SOON, minutes(3), ""), ("remove", 0, "ticket")],
    *[("end", 1, "no_show", SOON, minutes(3), ""), ("end", 1, "booked", SOON, minutes(3), "")],
    *[("end", 0, "cancelled", NOW - minutes(2000), minutes(3), "citizen"), ("end", 0, "booked", SOON, minutes(3), "")],
    *[("end", 0, "cancelled", NOW + minutes(500), minutes(3), "agency"), ("end", 0, "held", SOON, minutes(3), "")],
    *[("move", 1, SOON, 0, "video"), ("move", 1, SOON, 3, "phone"), ("move", 2, NOW - minutes(9000), 2, "video")],
    *[("walk_in", 2, "waiting", SOON, minutes(3), True), ("walk_in", 3, "done", SOON, minutes(3), True)],
    *[("remove", 0, "ticket"), ("rate", 0, NOW, 5), ("rate", 0, NOW, 4), ("remove", 0, "rating")],
    *[("offer", 0, SOON, 2), ("offer", 0, SOON, 3), ("offer", 1, SOON, 0), ("zone", 2, "America/New_York")],
    *[("remove", 0, "slot"), ("zone", 1, "Europe/Athens"), ("erase",), ("remove", 1, "appointment")],
]


# The last appointment of a branch in a month goes to another branch and month.
TO_ANOTHER_MONTH = [("make", 0, "phone", "web", SOON - timedelta(days=40), SOON - timedelta(days=30)), ("count",)]
TO_ANOTHER_MONTH += [
    ("move", 3, SOON - timedelta(days=31), 4, "phone"),
    ("walk_in", 1, "parked", NOW, minutes(3), True),
]


@settings(max_examples=15, deadline=None)
@example(steps=TO_ANOTHER_MONTH)
@example(steps=[step for each in EACH for step in (each, ("count",))])
@given(steps=STEPS)
def test_roll_ups_say_what_a_plain_count_says(steps: list[tuple[Any, ...]]) -> None:
    with undone():
        world = World()
        for kind, *values in [*A_START, *steps, ("count",)]:
            getattr(world, kind)(*values)
        assert checking.check(now=NOW) == 0
        counted = all_kept()
        counting.rebuild(now=NOW)
        assert counted == all_kept()


# Real steps


def test_steps_of_a_real_day_are_counted() -> None:
    branch = an_open_branch(desks=3)
    officer = an_officer(branch)
    visits = [booked_at(branch, 9, 10 * number, number) for number in range(5)]
    counting.count_all(now=NOW)
    desk = a_desk(branch, officer)
    ticket = counter.check_in(visits[0], by=GUEST, now=at(8, 50, day=NOW.date()))
    ticket = counter.call(ticket, desk, by=by(officer), now=at(9, 5, day=NOW.date()))
    counter.serve(ticket, by=by(officer), now=at(9, 6, day=NOW.date()))
    assert_counted_again()
    done = counter.complete(ticket, by=by(officer), now=at(9, 20, day=NOW.date()))
    assert_counted_again()
    counter.undo(done, by=by(officer), now=at(9, 20, day=NOW.date()))
    assert_counted_again()
    counter.complete(ticket, by=by(officer), now=at(9, 20, day=NOW.date()))
    booking.cancel(visits[1], by=GUEST, now=NOW)
    booking.reschedule(visits[2], slots_of(branch)[80].pk, by=STAFF, now=NOW)
    a_walk_in(branch, NOON)
    assert_counted_again()
    booking.miss(visits[3], by=STAFF, now=NOON)
    assert_counted_again()
    a_strike(branch)
    assert_counted_again()
    served = DailyFact.objects.get(outcome="served", source="web")
    assert (served.waiting_seconds, served.serving_seconds, served.punctual) == (15 * 60, 14 * 60, 1)
    assert DailyFact.objects.filter(outcome="cancelled", cancelled_by_citizen=1).count() == 1


def assert_counted_again() -> None:
    assert_readers_are_right()
    assert ChangedDay.objects.exists()
    counting.count_all(now=NOW)
    assert_all_is_counted()


def test_capacity_of_a_past_day_stays_when_its_slots_are_deleted() -> None:
    branch = an_open_branch()
    visit = booked_at(branch, 9)
    counting.count_all(now=NOW)
    before = figures.kept_capacity()
    later = NOW + timedelta(days=5)
    TimeSlot.objects.filter(taken=0, starts_at__lt=later - timedelta(days=1)).delete()
    booking.miss(visit, by=STAFF, now=later)
    counting.count_all(now=later)
    assert figures.kept_capacity() == before
    counting.rebuild(now=later)
    assert figures.kept_capacity() == before
    assert checking.check(now=later) == 0


# What the triggers look at

TRIGGERS = (
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'appointments_note_change' AND tgrelid = %s::regclass"
)
APPOINTMENT = facts._requests(facts._on_days) + facts._visits(facts._on_days) + facts._cancellations(facts._on_days)


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("appointments_appointment", re.findall(r"\bone\.(\w+)", APPOINTMENT)),
        ("appointments_ticket", re.findall(r"\bone\.(\w+)", facts._walk_ins(facts.TICKETS_ON_DAYS))),
        ("appointments_ticket", re.findall(r"\bticket\.(\w+)", APPOINTMENT)),
        ("appointments_timeslot", re.findall(r"\bslot\.(\w+)", facts.CAPACITY_ON_DAYS)),
    ],
)
def test_every_column_that_is_counted_notes_its_change(table: str, read: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS, [table])
        ((definition,),) = cursor.fetchall()
    assert {*read} - {"id"} <= {*re.findall(r"\bold\.(\w+)", definition)}


@pytest.mark.parametrize("field", ["name", "officer", "revision", "search", "expires_at", "returned_from"])
def test_what_is_not_counted_notes_nothing(field: str) -> None:
    branch = an_open_branch()
    visit = booked_at(branch, 9)
    ChangedDay.objects.all().delete()
    values = {"officer": a_user("officer@example.org"), "revision": 7, "expires_at": NOW}
    Appointment.objects.filter(pk=visit.pk).update(**{field: values.get(field, "somebody")})
    assert not ChangedDay.objects.exists()


def test_time_that_is_only_held_notes_nothing() -> None:
    branch = an_open_branch()
    ChangedDay.objects.all().delete()
    hold = booking.hold(
        slots_of(branch)[5].pk, branch.agency.procedures.get(), "in_person", by=GUEST, now=NOW - minutes(60)
    )
    booking.release(hold, by=GUEST, now=NOW - minutes(50))
    assert not ChangedDay.objects.exists()


# The nightly check


def a_wrong_fact() -> None:
    DailyFact.objects.filter(requested=1).update(waited=7)


def a_lost_fact() -> None:
    DailyFact.objects.all().delete()


def a_wrong_sum() -> None:
    DailySum.objects.update(missed=3)


def a_wrong_rating() -> None:
    DailyRating.objects.update(ratings=4)


def a_wrong_capacity() -> None:
    DailyCapacity.objects.filter(day__gt=NOW.date()).update(minutes=1)


def a_wrong_hour() -> None:
    DailyHours.objects.update(hours=[1] * 24)


def a_wrong_month() -> None:
    MonthlyFact.objects.update(requested=7)


def a_wrong_spread_of_a_month() -> None:
    MonthlyFact.objects.update(ahead_spread=[1] * 13)


def a_wrong_month_of_an_agency() -> None:
    MonthlySum.objects.update(serving_spread=[1] * 15)


def a_wrong_weekday() -> None:
    MonthlyHours.objects.update(hours=[1] * 24)


def a_wrong_month_of_ratings() -> None:
    MonthlyRating.objects.update(ratings=4)


SPOILS = (
    *(a_wrong_fact, a_lost_fact, a_wrong_sum, a_wrong_rating, a_wrong_capacity, a_wrong_hour),
    *(a_wrong_month, a_wrong_spread_of_a_month, a_wrong_month_of_an_agency, a_wrong_weekday),
    a_wrong_month_of_ratings,
)


@pytest.mark.parametrize("spoil", SPOILS)
def test_difference_is_told_and_not_mended(spoil: Callable[[], None], caplog: pytest.LogCaptureFixture) -> None:
    branch = an_open_branch()
    visit = booked_at(branch, 9)
    served = booked_at(branch, 10)
    booking.serve(served, by=by(an_officer(branch)), now=NOW)
    booking.complete(served, by=STAFF, now=NOW)
    Rating.objects.create(
        agency=branch.agency, procedure=visit.procedure, channel="video", served_on=NOW.date(), score=5
    )
    counting.count_all(now=NOW)
    assert checking.check(now=NOW) == 0
    right = all_kept()
    spoil()
    wrong = all_kept()
    for _night in range(2):
        assert checking.check(now=NOW) > 0
    assert wrong == all_kept()
    assert "Figures differ from the rows" in caplog.text
    assert Miscount.objects.first().days > 0
    call_command("count_figures")
    assert not Miscount.objects.exists()
    counting.rebuild(now=NOW)
    assert all_kept() == right


def test_day_that_is_to_be_counted_again_is_no_difference() -> None:
    branch = an_open_branch()
    visit = booked_at(branch, 9)
    counting.count_all(now=NOW)
    booking.miss(visit, by=STAFF, now=NOON)
    assert checking.check(now=NOON) == 0


# Cost


@pytest.mark.parametrize("changed", [1, 40])
def test_any_number_of_changed_days_takes_the_same_queries(changed: int) -> None:
    branch = an_open_branch()
    counting.count_all(now=NOW)
    visit = booked_at(branch, 9)
    for number in range(changed):
        begin = NOW + timedelta(days=number)
        fields = {"starts_at": begin, "ends_at": begin + minutes(10)}
        Appointment.objects.filter(pk=visit.pk).update(**fields)
    with CaptureQueriesContext(connection) as asked:
        counting.count_changed(now=NOW)
    assert not ChangedDay.objects.exists()
    assert len([query for query in asked if "SAVEPOINT" not in query["sql"]]) == 15


def test_branches_that_are_counted_whole_are_counted_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "WHOLE", 2)
    first = an_open_branch()
    branches = [first, *(a_branch(first.agency, f"b{number}") for number in range(4))]
    booked_at(first, 9)
    ChangedDay.objects.bulk_create(ChangedDay(branch_id=branch.pk) for branch in branches)
    assert counting.count_changed(now=NOW) == 2
    assert counting.count_all(now=NOW) > 3
    assert_all_is_counted()


# Many at once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_before", [True, False])
def test_change_that_commits_while_a_day_is_counted_leaves_it_to_be_counted_again(is_before: bool) -> None:
    """It commits just before or just after the statement that counts."""
    visit = booked_at(an_open_branch(), 9)
    missed = []

    def between(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        is_count = "INSERT INTO reports_dailyfact" in sql
        if is_count and is_before:
            missed.append(at_once([lambda: booking.miss(visit, by=STAFF, now=NOON)]).total())
        result = execute(sql, *rest)
        if is_count and not is_before:
            missed.append(at_once([lambda: booking.miss(visit, by=STAFF, now=NOON)]).total())
        return result

    with connection.execute_wrapper(between):
        counting.count_changed(now=NOW)
    assert missed == [1]
    assert ChangedDay.objects.exists()
    assert_readers_are_right()
    counting.count_all(now=NOW)
    assert_all_is_counted()


@pytest.mark.django_db(transaction=True)
def test_change_that_is_not_committed_yet_leaves_its_day_to_be_counted_again() -> None:
    visit = booked_at(an_open_branch(), 9)
    with transaction.atomic():
        booking.miss(visit, by=STAFF, now=NOON)
        assert at_once([lambda: counting.count_all(now=NOW)]).total() == 1
    assert figures.kept_facts() != figures.plain_facts()
    counting.count_all(now=NOW)
    assert_all_is_counted()


@pytest.mark.django_db(transaction=True)
def test_many_who_book_and_many_who_count_end_with_the_right_figures() -> None:
    branch = an_open_branch(desks=20)
    slots = slots_of(branch)
    book = [lambda number=number: an_appointment(slots[60 + number % 3], number) for number in range(12)]
    count = [lambda: counting.count_all(now=NOW) + 1] * 4
    assert at_once([*book, *count]).total() == len(book) + len(count)
    counting.count_all(now=NOW)
    assert Appointment.objects.count() == len(book)
    assert_all_is_counted()
