"""Tests of the officials' page: it shows counts of a period, only to officials, and no citizens."""

from datetime import date

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agencies.models import Agency, Channel
from appointments import booking
from reports.official import Sum, sums
from tests.builders import NOW, STAFF, a_user, an_appointment, an_open_branch, at, by, slots_of

pytestmark = pytest.mark.django_db
MARCH = (date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
def official(client: Client) -> Client:
    client.force_login(a_user("official@example.org", is_official=True))
    return client


def test_official_who_begins_in_the_admin_sees_the_figures(official: Client) -> None:
    response = official.get("/en/admin/", follow=True)
    assert (response.redirect_chain[-1][0], response.status_code) == ("/en/reports/", 200)


def test_official_who_is_refused_finds_the_figures(official: Client) -> None:
    response = official.get("/en/admin/accounts/user/", follow=True)
    assert response.status_code == 403
    main = response.text.partition("<main")[2]
    assert 'href="/en/reports/"' in main


def three_appointments() -> None:
    """Makes one served in person, one missed by video and one cancelled appointment, all on 2 March."""
    slots = slots_of(an_open_branch())
    served, cancelled = (an_appointment(slots[number], number) for number in (1, 2))
    missed = an_appointment(slots[3], 3, channel=Channel.VIDEO)
    booking.serve(served, by=by(a_user("officer@example.org")), now=NOW)
    booking.complete(served, by=STAFF, now=NOW)
    booking.cancel(cancelled, by=STAFF, now=NOW)
    booking.miss(missed, by=STAFF, now=at(12))


def test_sums_count_a_period_in_four_ways() -> None:
    three_appointments()
    found = sums(*MARCH)
    assert found.total == Sum("", 3, 1, 1, 1)
    assert found.agencies == [Sum(Agency.objects.get(), 3, 1, 1, 1)]
    assert found.procedures == [Sum("Υπεύθυνη δήλωση (KEP)", 3, 1, 1, 1)]
    assert {str(one.name): one.submitted for one in found.channels} == {"Με φυσική παρουσία": 2, "Με βιντεοκλήση": 1}
    assert found.months == [Sum(date(2026, 3, 1), 3, 1, 1, 1)]


@pytest.mark.parametrize("period", [(date(2026, 2, 1), date(2026, 3, 1)), (date(2026, 3, 3), date(2026, 3, 31))])
def test_sums_of_another_period_are_nothing(period: tuple[date, date]) -> None:
    three_appointments()
    assert sums(*period).total == Sum("")


def test_sums_take_four_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    three_appointments()
    with django_assert_num_queries(4):
        assert sums(*MARCH).months


def test_official_reads_counts_and_no_citizen(official: Client) -> None:
    three_appointments()
    page = official.get("/reports/?since=2026-03-01&until=2026-03-31").content.decode()
    assert "Ανά υπηρεσία" in page
    assert "Μάρτιος 2026" in page
    assert "Πολίτης" not in page
    assert "citizen1@example.org" not in page


def test_wrong_period_is_refused_at_its_field(official: Client) -> None:
    answer = official.get("/reports/?since=2026-03-31&until=2026-03-01")
    assert answer.status_code == 400
    assert 'href="#id_until"' in answer.content.decode()


@pytest.mark.parametrize("role", [{}, {"is_operator": True}])
def test_others_are_led_to_the_published_table(client: Client, role: dict[str, bool]) -> None:
    client.force_login(a_user("somebody@example.org", **role))
    assert client.get("/reports/").headers["Location"] == "/reports/agencies/"
