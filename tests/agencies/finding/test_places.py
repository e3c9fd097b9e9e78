"""Tests of branches in groups by region and country."""

from datetime import timedelta

import pytest
from django.utils import translation

from agencies.finding.places import best_first, by_place, soonest
from agencies.models import Branch
from agencies.text import country_name
from tests.builders import NOW, a_branch, an_agency

pytestmark = pytest.mark.django_db


def test_branches_are_grouped_by_region_at_home_and_by_country_abroad():
    agency = an_agency()
    a_branch(agency, "sydney", city_el="Σίδνεϊ", country="AU")
    a_branch(agency, "patra", city_el="Πάτρα", region_el="Δυτική Ελλάδα")
    a_branch(agency, "rethymno", city_el="Ρέθυμνο", region_el="Κρήτη")
    a_branch(agency, "agios", city_el="Άγιος Νικόλαος", region_el="Κρήτη")
    places = by_place(Branch.objects.all(), {})
    assert [place.name for place in places] == ["Αυστραλία", "Δυτική Ελλάδα", "Κρήτη"]
    assert [row.branch.code for row in places[2].rows] == ["agios", "rethymno"]


def test_groups_and_branches_follow_the_order_of_a_search():
    agency = an_agency()
    places = {"patra": "Δυτική Ελλάδα", "agios": "Κρήτη", "rethymno": "Κρήτη"}
    found = [a_branch(agency, code, city_el=code, region_el=places[code]) for code in ("rethymno", "patra", "agios")]
    ordered = best_first(by_place(found, {}), found)
    assert [[row.branch.code for row in place.rows] for place in ordered] == [["rethymno", "agios"], ["patra"]]


def test_branch_without_region_is_among_central_services():
    a_branch(an_agency())
    with translation.override("en"):
        assert [place.name for place in by_place(Branch.objects.all(), {})] == ["Central services"]


def test_place_knows_its_earliest_branch():
    agency = an_agency()
    later, sooner, never = (a_branch(agency, code) for code in ("later", "sooner", "never"))
    times = {later.pk: NOW + timedelta(days=1), sooner.pk: NOW}
    (place,) = by_place([later, sooner, never], times)
    assert place.earliest.branch == sooner
    assert [row.branch for row in soonest([place], 5)] == [sooner, later]
    assert [row.earliest for row in place.rows if row.branch == never] == [None]


def test_place_without_free_time_has_no_earliest():
    (place,) = by_place([a_branch(an_agency())], {})
    assert place.earliest is None
    assert soonest([place], 3) == []


def test_country_is_named_in_the_active_language():
    assert country_name("DE") == "Γερμανία"
    with translation.override("en"):
        assert country_name("DE") == "Germany"
    assert country_name("QQ") == "QQ"


def test_countries_are_listed_by_their_common_name():
    a_branch(an_agency(), "hague", city_el="Χάγη", country="NL")
    assert [place.name for place in by_place(Branch.objects.all(), {})] == ["Ολλανδία"]
