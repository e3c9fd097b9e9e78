"""The counts of unmet demand say what a plain count of the rows says, and stand when the rows are gone."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agencies.models import Agency, Branch, Procedure, Search
from appointments.models import Appointment, Journey, NothingFree
from reports.demand import counting
from reports.models import DailyDemand, DailySearch, MonthlyDemand
from tests.builders import NOON, NOW, a_branch, a_procedure, an_agency, an_appointment, an_open_branch, slots_of

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
FIGURES = ("held", "filled", "booked", "nothing_free", "went_away")

HOURS = st.integers(0, 40)
KINDS = st.tuples(st.integers(0, 1), st.sampled_from(["phone", "computer"]), st.sampled_from(["el", "en"]))
JOURNEYS = st.tuples(KINDS, st.sampled_from("abc"), HOURS, st.integers(0, 3))
NOTHING = st.tuples(KINDS, st.sampled_from("abc"), HOURS, st.booleans())


def a_journey(branch: Branch, at: datetime, step: int = 0, booked: int | None = None, **fields: Any) -> Journey:
    procedure = Procedure.objects.get(agency=branch.agency)
    defaults: dict[str, Any] = {
        "agency_id": branch.agency_id,
        "branch_id": branch.pk,
        "procedure_id": procedure.pk,
        "channel": "in_person",
        "device": "phone",
        "language": "el",
        "day": branch.today(at),
        "visitor": "a",
        "token": f"{Journey.objects.count()}",
        "held_at": at,
        "filled_at": at if step else None,
        "appointment_id": booked if step > 1 else None,
    }
    return Journey.objects.create(**defaults | fields)


def nothing_free(branch: Branch, at: datetime, everywhere: bool = False, **fields: Any) -> None:
    procedure = Procedure.objects.get(agency=branch.agency)
    defaults: dict[str, Any] = {
        "agency_id": branch.agency_id,
        "branch_id": None if everywhere else branch.pk,
        "procedure_id": procedure.pk,
        "channel": "in_person",
        "device": "phone",
        "language": "el",
        "day": branch.today(at),
        "visitor": "a",
        "at": at,
    }
    NothingFree.objects.bulk_create([NothingFree(**defaults | fields)], ignore_conflicts=True)


def a_search(text: str, network: int, day: date = TODAY, **fields: Any) -> None:
    Search.objects.create(
        **{"text": text, "network": f"{network} {day}", "crowd": 1 << network, "day": day, "at": NOW, "language": "el"}
        | fields
    )


def counted() -> dict[tuple[Any, ...], tuple[int, ...]]:
    rows = DailyDemand.objects.values_list("branch_id", "day", "device", "language", *FIGURES)
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}


def plainly_counted() -> dict[tuple[Any, ...], tuple[int, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for one in Journey.objects.all():
        key = one.branch_id, one.day, one.device, one.language
        made = Appointment.objects.filter(pk=one.appointment_id).first()
        found[*key, "held"] += 1
        found[*key, "filled"] += bool(one.filled_at or one.appointment_id)
        found[*key, "booked"] += bool(made and made.booked_at)
    last = {(one.visitor, one.procedure_id): one for one in NothingFree.objects.order_by("at", "pk")}
    for told in last.values():
        key = told.branch_id, told.day, told.device, told.language
        later = Journey.objects.filter(visitor=told.visitor, procedure_id=told.procedure_id, held_at__gte=told.at)
        found[*key, "nothing_free"] += 1
        found[*key, "went_away"] += not later.exists()
    return {key: tuple(found[*key, figure] for figure in FIGURES) for key in {one[:4] for one in found}}


@settings(max_examples=40, deadline=None)
@given(journeys=st.lists(JOURNEYS, max_size=8), nothing=st.lists(NOTHING, max_size=8))
@example(journeys=[((0, "phone", "el"), "a", 5, 2)], nothing=[((0, "phone", "el"), "a", 5, False)])
@example(journeys=[((0, "phone", "el"), "a", 4, 0)], nothing=[((1, "phone", "el"), "a", 5, True)])
def test_counts_are_those_of_the_rows(journeys: list[Any], nothing: list[Any]) -> None:
    agency = Agency.objects.first() or an_agency()
    branches = [*Branch.objects.order_by("pk")] or [
        a_branch(agency, "kep-chania"),
        a_branch(agency, "kep-melbourne", timezone="Australia/Melbourne"),
    ]
    procedure = Procedure.objects.first() or a_procedure(agency)
    confirmed, waiting = (
        Appointment.objects.create(
            agency=agency,
            branch=branches[0],
            procedure=procedure,
            starts_at=NOW,
            ends_at=NOON,
            created_at=NOW,
            booked_at=booked_at,
        ).pk
        for booked_at in (NOW, None)
    )
    for rows in (Journey, NothingFree, DailyDemand):
        rows.objects.all().delete()
    for (place, device, language), visitor, hours, step in journeys:
        at, of = NOW - timedelta(hours=hours), confirmed if step == 2 else waiting
        a_journey(branches[place], at, step, of, device=device, language=language, visitor=visitor)
    for (place, device, language), visitor, hours, everywhere in nothing:
        at = NOW - timedelta(hours=hours)
        nothing_free(branches[place], at, everywhere, device=device, language=language, visitor=visitor)
    for _ in range(2):
        counting.count(now=NOW)
        assert counted() == plainly_counted()
        rows = (DailyDemand.objects.all(), MonthlyDemand.objects.exclude(rows=0))
        days, months = (one.aggregate(*map(Sum, FIGURES)) for one in rows)
        assert days == months


def test_booking_that_waits_for_its_address_is_not_booked_until_it_is_confirmed() -> None:
    branch = an_open_branch()
    appointment = an_appointment(slots_of(branch)[0])
    Appointment.objects.filter(pk=appointment.pk).update(booked_at=None)
    a_journey(branch, NOW, 2, appointment.pk)
    counting.count(now=NOW)
    assert [*counted().values()] == [(1, 1, 0, 0, 0)]
    Appointment.objects.filter(pk=appointment.pk).update(booked_at=NOW)
    counting.count(now=NOW)
    assert [*counted().values()] == [(1, 1, 1, 0, 0)]


def test_counts_stay_when_the_rows_are_gone() -> None:
    branch = an_open_branch()
    a_journey(branch, NOW, 1)
    nothing_free(branch, NOW, visitor="b")
    a_search("ψαρεμα", 1)
    before = None
    for days in (0, 1, 2, 3, 4, 400 - 40):
        counting.count(now=NOW + timedelta(days=days))
        stay = days <= 2
        assert [rows.objects.exists() for rows in (Journey, NothingFree, Search)] == [stay] * 3
        before = before or counted()
        assert counted() == before
    assert DailySearch.objects.get().visitors == 1


def test_days_that_nobody_counted_are_counted_before_their_rows_go() -> None:
    a_journey(an_open_branch(), NOW)
    counting.count(now=NOW + timedelta(days=9))
    assert [*counted().values()] == [(1, 0, 0, 0, 0)]
    assert not Journey.objects.exists()


def test_day_that_is_settled_stands_when_a_wrong_clock_adds_to_it() -> None:
    branch = an_open_branch()
    a_journey(branch, NOW, 1)
    a_search("ψαρεμα", 1)
    counting.count(now=NOW)
    counting.count(now=NOW + timedelta(days=5))
    before = counted()
    a_journey(branch, NOW)
    nothing_free(branch, NOW)
    a_search("ψαρεμα", 2)
    counting.count(now=NOW + timedelta(days=5))
    assert counted() == before
    assert DailySearch.objects.get().visitors == 1
    assert [rows.objects.count() for rows in (Journey, NothingFree, Search)] == [0, 0, 0]


def test_who_is_told_in_several_places_counts_where_it_was_last() -> None:
    branch = an_open_branch()
    other = a_branch(branch.agency, "kep-rethymno")
    nothing_free(branch, NOW, everywhere=True, channel="")
    nothing_free(branch, NOW + timedelta(minutes=1))
    nothing_free(other, NOW + timedelta(minutes=2))
    counting.count(now=NOW)
    assert {key[0]: figures for key, figures in counted().items()} == {other.pk: (0, 0, 0, 1, 1)}


def test_rows_of_what_is_no_more_are_left_out() -> None:
    branch = an_open_branch()
    a_journey(branch, NOW, branch_id=0)
    a_journey(branch, NOW, procedure_id=0)
    nothing_free(branch, NOW, agency_id=0)
    a_search("ψαρεμα", 1, agency_id=0)
    counting.count(now=NOW)
    assert not DailyDemand.objects.exists()
    assert not DailySearch.objects.exists()


def test_text_that_few_looked_for_is_forgotten_after_a_month_and_stays_as_a_number() -> None:
    for network in range(counting.CROWD):
        a_search("ψαρεμα", network)
    for network in range(counting.CROWD - 1):
        a_search("μαρια παπαδακη", network)
    a_search("", 9)
    for days in range(1, 30):  # one who comes again each day is no crowd
        a_search("κωστασ", 1, TODAY + timedelta(days=days))
    counting.count(now=NOW)
    assert {*DailySearch.objects.values_list("text", flat=True)} == {"ψαρεμα", "μαρια παπαδακη", "", "κωστασ"}
    before = sum(DailySearch.objects.values_list("visitors", flat=True))
    for days in (70, 71):
        counting.count(now=NOW + timedelta(days=days))
        assert {*DailySearch.objects.values_list("text", flat=True)} == {"ψαρεμα", ""}
        assert sum(DailySearch.objects.values_list("visitors", flat=True)) == before
    counting.count(now=NOW + timedelta(days=366 + 30))
    assert not DailySearch.objects.exists()


def test_nobody_is_known_by_the_day_of_the_clock() -> None:
    """A day with rows is over everywhere before its rows go: also that of Kiritimati, fourteen hours ahead."""
    branch = an_open_branch()
    Branch.objects.update(timezone="Pacific/Niue")
    branch.refresh_from_db()
    at = datetime(2026, 3, 3, 10, tzinfo=UTC)  # still the second of March there
    a_journey(branch, at)
    counting.count(now=at + timedelta(hours=36))
    assert Journey.objects.exists()
