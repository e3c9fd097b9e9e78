from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, Branch, Channel, OpeningRule, Procedure
from appointments.models import TimeSlot
from appointments.times.availability import FreeTime, earliest, free_times
from appointments.times.publishing import publish
from tests.builders import NOW, a_branch, a_procedure, a_rule, an_agency, an_appointment, an_open_branch, at

pytestmark = pytest.mark.django_db


def procedure_of(agency: Agency, **fields: object) -> Procedure:
    a_procedure(agency, "kep-other", **fields)
    return Procedure.objects.select_related("agency").get(code="kep-other")


def times(
    branch: Branch,
    procedure: Procedure,
    channel: str = Channel.IN_PERSON,
    *,
    day: date = date(2026, 3, 3),
    **options: bool,
) -> list[FreeTime]:
    since = at(0, day=day)
    return free_times(procedure, branch, channel, now=NOW, since=since, until=since + timedelta(days=1), **options)


def clock(branch: Branch, found: list[FreeTime]) -> list[str]:
    return [f"{branch.local(time.starts_at):%H:%M}" for time in found]


def test_free_times_leave_out_full_slots() -> None:
    branch = an_open_branch()
    an_appointment(TimeSlot.objects.get(starts_at=at(8, 10)))
    found = clock(branch, times(branch, Procedure.objects.select_related("agency").get()))
    assert found[:3] == ["08:00", "08:20", "08:30"]
    assert len(found) == 35


def test_free_times_count_what_is_left() -> None:
    branch = an_open_branch(desks=3)
    an_appointment(TimeSlot.objects.get(starts_at=at(8, 10)))
    procedure = procedure_of(branch.agency, duration_minutes=20)
    assert [time.free for time in times(branch, procedure)[:4]] == [2, 2, 3, 3]


def test_free_times_of_a_long_procedure_need_a_run_of_free_slots() -> None:
    branch = an_open_branch()
    an_appointment(TimeSlot.objects.get(starts_at=at(9)))
    found = clock(branch, times(branch, procedure_of(branch.agency, duration_minutes=30)))
    assert found[:6] == ["08:00", "08:10", "08:20", "08:30", "09:10", "09:20"]
    assert found[-1] == "13:30"


def test_free_times_of_a_procedure_as_long_as_the_day() -> None:
    branch = an_open_branch()
    assert clock(branch, times(branch, procedure_of(branch.agency, duration_minutes=360))) == ["08:00"]
    Procedure.objects.update(duration_minutes=361)
    assert times(branch, Procedure.objects.select_related("agency").get(code="kep-other")) == []


def test_free_times_reach_over_the_end_of_what_is_asked_for() -> None:
    branch = an_open_branch()
    procedure = procedure_of(branch.agency, duration_minutes=30)
    found = free_times(procedure, branch, Channel.IN_PERSON, now=NOW, since=at(8), until=at(9))
    assert clock(branch, found) == ["08:00", "08:10", "08:20", "08:30", "08:40", "08:50"]


def test_free_times_begin_after_the_lead_but_not_for_officers() -> None:
    branch = an_open_branch()
    procedure = Procedure.objects.select_related("agency").get()
    procedure.agency.notice_minutes = 24 * 60
    assert times(branch, procedure, day=date(2026, 3, 2)) == []
    assert len(times(branch, procedure, day=date(2026, 3, 2), assisted=True)) == 36


def test_free_times_not_released_yet_are_for_officers_only() -> None:
    branch = an_open_branch()
    TimeSlot.objects.update(bookable_from=NOW + timedelta(minutes=1))
    procedure = Procedure.objects.select_related("agency").get()
    assert times(branch, procedure) == []
    assert len(times(branch, procedure, assisted=True)) == 36


def test_free_times_of_another_channel_or_procedure_are_not_given() -> None:
    branch = an_open_branch(channels=[Channel.VIDEO])
    dilosi, other = Procedure.objects.select_related("agency").get(), procedure_of(branch.agency)
    assert times(branch, dilosi, Channel.IN_PERSON) == []
    assert len(times(branch, dilosi, Channel.VIDEO)) == 36
    OpeningRule.objects.get().procedures.add(other)
    assert times(branch, dilosi, Channel.VIDEO) == []
    assert len(times(branch, other, Channel.VIDEO)) == 36


@pytest.mark.parametrize(
    "closed",
    [
        lambda: Branch.objects.update(is_open=False),
        lambda: Agency.objects.update(stage=Agency.Stage.JOINING),
        lambda: Procedure.objects.update(is_offered=False),
        lambda: Procedure.objects.update(channels=[Channel.PHONE]),
    ],
)
def test_free_times_where_nothing_is_offered_are_none(closed: object) -> None:
    branch = an_open_branch()
    closed()  # type: ignore[operator]
    procedure = Procedure.objects.select_related("agency").get()
    assert times(branch, procedure) == []
    assert earliest(procedure, Channel.IN_PERSON, now=NOW) == {}


def test_pilot_has_free_times() -> None:
    branch = an_open_branch()
    Agency.objects.update(stage=Agency.Stage.PILOT)
    procedure = Procedure.objects.select_related("agency").get()
    assert len(times(branch, procedure)) == 36
    assert earliest(procedure, Channel.IN_PERSON, now=NOW).keys() == {branch.pk}


def test_earliest_is_the_first_free_time_of_each_branch() -> None:
    busy = an_open_branch()
    quiet, closed = a_branch(busy.agency, "kep-quiet"), a_branch(busy.agency, "kep-closed")
    a_rule(quiet, valid_from=date(2026, 3, 5))
    publish([quiet.pk, closed.pk], now=NOW)
    procedure = procedure_of(busy.agency, duration_minutes=20)
    an_appointment(TimeSlot.objects.get(branch=busy, starts_at=at(8, 10, day=date(2026, 3, 2))))
    first = earliest(procedure, Channel.IN_PERSON, now=NOW)
    assert {pk: time.starts_at for pk, time in first.items()} == {
        busy.pk: at(8, 20, day=date(2026, 3, 2)),
        quiet.pk: at(8, day=date(2026, 3, 5)),
    }
    assert earliest(procedure, Channel.IN_PERSON, now=NOW, branches=[quiet.pk]).keys() == {quiet.pk}


def test_earliest_agrees_with_free_times() -> None:
    branch = an_open_branch(desks=2)
    a_rule(branch, slot_minutes=15, channels=[Channel.VIDEO])
    publish([branch.pk], now=NOW)
    for number, slot in enumerate(TimeSlot.objects.order_by("starts_at")[:20]):
        an_appointment(slot, number, channel=Channel.VIDEO)
    procedure = procedure_of(branch.agency, duration_minutes=25)
    for channel in (Channel.IN_PERSON, Channel.VIDEO):
        everything = free_times(procedure, branch, channel, now=NOW, since=NOW, until=NOW + timedelta(days=14))
        assert earliest(procedure, channel, now=NOW) == {branch.pk: everything[0]}


def test_availability_is_one_query_for_any_number_of_branches() -> None:
    first = an_open_branch()
    for number in range(3):
        branch = a_branch(first.agency, f"kep-{number}")
        a_rule(branch)
        publish([branch.pk], now=NOW)
    a_rule(a_branch(an_agency("efka"), "efka-chania"))
    procedure = Procedure.objects.select_related("agency").get()
    with CaptureQueriesContext(connection) as queries:
        assert len(earliest(procedure, Channel.IN_PERSON, now=NOW)) == 4
        times(first, procedure)
    assert len(queries) == 2
