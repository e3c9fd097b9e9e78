"""Openings and closures that last until midnight: how they are entered, published, drawn and shown."""

from datetime import date, time, timedelta

import pytest
from django.test import Client

from agencies.models import Branch, Closure, OpeningRule, Role
from agencies.models.until import hours, minutes_until
from agencies.openings.walk_ins import walk_in_rules
from appointments.admin.counter.desks import desks_by_rules
from appointments.calendar import agenda
from appointments.models import Disruption, TimeSlot
from appointments.times.availability import free_times
from appointments.times.publishing import publish
from appointments.times.timetable import week_of
from appointments.times.week import find_week
from tests.builders import (
    EVERY_DAY,
    MONDAY,
    NOW,
    TUESDAY,
    WEDNESDAY,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    an_agency,
    an_officer,
    at,
)
from tests.pages import signed_in, text_of
from tests.planning import CLOSURES, RULES, closure_data, in_days, rule_data

pytestmark = pytest.mark.django_db
MIDNIGHT, TEN, DAY = time(0), timedelta(minutes=10), timedelta(days=1)


@pytest.fixture
def branch() -> Branch:
    branch = a_branch(an_agency())
    a_procedure(branch.agency)
    return branch


def slots_on(branch: Branch, day: date) -> list[str]:
    slots = TimeSlot.objects.filter(starts_at__gte=branch.midnight(day), starts_at__lt=branch.midnight(day + DAY))
    return [f"{branch.local(slot.starts_at):%H:%M}" for slot in slots.filter(capacity__gt=0).order_by("starts_at")]


@pytest.mark.parametrize("until", ["00:00", "24:00"])
@pytest.mark.usefixtures("clock")
def test_opening_until_midnight_is_entered_previewed_and_published(branch: Branch, client: Client, until: str) -> None:
    signed_in(client, an_officer(branch, Role.SUPERVISOR))
    given = rule_data(branch, opens_at="23:00", closes_at=until)
    looked = text_of(client.post(f"{RULES}add/", given | {"_look": "1"}))
    assert "The opening must end after it starts." not in looked
    assert not OpeningRule.objects.exists()
    client.post(f"{RULES}add/", given)
    rule = OpeningRule.objects.get()
    assert str(rule).endswith("23:00–24:00")
    assert slots_on(branch, in_days(3)) == ["23:00", "23:20", "23:40"]
    assert "23:00–24:00" in text_of(client.get(RULES))
    assert 'value="00:00"' in text_of(client.get(f"{RULES}{rule.pk}/change/"))
    assert "23:00–24:00" in text_of(client.get(f"/en/admin/agencies/branch/{branch.pk}/change/"))


@pytest.mark.usefixtures("clock")
def test_opening_over_midnight_is_refused_with_the_way_to_enter_it(branch: Branch, client: Client) -> None:
    signed_in(client, an_officer(branch, Role.SUPERVISOR))
    text = text_of(client.post(f"{RULES}add/", rule_data(branch, opens_at="22:00", closes_at="02:00")))
    assert "Over midnight, enter two: one until 00:00, and one from 00:00 on the next day." in text
    assert not OpeningRule.objects.exists()


def test_two_openings_over_midnight_give_each_time_once(branch: Branch) -> None:
    a_rule(branch, weekdays=[1], opens_at=time(23, 30), closes_at=MIDNIGHT)
    a_rule(branch, weekdays=[2], opens_at=MIDNIGHT, closes_at=time(0, 30))
    publish([branch.pk], now=NOW)
    begins = list(TimeSlot.objects.order_by("starts_at").values_list("starts_at", flat=True)[:6])
    assert begins == [at(23, 30, day=MONDAY) + number * TEN for number in range(6)]


def test_a_long_service_runs_over_the_midnight_of_a_branch_that_never_closes(branch: Branch) -> None:
    a_rule(branch, weekdays=EVERY_DAY, opens_at=MIDNIGHT, closes_at=MIDNIGHT)
    long = a_procedure(branch.agency, "kep-long", duration_minutes=30)
    publish([branch.pk], now=NOW)
    assert len(slots_on(branch, TUESDAY)) == 24 * 6
    found = free_times(long, branch, "in_person", now=NOW, since=at(23, 30), until=at(0, 10, day=WEDNESDAY))
    assert [f"{branch.local(one.starts_at):%H:%M}" for one in found] == ["23:30", "23:40", "23:50", "00:00"]
    week = find_week(long, branch, "in_person", asked=TUESDAY, now=NOW)
    assert week is not None
    assert week.open.times[-1].starts_at == at(23, 50)


def test_closed_time_until_midnight_closes_the_last_times(branch: Branch) -> None:
    a_rule(branch, opens_at=time(22), closes_at=MIDNIGHT, slot_minutes=30)
    closure = a_closure(branch, TUESDAY, from_time=time(23), until_time=MIDNIGHT)
    publish([branch.pk], now=NOW)
    assert slots_on(branch, TUESDAY) == ["22:00", "22:30"]
    assert slots_on(branch, WEDNESDAY) == ["22:00", "22:30", "23:00", "23:30"]
    [shown] = agenda.closed(agenda.Days(branch, TUESDAY, WEDNESDAY))
    assert (shown.begins, shown.ends) == (23 * 60, 24 * 60)
    assert closure.hours == "23:00–24:00"


def test_of_two_rules_the_larger_one_loses_its_desks_first_until_midnight(branch: Branch) -> None:
    a_rule(branch, opens_at=time(22), closes_at=MIDNIGHT, slot_minutes=30, desks=3)
    a_rule(branch, opens_at=time(22), closes_at=MIDNIGHT, slot_minutes=30, desks=1)
    a_closure(branch, TUESDAY, desks=1)
    publish([branch.pk], now=NOW)
    last = TimeSlot.objects.filter(starts_at=at(23, 30))
    assert sorted(last.values_list("desks", flat=True)) == [1, 2]


def test_a_larger_rule_that_ended_before_the_last_time_has_no_desk_to_spare(branch: Branch) -> None:
    a_rule(branch, opens_at=time(20), closes_at=time(23), slot_minutes=30, desks=3)
    a_rule(branch, opens_at=time(20), closes_at=MIDNIGHT, slot_minutes=30, desks=1)
    a_closure(branch, TUESDAY, desks=1)
    publish([branch.pk], now=NOW)
    assert not TimeSlot.objects.filter(starts_at=at(23, 30)).exists()


@pytest.mark.usefixtures("clock")
def test_closure_until_midnight_is_entered_also_from_the_calendar(branch: Branch, client: Client) -> None:
    signed_in(client, an_officer(branch, Role.SUPERVISOR))
    form = client.get(f"{CLOSURES}add/?branch={branch.code}&from_time=23:00&until_time=24:00").context["adminform"].form
    assert form.get_initial_for_field(form.fields["until_time"], "until_time") == MIDNIGHT
    data = closure_data(branch, in_days(4), from_time="23:00", until_time="24:00")
    client.post(f"{CLOSURES}add/", data)
    assert Closure.objects.get().until_time == MIDNIGHT


def test_disruption_until_midnight_ends_with_the_day(branch: Branch) -> None:
    given = {"from_date": TUESDAY, "until_date": TUESDAY, "from_time": time(23), "until_time": MIDNIGHT}
    disruption = Disruption.objects.create(agency=branch.agency, created_at=NOW, **given)
    assert disruption.windows(branch) == [(at(23), branch.midnight(WEDNESDAY))]
    assert disruption.hours == "23:00–24:00"


def test_walk_ins_are_taken_until_midnight(branch: Branch) -> None:
    a_rule(branch, purpose="walk_in", opens_at=time(22), closes_at=MIDNIGHT, weekdays=[2])
    moments = [at(21, 59), at(22), at(23, 59), at(0, 0, day=WEDNESDAY)]
    assert [bool(walk_in_rules(branch, now=moment)) for moment in moments] == [False, True, True, False]


def test_drawing_and_desks_count_hours_until_midnight(branch: Branch) -> None:
    a_rule(branch, opens_at=time(16), closes_at=MIDNIGHT, desks=2)
    a_rule(branch, opens_at=time(20), closes_at=MIDNIGHT, desks=1)
    assert desks_by_rules(branch, MONDAY) == 3
    week = week_of(branch, MONDAY)
    assert week.hours[-1] == 24
    assert [(bar.x, bar.width) for bar in week.days[0].bars] == [(0.0, 720.0), (360.0, 360.0)]


def test_calendar_draws_the_last_hour(branch: Branch) -> None:
    a_rule(branch, opens_at=time(22), closes_at=MIDNIGHT, slot_minutes=30)
    publish([branch.pk], now=NOW)
    opening = agenda.opening(agenda.Days(branch, TUESDAY, WEDNESDAY), NOW)
    assert opening.shown == (22 * 60, 24 * 60)
    assert opening.desks == [(22 * 60, 24 * 60, 1)]


@pytest.mark.parametrize(
    ("until", "minutes", "told"),
    [(time(0), 1440, "00:00–24:00"), (time(0, 1), 1, "00:00–00:01"), (time(23, 59), 1439, "00:00–23:59")],
)
def test_midnight_is_the_end_of_the_day(until: time, minutes: int, told: str) -> None:
    assert minutes_until(until) == minutes
    assert hours(time(0), until) == told
