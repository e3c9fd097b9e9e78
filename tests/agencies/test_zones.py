"""A time zone that is not known: it is refused where it is entered, and a row that has one hurts nobody else."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from agencies.models import Branch
from agencies.models.branch import validate_timezone
from agencies.wallclock import all_zones
from appointments import tasks
from appointments.models import Appointment, TimeSlot
from appointments.times.publishing import publish_all
from appointments.watch.loads import loads
from reports import counting
from reports.reading.counts import read
from reports.selecting.selection import Selection
from reports.selecting.viewers import Viewer
from tests.builders import (
    NOW,
    a_branch,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_open_branch,
    slots_of,
)
from tests.zones import zones_of_branches

UNKNOWN = ["localtime", "Mars/Olympus", "Europe", "../Europe/Athens", "", "Factory", "Europe/Athens\0"]


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_timezone(name)


def test_zones_of_branches_are_known() -> None:
    for zone in zones_of_branches():
        validate_timezone(zone)


def test_citizens_unknown_zone_is_ignored() -> None:
    for name in ("localtime", "Mars/Olympus"):
        assert Appointment(timezone=name, branch=Branch(timezone="Europe/Athens")).zone.key == "Europe/Athens"


@pytest.fixture
def served(db: None) -> Branch:
    """A branch with one served appointment, and a branch of another agency whose zone is not known any more."""
    good = an_open_branch()
    good.agency.live_since = date(2020, 7, 27)
    good.agency.save()
    an_appointment(slots_of(good)[5])
    bad = a_branch(an_agency("consul", live_since=date(2020, 7, 27)), "consul-one", timezone="Europe/Athens")
    a_procedure(bad.agency, "consul-one")
    a_rule(bad)
    publish_all(now=NOW)
    an_appointment(TimeSlot.objects.filter(branch=bad).earliest("starts_at"), 2)
    Appointment.objects.update(status="completed")
    Branch.objects.filter(pk=bad.pk).update(timezone="localtime")
    return good


@pytest.mark.parametrize("rolled_up", [False, True])
def test_published_table_and_figures_survive_a_row_with_an_unknown_zone(
    served: Branch, client: Client, rolled_up: bool
) -> None:
    if rolled_up:
        counting.rebuild(now=NOW + timedelta(days=30))
    told = client.get("/reports/agencies.json?as_of=2026-03-31").json()
    assert {line["slug"]: line["served"] for line in told["agencies"]} == {"kep": 1, "consul": 1}
    march = Selection(Viewer(agencies=None), date(2026, 3, 1), date(2026, 3, 1))
    assert read(march).total.served == (2 if rolled_up else 0)


def test_publishing_goes_on_and_leaves_the_branch_as_it_is(served: Branch) -> None:
    before = TimeSlot.objects.exclude(branch=served).count()
    published = publish_all(now=NOW + timedelta(hours=18))
    assert published.removed == 0
    assert published.added > 0
    assert TimeSlot.objects.exclude(branch=served).count() == before


def test_pages_and_tasks_about_all_branches_survive_the_row(served: Branch, client: Client) -> None:
    client.force_login(a_user("operator@example.org", is_operator=True))
    assert client.get("/admin/appointments/appointment/watch/").status_code == 200
    assert len(loads(Branch.objects.all(), now=NOW)) == 2
    for task in (tasks.close_past_days, tasks.tell_delays, tasks.check_alerts, tasks.publish_all, tasks.forget):
        task()
    assert Appointment.objects.from_today(now=NOW).count() == 2
    assert Appointment(branch=Branch(timezone="localtime")).zone.key == "UTC"


@pytest.mark.django_db
def test_counts_need_no_zone_that_postgresql_knows() -> None:
    """PostgreSQL has its own data, of another age. Zones that it does not know count on their own days."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        unknown = sorted(all_zones() - {name for (name,) in cursor.fetchall()})
    for zone in [*unknown, "Pacific/Kiritimati"]:
        branch = a_branch(an_agency(zone.lower().replace("/", "-")), zone.lower().replace("/", "-"), timezone=zone)
        a_procedure(branch.agency, branch.code)
        Appointment.objects.create(
            agency=branch.agency,
            branch=branch,
            procedure=branch.agency.procedures.get(),
            channel="in_person",
            status="completed",
            starts_at=datetime(2026, 2, 28, 11, tzinfo=UTC),
            ends_at=datetime(2026, 2, 28, 12, tzinfo=UTC),
            created_at=datetime(2026, 2, 1, 12, tzinfo=UTC),
        )
        day = branch.today(datetime(2026, 2, 28, 11, tzinfo=UTC))
        assert counting.totals(day)[branch.agency_id].served == 1
        assert counting.totals(day - timedelta(days=1))[branch.agency_id].served == 0
