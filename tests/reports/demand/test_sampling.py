"""The daily look at the first free times: once for each branch and day, owed from its morning on."""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, Branch
from appointments.models import TimeSlot
from appointments.times.publishing import publish
from reports import checking, counting
from reports.demand import sampling
from reports.models import DailyWait, MonthlyWait, SampledDay
from tests.builders import MONDAY, NOW, TUESDAY, a_branch, a_procedure, a_rule, an_agency, an_open_branch, at

pytestmark = pytest.mark.django_db
NINE = at(9, day=MONDAY)


def waits(day: date = MONDAY) -> list[tuple[int | None, int | None, int | None]]:
    rows = DailyWait.objects.filter(day=day, channel="in_person").order_by("branch_id")
    return [*rows.values_list("first_days", "third_days", "reach_days")]


def take_until(moment: datetime) -> None:
    TimeSlot.objects.filter(starts_at__lt=moment).update(taken=1)


def test_first_times_are_looked_up_once_in_the_morning() -> None:
    branch = an_open_branch()
    assert sampling.sample(now=NINE - timedelta(seconds=1)) == 0
    assert sampling.sample(now=NINE) == 1
    assert waits() == [(0, 0, 14)]
    take_until(at(12))
    assert sampling.sample(now=NINE + timedelta(hours=3)) == 0
    assert waits() == [(0, 0, 14)]
    assert SampledDay.objects.get().branch_id == branch.pk
    assert sampling.sample(now=at(9)) == 1
    assert waits(TUESDAY) == [(0, 0, 13)]


def test_months_are_the_sums_of_their_days() -> None:
    branch = an_open_branch()
    branch.agency.procedures.create(code="kep-other", name_el="Άλλη", duration_minutes=30, channels=["video"])
    for days in range(40):
        if days == 12:
            TimeSlot.objects.update(taken=1)
        if days % 9:
            sampling.sample(now=NINE + timedelta(days=days))
    found = Counter(
        (one.day.replace(day=1), one.branch_id, one.procedure_id, one.channel, one.first_days)
        for one in DailyWait.objects.all()
    )
    kept = MonthlyWait.objects.values_list("month", "branch_id", "procedure_id", "channel", "first_days", "rows")
    assert {tuple(key): looks for *key, looks in kept} == dict(found)
    assert {key[0].month for key in found} == {3, 4}
    assert {key[4] is None for key in found} == {True, False}
    counting.rebuild(now=NOW)
    assert {tuple(key): looks for *key, looks in kept.all()} == dict(found)
    assert checking.check(now=NOW) == 0
    MonthlyWait.objects.filter(pk=MonthlyWait.objects.earliest("pk").pk).update(rows=99)
    assert checking.check(now=NOW) == 1
    counting.rebuild(now=NOW)
    assert checking.check(now=NOW) == 0


def test_service_that_nobody_booked_can_still_be_deleted() -> None:
    branch = an_open_branch()
    sampling.sample(now=NINE)
    TimeSlot.objects.all().delete()
    branch.agency.procedures.get().delete()
    connection.check_constraints()
    assert not DailyWait.objects.exists()
    assert not MonthlyWait.objects.exists()


def test_first_and_third_time_can_be_on_different_days() -> None:
    an_open_branch()
    take_until(at(13, 40))
    sampling.sample(now=NINE)
    assert waits() == [(1, 2, 14)]


def test_nothing_free_is_not_nothing_open() -> None:
    branch = an_open_branch()
    closed = a_branch(branch.agency, "kep-rethymno")
    a_rule(closed)
    TimeSlot.objects.update(taken=1)
    sampling.sample(now=NINE)
    assert waits() == [(None, None, 14), (None, None, None)]


def test_morning_that_the_worker_missed_is_made_up_for_on_the_same_day() -> None:
    an_open_branch()
    assert sampling.owed(now=at(23, 50, day=MONDAY)).exists()
    sampling.sample(now=at(23, 50, day=MONDAY))
    assert DailyWait.objects.filter(day=MONDAY).exists()
    assert not sampling.owed(now=at(8, 59)).exists()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "Nowhere/Never"])
def test_day_is_that_of_the_branch(zone: str) -> None:
    branch = an_open_branch()
    Branch.objects.update(timezone=zone)
    branch.refresh_from_db()
    publish([branch.pk], now=NOW)
    for hours in range(30):
        now = NOW + timedelta(hours=hours)
        local = branch.local(now)
        sampling.sample(now=now)
        assert SampledDay.objects.filter(day=local.date()).exists() == (local.hour >= 9)
    first = DailyWait.objects.filter(channel="in_person").earliest("day")
    sampled = SampledDay.objects.get(day=first.day).sampled_at
    expected = TimeSlot.objects.filter(starts_at__gte=sampled + branch.agency.notice).earliest("starts_at")
    assert first.first_days == (branch.local(expected.starts_at).date() - first.day).days


def test_branch_out_of_service_is_owed_nothing() -> None:
    an_open_branch()
    Branch.objects.update(is_open=False)
    assert sampling.sample(now=NINE) == 0
    Branch.objects.update(is_open=True)
    Agency.objects.update(stage=Agency.Stage.JOINING)
    assert sampling.sample(now=NINE) == 0


def test_number_of_queries_does_not_grow_with_branches() -> None:
    agency, numbers = an_agency(), []
    a_procedure(agency)
    for day, more in ((MONDAY, 1), (TUESDAY, 30)):
        for number in range(more):
            a_rule(a_branch(agency, f"kep-{day}-{number}"))
        with CaptureQueriesContext(connection) as queries:
            sampling.sample(now=at(9, day=day))
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_batch_that_fails_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = an_open_branch()
    a_rule(a_branch(branch.agency, "kep-rethymno"))
    monkeypatch.setattr(sampling, "BATCH", 1)
    DailyWait.objects.create(
        agency=branch.agency, branch=branch, day=MONDAY, procedure=branch.agency.procedures.get(), channel="in_person"
    )
    assert sampling.sample(now=NINE) == 1
    assert SampledDay.objects.count() == 1
