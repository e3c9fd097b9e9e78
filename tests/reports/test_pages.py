"""Tests of the pages of figures: who sees them, what the filters do, and that page and files say the same."""

import csv
import re
from collections.abc import Iterable
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.test import Client
from django.utils.translation import override
from openpyxl import load_workbook
from pytest_django import DjangoAssertNumQueries

from agencies.models import Agency, Branch, Channel, Role
from appointments import booking
from reports import counting
from reports.models import DailyWait
from reports.reading.counts import read
from reports.reading.ratings import Satisfaction
from reports.reading.spreads import MINUTES, quantile
from reports.selecting.selection import LAST_CLOCK, Selection, months
from reports.selecting.viewers import Viewer
from reports.showing.tables import Column, Unit
from reports.templatetags.figures import written
from tests.builders import (
    NOW,
    STAFF,
    a_branch,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    by,
    slots_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
FILES = ("csv", "xlsx", "json")
PAGES = {"overview": "/reports/", "service": "/reports/service/"}
ADDRESSES = ("/reports/", *(f"/reports/{name}.{kind}" for name in PAGES for kind in FILES))
MARCH = at(0).date().replace(day=1)


def done(branch: Branch, number: int = 0) -> None:
    """Makes one served in person, one missed by video and one cancelled appointment, all on 3 March, and counts them."""
    slots = slots_of(branch)
    served, cancelled = (an_appointment(slots[place], number + place) for place in (1, 2))
    missed = an_appointment(slots[3], number + 3, channel=Channel.VIDEO)
    booking.serve(served, by=by(a_user(f"officer{number}@example.org")), now=NOW)
    booking.complete(served, by=STAFF, now=NOW)
    booking.cancel(cancelled, by=STAFF, now=NOW)
    booking.miss(missed, by=STAFF, now=at(12))
    counting.count_all(now=NOW)


@pytest.fixture
def branch() -> Branch:
    found = an_open_branch()
    done(found)
    return found


@pytest.fixture
def official(client: Client) -> Client:
    client.force_login(a_user("official@example.org", is_official=True))
    return client


# Who sees what


def test_stranger_is_led_to_the_published_table_and_has_no_files(client: Client) -> None:
    for user in (None, a_user()):
        if user:
            client.force_login(user)
        assert client.get("/reports/").url == "/reports/agencies/"
        answers = {client.get(address).status_code for address in ADDRESSES[1:]}
        assert answers == ({404} if user else {302})


def test_agent_is_refused(client: Client, branch: Branch) -> None:
    client.force_login(an_officer(branch))
    assert client.get("/reports/").url == "/reports/agencies/"
    assert {client.get(address).status_code for address in ADDRESSES[1:]} == {403}


def test_official_who_begins_in_the_admin_sees_the_figures(official: Client) -> None:
    response = official.get("/en/admin/", follow=True)
    assert (response.redirect_chain[-1][0], response.status_code) == ("/en/reports/", 200)


def test_official_who_is_refused_finds_the_figures(official: Client) -> None:
    response = official.get("/en/admin/accounts/user/", follow=True)
    assert response.status_code == 403
    assert 'href="/en/reports/"' in response.text.partition("<main")[2]


def another_branch(agency: Agency, code: str) -> Branch:
    branch = a_branch(agency, code)
    if not agency.procedures.exists():
        a_procedure(agency, f"{agency.slug}-service")
    a_rule(branch)
    return branch


def two_agencies() -> tuple[Branch, Branch, Branch]:
    """Makes three branches with figures: two of one agency, and one of another."""
    first = an_open_branch()
    second, other = another_branch(first.agency, "kep-second"), another_branch(an_agency("aade"), "aade-one")
    for number, branch in enumerate((first, second, other)):
        done(branch, 10 * number)
    return first, second, other


@pytest.mark.parametrize(
    ("role", "at_branch", "seen"),
    [
        (Role.SUPERVISOR, True, 3),
        (Role.SUPERVISOR, False, 6),
        (Role.AGENCY_ADMIN, False, 6),
        ("official", False, 9),
        ("operator", False, 9),
    ],
)
def test_everybody_sees_their_own_places_alone(client: Client, role: str, at_branch: bool, seen: int) -> None:
    first, _second, _other = two_agencies()
    if role in ("official", "operator"):
        user = a_user("state@example.org", **{f"is_{role}": True})
    else:
        user = an_officer(first if at_branch else first.agency, role)
    client.force_login(user)
    for query in (
        "",
        "?agency=aade",
        "?branch=aade-one",
        "?agency=aade&branch=aade-one",
        "?country=GR",
        "?region=Κρήτη",
    ):
        answer = client.get(f"/reports/overview.json{query}")
        told = answer.json()["headlines"]["requested"] if answer.status_code == 200 else 0
        if role not in ("official", "operator"):
            assert told in (0, seen), query
        if not query:
            assert told == seen


def test_inactive_official_sees_nothing(client: Client) -> None:
    user = a_user("official@example.org", is_official=True)
    client.force_login(user)
    user.is_active = False
    user.save()
    assert client.get("/reports/overview.json").status_code == 302


# The figures


@pytest.mark.parametrize(("name", "address"), PAGES.items())
def test_page_and_files_have_the_same_cells(official: Client, branch: Branch, name: str, address: str) -> None:
    page = official.get(f"/en{address}?agency=kep").text
    told = official.get(f"/en/reports/{name}.json?agency=kep").json()
    csv_lines = official.get(f"/en/reports/{name}.csv?agency=kep").getvalue().decode()
    lines = list(csv.DictReader(StringIO(csv_lines)))
    book = load_workbook(BytesIO(b"".join(official.get(f"/en/reports/{name}.xlsx?agency=kep").streaming_content)))
    for number, (table, rows) in enumerate(told["tables"].items(), start=1):
        cells = [value for row in rows for figure, value in row.items() if figure in told["figures"]]
        assert [line["value"] for line in lines if line["table"] == table] == [
            "" if one is None else str(one) for one in cells
        ]
        sheet = next(one for one in book if one.title.startswith(f"{number}. "))
        first = [value for value in list(rows[0].values()) if not isinstance(value, str)] if rows else []
        shown = [cell.value for cell in sheet[2]]
        assert not rows or [value for value in shown if isinstance(value, int | float)] == pytest.approx(
            [value for value in first if value is not None], abs=0.01
        )
        body = (
            page.partition(f'id="{table}"')[2]
            .partition("</section>")[0]
            .partition("<tbody")[2]
            .partition("</tbody>")[0]
        )
        on_page = re.findall(r'<data value="([^"]*)">', body)
        assert [one for one in on_page if re.fullmatch(r"[\d.]+", one)] == [
            f"{one:g}" for one in cells if one is not None
        ]


def test_overview_counts_what_was_done(official: Client, branch: Branch) -> None:
    page = official.get("/en/reports/").text
    told = official.get("/en/reports/overview.json").json()
    assert told["headlines"]["requested"] == 3
    assert told["tables"]["by-agency"] == [
        {
            "agency": "kep",
            "agency_name": branch.agency.short_name_en,
            "requested": 3,
            "served": 1,
            "missed": 1,
            "cancelled_early": 0,
            "cancelled_late": 1,
            "walk_ins_served": 0,
            "assisted": 0,
            "access_needs": 0,
            "missed_percent": 50.0,
        }
    ]
    assert '<data value="50">50.0 %</data>' in page
    assert "Πολίτης" not in page
    assert "citizen1@example.org" not in page


def test_one_table_as_csv_is_as_it_stands(official: Client, branch: Branch) -> None:
    lines = list(csv.reader(StringIO(official.get("/reports/overview.csv?table=by-agency").getvalue().decode())))
    assert lines[0][:4] == ["agency", "agency_name", "requested", "served"]
    assert lines[1][:4] == ["kep", branch.agency.short_name_el, "3", "1"]
    assert official.get("/reports/overview.csv?table=unknown").status_code == 404


@pytest.mark.parametrize(
    ("query", "requested"),
    [
        ("from=2026-03&until=2026-03", 3),
        ("from=2026-02&until=2026-02", None),
        ("channel=video", 1),
        ("channel=phone", 0),
        ("agency=kep", 3),
        ("from=2026-03&until=2026-03&channel=in_person", 2),
    ],
)
def test_filters_in_the_address_hold(official: Client, branch: Branch, query: str, requested: int | None) -> None:
    answer = official.get(f"/reports/overview.json?{query}")
    if requested is None:  # there are no months before the first figures
        assert (answer.status_code, [*answer.json()]) == (400, ["from", "until"])
    else:
        assert answer.json()["headlines"]["requested"] == requested


@pytest.mark.parametrize(
    "query", ["from=2026-3", "until=soon", "channel=fax", "from=2026-03&until=2026-02", "from=9999-99", "agency=nobody"]
)
def test_wrong_filter_is_told_at_its_field_and_refused_in_files(official: Client, query: str) -> None:
    two_agencies()
    page = official.get(f"/reports/?{query}")
    assert page.status_code == 400
    assert "govgr-error" in page.text
    for kind in FILES:
        assert official.get(f"/reports/overview.{kind}?{query}").status_code == 400


def test_page_says_until_when_it_is_counted(official: Client, branch: Branch) -> None:
    booking.cancel(an_appointment(slots_of(branch)[5], 7), by=STAFF, now=NOW)
    told = official.get("/reports/overview.json").json()
    assert told["headlines"]["requested"] == 3
    counting.count_all(now=NOW)
    assert official.get("/reports/overview.json").json()["headlines"]["requested"] == 4


def test_medians_of_few_visits_are_not_told(official: Client, branch: Branch) -> None:
    told = official.get("/reports/service.json").json()
    assert told["headlines"] == dict.fromkeys(told["headlines"])
    for place in range(12):
        visit = an_appointment(slots_of(branch)[20 + place], 20 + place)
        booking.serve(visit, by=STAFF, now=visit.starts_at)
        booking.complete(visit, by=STAFF, now=visit.starts_at + timedelta(minutes=8))
    counting.count_all(now=NOW)
    month = official.get("/reports/service.json").json()["tables"]["waiting"][-1]
    assert (month["waiting_median"], month["serving_median"]) == (None, pytest.approx(8, abs=2))
    assert official.get("/reports/service.json").json()["headlines"]["punctual_percent"] == 100


def test_overview_takes_the_same_queries_for_any_number_of_rows(
    official: Client, branch: Branch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(22):
        official.get("/reports/")
    done(another_branch(an_agency("aade"), "aade-one"), 10)
    with django_assert_max_num_queries(22):
        official.get("/reports/")


def test_any_ways_add_up_to_the_same(branch: Branch) -> None:
    everything = Selection(Viewer(agencies=None), MARCH, MARCH)
    ways: Iterable[tuple[str, ...]] = [
        (one,) for one in ("month", "agency", "branch", "country", "procedure", "channel", "source")
    ]
    facts = read(everything, *ways)
    for way in ways:
        assert sum(one.requested for one in facts.by(*way).values()) == facts.total.requested == 3
        assert sum(one.missed for one in facts.by(*way).values()) == 1
    assert read(everything, ["month"]).total == facts.total


# Numbers


def test_quantiles_are_read_from_spreads() -> None:
    spread = [0] * (len(MINUTES) + 1)
    assert quantile(spread, MINUTES, 0.5) is None
    spread[4] = 10  # ten values from 5 to 7
    assert quantile(spread, MINUTES, 0.5) == 6
    spread[-1] = 90  # and many of three hours and more
    assert quantile(spread, MINUTES, 0.9) == 180


def test_satisfaction_says_how_sure_it_is() -> None:
    assert Satisfaction(9, 9).share is None
    assert Satisfaction(9, 9).interval == (None, None)
    low, high = Satisfaction(100, 80).interval
    # The figures that are given for 80 of 100 in the literature: 0.711 to 0.867.
    assert (round(low or 0, 1), round(high or 0, 1)) == (71.1, 86.7)
    assert Satisfaction(10, 10).interval[1] == pytest.approx(100)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (100 / 7, Unit.PERCENT, "14.3 %"),
        (0.25, Unit.PERCENT, "0.3 %"),
        (12.9, Unit.MINUTES, "13 minutes"),
        (0.99, Unit.DAYS, "1.0"),
        (-2 / 3, Unit.POINTS, "−0.7 points"),
        (200 / 3, Unit.CHANGE, "+66.7 %"),
        (52.5192, Unit.DEGREES, "52.52°"),
    ],
)
def test_numbers_are_rounded_and_not_cut_off(value: float, unit: Unit, text: str) -> None:
    with override("en"):
        assert written(value, Column("any", "Any", unit)) == text


def test_months_go_over_the_year() -> None:
    first, last = MARCH.replace(year=2025, month=11), MARCH.replace(month=2)
    assert [f"{month:%Y-%m}" for month in months(first, last)] == ["2025-11", "2025-12", "2026-01", "2026-02"]


# Free times


@pytest.mark.parametrize(("looks", "median"), [((2, None, None), None), ((2, 4, None), 4), ((), None)])
def test_median_of_free_times_counts_nothing_free_as_the_longest(
    official: Client, branch: Branch, looks: tuple[int | None, ...], median: int | None
) -> None:
    for number, days in enumerate(looks):
        kind = {"procedure": branch.agency.procedures.get(), "channel": str(number)}
        told = {"first_days": days, "third_days": None if days is None else days + 1}
        DailyWait.objects.create(agency=branch.agency, branch=branch, day=MARCH, **kind, **told)
    table = official.get("/reports/overview.json").json()["tables"].get("free-times", [])
    assert [(row["first_free_days"], row["looks"]) for row in table] == ([(median, len(looks))] if looks else [])
    assert [row["third_free_days"] for row in table] == ([median and median + 1] if looks else [])


# The year before


def test_months_that_are_over_are_compared_with_those_of_a_year_before() -> None:
    selection = Selection(Viewer(agencies=None), MARCH.replace(month=1), MARCH)
    over, before = selection.comparable(at(12), MARCH.replace(year=2025, month=1)) or (None, None)
    assert over is not None
    assert before is not None
    assert (over.until, before.since, before.until) == tuple(
        MARCH.replace(year=year, month=month) for year, month in ((2026, 2), (2025, 1), (2025, 2))
    )
    assert selection.comparable(at(12), MARCH.replace(year=2025, month=2)) is None  # one of these months has no figures
    assert selection.comparable(at(12), None) is None


def test_month_is_over_when_it_is_over_at_all_branches() -> None:
    selection = Selection(Viewer(agencies=None), MARCH, MARCH)
    first_of_april = at(0, day=MARCH.replace(month=4))
    assert selection.finished(first_of_april.astimezone(LAST_CLOCK).date()) is None
    assert selection.comparable(first_of_april + timedelta(hours=16), MARCH.replace(year=2025)) is not None
