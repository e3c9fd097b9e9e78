"""The pages about promised times: the list before anything happens, the confirmation, and a corrected time zone."""

from collections.abc import Iterator
from datetime import date, datetime, time

import pytest
from django.core import mail
from django.forms.models import model_to_dict
from django.test import Client

from agencies.models import Branch, Role
from appointments import tasks
from appointments.models import Alert, Appointment, Disruption, TimeSlot
from appointments.times.previews import BusyError
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    NOW,
    a_branch,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    messages_of,
)
from tests.zones import law

pytestmark = pytest.mark.usefixtures("clock")
CAIRO, NO_SUMMER = "Africa/Cairo", "Africa/Tripoli"
PAGE = "/admin/appointments/appointment/promises/"
WATCH = "/admin/appointments/appointment/watch/"


@pytest.fixture
def branch(db: None) -> Branch:
    agency = an_agency("consul", horizon_days=90)
    branch = a_branch(agency, "consul-cairo", timezone=CAIRO)
    a_procedure(agency, "consul-one")
    a_rule(branch, weekdays=EVERY_DAY)
    publish([branch.pk], now=NOW)
    return branch


@pytest.fixture
def appointment(branch: Branch) -> Appointment:
    moment = branch.instant(datetime.combine(date(2026, 5, 5), time(10)))
    return an_appointment(TimeSlot.objects.get(branch=branch, starts_at=moment))


@pytest.fixture
def new_law(appointment: Appointment) -> Iterator[None]:
    with law(CAIRO, NO_SUMMER):
        yield


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(a_user("operator@example.org", is_operator=True))
    return client


@pytest.fixture
def administrator(client: Client, branch: Branch) -> Client:
    client.force_login(an_officer(branch.agency, Role.AGENCY_ADMIN))
    return client


def shown(appointment: Appointment) -> str:
    appointment = Appointment.objects.select_related("branch").get(pk=appointment.pk)
    return f"{appointment.branch.local(appointment.starts_at):%H:%M}"


@pytest.mark.usefixtures("new_law")
def test_operator_sees_the_list_and_confirms_it(operator: Client, appointment: Appointment) -> None:
    assert PAGE in operator.get(WATCH).content.decode()
    listed = operator.get(PAGE).content.decode()
    assert "10:00" in listed
    assert "09:00" in listed
    assert appointment.name not in listed
    assert shown(appointment) == "09:00"
    done = operator.post(PAGE, {"branch": "consul-cairo"}, follow=True).content.decode()
    assert shown(appointment) == "10:00"
    assert ("kept", "pending") in messages_of(appointment)
    assert "Κάθε ραντεβού αρχίζει" in done
    assert PAGE not in operator.get(WATCH).content.decode()
    operator.post(PAGE, {"branch": "consul-cairo"})
    appointment.refresh_from_db()
    assert appointment.revision == 1


def test_page_without_affected_appointments_says_only_that_all_is_well(operator: Client) -> None:
    page = operator.get(f"/en{PAGE}")
    assert "Every appointment begins when it was promised." in page.text
    assert "A country has changed its clock" not in page.text
    assert f'<a href="/en{WATCH}" aria-current="page">' in page.text


def test_page_that_cannot_look_now_does_not_say_that_all_is_well(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: object) -> None:
        raise BusyError

    monkeypatch.setattr("appointments.admin.disruptions.promises._places", busy)
    assert "Every appointment begins" not in operator.get(f"/en{PAGE}").text


@pytest.mark.usefixtures("new_law")
def test_list_says_who_falls_out(administrator: Client, branch: Branch, appointment: Appointment) -> None:
    branch.opening_rules.update(opens_at=time(12))
    listed = administrator.get(PAGE).content.decode()
    assert "Χάνεται, με πρόταση για άλλη ώρα" in listed
    assert appointment.name in listed
    assert not Disruption.objects.exists()


@pytest.mark.usefixtures("new_law")
def test_many_branches_are_listed_and_left_to_the_worker(
    operator: Client, appointment: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr("appointments.admin.disruptions.promises.AT_ONCE", 0)
    monkeypatch.setattr("appointments.admin.disruptions.promises.ask_worker", lambda *args: asked.append(args))
    assert "10:00" in operator.get(PAGE).content.decode()
    operator.post(PAGE, {"branch": "consul-cairo"})
    assert asked == [("appointments.tasks.keep_promises", appointment.branch_id)]


@pytest.mark.usefixtures("new_law")
def test_supervisors_look_and_officers_are_refused(client: Client, branch: Branch, appointment: Appointment) -> None:
    client.force_login(an_officer(branch, Role.SUPERVISOR))
    assert "Να μείνουν" not in client.get(PAGE).content.decode()
    assert PAGE in client.get(WATCH).content.decode()
    assert client.post(PAGE, {"branch": branch.code}).status_code == 403
    client.force_login(an_officer(branch, email="other@example.org"))
    assert client.get(PAGE).status_code == 403
    assert shown(appointment) == "09:00"


@pytest.mark.usefixtures("new_law")
def test_supervisors_are_mailed_once_until_it_is_put_right(branch: Branch, appointment: Appointment) -> None:
    an_officer(branch, Role.SUPERVISOR)
    for _ in range(2):
        tasks.check_alerts()
    [letter] = mail.outbox
    assert PAGE in letter.body
    assert "Άλλαξε η ώρα" in letter.body
    tasks.keep_promises(appointment.branch_id)
    tasks.check_alerts()
    assert len(mail.outbox) == 1
    assert not Alert.objects.open().filter(kind=Alert.Kind.OFF_CLOCK).exists()


@pytest.mark.usefixtures("new_law")
def test_administrator_of_another_agency_changes_nothing(client: Client, appointment: Appointment) -> None:
    client.force_login(an_officer(an_agency("kep"), Role.AGENCY_ADMIN))
    assert "09:00" not in client.get(PAGE).content.decode()
    client.post(PAGE, {"branch": "consul-cairo"})
    assert shown(appointment) == "09:00"


def form_of(branch: Branch, **fields: str) -> dict[str, object]:
    given = {name: value for name, value in model_to_dict(branch).items() if value is not None}
    given |= {"areas": "", "postcodes": "", "is_open": "on", "takes_referrals": "on"}
    return {name: value for name, value in given.items() if value is not False} | fields


def test_corrected_zone_asks_first_and_then_keeps_the_wall_clock(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    address = f"/admin/agencies/branch/{branch.pk}/change/"
    given = form_of(branch, timezone="Europe/Berlin")
    asked = administrator.post(address, given)
    assert "10:00" in asked.content.decode()
    assert "09:00" in asked.content.decode()
    branch.refresh_from_db()
    assert (branch.timezone, shown(appointment)) == (CAIRO, "10:00")
    assert messages_of(appointment) == messages_of(appointment) - {("kept", "pending")}
    administrator.post(address, given | {"_decided": "keep"})
    branch.refresh_from_db()
    assert (branch.timezone, shown(appointment)) == ("Europe/Berlin", "10:00")
    assert ("kept", "pending") in messages_of(appointment)


def test_other_corrections_and_zones_with_the_same_clock_ask_nothing(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    address = f"/admin/agencies/branch/{branch.pk}/change/"
    assert administrator.post(address, form_of(branch, region_el="Αίγυπτος")).status_code == 302
    assert administrator.post(address, form_of(branch, timezone="Egypt")).status_code == 302
    assert shown(appointment) == "10:00"
