"""Tests of the periods in production: whoever changes a row and however, the database writes them down."""

from collections.abc import Callable
from datetime import date, datetime
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from agencies.models import Agency, Branch, Procedure, ProductionPeriod, PublishedCount
from tests.builders import a_branch, a_procedure, an_agency
from tests.races import at_once

pytestmark = pytest.mark.django_db
Kind = ProductionPeriod.Kind


def going_on() -> set[tuple[str, int, str, str]]:
    rows = ProductionPeriod.objects.filter(until=None)
    return {(one.kind, one.key, one.country, one.region) for one in rows}


def in_production() -> set[tuple[str, int, str, str]]:
    """The same, read from the rows themselves."""
    agencies = {(Kind.AGENCY, one.pk, "", "") for one in Agency.objects.filter(stage=Agency.Stage.PRODUCTION)}
    services = {(Kind.PROCEDURE, one.pk, "", "") for one in Procedure.objects.filter(is_offered=True)}
    branches = {
        (Kind.BRANCH, one.pk, one.country, one.region_el if one.country == "GR" else "")
        for one in Branch.objects.filter(is_open=True)
    }
    return agencies | services | branches


def by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agencies_branch SET is_open = NOT is_open")


def in_bulk() -> None:
    branches = list(Branch.objects.all())
    for branch in branches:
        branch.is_open = False
    Branch.objects.bulk_update(branches, ["is_open"])


WAYS: dict[str, Callable[[], object]] = {
    "saved": lambda: a_branch(Agency.objects.get(), "kep-two"),
    "by update": lambda: Agency.objects.update(stage=Agency.Stage.JOINING),
    "made in bulk": lambda: Procedure.objects.bulk_create(
        Procedure(agency=Agency.objects.get(), code=f"kep-{number}", duration_minutes=10, channels=["video"])
        for number in range(3)
    ),
    "changed in bulk": in_bulk,
    "by plain SQL": by_sql,
    "deleted": lambda: Procedure.objects.all().delete(),
    "moved to another region": lambda: Branch.objects.update(region_el="Αττική"),
    "moved abroad": lambda: Branch.objects.update(country="DE", region_el="Bayern"),
    "nothing of interest": lambda: Branch.objects.update(phone="2821"),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_change_a_row_is_forgotten(way: str) -> None:
    agency = an_agency()
    a_branch(agency, region_el="Κρήτη")
    a_procedure(agency)
    WAYS[way]()
    assert going_on() == in_production()


def test_periods_join_without_gap_or_overlap() -> None:
    agency = an_agency(stage=Agency.Stage.PILOT)
    for stage in ("production", "production", "joining", "production"):
        Agency.objects.update(stage=stage)
    first, second = ProductionPeriod.objects.filter(kind=Kind.AGENCY).order_by("since")
    assert (first.key, first.agency_id) == (agency.pk, agency.pk)
    assert first.until
    assert first.since < first.until <= second.since
    assert second.until is None


def test_moment_belongs_to_the_period_before_it() -> None:
    an_agency()
    (period,) = ProductionPeriod.objects.all()
    periods = ProductionPeriod.objects
    assert not periods.just_before(period.since).exists()
    end = timezone.now()
    periods.update(until=end)
    assert periods.just_before(end).exists()
    assert not periods.just_before(datetime.fromisoformat("2999-01-01T00:00Z")).exists()


def test_period_goes_on_once() -> None:
    an_agency()
    (period,) = ProductionPeriod.objects.all()
    period.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        period.save()


def test_step_that_is_rolled_back_leaves_no_period() -> None:
    branch = a_branch(an_agency())
    before = list(ProductionPeriod.objects.values())
    with transaction.atomic():
        Branch.objects.update(is_open=False)
        branch.delete()
        transaction.set_rollback(True)
    assert list(ProductionPeriod.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_many_at_once_forget_nothing_and_wait_in_no_circle() -> None:
    """Branches and the agency change in one transaction, in either order, and two change the same branch."""
    agency = an_agency()
    branches = [a_branch(agency, f"kep-{number}") for number in range(3)]

    def change(number: int) -> bool:
        for turn in range(6):
            with transaction.atomic():
                if number == 1:
                    Agency.objects.update(stage=Agency.Stage.values[2 + turn % 2])
                Branch.objects.filter(pk=branches[number % 3].pk).update(is_open=(turn + number) % 2)
                if number == 0:
                    Agency.objects.update(stage=Agency.Stage.values[2 + turn % 2])
        return True

    assert at_once([lambda number=number: change(number) for number in range(6)]) == {"done": 6}
    assert going_on() == in_production()
    periods = ProductionPeriod.objects.order_by("kind", "key", "pk")
    for one, after in pairwise(periods):
        if (one.kind, one.key) == (after.kind, after.key):
            assert one.until
            assert one.until <= after.since


STEPS = st.lists(
    st.tuples(st.sampled_from(("open", "region", "country", "offered", "stage")), st.integers(0, 2)), max_size=8
)


class TestAnyHistory(TestCase):
    """After any steps, the periods that go on are what the rows say, and no two of a row overlap."""

    @settings(deadline=None, max_examples=30)
    @given(STEPS)
    def test_any_history(self, steps: list[tuple[str, int]]) -> None:
        agency = an_agency()
        branches = [a_branch(agency, f"kep-{number}", region_el="Κρήτη") for number in range(3)]
        a_procedure(agency)
        for what, number in steps:
            one = Branch.objects.filter(pk=branches[number].pk)
            rows, values = {
                "open": (one, {"is_open": not one.get().is_open}),
                "region": (one, {"region_el": "Αττική"}),
                "country": (one, {"country": "DE"}),
                "offered": (Procedure.objects, {"is_offered": bool(number % 2)}),
                "stage": (Agency.objects, {"stage": Agency.Stage.values[number + 1]}),
            }[what]
            rows.update(**values)
            assert going_on() == in_production()
        periods = ProductionPeriod.objects.order_by("kind", "key", "since")
        for one, after in pairwise(periods):
            if (one.kind, one.key) == (after.kind, after.key):
                assert one.until
                assert one.until <= after.since


def test_published_counts_of_an_agency_have_days_of_their_own() -> None:
    agency = an_agency()
    texts = {"source_el": "Πηγή", "source_en": "Source", "cut_off": date(2022, 11, 30)}
    PublishedCount.objects.create(agency=agency, since=date(2020, 1, 1), until=date(2022, 12, 31), **texts)
    again = PublishedCount(agency=agency, since=date(2022, 12, 31), until=date(2023, 12, 31), **texts)
    with pytest.raises(ValidationError, match="Άλλοι"):
        again.full_clean()
    again.since = date(2023, 1, 1)
    again.full_clean()
