"""Tests of the published table: its figures, its limits and its three formats."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, Branch, Channel
from appointments import booking
from appointments.models import Appointment, ChangedDay, Rating, Status
from mydesklive.demo import history
from reports import counting
from reports.counting import Totals
from reports.models import DailySum
from reports.published import published
from tests.builders import (
    GUEST,
    MONDAY,
    NOW,
    TUESDAY,
    a_branch,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_open_branch,
    at,
    counted_since,
    slots_of,
)

pytestmark = pytest.mark.django_db


def a_visit(branch: Branch, starts_at: datetime, status: str = Status.COMPLETED, **fields: object) -> Appointment:
    """Makes an appointment of the past that was booked two days before."""
    procedure = branch.agency.procedures.first() or a_procedure(branch.agency, f"{branch.agency.slug}-service")
    ended_at = starts_at if status in (Status.NO_SHOW, Status.CANCELLED) else None
    defaults = {"created_at": starts_at - timedelta(days=2), "ended_at": ended_at, "channel": Channel.IN_PERSON}
    return Appointment.objects.create(
        agency=branch.agency,
        branch=branch,
        procedure=procedure,
        status=status,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=10),
        **defaults | fields,
    )


def a_live_branch(slug: str = "kep", **fields: object) -> Branch:
    return a_branch(an_agency(slug, live_since=date(2020, 7, 27)), f"{slug}-one", **fields)


def totals(as_of: date) -> Totals:
    (line,) = published(as_of).lines
    assert line.totals is not None
    return line.totals


def test_each_end_counts_once() -> None:
    branch = a_live_branch()
    for status in (Status.COMPLETED, Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED, Status.EXPIRED):
        a_visit(branch, at(9), status)
    assert totals(TUESDAY) == Totals(submitted=4, served=2, missed=1, cancelled=1)


def test_booked_counts_as_submitted_from_the_day_it_was_made() -> None:
    branch = an_open_branch()
    Agency.objects.update(live_since=date(2020, 7, 27))
    an_appointment(slots_of(branch)[100])
    assert totals(date(2026, 3, 1)) == Totals()
    assert totals(date(2026, 3, 2)) == Totals(submitted=1)


def test_hold_is_no_request() -> None:
    branch = an_open_branch()
    Agency.objects.update(live_since=date(2020, 7, 27))
    slot = slots_of(branch)[5]
    booking.hold(slot.pk, branch.agency.procedures.get(), Channel.IN_PERSON, by=GUEST, now=at(7, day=date(2026, 3, 2)))
    assert totals(date(2026, 3, 20)) == Totals()


def test_cancelled_counts_on_the_day_it_was_cancelled() -> None:
    branch = an_open_branch()
    Agency.objects.update(live_since=date(2020, 7, 27))
    appointment = an_appointment(slots_of(branch)[300])
    booking.cancel(appointment, by=GUEST, now=at(9))
    assert totals(date(2026, 3, 2)).cancelled == 0
    assert totals(TUESDAY).cancelled == 1


@pytest.mark.parametrize(
    ("zone", "moment", "local_day"),
    [
        ("Australia/Melbourne", datetime(2022, 11, 30, 13, 30, tzinfo=UTC), date(2022, 12, 1)),
        ("Europe/Athens", datetime(2022, 11, 30, 21, 59, tzinfo=UTC), date(2022, 11, 30)),
        ("Europe/Athens", datetime(2022, 11, 30, 22, 1, tzinfo=UTC), date(2022, 12, 1)),
        ("America/New_York", datetime(2022, 12, 1, 4, 30, tzinfo=UTC), date(2022, 11, 30)),
        ("Pacific/Kiritimati", datetime(2022, 11, 30, 10, 30, tzinfo=UTC), date(2022, 12, 1)),
    ],
)
@pytest.mark.parametrize("rolled_up", [False, True])
def test_day_is_the_branchs_own(zone: str, moment: datetime, local_day: date, rolled_up: bool) -> None:
    a_visit(a_live_branch(timezone=zone), moment)
    if rolled_up:
        counting.rebuild(now=NOW)
    assert totals(local_day - timedelta(days=1)).served == 0
    assert totals(local_day).served == 1


def test_roll_up_and_rows_give_the_same() -> None:
    """Tries days of the past and of the future, in zones far apart."""
    now = at(12, day=date(2026, 3, 20))
    branches = [a_live_branch("kep"), a_live_branch("consul", timezone="Australia/Melbourne")]
    branches.append(a_branch(branches[1].agency, "consul-two", timezone="America/New_York"))
    for branch in branches:
        for number in range(40):
            status = [Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED, Status.BOOKED][number % 4]
            fields = {"slot_ids": [1]} if status == Status.BOOKED else {}
            a_visit(branch, now + timedelta(hours=9 * (number - 30)), status, **fields)
    days = [date(2026, 3, 1) + timedelta(days=number) for number in range(30)]
    live = [published(day).as_dict() for day in days]
    assert counting.rebuild(now=now) > 0
    assert DailySum.objects.filter(day__gt=date(2026, 3, 20)).exists()
    assert not ChangedDay.objects.exists()
    assert [published(day).as_dict() for day in days] == live
    assert len({json.dumps(one["agencies"], default=str) for one in live}) > 10


def test_rebuilding_takes_up_corrections() -> None:
    now = at(12, day=date(2026, 5, 1))
    visit = a_visit(a_live_branch(), at(9), Status.NO_SHOW)
    counting.rebuild(now=now)
    counting.rebuild(now=now)
    assert totals(TUESDAY) == Totals(submitted=1, missed=1)
    Appointment.objects.filter(pk=visit.pk).update(status=Status.COMPLETED)
    counting.rebuild(now=now)
    assert totals(TUESDAY) == Totals(submitted=1, served=1)


def test_share_of_best_ratings_needs_ten_answers() -> None:
    branch = a_live_branch()
    procedure = a_procedure(branch.agency)
    ratings = [
        Rating(agency=branch.agency, procedure=procedure, channel="video", served_on=TUESDAY, score=score)
        for score in [5] * 8 + [4]
    ]
    Rating.objects.bulk_create(ratings)
    assert published(TUESDAY).lines[0].satisfied_share is None
    Rating.objects.create(agency=branch.agency, procedure=procedure, channel="video", served_on=TUESDAY, score=1)
    assert published(TUESDAY).lines[0].satisfied_share == 80
    assert published(date(2026, 3, 2)).lines[0].satisfied_share is None


def test_nothing_is_published_that_the_agency_keeps() -> None:
    a_visit(a_branch(an_agency("kep", live_since=date(2020, 7, 27), publishes_branches=False)), at(9))
    a_visit(a_branch(an_agency("quiet", live_since=date(2020, 7, 27), publishes_figures=False), "two"), at(9))
    a_visit(a_branch(an_agency("later", live_since=date(2026, 3, 4)), "three"), at(9))
    pilot = an_agency("pilot", stage=Agency.Stage.PILOT, live_since=date(2026, 3, 1))
    a_visit(a_branch(pilot, "four"), at(9))
    an_agency("joining", stage=Agency.Stage.JOINING)
    an_agency("asking", stage=Agency.Stage.REQUEST)
    counted_since(MONDAY)
    table = published(TUESDAY)
    assert [
        (line.agency.slug, line.totals and line.totals.served, line.extent.procedures, line.extent.branches)
        for line in table.lines
    ] == [
        ("kep", 1, 1, None),
        ("quiet", None, None, None),
        ("later", None, None, None),
        ("pilot", None, None, None),
        ("joining", None, None, None),
    ]
    assert table.total == 1


@pytest.mark.parametrize("agencies", [1, 3])
def test_page_takes_the_same_number_of_queries(client: Client, agencies: int) -> None:
    for number in range(agencies):
        branch = a_live_branch(f"agency{number}")
        a_visit(branch, at(9))
        a_rule(branch)
    for most in (9, 2):  # at first the figures too; then whether the offer is the same, and whether anything was booked
        with CaptureQueriesContext(connection) as queries:
            response = client.get("/reports/agencies/?as_of=2026-03-03")
        assert response.context["table"].total == agencies
        assert len(queries) == most


# JSON, CSV, XLSX and page

FILES = ["/reports/agencies.json", "/reports/agencies.csv", "/reports/agencies.csv?for=excel", "/reports/agencies.xlsx"]
ADDRESSES = [
    "/reports/agencies/",
    "/en/reports/agencies/",
    "/reports/agencies.json",
    "/reports/agencies.csv",
    "/reports/agencies.xlsx",
]


def test_json_keeps_the_contract(client: Client) -> None:
    a_visit(a_live_branch(region_el="Κρήτη"), at(9))
    counted_since(MONDAY)
    answer = client.get("/reports/agencies.json?as_of=2026-03-03")
    figures = {"submitted": 1, "served": 1, "missed": 0, "cancelled": 0, "procedures": 1, "branches": 1}
    figures |= {"countries": 1, "regions": 1, "satisfied_percent": None}
    promised = {"slug": "kep", "platform": "myKEPlive", "live_since": "2020-07-27"}
    names = {"name_el": "Φορέας kep", "name_en": "Agency kep"}
    counted = {"extent_source": "counted", "extent_day": "2026-03-03"}
    assert answer.json() == {
        "as_of": "2026-03-03",
        "agencies": [promised | figures | names | counted],
        "total": 1,
        "totals": figures,
        "definitions": f"{settings.SITE_URL}/reports/agencies/#definitions",
    }
    assert set(answer["Cache-Control"].split(", ")) == {"public", "max-age=300"}


@pytest.mark.usefixtures("clock")
def test_table_is_counted_once_until_something_changes(client: Client) -> None:
    branch = a_live_branch()
    a_visit(branch, at(9, day=MONDAY - timedelta(days=1)))

    def served() -> object:
        return client.get("/reports/agencies.json").json()["agencies"][0]["served"]

    assert served() == 1
    with CaptureQueriesContext(connection) as asked:
        assert served() == 1
    assert len(asked) == 2  # whether the offer is the same, and whether anything was booked
    a_visit(branch, at(10, day=MONDAY - timedelta(days=1)))
    assert served() == 2
    Agency.objects.update(publishes_figures=False)
    assert served() is None


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("address", ADDRESSES)
def test_who_has_the_same_table_gets_no_body(client: Client, address: str) -> None:
    branch = a_live_branch()
    first = client.get(address)
    assert first.getvalue()
    tag = first.headers["ETag"]
    again = client.get(address, headers={"if-none-match": tag})
    assert (again.status_code, again.getvalue()) == (304, b"")
    other = client.get(address, {"as_of": "2026-03-01"})
    assert other.getvalue()
    assert other.headers["ETag"] != tag
    a_visit(branch, at(9, day=MONDAY - timedelta(days=1)))
    anew = client.get(address, headers={"if-none-match": tag})
    assert (anew.status_code, bool(anew.getvalue())) == (200, True)


@pytest.mark.usefixtures("clock")
def test_json_says_today_when_not_asked(client: Client) -> None:
    assert client.get("/reports/agencies.json").json()["as_of"] == MONDAY.isoformat()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("as_of", ["yesterday", "2022-13-01", "2999-01-01", "0", "2022-11-30; --"])
def test_bad_date_is_refused_at_its_field(client: Client, as_of: str) -> None:
    a_live_branch()
    answer = client.get("/reports/agencies.json", {"as_of": as_of})
    assert (answer.status_code, list(answer.json())) == (400, ["as_of"])
    for address in ("/reports/agencies.csv", "/reports/agencies.xlsx"):
        refused = client.get(address, {"as_of": as_of})
        assert (refused.status_code, refused["Content-Type"]) == (400, "text/plain; charset=utf-8")
    page = client.get("/reports/agencies/", {"as_of": as_of})
    assert page.status_code == 400
    assert page.context["table"].as_of == MONDAY
    assert 'href="#id_as_of"' in page.content.decode()


def test_csv_has_the_same_columns(client: Client) -> None:
    a_visit(a_live_branch(), at(9))
    an_agency("joining", stage=Agency.Stage.JOINING)
    counted_since(MONDAY)
    answer = client.get("/reports/agencies.csv?as_of=2026-03-03")
    lines = client.get("/reports/agencies.json?as_of=2026-03-03").json()["agencies"]
    text = answer.getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [{name: value or None for name, value in row.items()} for row in rows] == [
        {name: None if value is None else str(value) for name, value in line.items()} for line in lines
    ]
    assert rows[1]["served"] == ""
    assert text.startswith("slug,platform,live_since,submitted,served,missed,cancelled,procedures,branches,")
    assert 'filename="agencies-2026-03-03.csv"' in answer["Content-Disposition"]


@pytest.mark.parametrize(("language", "number"), [("", "1.204"), ("/en", "1,204")])
def test_page_writes_numbers_in_its_language(client: Client, language: str, number: str) -> None:
    branch = a_live_branch()
    procedure = a_procedure(branch.agency)
    Appointment.objects.bulk_create(
        Appointment(
            agency=branch.agency, branch=branch, procedure=procedure, channel="video", status=Status.COMPLETED,
            starts_at=at(9), ends_at=at(10), created_at=at(8),
        )
        for _ in range(1204)
    )  # fmt: skip
    page = client.get(f"{language}/reports/agencies/?as_of=2026-03-03").content.decode()
    assert f"<dd>{number}</dd>" in page


def test_page_of_the_demo_tells_facts_from_inventions(client: Client, settings: object) -> None:
    a_live_branch()
    assert "Ενδεικτικά στοιχεία" not in client.get("/reports/agencies/").content.decode()
    settings.MYDESK_DEMO = True  # type: ignore[attr-defined]
    page = client.get("/reports/agencies/").content.decode()
    assert "Ενδεικτικά στοιχεία" in page
    assert "?as_of=2022-11-30" in page


def test_index_leads_to_the_table(client: Client) -> None:
    assert client.get("/reports/").headers["Location"] == "/reports/agencies/"
    assert client.get("/en/reports/").headers["Location"] == "/en/reports/agencies/"


def test_published_figures_add_up() -> None:
    assert sum(figure.served for figure in history.published()) == 231_805
