"""“Today” on staff pages is the day of the branch, wherever it is: at this time it is tomorrow in Melbourne."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.test import Client
from time_machine import TimeMachineFixture

from agencies.models import Branch, Closure, Role
from appointments.models import Appointment
from appointments.times.publishing import publish
from tests.builders import EVERY_DAY, a_branch, a_closure, a_procedure, a_rule, an_agency, an_appointment, an_officer
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# The zones of branches, with the days on their calendars at NIGHT.
NIGHT = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
DAYS = {
    "Australia/Melbourne": date(2026, 3, 3),
    "Europe/Athens": date(2026, 3, 2),
    "America/New_York": date(2026, 3, 2),
}
EARLY = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
EARLY_DAYS = DAYS | {"Australia/Melbourne": date(2026, 3, 2), "America/New_York": date(2026, 3, 1)}


@pytest.mark.parametrize(("now", "days"), [(NIGHT, DAYS), (EARLY, EARLY_DAYS)])
def test_lists_begin_with_the_day_of_each_branch(now: datetime, days: dict[str, date]) -> None:
    agency = an_agency("consul")
    a_procedure(agency)
    for zone, today in days.items():
        branch = a_branch(agency, zone.split("/")[1].lower(), timezone=zone)
        a_rule(branch, weekdays=EVERY_DAY, opens_at=time(0), closes_at=time(23), slot_minutes=60)
        past = now - 3 * DAY
        publish([branch.pk], now=past)
        begin, end = branch.midnight(today - DAY), branch.midnight(today + DAY)
        for number, slot in enumerate(branch.slots.filter(starts_at__gte=begin, starts_at__lt=end)):
            an_appointment(slot, number + 1000 * branch.pk, now=past)
        for day in (today - DAY, today):
            a_closure(branch, day)
    coming = set(Appointment.objects.from_today(now=now))
    assert set(Appointment.objects.before_today(now=now)) == set(Appointment.objects.all()) - coming
    for one in Appointment.objects.select_related("branch"):
        assert (one in coming) == (one.branch.today(one.starts_at) >= days[one.branch.timezone])
    for closure in Closure.objects.select_related("branch"):
        is_over = closure.branch is not None and closure.until_date < days[closure.branch.timezone]
        assert Closure.objects.past(now=now).contains(closure) == is_over
        assert Closure.objects.from_today(now=now).contains(closure) == (not is_over)


@pytest.mark.parametrize(
    ("zones", "is_over"),
    [(["Australia/Melbourne"], True), (["Australia/Melbourne", "America/New_York"], False), ([], False)],
)
def test_closure_of_an_agency_is_over_when_it_is_over_everywhere(zones: list[str], is_over: bool) -> None:
    agency = an_agency("consul")
    for zone in zones:
        a_branch(agency, zone.split("/")[1].lower(), timezone=zone)
    day = date(2026, 3, 2)
    closure = Closure.objects.create(agency=agency, from_date=day, until_date=day)
    assert Closure.objects.past(now=NIGHT).contains(closure) == is_over
    assert Closure.objects.from_today(now=NIGHT).contains(closure) == (not is_over)


@pytest.fixture
def melbourne(time_machine: TimeMachineFixture) -> Branch:
    """A branch in Melbourne, where it is half past seven in the morning of the third. In Athens it is the second."""
    time_machine.move_to(NIGHT, tick=False)
    branch = a_branch(an_agency("consul"), "consul-melbourne", timezone="Australia/Melbourne")
    a_procedure(branch.agency)
    a_rule(branch, slot_minutes=60)
    publish([branch.pk], now=NIGHT - 3 * DAY)
    return branch


def supervisor(client: Client, branch: Branch) -> Client:
    return signed_in(client, an_officer(branch, Role.SUPERVISOR))


def test_admin_lists_and_forms_use_the_day_of_the_branch(melbourne: Branch, client: Client) -> None:
    for number, slot in enumerate(melbourne.slots.filter(starts_at__gte=NIGHT - DAY).order_by("starts_at")[:7]):
        an_appointment(slot, number, now=NIGHT - 3 * DAY)
    a_closure(melbourne, date(2026, 3, 2), reason_en="Yesterday's")
    page = supervisor(client, melbourne).get("/en/admin/appointments/appointment/")
    shown = page.context["cl"].queryset
    assert {melbourne.today(one.starts_at) for one in shown} == {date(2026, 3, 3)}
    page = client.get("/en/admin/appointments/appointment/?when=past")
    assert {melbourne.today(one.starts_at) for one in page.context["cl"].queryset} == {date(2026, 3, 2)}
    closures = client.get("/en/admin/agencies/closure/").context["cl"].queryset
    assert not closures.exists()
    assert client.get("/en/admin/agencies/closure/?when=past").context["cl"].queryset.count() == 1
    for kind, field in (("closure", "from_date"), ("openingrule", "valid_from")):
        page = client.get(f"/en/admin/agencies/{kind}/add/")
        assert page.context["adminform"].form[field].value() == date(2026, 3, 3)


@pytest.mark.parametrize(
    ("now", "told"), [(NIGHT, "<b>08:00</b>"), (NIGHT + 7 * HOUR, "<b>Wednesday 4 March, 08:00</b>")]
)
def test_next_free_time_names_its_day_unless_it_is_today(
    melbourne: Branch, client: Client, time_machine: TimeMachineFixture, now: datetime, told: str
) -> None:
    """The first is today in Melbourne, but tomorrow in UTC; the other is tomorrow in Melbourne, and today in UTC."""
    time_machine.move_to(now, tick=False)
    page = supervisor(client, melbourne).get("/en/admin/appointments/appointment/day/")
    assert told in text_of(page)
