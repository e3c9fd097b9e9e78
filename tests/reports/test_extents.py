"""Tests of services and branches as of any day: what this service counted, what was published, and what nobody knows."""

from datetime import date, datetime, timedelta

import pytest
from django.test import Client

from agencies.loading.catalogue import load_agencies
from agencies.loading.publications import load_publications
from agencies.models import Agency, Branch, Procedure, ProductionPeriod, PublishedCount
from agencies.wallclock import midnight
from reports.published import Table, published
from tests.builders import ATHENS, a_branch, a_procedure, an_agency, counted_since

pytestmark = pytest.mark.django_db
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
DAY = timedelta(days=1)
Known = tuple[int | None, int | None, int | None, int | None]


def extent(table: Table, slug: str = "kep") -> Known:
    found = next(line.extent for line in table.lines if line.agency.slug == slug)
    return found.procedures, found.branches, found.countries, found.regions


def changed_on(day: date) -> None:
    """Lets what has changed just now have changed on that day."""
    moment = midnight(day, ATHENS) + timedelta(hours=9)
    start = datetime.fromisoformat("2026-08-01T00:00Z")
    ProductionPeriod.objects.filter(until__gt=start).update(until=moment)
    ProductionPeriod.objects.filter(since__gt=start).update(since=moment)


@pytest.fixture
def kep() -> Agency:
    """Two branches and a service, counted since May."""
    kep = an_agency(live_since=date(2020, 7, 27))
    a_procedure(kep)
    for code, region in (("kep-chania", "Κρήτη"), ("kep-athina", "Αττική")):
        a_branch(kep, code, region_el=region)
    counted_since(MAY)
    return kep


def a_publication(agency: Agency, **fields: object) -> PublishedCount:
    given = {"since": date(2020, 7, 27), "until": date(2022, 12, 31), "cut_off": date(2022, 11, 30)}
    texts = {"source_el": "Έκθεση", "source_en": "Report"}
    return PublishedCount.objects.create(agency=agency, **given | texts | fields)


def test_counts_are_those_of_the_end_of_the_day(kep: Agency) -> None:
    Branch.objects.filter(code="kep-athina").update(is_open=False)
    a_procedure(kep, "kep-two")
    changed_on(JUNE)
    assert [extent(published(day)) for day in (MAY, JUNE - DAY)] == [(1, 2, 1, 2)] * 2
    assert [extent(published(day)) for day in (JUNE, JULY)] == [(2, 1, 1, 1)] * 2


def test_nobody_knows_what_was_before_the_counting(kep: Agency) -> None:
    table = published(MAY - DAY)
    assert extent(table) == (None, None, None, None)
    assert table.lines[0].totals is not None
    assert table.lacks_extent
    assert (table.extent.procedures, table.extent.branches, table.extent.countries) == (None, None, None)


def test_an_agency_without_branches_has_zero(kep: Agency) -> None:
    Branch.objects.update(is_open=False)
    changed_on(JUNE)
    assert extent(published(JUNE)) == (1, 0, 0, 0)


def test_published_counts_are_given_for_their_days_alone(kep: Agency) -> None:
    a_publication(kep, procedures=5, branches=249)
    first, last = date(2020, 7, 27), date(2022, 12, 31)
    assert [extent(published(day)) for day in (first, last)] == [(5, 249, None, None)] * 2
    assert extent(published(last + DAY)) == (None, None, None, None)
    assert published(first - DAY).lines[0].totals is None
    (line,) = published(last).lines
    assert (line.extent_source, line.extent_day) == ("published", date(2022, 11, 30))


def test_what_is_not_published_is_not_zero(kep: Agency) -> None:
    a_publication(kep, procedures=3)
    table = published(date(2022, 11, 30))
    assert extent(table) == (3, None, None, None)
    assert (table.extent.procedures, table.extent.branches, table.extent.regions) == (3, None, None)


def test_total_leaves_out_what_is_not_published_and_counts_a_place_once(kep: Agency) -> None:
    consul = an_agency("consul", live_since=date(2020, 12, 28))
    for code, country in (("consul-berlin", "DE"), ("consul-athens", "GR")):
        a_branch(consul, code, country=country, region_el="Αττική" if country == "GR" else "Berlin")
    quiet = an_agency("aade", live_since=date(2020, 5, 1), publishes_branches=False)
    a_branch(quiet, "aade-one", country="FR")
    counted_since(MAY)
    table = published(JUNE)
    assert extent(table, "consul") == (0, 2, 2, 1)
    assert extent(table, "aade") == (0, None, None, None)
    assert (table.extent.branches, table.extent.countries, table.extent.regions) == (4, 2, 2)


def test_agency_that_leaves_production_keeps_its_past(kep: Agency) -> None:
    Agency.objects.update(stage=Agency.Stage.JOINING)
    changed_on(JUNE)
    assert published(JUNE - DAY).lines[0].totals is not None
    assert published(JUNE).lines[0].totals is None
    Agency.objects.update(stage=Agency.Stage.PRODUCTION)
    ProductionPeriod.objects.filter(until=None, kind="agency").update(since=midnight(JULY, ATHENS))
    assert [published(day).lines[0].totals is not None for day in (MAY, JUNE, JULY)] == [True, False, True]


def test_pilot_was_never_in_production() -> None:
    an_agency(stage=Agency.Stage.PILOT, live_since=MAY)
    assert published(JUNE).lines[0].totals is None


def test_branch_that_is_gone_counts_in_its_days(kep: Agency) -> None:
    Branch.objects.filter(code="kep-athina").delete()
    Procedure.objects.all().delete()
    changed_on(JUNE)
    assert (extent(published(MAY)), extent(published(JUNE))) == ((1, 2, 1, 2), (0, 1, 1, 1))


@pytest.mark.parametrize("day", [date.min, date(1900, 1, 1), date(2020, 4, 30)])
def test_before_the_first_platform_nothing_is_told(client: Client, kep: Agency, day: date) -> None:
    figures = client.get("/reports/agencies.json", {"as_of": day.isoformat()}).json()
    assert (figures["total"], figures["agencies"][0]["served"], figures["totals"]["branches"]) == (0, None, None)
    page = client.get("/en/reports/agencies/", {"as_of": day.isoformat()}).content.decode()
    assert "the first platform began on 27 July 2020" in page


def test_page_says_where_services_and_branches_come_from(client: Client, kep: Agency) -> None:
    a_publication(kep, procedures=5, branches=249, regions=13)
    page = client.get("/en/reports/agencies/?as_of=2022-11-30").content.decode()
    assert "as published, counted on 30 November 2022. Source: Report." in page
    assert "in 13 regions" in page
    unknown = client.get("/en/reports/agencies/?as_of=2024-11-30").content.decode()
    assert "this service counts them since 1 May 2026" in unknown
    assert "not known" in unknown


def test_published_figures_are_loaded_as_they_were_published() -> None:
    """The figures of the report on 2020–2022: 39 services, and branches of five agencies."""
    load_agencies()
    assert load_publications().created == 7
    assert load_publications().unchanged == 7
    table = published(date(2022, 11, 30))
    found = {line.agency.slug: extent(table, line.agency.slug) for line in table.lines if line.totals}
    assert found == {
        "aade": (3, None, None, None),
        "kep": (5, 249, None, None),
        "dypa": (4, None, None, None),
        "consul": (6, 95, 63, None),
        "efka": (16, 120, None, 10),
        "ktimatologio": (2, 13, None, None),
        "dimos": (3, 1, None, None),
    }
    assert (table.extent.procedures, table.extent.branches) == (39, 478)


def test_published_figures_are_changed_by_an_update_alone() -> None:
    load_agencies()
    load_publications()
    PublishedCount.objects.filter(agency__slug="kep").update(branches=1)
    assert (load_publications().kept, load_publications(update=True).updated) == (1, 1)
    assert PublishedCount.objects.get(agency__slug="kep").branches == 249
