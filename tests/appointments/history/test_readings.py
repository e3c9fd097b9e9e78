"""Who of the agency has looked at a record: written wherever rows are shown, for ever, and told to the citizen."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, SystemToken
from appointments import sight
from appointments.booking import retention
from appointments.history import readings
from appointments.models import Appointment, Feed, Reading
from appointments.urls import managing
from mydesklive.pages.sight import SightMiddleware
from tests.builders import (
    NOW,
    a_branch,
    a_user,
    an_agency,
    an_officer,
    an_open_branch,
    booked_at,
    minutes,
)
from tests.codes import follow
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
OFFICER, SYSTEM = Reading.By
LOOK = minutes(10)
LIST = "/admin/appointments/appointment/"


@pytest.fixture
def branch() -> Branch:
    return an_open_branch(desks=9)


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    return booked_at(branch, 9)


def look(*seen: Appointment, officer: User | None, at: Any = NOW, page: str = "admin:day", by: Any = OFFICER) -> int:
    reader = readings.Reader(by, officer.pk if officer else None, page)
    return readings.write([one.pk for one in seen], by=reader, now=at, one_look=LOOK)


def test_same_look_within_minutes_is_one_row(branch: Branch, booked: Appointment) -> None:
    officer, other = an_officer(branch), an_officer(branch, email="other@example.org")
    assert [look(booked, officer=officer, at=NOW + minutes(later)) for later in (0, 5, 9, 11)] == [1, 0, 0, 1]
    assert look(booked, officer=other) == 1
    assert look(booked, officer=officer, page="admin:calendar") == 1
    assert look(booked, officer=None, by=SYSTEM) == 1
    assert look(booked, officer=None, by=SYSTEM) == 0


def test_all_that_a_page_shows_is_written_with_one_statement(
    branch: Branch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    officer, seen = an_officer(branch), [booked_at(branch, 9, number=number) for number in range(5)]
    for some, new in ((seen[:1], 1), (seen, 4), (seen, 0)):
        with django_assert_num_queries(1):
            assert look(*some, officer=officer) == new
    assert set(Reading.objects.values_list("branch", flat=True)) == {branch.pk}


def test_record_that_is_gone_by_then_is_not_written(branch: Branch) -> None:
    reader = readings.Reader(OFFICER, an_officer(branch).pk, "admin:day")
    assert readings.write([987654321], by=reader, now=NOW, one_look=LOOK) == 0


# Nobody changes it


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.update(at=NOW - timedelta(days=9)),
        lambda rows: rows.update(page=""),
        lambda rows: rows.update(officer=a_user("another@example.org")),
        lambda rows: rows.update(by=SYSTEM),
        lambda rows: rows.delete(),
    ],
)
def test_database_refuses_to_change_who_looked(branch: Branch, booked: Appointment, change: Any) -> None:
    look(booked, officer=an_officer(branch))
    with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
        change(Reading.objects.all())
    assert Reading.objects.count() == 1


def test_officer_who_goes_is_forgotten_and_the_look_is_not(branch: Branch, booked: Appointment) -> None:
    officer = an_officer(branch)
    look(booked, officer=officer)
    officer.delete()
    assert Reading.objects.get().officer is None


def test_it_goes_with_the_record(branch: Branch, booked: Appointment) -> None:
    look(booked, officer=an_officer(branch))
    retention.erase_old(now=booked.ends_at + timedelta(days=branch.agency.retention_days, seconds=1))
    assert not Reading.objects.exists()


# What counts as a look


def test_rows_that_are_loaded_counted_or_changed_are_not_looked_at(booked: Appointment) -> None:
    seen = sight.Sight()
    with sight.looking(seen):
        one = Appointment.objects.get()
        assert (one.status, one.starts_at, Appointment.objects.count()) == ("booked", booked.starts_at, 1)
        with sight.aside():
            assert one.name
        assert not seen.seen
        assert one.name
        assert seen.seen == {booked.pk: None}
    assert Appointment.objects.only("pk").get().name == booked.name
    assert Appointment.name.field.name == "name"


def test_what_is_kept_for_later_is_noted_for_everybody_who_gets_it(booked: Appointment) -> None:
    drawn, shown = sight.gathered(lambda: booked.name)
    seen = sight.Sight()
    with sight.looking(seen):
        sight.note(shown)
    assert (drawn, [*seen.seen]) == (booked.name, [booked.pk])


def asked(view: Any, user: User | None, **more: Any) -> HttpResponse:
    """What the view answers to this user, after who looked was written."""
    request = RequestFactory().get("/")
    request.user, request.resolver_match = user, None
    vars(request).update(more)
    answer = SightMiddleware(view)(request)
    return HttpResponse(answer.getvalue(), status=answer.status_code)


def test_answer_that_is_made_while_it_is_sent(branch: Branch) -> None:
    rows, officer = [booked_at(branch, 9, number=number) for number in range(3)], an_officer(branch)
    left: list[int] = []

    def lines() -> Any:
        for row in Appointment.objects.order_by("pk"):
            yield row.name
            left.append(Reading.objects.count())

    def view(_request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(lines())

    assert asked(view, officer).content.decode() == "".join(row.name for row in rows)
    assert left == [1, 2, 3]  # written before the line left


@pytest.mark.parametrize(("status", "written"), [(200, 1), (302, 1), (409, 1), (403, 0), (404, 0), (500, 0), (503, 0)])
def test_refusals_show_nothing(branch: Branch, booked: Appointment, status: int, written: int) -> None:
    asked(lambda _request: HttpResponse(Appointment.objects.get().name, status=status), an_officer(branch))
    assert Reading.objects.count() == written


def test_answer_is_not_given_if_the_look_cannot_be_written(
    client: Client, branch: Branch, booked: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_more: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("appointments.history.readings.write", fail)
    client.raise_request_exception = False
    answer = signed_in(client, an_officer(branch)).get(f"{LIST}{booked.reference}/change/")
    assert answer.status_code == 500
    assert booked.name not in text_of(answer)


def test_own_appointment_of_an_officer_and_of_citizens(client: Client, branch: Branch) -> None:
    for who in (an_officer(branch), a_user("somebody@example.org")):
        own = booked_at(branch, 10, citizen=who, number=who.pk)
        assert own.name in text_of(signed_in(client, who).get(f"/appointments/{own.reference}/"))
    assert not Reading.objects.exists()


def test_officer_with_the_link_of_a_guest_is_an_officer(client: Client, branch: Branch, booked: Appointment) -> None:
    signed_in(client, an_officer(branch)).get(booked.shown_link(), follow=True)
    assert not Reading.objects.exists()  # the link alone shows nothing
    follow(client, booked, link=booked.shown_link())
    assert Reading.objects.get().page == "appointments:detail"


@pytest.mark.parametrize("view", sorted(str(one.name) for one in managing))
def test_officer_before_the_second_check_has_looked_at_nothing(
    client: Client, branch: Branch, booked: Appointment, view: str
) -> None:
    signed_in(client, an_officer(branch)).get(booked.link())
    for method in (client.get, client.post):
        method(reverse(f"appointments:{view}", args=[booked.reference]), follow=True)
    assert not Reading.objects.exists()


def test_system_looks_when_it_asks_and_not_when_it_books(client: Client, branch: Branch, booked: Appointment) -> None:
    SystemToken.objects.create(agency=branch.agency, label="Test", digest=SystemToken.digest_of("secret"))
    Appointment.objects.update(source=Appointment.Source.SYSTEM)
    headers = {"Authorization": "Bearer secret"}
    url = f"/api/v1/appointments/{booked.reference}/"
    assert client.delete(url, headers=headers).status_code == 204
    assert not Reading.objects.exists()
    assert client.get(url, headers=headers).status_code == 200
    reading = Reading.objects.get()
    assert (reading.by, reading.officer, reading.appointment) == (SYSTEM, None, booked)


def test_feed_that_is_fetched_all_day_is_one_look_a_day(
    client: Client, branch: Branch, booked: Appointment, clock: Any
) -> None:
    officer = an_officer(branch)
    key = Feed.objects.create(branch=branch, made_by=officer, made_at=NOW).key
    for later, rows in ((0, 1), (60, 1), (60 * 23, 1), (60 * 25, 2)):
        clock.move_to(NOW + minutes(later))
        assert client.get(f"/feeds/{key}.ics").status_code == 200
        assert [one.officer for one in Reading.objects.all()] == [officer] * rows


# What the citizen reads


def test_citizen_reads_a_line_for_each_day_branch_and_kind(
    branch: Branch, booked: Appointment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    officer, other = an_officer(branch), an_officer(branch, email="other@example.org")
    for later in range(0, 300, 20):
        look(booked, officer=officer, at=NOW + minutes(later))
    look(booked, officer=other)
    look(booked, officer=None, by=SYSTEM, at=NOW + timedelta(days=1))
    Appointment.objects.update(branch=a_branch(branch.agency, "kep-other", name_en="KEP Rethymno"))
    look(booked, officer=officer, at=NOW + timedelta(days=2))
    appointment = Appointment.objects.select_related("agency", "branch").get()
    with translation.override("en"), django_assert_num_queries(2):  # and the branch where it was before
        told = readings.for_citizen(appointment)
    first = branch.local(NOW).date()
    assert [((one.day - first).days, one.text) for one in told] == [
        (0, "2 officers of KEP Chania looked at it"),
        (1, "A computer system of Agency kep looked at it"),
        (2, "An officer of KEP Rethymno looked at it"),
    ]


def test_day_is_that_of_the_branch(branch: Branch, booked: Appointment) -> None:
    midnight = NOW.replace(hour=22, minute=30)  # half past midnight in Athens
    look(booked, officer=an_officer(branch), at=midnight)
    [told] = readings.for_citizen(booked)
    assert told.day == branch.local(midnight).date() != midnight.date()


@pytest.mark.parametrize("who", ["guest", "citizen"])
def test_citizen_sees_on_the_appointment_who_looked(client: Client, branch: Branch, who: str) -> None:
    citizen = a_user("froso@example.org") if who == "citizen" else None
    booked = booked_at(branch, 10, citizen=citizen)
    signed_in(Client(), an_officer(branch)).get(f"{LIST}{booked.reference}/change/")
    if citizen:
        signed_in(client, citizen)
    page = text_of(follow(client, booked, link=booked.shown_link()))
    assert "Ποιος το έχει δει" in page
    assert "Υπάλληλος (ΚΕΠ Χανίων) το είδε" in page
    assert "agent@example.org" not in page


def test_nothing_is_told_where_nobody_has_looked(client: Client, booked: Appointment) -> None:
    page = text_of(follow(client, booked, link=booked.shown_link()))
    assert booked.name in page
    assert "Ποιος το έχει δει" not in page


def test_operators_reach_nothing_to_look_at(client: Client, branch: Branch, booked: Appointment) -> None:
    operator = a_user("operator@example.org", is_operator=True)
    an_agency("ypex")
    for page in (LIST, "/admin/", f"{LIST}day/", f"{LIST}calendar/"):
        signed_in(client, operator).get(page)
    assert not Reading.objects.exists()
