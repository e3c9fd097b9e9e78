"""Tests of the demo's data on a few branches: an exact history, consistent slots, and a present that moves with the calendar."""

import csv
import shutil
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Count, Max, Min, Sum
from pytest_django.fixtures import Settings

from accounts.models import User
from agencies import access
from agencies.facts import system_of
from agencies.loading import tables
from agencies.models import Agency, Branch, Channel
from appointments.models import Appointment, Notification, Offer, Rating, Status, Ticket, TimeSlot
from appointments.times.publishing import publish_all
from mydesklive.demo import behalf, cast, hall, history, outage, present, story, wanted
from mydesklive.demo.history import Published, spread
from reports import counting
from reports.models import DailyDemand, DailyWait, MonthlyWait
from reports.published import published
from tests.builders import a_branch, a_closure, a_procedure, a_rule, an_agency, an_appointment, at
from tests.races import assert_promises_agree

pytestmark = pytest.mark.django_db

# Wednesday 18 March 2026.
TODAY = date(2026, 3, 18)
NOW = at(10, 30, day=TODAY).astimezone(UTC)
# The last weekday of the ten days that are filled.
AHEAD = date(2026, 3, 27)

UNEVEN = """
SELECT count(*) FROM appointments_timeslot slot LEFT JOIN (
    SELECT unnest(slot_ids) AS id, count(*) AS held FROM appointments_appointment GROUP BY 1
) AS appointment ON appointment.id = slot.id
WHERE slot.taken <> coalesce(appointment.held, 0)
"""


def uneven_slots() -> int:
    """Returns the number of slots whose count differs from that of their appointments."""
    with connection.cursor() as cursor:
        cursor.execute(UNEVEN)
        return cursor.fetchone()[0]


@pytest.fixture
def home() -> Branch:
    """ΚΕΠ Χανίων with services of ten, fifteen and thirty minutes, and a consulate in another time zone."""
    kep = an_agency("kep", live_since=date(2020, 7, 27), horizon_days=30)
    branch = a_branch(kep)
    for minutes in (10, 15, 30, 20):
        a_procedure(kep, f"kep-{minutes}", duration_minutes=minutes)
    a_rule(branch, desks=2, valid_from=date(2020, 7, 27))
    consul = an_agency("consul", live_since=date(2020, 12, 28), horizon_days=30)
    a_procedure(consul, "consul-passport", duration_minutes=30, channels=[Channel.IN_PERSON])
    a_rule(
        a_branch(consul, "consul-melbourne", country="AU", timezone="Australia/Melbourne"),
        valid_from=date(2020, 12, 28),
    )
    return branch


def filled(home: Branch, now: datetime = NOW) -> None:
    """Fills the home branch for today and ten days, as the command does."""
    today = home.today(now)
    open_day = present.queue_day(home, now)
    publish_all(now=home.midnight(open_day))
    last = present.filled_until()
    since = last + timedelta(days=1) if last else open_day
    present.fill(since, today + timedelta(days=10), home, now=now)
    present.settle(home, None, now=now)


# History


def test_history_has_the_published_numbers(home: Branch) -> None:
    figures = [Published("kep", date(2020, 7, 27), 1283), Published("consul", date(2020, 12, 28), 37)]
    history.write(figures)
    served = {line.agency.slug: line.totals.served for line in published(history.UNTIL).lines if line.totals}
    assert served == {"kep": 1283, "consul": 37}
    counts = dict(Appointment.objects.values_list("status").annotate(Count("pk")))
    assert counts == {"completed": 1320, "no_show": 86 + 2, "cancelled": 105 + 3}


def test_history_keeps_opening_hours_and_days(home: Branch) -> None:
    history.write([Published("kep", date(2020, 7, 27), 800), Published("consul", date(2020, 12, 28), 200)])
    for appointment in Appointment.objects.select_related("branch", "agency"):
        local = appointment.branch.local(appointment.starts_at)
        ends = appointment.branch.local(appointment.ends_at)
        assert appointment.agency.live_since <= local.date() <= history.UNTIL
        assert local.isoweekday() <= 5
        assert time(8) <= local.time() < ends.time() <= time(14)
        assert appointment.created_at < appointment.starts_at
        assert (local.month, local.day) not in {(12, 25), (8, 15)}


def test_history_holds_nobodys_data(home: Branch) -> None:
    history.write([Published("kep", date(2020, 7, 27), 50)])
    assert set(Appointment.objects.values_list("name", "email", "phone", "notes", "person_key")) == {
        ("", "", "", "", "")
    }
    assert Notification.objects.count() == 0


def test_history_is_the_same_everywhere(home: Branch) -> None:
    figures = [Published("kep", date(2020, 7, 27), 50)]
    history.write(figures)
    first = list(Appointment.objects.order_by("reference").values_list("reference", "starts_at", "status"))
    Appointment.objects.all().delete()
    history.write(figures)
    assert list(Appointment.objects.order_by("reference").values_list("reference", "starts_at", "status")) == first


def test_history_is_rated_by_some_and_mostly_well(home: Branch) -> None:
    history.write([Published("kep", date(2020, 7, 27), 2000)])
    ratings = Rating.objects.count()
    assert 400 < ratings < 600
    assert Rating.objects.filter(score=5).count() > 0.8 * ratings


def test_history_is_written_once(home: Branch) -> None:
    assert not history.is_written()
    history.write([Published("kep", date(2020, 7, 27), 5)])
    assert history.is_written()


@pytest.mark.parametrize(
    ("total", "weights"), [(7, [1, 1, 1]), (0, [0.3, 2]), (19, [0.1] * 180), (128344, [1.5, 0.2] * 300)]
)
def test_spread_gives_out_everything(total: int, weights: list[float]) -> None:
    numbers = list(spread(total, weights))
    assert (sum(numbers), len(numbers)) == (total, len(weights))
    assert min(numbers) >= 0


# Present


def test_bookings_fit_their_slots(home: Branch) -> None:
    filled(home)
    assert uneven_slots() == 0
    slots = TimeSlot.objects.filter(branch=home, starts_at__gt=NOW, starts_at__lt=home.midnight(AHEAD))
    taken = sum(slots.values_list("taken", flat=True))
    assert 0.4 < taken / sum(slots.values_list("capacity", flat=True)) < 0.75
    longest = Appointment.objects.filter(procedure__code="kep-30", status=Status.BOOKED).first()
    assert longest is not None
    assert len(longest.slot_ids) == 3


def test_bookings_ahead_keep_what_was_promised(home: Branch) -> None:
    filled(home)
    assert_promises_agree()


def test_invented_people_owe_and_get_no_messages(home: Branch) -> None:
    filled(home)
    assert Appointment.objects.filter(name="").count() == 0
    assert Appointment.objects.exclude(email__endswith="@example.org").count() == 0
    assert Appointment.objects.exclude(phone__startswith="69000000").count() == 0
    assert Notification.objects.count() == 0


def test_invented_people_are_found_by_name(home: Branch) -> None:
    filled(home)
    appointment = Appointment.objects.filter(branch=home).first()
    assert appointment is not None
    stored = Appointment.objects.values_list("search", flat=True).get(pk=appointment.pk)
    appointment.index_contact()
    appointment.save()
    assert Appointment.objects.values_list("search", flat=True).get(pk=appointment.pk) == stored


def test_video_appointments_have_their_room(home: Branch) -> None:
    filled(home)
    videos = Appointment.objects.filter(channel=Channel.VIDEO, status=Status.BOOKED)
    assert videos.count() > 5
    for appointment in videos.select_related("video_call", "agency"):
        assert appointment.video_call is not None
        assert (appointment.video_call.opens_at, appointment.video_call.closes_at) == appointment.call_window


def test_queue_is_under_way_in_the_morning(home: Branch) -> None:
    filled(home)
    today = Appointment.objects.on_day(home, TODAY)
    states = dict(today.values_list("status").annotate(Count("pk")))
    assert states["completed"] >= 5
    assert states["arrived"] >= 1
    assert states["booked"] >= 5
    assert today.filter(completed_at__gt=NOW).count() == 0
    assert today.filter(arrived_at__gt=NOW).count() == 0
    assert today.filter(status=Status.SERVING).aggregate(Min("serving_at"))["serving_at__min"] < NOW


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (at(8, 2, day=TODAY), TODAY),
        (at(13, 50, day=TODAY), TODAY),
        (at(23, day=TODAY), TODAY),
        (at(5, day=TODAY), TODAY - timedelta(days=1)),
        (at(12, day=date(2026, 3, 22)), date(2026, 3, 20)),
    ],
    ids=["opening", "closing", "late", "early", "Sunday"],
)
def test_somebody_is_served_at_any_time(home: Branch, now: datetime, day: date) -> None:
    filled(home, now.astimezone(UTC))
    assert present.queue_day(home, now) == day
    serving = Appointment.objects.filter(branch=home, status=Status.SERVING)
    before = list(serving.values("pk", "starts_at", "serving_at"))
    assert {home.today(one["starts_at"]) for one in before} == {day}
    assert all(one["serving_at"] <= now for one in before)
    present.settle(home, None, now=now.astimezone(UTC))
    assert list(serving.values("pk", "starts_at", "serving_at")) == before


@pytest.mark.parametrize("now", [at(23, day=TODAY), at(12, day=date(2026, 3, 22))], ids=["late", "Sunday"])
def test_queue_of_the_last_open_day_stays_when_it_is_closed(home: Branch, now: datetime) -> None:
    filled(home, now.astimezone(UTC))
    day = present.queue_day(home, now)
    queue = Appointment.objects.on_day(home, day)
    assert queue.filter(status=Status.COMPLETED).exists()
    assert queue.filter(status__in=(Status.BOOKED, Status.ARRIVED, Status.SERVING)).exists()
    assert uneven_slots() == 0


def test_last_open_day_looks_past_holidays(home: Branch) -> None:
    a_closure(home, TODAY)
    assert present.last_open_day(home, TODAY) == date(2026, 3, 17)
    assert present.last_open_day(home, date(2026, 3, 22)) == date(2026, 3, 20)


def test_second_run_changes_nothing(home: Branch) -> None:
    filled(home)
    before = list(Appointment.objects.order_by("pk").values())
    present.settle(home, None, now=NOW)
    assert present.filled_until() == AHEAD
    assert list(Appointment.objects.order_by("pk").values()) == before


def test_days_later_the_present_has_moved_along(home: Branch) -> None:
    filled(home)
    later = NOW + timedelta(days=5)
    free = TimeSlot.objects.filter(branch=home, starts_at__gt=NOW + timedelta(hours=2), taken=0).first()
    assert free is not None
    own = an_appointment(free, procedure=home.agency.procedures.get(code="kep-10"), now=NOW)
    filled(home, later)
    own.refresh_from_db()
    assert (own.status, own.slot_ids) == (Status.BOOKED, [free.pk])
    assert uneven_slots() == 0
    past = Appointment.objects.filter(starts_at__lt=home.midnight(home.today(later))).exclude(pk=own.pk)
    assert not past.open().exists()
    last = Appointment.objects.aggregate(last=Max("starts_at"))["last"]
    assert home.local(last).date() == date(2026, 4, 2)


def test_visits_of_the_past_need_no_slots(home: Branch) -> None:
    present.write_past(TODAY - timedelta(days=14), TODAY)
    states = dict(Appointment.objects.values_list("status").annotate(Count("pk")))
    assert states["completed"] > 20
    assert states.keys() <= {"completed", "no_show", "cancelled"}
    assert Appointment.objects.exclude(slot_ids=[]).count() == 0
    assert Appointment.objects.filter(ended_at__gt=NOW).count() == 0


def test_history_goes_on_after_what_was_published(home: Branch) -> None:
    first, last = TODAY - timedelta(days=60), TODAY - timedelta(days=30)
    made = history.go_on(first, last)
    days = Counter(one.branch.local(one.starts_at).date() for one in Appointment.objects.select_related("branch"))
    assert (first <= min(days), max(days) <= last) == (True, True)
    assert made == days.total() > 20
    assert {day.isoweekday() for day in days} <= {1, 2, 3, 4, 5}


def test_visits_have_tickets_as_if_they_had_been_called(home: Branch) -> None:
    history.go_on(TODAY - timedelta(days=90), TODAY - timedelta(days=10))
    made = story.visit(TODAY - timedelta(days=90), TODAY - timedelta(days=9))
    tickets = Ticket.objects.all()
    assert made == len(tickets) > 5
    assert {ticket.state for ticket in tickets} == {"done"}
    assert all(ticket.arrived_at < ticket.serving_at <= ticket.ended_at for ticket in tickets)
    assert {ticket.appointment_id is None for ticket in tickets} == {True, False}
    assert story.visit(TODAY - timedelta(days=90), TODAY - timedelta(days=9)) == 0


def test_wants_of_the_last_year_are_written_once(home: Branch) -> None:
    since = TODAY - timedelta(days=100)
    history.go_on(since, TODAY)
    counting.rebuild(now=NOW)
    written = wanted.fill(since, now=NOW)
    assert written == DailyWait.objects.count() > 0
    assert {row.month.month for row in MonthlyWait.objects.all()} == {12, 1, 2, 3}
    journeys = DailyDemand.objects.aggregate(held=Sum("held"), filled=Sum("filled"), booked=Sum("booked"))
    assert journeys["held"] >= journeys["filled"] >= journeys["booked"] > 0
    assert wanted.fill(since, now=NOW) == 0


# Cast


def test_cast_signs_in_with_its_roles(home: Branch) -> None:
    assert cast.create() == 6
    assert cast.create() == 0
    users = {user.email: user for user in User.objects.all()}
    assert all(user.check_password("demo") for user in users.values())
    assert all(user.emailaddress_set.get().verified for user in users.values())
    assert list(access.branches(users[cast.AGENT])) == [home]
    assert list(access.agencies(users[cast.AGENCY_ADMIN])) == [home.agency]
    assert (users[cast.OFFICIAL].is_official, users[cast.OPERATOR].is_operator) == (True, True)
    assert not users[cast.CITIZEN].is_staff
    token = system_of("demo-kep")
    assert token
    assert token.agency_id == home.agency_id


def test_citizen_has_booked_for_a_business_and_a_person(home: Branch) -> None:
    cast.create()
    for code, kind in (("kep-epicheiriseis", "business"), ("kep-amea", "other")):
        a_procedure(home.agency, code, booked_for=["person", kind])
    publish_all(now=NOW)
    for _time in range(2):
        behalf.declare_once(now=NOW)
    made = behalf.book_for_others(home, now=NOW)
    assert sorted(one.party.kind for one in made) == ["business", "other"]
    assert {one.acceptance.declaration.version for one in made} == {1}
    assert behalf.book_for_others(home, now=NOW) == []


def test_citizen_has_an_appointment_of_each_kind(home: Branch) -> None:
    cast.create()
    past = home.midnight(date(2026, 3, 10))
    publish_all(now=past)
    Agency.objects.update(notice_minutes=60)
    assert len(cast.book_for_citizen(past=past, now=NOW)) == 4
    assert cast.book_for_citizen(past=past, now=NOW) == []
    citizen = User.objects.get(email=cast.CITIZEN)
    own = Appointment.objects.filter(citizen=citizen)
    assert sorted(own.values_list("status", "channel")) == [
        ("booked", "in_person"),
        ("booked", "video"),
        ("cancelled", "in_person"),
        ("completed", "in_person"),
    ]
    assert set(Notification.objects.filter(appointment__citizen=citizen).values_list("kind", flat=True)) >= {
        "confirmation",
        "cancelled",
        "rating",
    }
    assert uneven_slots() == 0


# Command


def test_command_refuses_outside_the_demo() -> None:
    with pytest.raises(CommandError):
        call_command("demo", stdout=StringIO())


@pytest.fixture
def few_branches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real agencies and services at the first two branches of each, and at the home branch."""
    shutil.copytree(tables.DATA, tmp_path, dirs_exist_ok=True)
    kept: Counter[str] = Counter()
    rows = []
    for row in tables.read(tables.DATA / "branches.csv"):
        kept[row.cells["agency_slug"]] += 1
        if kept[row.cells["agency_slug"]] <= 2 or row.cells["code"] == cast.HOME:
            rows.append(row.cells)
    _write(tmp_path / "branches.csv", rows)
    codes = {row["code"] for row in rows}
    rules = [row.cells | {"branches": ";".join(codes & set(row.parts("branches")))} for row in tables.read(
        tables.DATA / "opening_rules.csv"
    ) if not row.parts("branches") or codes & set(row.parts("branches"))]  # fmt: skip
    _write(tmp_path / "opening_rules.csv", rules)
    monkeypatch.setattr(tables, "DATA", tmp_path)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_command_fills_and_repeats(few_branches: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs with a short history and a short horizon. The number of branches comes from the files."""
    settings.MYDESK_DEMO = True
    rows = list(csv.DictReader(StringIO(history.PUBLISHED.read_text(encoding="utf-8"))))
    monkeypatch.setattr(history, "published", lambda: [
        Published(row["slug"], date.fromisoformat(row["live_since"]), 3) for row in rows if row["served"]
    ])  # fmt: skip
    monkeypatch.setattr(present, "AHEAD", timedelta(days=4))
    monkeypatch.setattr(present, "PAST", timedelta(days=7))
    call_command("demo", stdout=StringIO())
    lines = published(history.UNTIL).as_dict()["agencies"]
    assert isinstance(lines, list)
    columns = ("slug", "served", "procedures", "live_since")
    assert [{name: str(line[name] or "") for name in columns} for line in lines] == [
        {name: row[name] for name in columns} | {"served": row["served"] and "3"} for row in rows
    ]
    assert uneven_slots() == 0
    number, again = Appointment.objects.count(), StringIO()
    call_command("demo", stdout=again)
    assert Appointment.objects.count() == number
    assert "Publishing" not in again.getvalue()


def test_files_have_as_many_branches_as_was_published() -> None:
    counted = Counter(row.cells["agency_slug"] for row in tables.read(tables.DATA / "branches.csv"))
    published_rows = csv.DictReader(StringIO(history.PUBLISHED.read_text(encoding="utf-8")))
    told = {row["slug"]: int(row["branches"]) for row in published_rows if row["branches"]}
    assert {slug: counted[slug] for slug in told} == told


def test_hall_has_people_waiting_and_being_served_and_is_left_alone_afterwards(home: Branch) -> None:
    publish_all(now=home.midnight(TODAY))
    present.fill(TODAY, TODAY, home, now=NOW)
    present.settle(home, None, now=NOW)
    here = Appointment.objects.filter(
        branch=home, status__in=(Status.ARRIVED, Status.SERVING), channel=Channel.IN_PERSON
    )
    arrived = here.count()
    assert arrived
    written = hall.fill(home, now=NOW)
    tickets = Ticket.objects.of_day(home, TODAY)
    assert written == tickets.count() == len(hall.CAME) + arrived
    assert tickets.filter(state=Ticket.State.SERVING).count() == len(hall.COLLEAGUES)
    assert tickets.waiting().count() == written - len(hall.COLLEAGUES)
    assert Appointment.objects.filter(status=Status.SERVING).count() <= len(hall.COLLEAGUES)
    assert hall.fill(home, now=NOW + timedelta(minutes=5)) == 0


def test_hall_of_the_next_day_begins_anew(home: Branch) -> None:
    hall.fill(home, now=NOW)
    assert hall.fill(home, now=NOW + timedelta(days=1)) == len(hall.CAME)
    assert not Ticket.objects.of_day(home, TODAY).open().exists()


def test_power_cut_has_answers_and_people_who_still_wait(home: Branch) -> None:
    cast.create()
    publish_all(now=home.midnight(TODAY))
    present.fill(TODAY, TODAY + timedelta(days=15), home, now=NOW)
    made = outage.fill(home, now=NOW)
    states = Counter(Offer.objects.values_list("state", flat=True))
    assert made == states.total() >= outage.ENOUGH
    assert states[Offer.State.ACCEPTED] >= 2
    assert states[Offer.State.CANCELLED] == 1
    assert states[Offer.State.OPEN] >= 2
    assert not Appointment.objects.unplaced(now=NOW).exclude(offers__state=Offer.State.OPEN).exists()
    assert uneven_slots() == 0
    assert outage.fill(home, now=NOW) == 0
