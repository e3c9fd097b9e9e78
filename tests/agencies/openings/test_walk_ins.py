"""Tests of visits without an appointment, of splitting off desks, and of the days on which a rule opens."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from agencies.models import Agency, Branch, Channel, Closure, OpeningRule
from agencies.openings.walk_ins import split, walk_in_procedures, walk_in_rules
from tests.builders import NOW, TUESDAY, a_branch, a_closure, a_procedure, a_rule, an_agency, at

pytestmark = pytest.mark.django_db
IN_PERSON = [Channel.IN_PERSON]


@pytest.fixture
def branch() -> Branch:
    branch = a_branch(an_agency())
    a_procedure(branch.agency)
    return branch


def a_walk_in(branch: Branch, **fields: Any) -> OpeningRule:
    return a_rule(branch, **{"purpose": "walk_in", "opens_at": time(9), "closes_at": time(11), "desks": 2} | fields)


def codes(branch: Branch, now: datetime) -> list[str]:
    return [procedure.code for procedure in walk_in_procedures(branch, now=now)]


@pytest.mark.parametrize(
    ("moment", "is_open"), [(at(8, 59), False), (at(9), True), (at(10, 59), True), (at(11), False)]
)
def test_walk_ins_are_taken_from_opening_until_closing(branch: Branch, moment: datetime, is_open: bool) -> None:
    a_walk_in(branch)
    assert bool(codes(branch, moment)) == is_open


def test_walk_ins_are_taken_by_the_branchs_clock() -> None:
    branch = a_branch(an_agency(), timezone="America/New_York")
    a_procedure(branch.agency)
    a_walk_in(branch)
    assert codes(branch, at(10)) == []
    assert codes(branch, at(10, zone=branch.zone)) == ["kep-dilosi"]


def test_openings_for_appointments_take_no_walk_ins(branch: Branch) -> None:
    a_rule(branch)
    a_rule(branch, purpose="assisted")
    assert codes(branch, at(10)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"weekdays": [1, 3]},
        {"valid_from": date(2026, 3, 4)},
        {"valid_until": date(2026, 3, 2)},
        {"every_n_weeks": 2, "valid_from": date(2026, 2, 25)},
        {"channels": [Channel.VIDEO]},
    ],
)
def test_walk_ins_are_not_taken_on_other_days(branch: Branch, fields: dict[str, Any]) -> None:
    a_walk_in(branch, **fields)
    assert codes(branch, at(10)) == []


@pytest.mark.parametrize(
    ("fields", "is_open"),
    [
        ({}, False),
        ({"from_time": time(9, 30), "until_time": time(10, 30)}, False),
        ({"from_time": time(10, 30), "until_time": time(11)}, True),
        ({"from_time": time(9), "until_time": time(10)}, True),
        ({"desks": 1}, True),
        ({"desks": 2}, False),
    ],
)
def test_walk_ins_stop_where_all_desks_are_closed(branch: Branch, fields: dict[str, Any], is_open: bool) -> None:
    a_walk_in(branch)
    a_closure(branch, TUESDAY, **fields)
    assert bool(codes(branch, at(10))) == is_open


def test_closure_of_the_agency_stops_walk_ins_too(branch: Branch) -> None:
    a_walk_in(branch)
    Closure.objects.create(agency=an_agency("other"), from_date=TUESDAY, until_date=TUESDAY)
    assert codes(branch, at(10)) == ["kep-dilosi"]
    Closure.objects.create(agency=branch.agency, from_date=TUESDAY, until_date=TUESDAY)
    assert codes(branch, at(10)) == []


def test_walk_ins_are_for_the_rules_services_that_are_offered_in_person(branch: Branch) -> None:
    one = a_procedure(branch.agency, "kep-one", name_el="Α", channels=IN_PERSON)
    a_procedure(branch.agency, "kep-video", channels=[Channel.VIDEO])
    a_procedure(branch.agency, "kep-old", is_offered=False)
    rule = a_walk_in(branch)
    assert codes(branch, at(10)) == ["kep-one", "kep-dilosi"]
    rule.procedures.add(one)
    assert codes(branch, at(10)) == ["kep-one"]
    a_walk_in(branch)
    assert codes(branch, at(10)) == ["kep-one", "kep-dilosi"]
    Agency.objects.update(stage=Agency.Stage.REQUEST)
    assert codes(branch, at(10)) == []


def test_walk_in_rules_tell_desks(branch: Branch) -> None:
    rule = a_walk_in(branch)
    assert walk_in_rules(branch, now=at(10)) == [rule]
    assert walk_in_rules(branch, now=NOW) == []


def test_split_refuses_to_leave_no_desk(branch: Branch) -> None:
    rule = a_rule(branch, desks=2)
    for desks in (0, 2, 3):
        with pytest.raises(ValueError, match=str(desks)):
            split(rule, desks=desks, purpose="assisted")
    assert OpeningRule.objects.get() == rule


def test_rule_is_on_as_a_calendar_says(branch: Branch) -> None:
    """The rule opens every second Monday and Friday from Thursday 5 March on. That week counts as the first."""
    rule = a_rule(branch, weekdays=[1, 5], every_n_weeks=2, valid_from=date(2026, 3, 5), valid_until=date(2026, 4, 3))
    days = [date(2026, 3, 1) + timedelta(days=number) for number in range(60)]
    assert [day for day in days if rule.is_on(day)] == [
        date(2026, 3, 6),
        date(2026, 3, 16),
        date(2026, 3, 20),
        date(2026, 3, 30),
        date(2026, 4, 3),
    ]
