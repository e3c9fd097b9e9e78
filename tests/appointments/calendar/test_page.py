"""The branch's calendar: what its one answer holds, in how many queries and bytes, and how a drop becomes a move."""

import gzip
import json
import random
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, Channel, Closure, Role
from appointments import booking
from appointments.calendar import agenda
from appointments.calendar.agenda import Days, Entry
from appointments.errors import WrongStatus
from appointments.models import Appointment, Desk, Event, Notification, Status, Ticket, TimeSlot
from tests.builders import (
    NOW,
    STAFF,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    by,
    slot_at,
    slots_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
CALENDAR = "/admin/appointments/appointment/calendar/"
TUESDAY = "2026-03-03"


def signed_in(client: Client, place: Any, role: str = Role.AGENT) -> User:
    officer = an_officer(place, role)
    client.force_login(officer)
    return officer


def data(client: Client, branch: Branch, **query: str) -> dict[str, Any]:
    answer = client.get(f"{CALENDAR}data/", {"branch": branch.code, "date": TUESDAY, "view": "week"} | query)
    assert answer.status_code == 200
    return answer.json()


# What the one answer holds


def test_answer_holds_appointments_on_the_branch_clock(client: Client) -> None:
    branch = an_open_branch(desks=2)
    signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10, 20), branch), channel=Channel.VIDEO, name="Μαρία Παπαδοπούλου")
    found = data(client, branch)
    assert found["reference"] == [appointment.reference]
    assert found["start"] == [24 * 60 + 10 * 60 + 20]
    assert found["length"] == [10]
    assert found["name"] == ["Μαρία Παπαδοπούλου"]
    texts = {name: found[name][0][found[name][1][0]] for name in ("status", "channel", "procedure", "officer")}
    assert texts == {"status": "booked", "channel": "video", "procedure": "Υπεύθυνη δήλωση", "officer": ""}
    assert found["hours"] == [8 * 60, 14 * 60]
    assert found["step"] == 10


def test_answer_speaks_the_language_of_its_address(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    an_appointment(slot_at(at(10), branch))
    english = client.get(f"/en{CALENDAR}data/", {"branch": branch.code, "date": TUESDAY}).json()
    assert english["procedure"][0] == ["Solemn declaration"]


def test_week_of_a_clock_change_keeps_the_wall_clock(client: Client) -> None:
    agency = an_agency(horizon_days=60)
    branch = a_branch(agency, timezone="America/New_York")
    a_procedure(agency)
    a_rule(branch, weekdays=[7], opens_at="09:00", closes_at="10:00")
    sunday = next(slot for slot in slots_of(branch) if branch.local(slot.starts_at).date() == date(2026, 3, 8))
    signed_in(client, branch)
    an_appointment(sunday)  # at 09:00, some hours after the clock went forward
    assert data(client, branch, date="2026-03-08")["start"] == [6 * 24 * 60 + 9 * 60]


def test_free_places_are_counted_by_hour_from_now_on(client: Client) -> None:
    branch = an_open_branch(desks=2)
    signed_in(client, branch)
    an_appointment(slot_at(at(10, 20), branch))
    free = {begins: (free, places) for begins, free, places in data(client, branch)["free"]}
    assert free[24 * 60 + 10 * 60] == (11, 12)
    assert free[24 * 60 + 11 * 60] == (12, 12)
    opening = agenda.opening(Days(branch, date(2026, 3, 3), date(2026, 3, 4)), now=at(10, 30))
    assert [hour.free for _begins, hour in sorted(opening.hours.items())][:4] == [0, 0, 4, 12]


def test_closures_of_branch_and_agency_are_told_with_their_reason(client: Client) -> None:
    branch = an_open_branch(desks=3)
    signed_in(client, branch)
    a_closure(branch, date(2026, 3, 3), reason_el="Μετακόμιση", from_time="12:00", until_time="13:30")
    days = {"from_date": date(2026, 3, 4), "until_date": date(2026, 3, 4)}
    Closure.objects.create(agency=branch.agency, reason_el="Αργία", **days)
    a_closure(branch, date(2026, 3, 5), kind="absence", desks=1, officer=a_user("away@example.org", name="Ηλίας Απών"))
    a_closure(a_branch(branch.agency, "kep-patra"), date(2026, 3, 3), reason_el="Αλλού")
    day = 24 * 60
    assert data(client, branch)["closed"] == [
        [day + 12 * 60, day + 13 * 60 + 30, "Μετακόμιση", True],
        [2 * day, 3 * day, "Αργία", True],
        [3 * day, 4 * day, "Απουσία: Ηλίας Απών (λείπει 1 θυρίδα)", False],
    ]


@pytest.mark.parametrize("status", [Status.HELD, Status.EXPIRED, Status.CANCELLED])
def test_nobody_is_shown_who_is_not_expected(client: Client, status: str) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10), branch))
    slots = appointment.slot_ids if status == Status.HELD else []
    Appointment.objects.update(status=status, slot_ids=slots, expires_at=NOW + timedelta(minutes=10))
    assert data(client, branch)["reference"] == []


def test_filters_leave_the_rest_out(client: Client) -> None:
    branch = an_open_branch(desks=4)
    officer = signed_in(client, branch)
    other = a_procedure(branch.agency, "kep-other")
    first = an_appointment(slot_at(at(9), branch), 1)
    second = an_appointment(slot_at(at(9), branch), 2, channel=Channel.VIDEO)
    third = an_appointment(slot_at(at(9), branch), 3, procedure=other)
    booking.assign(third, officer, by=by(officer), now=NOW)
    assert data(client, branch, channel="video")["reference"] == [second.reference]
    assert data(client, branch, procedure="kep-other")["reference"] == [third.reference]
    assert data(client, branch, officer=str(officer.pk))["reference"] == [third.reference]
    assert data(client, branch, officer="none")["reference"] == [first.reference, second.reference]
    assert len(data(client, branch, officer="nobody", channel="letter")["reference"]) == 3


def test_same_state_is_answered_with_nothing_and_any_change_with_news(client: Client) -> None:
    branch = an_open_branch(desks=2)
    officer = signed_in(client, branch)
    appointment = an_appointment(slot_at(at(9), branch))

    def is_news(seen: str) -> bool:
        query = {"branch": branch.code, "date": TUESDAY, "view": "week", "seen": seen}
        return client.get(f"{CALENDAR}data/", query).status_code == 200

    changes = [
        lambda: booking.assign(appointment, officer, by=by(officer), now=NOW),
        lambda: booking.cancel(appointment, by=STAFF, now=NOW),
        lambda: an_appointment(slot_at(at(11), branch), 2),
        lambda: a_closure(branch, date(2026, 3, 5)),
        lambda: Desk.objects.create(branch=branch, name="1"),
    ]
    for change in changes:
        seen = data(client, branch)["seen"]
        assert not is_news(seen)
        change()
        assert is_news(seen)
    an_appointment(slot_at(at(9, day=date(2026, 3, 10)), branch), 3)
    seen = data(client, branch)["seen"]
    an_appointment(slot_at(at(10, day=date(2026, 3, 10)), branch), 4)
    assert not is_news(seen)  # another week


# Speed


def test_week_takes_the_same_queries_for_one_and_three(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    branch = an_open_branch(desks=6)
    signed_in(client, branch)
    an_appointment(slot_at(at(9), branch), 1)
    for count in (1, 3):
        for view in ("week", "desks"):
            with django_assert_num_queries(
                9
            ):  # session, user, role, branch, state, appointments, slots, closures, who is shown
                assert len(data(client, branch, view=view)["reference"]) == count
        seen = data(client, branch)["seen"]
        with django_assert_num_queries(5):  # and what an unchanged page asks every five seconds
            query = {"branch": branch.code, "date": TUESDAY, "view": "week", "seen": seen}
            assert client.get(f"{CALENDAR}data/", query).status_code == 204
        for number in (2, 3):
            an_appointment(slot_at(at(9), branch), number * 10 + count)


@pytest.mark.parametrize("view", ["week", "list", "month", "desks"])
def test_page_takes_the_same_queries_for_one_and_three(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, view: str
) -> None:
    branch = an_open_branch(desks=3)
    officer = signed_in(client, branch)
    queries = {"week": 6, "desks": 6, "list": 12, "month": 10}
    query = {"branch": branch.code, "date": TUESDAY, "view": view}
    client.get(CALENDAR, query)  # remembers the branch
    for numbers in ((1,), (2, 3)):
        for number in numbers:
            appointment = an_appointment(slot_at(at(9), branch), number)
            booking.assign(appointment, officer, by=by(officer), now=NOW)
        with django_assert_num_queries(queries[view]):
            assert client.get(CALENDAR, query).status_code == 200


# fmt: off
GIVEN = (
    "Γεώργιος", "Μαρία", "Δημήτριος", "Ελένη", "Κωνσταντίνος", "Αικατερίνη", "Ιωάννης", "Βασιλική", "Νικόλαος", "Παρασκευή",
)
STEMS = (
    "Παπα", "Χατζη", "Καρα", "Οικονομ", "Αναγνωστ", "Βλαχ", "Γεωργ", "Δημητρ", "Θεοδωρ", "Καλογερ", "Κωστ", "Μακρ", "Μαυρ",
)
MIDDLES = ("αλ", "εν", "ιδ", "οκ", "υρ", "αντ", "επ", "ιλ", "ορ", "ασ", "εμ", "ιν", "ογ", "ατ", "ελ", "ικ", "ουλ", "αφ")
ENDS = ("όπουλος", "άκης", "ίδης", "άδης", "έας", "ούδης", "ιανός", "άκος", "ας", "ης", "ου", "οπούλου", "άκη", "ίδου")
# fmt: on


def a_full_week(branch: Branch) -> None:
    """1,500 appointments of 1,500 names, as a branch of a large city has."""
    chance = random.Random(7)
    procedures = [a_procedure(branch.agency, f"service-{number}", name_el=f"Υπηρεσία {number}") for number in range(20)]
    slots = list(
        TimeSlot.objects.filter(branch=branch, starts_at__gte=at(8, day=date(2026, 3, 2))).order_by("starts_at")
    )
    statuses = [Status.BOOKED] * 8 + [Status.ARRIVED, Status.UNVERIFIED]
    names = [
        f"{chance.choice(GIVEN)} {chance.choice(STEMS)}{chance.choice(MIDDLES)}{chance.choice(MIDDLES)}{chance.choice(ENDS)}"
        for _number in range(1500)
    ]
    rows = [
        Appointment(
            agency=branch.agency,
            branch=branch,
            procedure=chance.choice(procedures),
            channel=chance.choice([Channel.IN_PERSON, Channel.IN_PERSON, Channel.VIDEO]),
            status=chance.choice(statuses),
            slot_ids=[slots[number % 170].pk],
            starts_at=slots[number % 170].starts_at,
            ends_at=slots[number % 170].ends_at,
            name=name,
            created_at=NOW,
            expires_at=NOW,
        )
        for number, name in enumerate(names)
    ]
    Appointment.objects.bulk_create(rows, batch_size=500)


def test_large_week_is_one_answer_of_9_queries_and_less_than_40_kb(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    branch = an_open_branch(desks=10)
    a_full_week(branch)
    signed_in(client, branch)
    query = {"branch": branch.code, "date": TUESDAY, "view": "week"}
    with django_assert_max_num_queries(9):
        answer = client.get(f"{CALENDAR}data/", query, headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 40_000
    found = json.loads(gzip.decompress(answer.content))
    assert len(set(found["reference"])) == len(found["name"]) == 1500


# Desks


def entry(
    reference: str, begins: datetime, length: int = 10, status: str = Status.BOOKED, desk: int | None = None
) -> Entry:
    return Entry(reference, begins, begins + timedelta(minutes=length), status, "in_person", "", "", "", desk)


def test_no_two_appointments_of_a_lane_overlap() -> None:
    chance = random.Random(3)
    shown = sorted(
        (
            entry(str(n), at(8) + timedelta(minutes=10 * chance.randrange(30)), 10 * chance.randrange(1, 6))
            for n in range(80)
        ),
        key=lambda one: one.starts_at,
    )
    _names, found = agenda.lanes(shown, [], 3)
    by_lane: dict[int, list[Entry]] = {}
    for one, lane in zip(shown, found, strict=True):
        by_lane.setdefault(lane, []).append(one)
    for ones in by_lane.values():
        assert all(one.ends_at <= after.starts_at for one, after in pairwise(ones))
    busiest = max(
        sum(one.starts_at <= moment < one.ends_at for one in shown) for moment in {o.starts_at for o in shown}
    )
    assert len(by_lane) == busiest


def test_who_is_served_stands_at_the_real_desk() -> None:
    shown = [entry("A", at(9)), entry("B", at(9), status=Status.SERVING, desk=12), entry("C", at(9), desk=11)]
    names, found = agenda.lanes(shown, [(11, "1"), (12, "2")], 3)
    assert names == ["Θυρίδα 1", "Θυρίδα 2", "Θέση 3"]
    assert found == [0, 1, 2]  # C is only expected: where it will be served is not known


def test_desks_view_names_the_desk_of_the_ticket(client: Client) -> None:
    branch = an_open_branch(desks=2)
    officer = signed_in(client, branch)
    Desk.objects.create(branch=branch, name="5")
    desk = Desk.objects.create(branch=branch, name="7")
    appointment = booking.serve(an_appointment(slot_at(at(9), branch)), by=by(officer), now=NOW)
    fields = {
        "day": date(2026, 3, 3),
        "number": 1,
        "due_at": at(9),
        "arrived_at": NOW,
        "procedure": appointment.procedure,
    }
    Ticket.objects.create(branch=branch, appointment=appointment, desk=desk, **fields)
    found = data(client, branch, view="desks")
    assert found["lanes"][found["lane"][0]] == "Θυρίδα 7"


# The page


def test_list_and_month_say_what_the_calendar_draws(client: Client) -> None:
    branch = an_open_branch(desks=2)
    signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10, 20), branch), name="Μαρία Παπαδοπούλου")
    a_closure(branch, date(2026, 3, 3), reason_el="Μετακόμιση", from_time="12:00", until_time="13:00")
    listed = client.get(CALENDAR, {"view": "list", "date": TUESDAY}).content.decode()
    for text in ("Μαρία Παπαδοπούλου", "10:20", "Υπεύθυνη δήλωση", "12:00–13:00 Μετακόμιση", "Τρίτη 3 Μαρτίου"):
        assert text in listed
    assert f"/appointment/{appointment.reference}/move/?next=" in listed
    month = client.get(CALENDAR, {"view": "month", "date": TUESDAY}).content.decode()
    assert "<b>1</b> <i>ραντεβού</i>" in month
    assert "Μετακόμιση" in month


def test_page_asks_for_the_day_before_and_after(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    for view, before, after in (
        ("day", "2026-03-02", "2026-03-04"),
        ("week", "2026-03-01", "2026-03-09"),
        ("month", "2026-02-28", "2026-04-01"),
    ):
        context = client.get(CALENDAR, {"view": view, "date": TUESDAY}).context
        assert f"date={before}" in context["before_url"]
        assert f"date={after}" in context["after_url"]


@pytest.mark.parametrize("query", [{"date": "tomorrow", "view": "year"}, {"date": "9999-12-31"}, {"officer": "9" * 30}])
def test_nonsense_in_the_address_shows_the_week(client: Client, query: dict[str, str]) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    assert client.get(CALENDAR, query).context["asked"].view == "week"
    assert client.get(f"{CALENDAR}data/", query | {"branch": branch.code}).status_code == 200


def test_another_branch_does_not_exist(client: Client) -> None:
    branch = an_open_branch()
    appointment = an_appointment(slot_at(at(10), branch))
    other = a_branch(branch.agency, "kep-patra")
    signed_in(client, other, Role.SUPERVISOR)
    code = {"branch": branch.code, "date": TUESDAY}
    for path in ("", "data/"):
        assert client.get(f"{CALENDAR}{path}", code).status_code == 404
    for path in ("calendar-move/?at=2026-03-03T11:00", "assign/"):
        url = f"/admin/appointments/appointment/{appointment.reference}/{path}"
        assert client.get(url).status_code in (404, 405)
        assert client.post(url, {"slot": slot_at(at(11), branch).pk, "revision": 0}).status_code == 404
    assert data(client, other)["reference"] == []
    appointment.refresh_from_db()
    assert (appointment.starts_at, appointment.officer) == (at(10), None)


def test_supervisor_blocks_a_time_in_the_form_for_closures(client: Client) -> None:
    branch = an_open_branch()
    a_branch(branch.agency, "kep-patra")
    signed_in(client, branch.agency, Role.SUPERVISOR)
    block = client.get(CALENDAR, {"branch": branch.code}).context["options"]["block"]
    page = client.get(f"{block}&from_date={TUESDAY}&until_date={TUESDAY}&from_time=10:00&until_time=11:30")
    form = page.context["adminform"].form
    assert form["from_date"].value() == form["until_date"].value() == date(2026, 3, 3)
    assert (form["from_time"].value(), form["until_time"].value()) == (time(10), time(11, 30))
    assert form["branch"].value() == branch.pk


def test_officer_cannot_block_time(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    assert client.get(CALENDAR).context["options"]["block"] == ""


def test_signed_out_page_gets_no_data(client: Client) -> None:
    branch = an_open_branch()
    assert client.get(f"{CALENDAR}data/", {"branch": branch.code}).status_code == 404


def test_booking_for_a_caller_begins_on_the_day_that_was_clicked(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    query = {"branch": branch.code, "from": "2026-03-05"}
    url = "/admin/appointments/appointment/book/"
    assert '<input type="hidden" name="from" value="2026-03-05">' in client.get(url, query).content.decode()
    wish = query | {"procedure": "kep-dilosi", "channel": "in_person"}
    answer = client.get(url, wish)
    assert answer.context["times"].since == date(2026, 3, 5)
    assert "&amp;from=2026-03-12" in answer.content.decode()


# Moving


def dropped(client: Client, appointment: Appointment, at: str) -> Any:
    return client.get(f"/admin/appointments/appointment/{appointment.reference}/calendar-move/", {"at": at})


def confirmed(client: Client, appointment: Appointment, slot: TimeSlot, revision: int = 0) -> Any:
    url = f"/admin/appointments/appointment/{appointment.reference}/calendar-move/"
    return client.post(url, {"slot": slot.pk, "revision": revision})


def test_drop_asks_first_and_moves_when_confirmed(client: Client) -> None:
    branch = an_open_branch()
    officer = signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10), branch))
    asked = dropped(client, appointment, "2026-03-04T11:30")
    assert "Τετάρτη 4 Μαρτίου, 11:30" in asked.content.decode()
    appointment.refresh_from_db()
    assert appointment.starts_at == at(10)

    slot = asked.context["slot"]
    assert slot.starts_at == at(11, 30, day=date(2026, 3, 4))
    for _time in range(2):  # a repeated answer changes nothing more
        assert confirmed(client, appointment, slot).status_code == 204
    appointment.refresh_from_db()
    assert (appointment.starts_at, appointment.revision) == (slot.starts_at, 1)
    assert Notification.objects.filter(appointment=appointment, kind="moved").count() == 1
    assert Event.objects.get(appointment=appointment, verb="move").officer == officer


@pytest.mark.parametrize(
    "moment", ["2026-03-04T07:00", "2026-03-04T11:35", "2026-03-07T11:00", "later", "2026-03-03T10:00"]
)
def test_drop_where_no_free_time_is_says_so(client: Client, moment: str) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10), branch))
    answer = dropped(client, appointment, moment)
    assert answer.status_code == 409
    assert "Δεν υπάρχει τότε ελεύθερη ώρα" in answer.content.decode()


def test_drop_on_a_taken_time_says_so_and_one_taken_meanwhile_too(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10), branch), 1)
    an_appointment(slot_at(at(11), branch), 2)
    assert dropped(client, appointment, "2026-03-03T11:00").status_code == 409
    slot = dropped(client, appointment, "2026-03-03T12:00").context["slot"]
    an_appointment(slot, 3)
    answer = confirmed(client, appointment, slot)
    assert answer.status_code == 409
    assert "μόλις" in answer.content.decode()
    appointment.refresh_from_db()
    assert (appointment.starts_at, appointment.revision) == (at(10), 0)


def test_confirming_an_old_question_changes_nothing(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    appointment = an_appointment(slot_at(at(10), branch))
    slot = dropped(client, appointment, "2026-03-03T12:00").context["slot"]
    booking.reschedule(appointment, slot_at(at(13), branch).pk, by=STAFF, now=NOW)
    assert confirmed(client, appointment, slot, revision=0).status_code == 409
    appointment.refresh_from_db()
    assert appointment.starts_at == at(13)


def test_long_appointment_moves_over_its_own_old_time(client: Client) -> None:
    branch = an_open_branch()
    signed_in(client, branch)
    long = a_procedure(branch.agency, "kep-long", duration_minutes=30)
    appointment = an_appointment(slot_at(at(10), branch), procedure=long)
    slot = dropped(client, appointment, "2026-03-03T10:10").context["slot"]
    assert confirmed(client, appointment, slot).status_code == 204
    appointment.refresh_from_db()
    assert (appointment.starts_at, appointment.ends_at) == (at(10, 10), at(10, 40))


# Who will serve


def test_assigned_officer_is_stored_with_an_event(client: Client) -> None:
    branch = an_open_branch()
    by = signed_in(client, branch)
    colleague = an_officer(branch.agency, email="colleague@example.org")
    appointment = an_appointment(slot_at(at(10), branch))
    url = f"/admin/appointments/appointment/{appointment.reference}/assign/"
    client.post(url, {"officer": colleague.pk})
    appointment.refresh_from_db()
    assert appointment.officer == colleague
    event = Event.objects.get(appointment=appointment, verb=Event.Verb.ASSIGN)
    assert (event.officer, event.details) == (by, {"officer": colleague.pk})
    client.post(url, {"officer": ""})
    appointment.refresh_from_db()
    assert appointment.officer is None


def test_only_officers_of_the_branch_are_offered(client: Client) -> None:
    branch = an_open_branch()
    own = signed_in(client, branch)
    of_agency = an_officer(branch.agency, email="whole@example.org")
    stranger = an_officer(a_branch(branch.agency, "kep-patra"), email="patra@example.org")
    gone = an_officer(branch, email="gone@example.org")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    appointment = an_appointment(slot_at(at(10), branch))
    page = client.get(f"/admin/appointments/appointment/{appointment.reference}/change/")
    assert set(page.context["assign"].fields["officer"].queryset) == {own, of_agency}
    client.post(f"/admin/appointments/appointment/{appointment.reference}/assign/", {"officer": stranger.pk})
    appointment.refresh_from_db()
    assert appointment.officer is None


def test_nobody_is_assigned_after_service() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment = booking.serve(an_appointment(slot_at(at(10), branch)), by=by(officer), now=NOW)
    with pytest.raises(WrongStatus):
        booking.assign(appointment, None, by=by(officer), now=NOW)
    appointment.refresh_from_db()
    assert appointment.officer == officer
