"""Supervisors change openings and closures: times follow at once, and what no longer fits is told."""

import json
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.forms import model_to_dict
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from agencies.models import Agency, Branch, Channel, Closure, OpeningRule, Role
from appointments import tasks
from appointments.calls import provision
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    NOW,
    WORKER,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
)
from tests.pages import text_of
from tests.planning import BRANCHES, CLOSURES, RULES, closure_data, in_days, rule_data, slots_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def branch() -> Branch:
    return an_open_branch(weekdays=EVERY_DAY)


def test_new_rule_gives_times_at_once(supervisor: Client, branch: Branch) -> None:
    day = in_days(3)
    before = len(slots_on(branch, day))
    text = text_of(supervisor.post(f"{RULES}add/", rule_data(branch), follow=True))
    assert "Times added" in text
    assert len(slots_on(branch, day)) == before + 6


def test_changed_rule_withdraws_times(supervisor: Client, branch: Branch) -> None:
    rule = OpeningRule.objects.get()
    data = rule_data(branch, opens_at="08:00", closes_at="09:00", slot_minutes="10", desks="1")
    supervisor.post(f"{RULES}{rule.pk}/change/", data)
    assert len(slots_on(branch, in_days(3))) == 6


def test_deleted_rule_takes_its_times_along(supervisor: Client, branch: Branch) -> None:
    rule = OpeningRule.objects.get()
    supervisor.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"})
    assert slots_on(branch, in_days(3)) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weekdays": []}, "Tick at least one weekday."),
        ({"channels": []}, "Tick at least one channel."),
        ({"closes_at": "15:00"}, "The opening must end after it starts."),
        ({"slot_minutes": "180"}, "The opening is shorter than one slot."),
        ({"valid_until": "01/01/2025"}, "The last date must not be before the first."),
        ({"desks": "0"}, "greater than or equal to 1"),
        ({"release_days": "3"}, "Say at what time new days open."),
    ],
)
def test_rule_that_cannot_be_is_refused_at_its_field(
    supervisor: Client, branch: Branch, fields: dict[str, Any], message: str
) -> None:
    text = text_of(supervisor.post(f"{RULES}add/", rule_data(branch, **fields)))
    assert message in text
    assert OpeningRule.objects.count() == 1


def test_rule_for_another_agencys_service_is_refused(supervisor: Client, branch: Branch) -> None:
    foreign = a_procedure(an_agency("aade"), "aade-one")
    response = supervisor.post(f"{RULES}add/", rule_data(branch, procedures=[foreign.pk]))
    assert response.status_code == 200
    assert OpeningRule.objects.count() == 1


def test_closure_over_appointments_tells_which_no_longer_fit(supervisor: Client, branch: Branch) -> None:
    day = in_days(4)
    first, second, *_others = slots_on(branch, day)
    appointments = [an_appointment(slot, place) for place, slot in enumerate((first, second))]
    data = closure_data(branch, day, _decided="keep")
    text = text_of(supervisor.post(f"{CLOSURES}add/", data, follow=True))
    assert "2 appointments no longer fit." in text
    listed = text_of(supervisor.get(f"/en/admin/appointments/appointment/unplaced/?branch={branch.code}"))
    assert all(appointment.spoken_reference in listed for appointment in appointments)
    assert [slot.taken for slot in slots_on(branch, day)] == [1, 1]


def test_change_tells_only_who_no_longer_fits_because_of_it(supervisor: Client, branch: Branch) -> None:
    first, second = slots_on(branch, in_days(4))[0], slots_on(branch, in_days(5))[0]
    for place, slot in enumerate((first, second)):
        an_appointment(slot, place)
    closed = text_of(supervisor.post(f"{CLOSURES}add/", closure_data(branch, in_days(4), _decided="keep"), follow=True))
    assert "1 appointment no longer fits." in closed
    added = text_of(supervisor.post(f"{RULES}add/", rule_data(branch), follow=True))
    assert "Times added" in added
    assert "no longer fit" not in added
    again = closure_data(branch, in_days(5), _decided="keep")
    assert "1 appointment no longer fits." in text_of(supervisor.post(f"{CLOSURES}add/", again, follow=True))


def test_deleted_closure_gives_the_times_back(supervisor: Client, branch: Branch) -> None:
    day = in_days(4)
    closure = a_closure(branch, day)
    publish([branch.pk], now=NOW)
    assert slots_on(branch, day) == []
    supervisor.post(f"{CLOSURES}{closure.pk}/delete/", {"post": "yes"})
    assert len(slots_on(branch, day)) == 36


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"until_date": "01/01/2026"}, "The last date must not be before the first."),
        ({"from_time": "10:00"}, "Give both times"),
        ({"from_time": "10:00", "until_time": "09:00"}, "Give both times"),
        ({"desks": "0"}, "greater than or equal to 1"),
    ],
)
def test_closure_that_cannot_be_is_refused_at_its_field(
    supervisor: Client, branch: Branch, fields: dict[str, Any], message: str
) -> None:
    text = text_of(supervisor.post(f"{CLOSURES}add/", closure_data(branch, in_days(4), **fields)))
    assert message in text
    assert not Closure.objects.exists()


def test_branch_supervisor_does_not_close_the_agency(supervisor: Client, branch: Branch) -> None:
    data = closure_data(None, in_days(4), agency=branch.agency_id)
    text = text_of(supervisor.post(f"{CLOSURES}add/", data))
    assert "only who works for the whole agency" in text
    assert not Closure.objects.exists()


def test_branch_supervisor_reads_the_agencys_closures(supervisor: Client, branch: Branch) -> None:
    closure = Closure.objects.create(agency=branch.agency, from_date=in_days(2), until_date=in_days(2))
    url = f"{CLOSURES}{closure.pk}/"
    assert supervisor.get(f"{url}change/").status_code == 200
    assert supervisor.post(f"{url}change/", {"kind": "holiday"}).status_code == 403
    assert supervisor.post(f"{url}delete/", {"post": "yes"}).status_code == 403


def test_agency_supervisor_closes_the_agency(client: Client, branch: Branch) -> None:
    client.force_login(an_officer(branch.agency, Role.SUPERVISOR))
    client.post(f"{CLOSURES}add/", closure_data(None, in_days(4), agency=branch.agency_id))
    assert Closure.objects.get().branch is None
    assert slots_on(branch, in_days(4)) == []


def test_place_of_a_closure_is_chosen_and_never_the_agency_by_default(client: Client, branch: Branch) -> None:
    a_branch(branch.agency, "kep-patra")
    client.force_login(an_officer(branch.agency, Role.SUPERVISOR))
    untouched = client.get(f"{CLOSURES}add/").context["adminform"].form
    given = {field.html_name: field.value() or "" for field in untouched}
    assert "Choose a branch, or say that it is the whole agency." in text_of(client.post(f"{CLOSURES}add/", given))
    both = closure_data(branch, in_days(4), everywhere="on")
    assert "Choose one branch, or the whole agency, but not both." in text_of(client.post(f"{CLOSURES}add/", both))
    assert not Closure.objects.exists()
    client.post(f"{CLOSURES}add/", closure_data(branch, in_days(4)))
    assert Closure.objects.get().branch == branch


def test_supervisor_of_a_branch_is_not_asked_about_the_agency(supervisor: Client) -> None:
    assert 'name="everywhere"' not in text_of(supervisor.get(f"{CLOSURES}add/"))


def test_absence_names_who_is_away(supervisor: Client, branch: Branch) -> None:
    untouched = supervisor.get(f"{CLOSURES}add/?kind=absence").context["adminform"].form
    given = {field.html_name: field.value() or "" for field in untouched}
    assert "This field is required." in text_of(supervisor.post(f"{CLOSURES}add/?kind=absence", given))
    assert not Closure.objects.exists()


def test_absence_of_an_account_that_is_gone_can_be_changed(supervisor: Client, branch: Branch) -> None:
    absence = a_closure(branch, in_days(4), kind=Closure.Kind.ABSENCE, desks=1)
    data = closure_data(branch, in_days(5), officer="", desks="1")
    supervisor.post(f"{CLOSURES}{absence.pk}/change/", data)
    absence.refresh_from_db()
    assert absence.from_date == in_days(5)


def test_branch_page_shows_its_week_rules_and_closures(supervisor: Client, branch: Branch) -> None:
    a_closure(branch, in_days(2), reason_en="Move")
    text = text_of(supervisor.get(f"{BRANCHES}{branch.pk}/change/"))
    assert "Monday–Sunday 08:00–14:00" in text
    assert "Move" in text
    assert text.count("1 desk") >= 7
    assert f"{RULES}add/?branch={branch.code}" in text


def test_supervisor_does_not_edit_the_branch_itself(supervisor: Client, branch: Branch) -> None:
    data = {"name_el": "Αλλού", "timezone": "America/New_York", "is_open": ""}
    supervisor.post(f"{BRANCHES}{branch.pk}/change/", data)
    branch.refresh_from_db()
    assert (branch.name_el, branch.timezone, branch.is_open) == ("ΚΕΠ Χανίων", "Europe/Athens", True)


def test_officer_sees_no_openings(client: Client, branch: Branch) -> None:
    client.force_login(an_officer(branch))
    for url in (RULES, CLOSURES, BRANCHES):
        assert client.get(url).status_code == 403
        assert client.get(f"{url}add/").status_code == 403
    assert client.get(f"{RULES}{OpeningRule.objects.get().pk}/change/").status_code == 403


def test_openings_of_another_branch_do_not_exist(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας", name_en="KEP Patra")
    closure = a_closure(branch, in_days(4))
    client.force_login(an_officer(other, Role.SUPERVISOR))
    rule = OpeningRule.objects.get()
    for url in (f"{RULES}{rule.pk}", f"{CLOSURES}{closure.pk}", f"{BRANCHES}{branch.pk}"):
        for page in ("change", "delete", "history"):
            assert client.get(f"{url}/{page}/").status_code == 404
        assert client.post(f"{url}/delete/", {"post": "yes"}).status_code == 404
    assert "KEP Chania" not in text_of(client.get(RULES)) + text_of(client.get(BRANCHES)) + text_of(
        client.get(CLOSURES)
    )
    response = client.post(f"{RULES}add/", rule_data(branch))
    assert response.status_code == 200
    assert OpeningRule.objects.count() == 1


def test_autocomplete_finds_own_branches_only(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας", name_en="KEP Patra", city_el="Πάτρα")
    client.force_login(an_officer(other, Role.SUPERVISOR))
    query = {"app_label": "agencies", "model_name": "openingrule", "field_name": "branch", "term": "kep"}
    found = client.get("/en/admin/autocomplete/", query).json()["results"]
    assert [one["text"] for one in found] == ["KEP Patra"]


def test_choice_found_by_typing_is_the_best_first_and_says_by_which_place(client: Client, branch: Branch) -> None:
    near = a_branch(
        branch.agency, "kep-gerani", name_el="ΚΕΠ Βρυσών", name_en="KEP Platanias", city_el="Γεράνι", city_en="Gerani"
    )
    near.areas = ["Μάλεμε", "Αγία Μαρίνα Χανίων"]
    near.save()
    client.force_login(an_officer(branch.agency, Role.SUPERVISOR))
    query = {"app_label": "agencies", "model_name": "openingrule", "field_name": "branch"}
    for typed in ("χανια", "χαν", "kep hania"):
        found = client.get("/admin/autocomplete/", query | {"term": typed}).json()["results"]
        assert [one["text"] for one in found] == ["ΚΕΠ Χανίων", "ΚΕΠ Βρυσών – Αγία Μαρίνα Χανίων"], typed
    found = client.get("/admin/autocomplete/", query | {"term": "γερανι"}).json()["results"]
    assert [one["text"] for one in found] == ["ΚΕΠ Βρυσών – Γεράνι"]


def test_operator_changes_openings_and_sees_no_citizens(client: Client, branch: Branch) -> None:
    day = in_days(4)
    an_appointment(slots_on(branch, day)[0])
    client.force_login(a_user("op@example.org", is_operator=True))
    asked = text_of(client.post(f"{CLOSURES}add/", closure_data(branch, day)))
    assert "1 appointment is affected" in asked
    assert "Πολίτης" not in asked
    text = text_of(client.post(f"{CLOSURES}add/", closure_data(branch, day, _decided="keep"), follow=True))
    assert "1 appointment no longer fits." in text
    assert "unplaced" not in text


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_as_many_queries_for_more_rows(
    supervisor: Client, branch: Branch, count: int, django_assert_max_num_queries: Any
) -> None:
    for place in range(count):
        a_closure(branch, in_days(place + 1))
        a_rule(branch, opens_at=f"{place + 15}:00", closes_at=f"{place + 16}:00")
    for url in (RULES, CLOSURES, BRANCHES):
        with django_assert_max_num_queries(11):
            supervisor.get(url)


# Agencies


def agency_data(agency: Agency, **fields: Any) -> dict[str, Any]:
    given = {name: value for name, value in model_to_dict(agency).items() if value is not None and value is not False}
    return given | {"live_since": "01/01/2022", "reminders": "1440,120"} | fields


@pytest.mark.parametrize(
    ("changed", "publishes"),
    [({"horizon_days": "20"}, True), ({"stage": "pilot"}, True), ({"notice_minutes": "30"}, False)],
)
def test_agency_whose_times_move_is_published_by_the_worker(
    client: Client,
    branch: Branch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    changed: dict[str, str],
    publishes: bool,
) -> None:
    client.force_login(a_user("operator@example.org", is_operator=True))
    agency = branch.agency
    queued()
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/en/admin/agencies/agency/{agency.pk}/change/", agency_data(agency, **changed))
    assert answer.status_code == 302
    assert queued() == (["appointments.tasks.publish_agency"] if publishes else [])


def test_agency_that_widens_its_video_window_moves_the_rooms_that_are_made(
    client: Client, branch: Branch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    [slot, *_others] = slots_on(branch, in_days(4))
    appointment = an_appointment(slot, channel=Channel.VIDEO)
    call = provision.give_call(appointment.pk, by=WORKER, now=NOW)
    client.force_login(a_user("operator@example.org", is_operator=True))
    wide = {"video_early_minutes": "45", "video_late_minutes": "90"}
    queued()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/en/admin/agencies/agency/{branch.agency_id}/change/", agency_data(branch.agency, **wide))
    assert "appointments.tasks.follow_windows" in queued()
    tasks.follow_windows()
    assert call is not None
    call.refresh_from_db()
    assert call.opens_at == appointment.starts_at - timedelta(minutes=45)
    assert call.closes_at == appointment.ends_at + timedelta(minutes=90)


def queued() -> list[str]:
    """Takes the names of the tasks that the queue holds out of it."""
    with redis.from_url(settings.REDIS_URL) as broker:
        queue = broker.lpop("mydesklive:celery", 100) or []
    return [json.loads(message)["headers"]["task"] for message in queue]
