"""The page of a service."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agencies.models import Agency, Branch, Channel, Procedure
from appointments.times.availability import earliest
from tests.builders import EVERY_DAY, NOW, a_branch, a_procedure, a_rule, an_agency, slots_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def an_offer(number: int = 1, **procedure: object) -> Procedure:
    """A service at so many branches, with times from today on."""
    agency = an_agency()
    service = a_procedure(agency, **procedure)
    for each in range(number):
        branch = a_branch(agency, f"branch{each}", name_el=f"Σημείο {each}")
        a_rule(branch, weekdays=EVERY_DAY)
        slots_of(branch)
    return service


def page(client: Client, address: str = "/mykeplive/kep-dilosi/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("number", [1, 5])
def test_page_takes_two_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int):
    an_offer(number)
    page(client)
    with django_assert_num_queries(2):  # whether the offer is the same, and whether anything was booked
        text = page(client)
    assert text.count("data-zone=") == 2 * min(number, 3)


def test_page_shows_earliest_time_of_each_channel_and_leads_to_it(client: Client):
    service = an_offer()
    (time,) = earliest(service, Channel.VIDEO, now=NOW).values()
    branch = Branch.objects.get()
    text = page(client)
    assert f'<time datetime="{branch.local(time.starts_at).isoformat()}"' in text
    assert "/mykeplive/kep-dilosi/book/?channel=video&amp;branch=branch0" in text


def test_page_says_what_to_bring_and_when_it_can_be_cancelled(client: Client):
    an_offer()
    Agency.objects.update(change_minutes=180)
    text = page(client)
    assert "<li>Δελτίο ταυτότητας</li><li>ΑΦΜ</li>" in text
    assert "έως 3 ώρες πριν" in text


def test_cancellation_rule_that_is_no_whole_hour_is_given_in_minutes(client: Client):
    an_offer()
    Agency.objects.update(change_minutes=90)
    assert "έως 90 λεπτά πριν" in page(client)


def test_page_without_free_time_says_so(client: Client):
    agency = an_agency()
    a_branch(agency)
    a_procedure(agency, channels=[Channel.PHONE])
    assert "Δεν υπάρχει ελεύθερη ώρα αυτή τη στιγμή" in page(client)


def test_page_for_a_chosen_branch_shows_its_times_only(client: Client):
    an_offer(2)
    text = page(client, "/mykeplive/kep-dilosi/?branch=branch1")
    assert "Σημείο 1" in text
    assert "Σημείο 0" not in text
    assert "/mykeplive/kep-dilosi/book/?branch=branch1" in text


def test_time_abroad_is_the_branch_s_and_says_whose(client: Client):
    agency = an_agency()
    a_procedure(agency, channels=[Channel.IN_PERSON])
    zone = "Australia/Melbourne"
    branch = a_branch(agency, "melbourne", city_el="Μελβούρνη", country="AU", timezone=zone)
    a_rule(branch, weekdays=EVERY_DAY)
    slots_of(branch)
    text = page(client)
    (time,) = earliest(Procedure.objects.get(), Channel.IN_PERSON, now=NOW).values()
    assert f"{branch.local(time.starts_at):%H:%M}</time>" in text
    assert "ώρα Μελβούρνης" in text


@pytest.mark.parametrize("fields", [{"is_offered": False}, {"code": "other"}])
def test_service_that_is_not_offered_is_not_found(client: Client, fields: dict[str, object]):
    a_procedure(an_agency(), **fields)
    assert client.get("/mykeplive/kep-dilosi/").status_code == 404


def test_service_of_joining_agency_is_not_found(client: Client):
    a_procedure(an_agency(stage=Agency.Stage.JOINING))
    assert client.get("/mykeplive/kep-dilosi/").status_code == 404


def test_platform_in_capitals_leads_to_lower_case(client: Client):
    a_procedure(an_agency())
    answer = client.get("/myKEPlive/kep-dilosi/")
    assert (answer.status_code, answer["Location"]) == (301, "/mykeplive/kep-dilosi/")
