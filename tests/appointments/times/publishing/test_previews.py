"""What supervisors are told before a change of openings is saved: it is what happens, and looking changes nothing."""

from datetime import date, timedelta
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs

import psycopg
import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse

from accounts.database.patience import PAGE
from agencies.models import Branch, Closure, Membership, OpeningRule, Role
from appointments.models import Appointment, Notification, TimeSlot
from appointments.times.previews import preview, preview_of_many, undone
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    NOW,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    slots_of,
)
from tests.pages import text_of
from tests.planning import CLOSURES, RULES, closure_data, in_days, rule_data, slots_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
SIX_HOURS = 36  # slots of ten minutes


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων with three desks on every day, published for two weeks."""
    return an_open_branch(desks=3, weekdays=EVERY_DAY)


def whole_day(**fields: Any) -> dict[str, str]:
    given = {"opens_at": "08:00", "closes_at": "14:00", "slot_minutes": "10", "desks": "3", "channels": ["in_person"]}
    return given | fields


def booked_on(branch: Branch, day: date, count: int = 1) -> list[Appointment]:
    """Appointments that share the day's third time."""
    slot = slots_on(branch, day)[2]
    return [an_appointment(slot, number) for number in range(count)]


def everything() -> dict[str, Any]:
    """All rows that a preview could leave behind."""
    models = (OpeningRule, Closure, TimeSlot, Appointment, Notification, OpeningRule.procedures.through)
    return {model._meta.label: sorted(map(str, model.objects.values_list())) for model in models}


# Counts


def test_preview_says_what_publishing_then_does() -> None:
    branch = an_open_branch(desks=2, weekdays=EVERY_DAY)
    rule = branch.opening_rules.get()
    rule.closes_at = "10:00"

    def change() -> list[OpeningRule]:
        rule.save()
        return [rule]

    found = preview([branch], change, now=NOW, within=timedelta(days=14))
    assert branch.opening_rules.get().closes_at.hour == 14
    change()
    slots = [slot for slot in slots_of(branch) if slot.starts_at <= NOW + timedelta(days=14)]
    assert found.after == found.rule_times == sum(slot.desks for slot in slots) == 14 * 12 * 2
    assert (found.before, found.fewer, found.more) == (14 * 36 * 2, 14 * 24 * 2, 0)


def test_preview_counts_against_what_is_due_now_not_against_what_was_published_last() -> None:
    branch = an_open_branch(weekdays=EVERY_DAY)
    later = NOW + timedelta(days=3)
    found = preview([branch], list, now=later, within=timedelta(days=28))
    assert found.before == found.after == 15 * 36


def test_preview_names_who_no_longer_fits_and_not_who_did_not_before() -> None:
    branch = an_open_branch(desks=2)
    slots = [slot for slot in slots_of(branch) if branch.local(slot.starts_at).date() == date(2026, 3, 3)]
    first, second = (an_appointment(slots[0], number) for number in (1, 2))
    elsewhere = an_appointment(slots[-1], 3)
    a_closure(branch, date(2026, 3, 3), from_time="13:00", until_time="14:00")
    publish([branch.pk], now=NOW)
    assert list(Appointment.objects.unplaced(now=NOW)) == [elsewhere]

    def change() -> list[OpeningRule]:
        a_closure(branch, date(2026, 3, 3), desks=1)
        return []

    found = preview([branch], change, now=NOW)
    assert (found.displaced, found.placed_again) == ({second.pk}, 0)
    assert first.pk not in found.displaced

    def reopen() -> list[OpeningRule]:
        Closure.objects.all().delete()
        return []

    assert preview([branch], reopen, now=NOW).placed_again == 1


def test_preview_leaves_nothing_behind() -> None:
    branch = an_open_branch()
    an_appointment(slots_of(branch)[40])
    before = everything()

    def change() -> list[OpeningRule]:
        a_closure(branch, date(2026, 3, 3))
        return [a_rule(branch, opens_at="15:00", closes_at="16:00")]

    assert preview([branch], change, now=NOW).rule_times > 0
    assert everything() == before
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == (f"{PAGE.lock}s",)


def test_undone_undoes_what_failed_too() -> None:
    branch = an_open_branch()

    def fail() -> None:
        with undone():
            a_closure(branch, date(2026, 3, 3))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not Closure.objects.exists()


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, {"athens", "melbourne"}),
        ({"from_time": "09:00", "until_time": "10:00"}, {"athens"}),
        ({"from_time": "08:15", "until_time": "08:20"}, set()),
        ({"from_time": "08:00", "until_time": "08:05"}, {"melbourne"}),
        ({"desks": 1}, set()),
    ],
)
def test_closure_of_many_branches_is_by_the_clock_of_each(fields: dict[str, Any], found: set[str]) -> None:
    """At half past nine in Athens, at eight in Melbourne, where that is the evening before in UTC."""
    agency = an_agency()
    a_procedure(agency)
    places = {}
    for code, zone, moment in (("athens", "Europe/Athens", "09:30"), ("melbourne", "Australia/Melbourne", "08:00")):
        branch = a_branch(agency, code, timezone=zone)
        a_rule(branch)
        slots = [slot for slot in slots_of(branch) if f"{branch.local(slot.starts_at):%d %H:%M}" == f"04 {moment}"]
        places[an_appointment(slots[0], len(places)).pk] = code
        an_appointment(slots_of(branch)[-1], 10 + len(places))
    closure = Closure(agency=agency, from_date=date(2026, 3, 4), until_date=date(2026, 3, 4), **fields)
    closure.clean_fields(exclude=["agency"])
    displaced = preview_of_many(Branch.objects.all(), closure, now=NOW).displaced
    assert {places[pk] for pk in displaced} == found


# Rules


def test_live_preview_of_a_new_rule(supervisor: Client, branch: Branch) -> None:
    before = everything()
    response = supervisor.post(f"{RULES}add/preview/", rule_data(branch))
    text = text_of(response)
    assert "This gives" in text
    assert "168 times in the next 14 days; 168 more than now." in text  # six times, two desks, fourteen days
    assert "<html" not in text
    assert everything() == before


def test_live_preview_of_a_changed_rule_lists_who_no_longer_fits(supervisor: Client, branch: Branch) -> None:
    *_others, last = booked_on(branch, in_days(4), 3)
    rule = branch.opening_rules.get()
    text = text_of(supervisor.post(f"{RULES}{rule.pk}/preview/", rule_data(branch) | whole_day(desks="2")))
    assert "1 appointment no longer fits." in text
    assert "fewer than now" in text
    assert last.name in text
    assert last.spoken_reference in text
    rule.refresh_from_db()
    assert rule.desks == 3


def test_live_preview_shows_operators_numbers_alone(client: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 3)
    client.force_login(a_user("op@example.org", is_operator=True))
    rule = branch.opening_rules.get()
    text = text_of(client.post(f"{RULES}{rule.pk}/preview/", rule_data(branch) | whole_day(desks="1")))
    assert "2 appointments no longer fit." in text
    assert "Πολίτης" not in text
    assert "and 2 more" not in text


def test_live_preview_says_nothing_while_the_form_has_errors(supervisor: Client, branch: Branch) -> None:
    response = supervisor.post(f"{RULES}add/preview/", rule_data(branch, closes_at="15:00"))
    assert (response.status_code, response.content) == (204, b"")


def test_live_preview_by_purpose(supervisor: Client, branch: Branch) -> None:
    assisted = text_of(supervisor.post(f"{RULES}add/preview/", rule_data(branch, purpose="assisted")))
    assert "168 times that officers book in the next 14 days" in assisted
    walk_in = text_of(supervisor.post(f"{RULES}add/preview/", rule_data(branch, purpose="walk_in")))
    assert "no times to book" in walk_in
    assert "as many as now" in walk_in


def test_preview_of_another_branch_does_not_exist(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας")
    client.force_login(an_officer(other, Role.SUPERVISOR))
    rule = branch.opening_rules.get()
    assert client.post(f"{RULES}{rule.pk}/preview/", rule_data(branch)).status_code == 404
    assert client.get(f"{RULES}{rule.pk}/split/").status_code == 404
    assert client.post(f"{RULES}add/preview/", rule_data(branch)).status_code == 204  # not among the choices
    closure = a_closure(branch, in_days(4))
    assert client.post(f"{CLOSURES}{closure.pk}/preview/", closure_data(branch, in_days(4))).status_code == 404


def test_preview_is_not_for_agents_and_not_by_link(client: Client, branch: Branch) -> None:
    client.force_login(an_officer(branch))
    assert client.post(f"{RULES}add/preview/", rule_data(branch)).status_code == 403
    assert client.post(f"{CLOSURES}add/preview/", closure_data(branch, in_days(4))).status_code == 403
    assert client.get(f"{RULES}add/preview/").status_code == 405


def test_without_javascript_a_button_shows_the_preview_and_saves_nothing(supervisor: Client, branch: Branch) -> None:
    before = everything()
    text = text_of(supervisor.post(f"{RULES}add/", rule_data(branch, _look="1")))
    assert "168 times in the next 14 days" in text
    assert 'value="16:00"' in text
    assert "Please correct" not in text
    assert everything() == before
    faulty = text_of(supervisor.post(f"{RULES}add/", rule_data(branch, _look="1", closes_at="15:00")))
    assert "The opening must end after it starts." in faulty


def test_changed_rule_asks_before_it_displaces(supervisor: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 3)
    rule = branch.opening_rules.get()
    url, data = f"{RULES}{rule.pk}/change/", rule_data(branch) | whole_day(desks="1")
    text = text_of(supervisor.post(url, data | {"_save": "Save"}))
    assert "2 appointments are affected" in text
    assert '<input type="hidden" name="desks" value="1">' in text
    assert text.count('name="weekdays"') == 7
    rule.refresh_from_db()
    assert rule.desks == 3
    text = text_of(supervisor.post(url, data | {"_save": "Save", "_decided": "keep"}, follow=True))
    assert "2 appointments no longer fit." in text
    rule.refresh_from_db()
    assert rule.desks == 1


def test_deleting_a_rule_shows_what_it_takes_away(supervisor: Client, branch: Branch) -> None:
    (appointment,) = booked_on(branch, in_days(4))
    rule = branch.opening_rules.get()
    text = text_of(supervisor.get(f"{RULES}{rule.pk}/delete/"))
    assert "fewer than now; 1 appointment no longer fits." in text
    assert appointment.spoken_reference in text
    assert OpeningRule.objects.filter(pk=rule.pk).exists()


# One day, copies, sharing out


def test_opening_on_one_day_takes_its_weekday_from_the_day(supervisor: Client, branch: Branch) -> None:
    day = in_days(5)
    data = rule_data(branch, only_on=day.isoformat())
    for name in ("weekdays", "valid_from", "every_n_weeks"):
        del data[name]
    assert 'name="only_on"' in text_of(supervisor.get(f"{RULES}add/?once=1"))
    supervisor.post(f"{RULES}add/?once=1", data)
    rule = OpeningRule.objects.latest("pk")
    assert (rule.weekdays, rule.valid_from, rule.valid_until) == ([day.isoweekday()], day, day)
    assert len(slots_on(branch, day)) == SIX_HOURS + 6
    assert len(slots_on(branch, in_days(6))) == SIX_HOURS
    page = text_of(supervisor.get(f"{RULES}{rule.pk}/change/"))
    assert f'value="{day.isoformat()}"' in page
    assert 'name="weekdays"' not in page
    weekly = text_of(supervisor.get(f"{RULES}{rule.pk}/change/?once=0"))
    assert 'name="weekdays"' in weekly
    assert f'name="valid_until" value="{day.isoformat()}"' not in weekly


def test_copy_begins_with_what_the_rule_says(supervisor: Client, branch: Branch) -> None:
    rule = a_rule(branch, opens_at="15:05", closes_at="17:10", desks=7)
    text = text_of(supervisor.get(f"{RULES}add/?copy={rule.pk}"))
    assert all(f'value="{value}"' in text for value in ("15:05", "17:10", "7"))
    foreign = a_rule(a_branch(an_agency("aade"), "aade-one"), opens_at="05:05", closes_at="06:00")
    assert 'value="05:05"' not in text_of(supervisor.get(f"{RULES}add/?copy={foreign.pk}"))


def split(client: Client, rule: OpeningRule, **data: str) -> Any:
    return client.post(f"{RULES}{rule.pk}/split/", {"desks": "1", "purpose": "assisted"} | data, follow=True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"purpose": "assisted"}, {"purpose": "assisted", "release_days": None}),
        ({"purpose": "same_day", "release_at": "08:00"}, {"purpose": "public", "release_days": 0}),
        ({"purpose": "walk_in"}, {"purpose": "walk_in", "release_days": None}),
    ],
)
def test_split_gives_desks_a_rule_of_their_own(
    supervisor: Client, branch: Branch, data: dict[str, str], expected: dict[str, Any]
) -> None:
    rule = branch.opening_rules.get()
    procedure = a_procedure(branch.agency, "kep-other")
    rule.procedures.add(procedure)
    split(supervisor, rule, **data)
    rule.refresh_from_db()
    sibling = OpeningRule.objects.exclude(pk=rule.pk).get()
    assert (rule.desks, sibling.desks) == (2, 1)
    same = ("weekdays", "opens_at", "closes_at", "valid_from", "slot_minutes", "channels", "procedures", "branch")
    assert {name: model_to_dict(sibling)[name] for name in same} == {name: model_to_dict(rule)[name] for name in same}
    assert {name: getattr(sibling, name) for name in expected} == expected
    assert {slot.desks for slot in slots_on(branch, in_days(3)) if slot.rule_id == rule.pk} == {2}


def test_split_asks_before_it_displaces(supervisor: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 3)
    rule = branch.opening_rules.get()
    asked = text_of(split(supervisor, rule))
    assert "1 appointment no longer fits." in asked
    assert OpeningRule.objects.count() == 1
    split(supervisor, rule, _decided="keep")
    assert OpeningRule.objects.count() == 2


def test_fields_stand_above_who_is_affected(supervisor: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 3)
    asked = text_of(split(supervisor, branch.opening_rules.get()))
    places = [
        asked.index(part) for part in ("1 appointment no longer fits.", 'name="desks"', "Split off all", "Πολίτης")
    ]
    assert places == sorted(places)
    looked = text_of(supervisor.post(f"{CLOSURES}add/", closure_data(branch, in_days(4), _look="1")))
    assert looked.index("<details") < looked.index("Πολίτης") < looked.index("</details>")


def test_service_and_branch_of_who_is_affected_stand_apart(supervisor: Client, branch: Branch) -> None:
    [appointment] = booked_on(branch, in_days(4))
    asked = text_of(supervisor.post(f"{CLOSURES}add/", closure_data(branch, in_days(4))))
    assert f"<td>{appointment.procedure.name}</td>" in asked
    assert f"<td>{branch.name}</td>" in asked


def test_split_previews_without_splitting(supervisor: Client, branch: Branch) -> None:
    rule = branch.opening_rules.get()
    url = f"{RULES}{rule.pk}/split/"
    live = text_of(supervisor.post(f"{url}?preview=1", {"desks": "2", "purpose": "assisted"}))
    assert "times that officers book in the next 14 days; as many as now." in live
    assert "times that officers book" in text_of(split(supervisor, rule, _look="1"))
    assert supervisor.post(f"{url}?preview=1", {"desks": "3", "purpose": "assisted"}).status_code == 204
    assert OpeningRule.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"desks": "3"}, "At least one desk must stay"),
        ({"desks": "0"}, "greater than or equal to 1"),
        ({"purpose": "same_day"}, "Say from what time on"),
    ],
)
def test_split_that_cannot_be_is_refused_at_its_field(
    supervisor: Client, branch: Branch, data: dict[str, str], message: str
) -> None:
    assert message in text_of(split(supervisor, branch.opening_rules.get(), **data))
    assert OpeningRule.objects.count() == 1


# Closures


def test_closure_without_appointments_is_saved_at_once(supervisor: Client, branch: Branch) -> None:
    supervisor.post(f"{CLOSURES}add/", closure_data(branch, in_days(4)))
    assert Closure.objects.count() == 1
    assert slots_on(branch, in_days(4)) == []


def test_closure_asks_what_is_to_become_of_who_is_affected(supervisor: Client, branch: Branch) -> None:
    appointments = booked_on(branch, in_days(4), 2)
    data = closure_data(branch, in_days(4), reason_el="Μετακόμιση & απογραφή", _save="Save")
    answer = supervisor.post(f"{CLOSURES}add/", data)
    text = text_of(answer)
    assert "2 appointments are affected" in text
    assert all(appointment.spoken_reference in text for appointment in appointments)
    assert 'value="Μετακόμιση &amp; απογραφή"' in answer.content.decode()
    assert not Closure.objects.exists()
    back = supervisor.post(f"{CLOSURES}add/", data | {"_look": "1"})
    assert 'value="Μετακόμιση &amp; απογραφή"' in back.content.decode()
    assert "2 appointments no longer fit." in text_of(back)
    assert not Closure.objects.exists()
    supervisor.post(f"{CLOSURES}add/", data | {"_decided": "keep"})
    assert Closure.objects.get().reason_el == "Μετακόμιση & απογραφή"


def test_widened_closure_asks_about_those_it_adds(supervisor: Client, branch: Branch) -> None:
    closure = a_closure(branch, in_days(4), kind="closed")
    publish([branch.pk], now=NOW)
    (appointment,) = booked_on(branch, in_days(5))
    data = closure_data(branch, in_days(4), until_date=in_days(5).isoformat())
    text = text_of(supervisor.post(f"{CLOSURES}{closure.pk}/change/", data))
    assert "1 appointment is affected" in text
    assert appointment.spoken_reference in text
    closure.refresh_from_db()
    assert closure.until_date == in_days(4)


def test_deleting_a_closure_shows_what_it_gives_back(supervisor: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 2)
    closure = a_closure(branch, in_days(4))
    publish([branch.pk], now=NOW)
    text = text_of(supervisor.get(f"{CLOSURES}{closure.pk}/delete/"))
    assert f"This gives back {3 * SIX_HOURS} times; 2 appointments fit again." in text


def test_closure_of_a_large_agency_asks_by_its_hours_without_publishing(client: Client, branch: Branch) -> None:
    for number in range(5):
        a_branch(branch.agency, f"kep-{number}")
    booked_on(branch, in_days(4))
    client.force_login(an_officer(branch.agency, Role.SUPERVISOR))
    data = closure_data(None, in_days(4), agency=branch.agency_id)
    text = text_of(client.post(f"{CLOSURES}add/", data))
    assert "1 appointment is affected" in text
    assert "Πολίτης 0" in text
    live = text_of(client.post(f"{CLOSURES}add/preview/", data))
    assert "This is about 6 branches" in live
    assert not Closure.objects.exists()


def test_absence_takes_one_desk_unless_told_and_shows_it(supervisor: Client, branch: Branch) -> None:
    officer = an_officer(branch, email="away@example.org")
    day = in_days(4)
    data = closure_data(branch, day, officer=officer.pk, kind="closed")
    live = text_of(supervisor.post(f"{CLOSURES}add/preview/?kind=absence", data))
    assert f"This takes away {SIX_HOURS} times." in live
    supervisor.post(f"{CLOSURES}add/?kind=absence", data)
    absence = Closure.objects.get()
    assert (absence.kind, absence.officer, absence.desks, absence.agency) == ("absence", officer, 1, branch.agency)
    assert {slot.desks for slot in slots_on(branch, day)} == {2}
    assert "Άννα Υπαλλήλου" in text_of(supervisor.get(CLOSURES))
    page = text_of(supervisor.get(f"{CLOSURES}{absence.pk}/change/"))
    assert 'name="officer"' in page
    assert 'name="kind"' not in page


def test_absence_is_of_an_officer_of_the_branch(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας")
    elsewhere = an_officer(other, email="patra@example.org")
    stranger = an_officer(a_branch(an_agency("aade"), "aade-one"), email="aade@example.org")
    client.force_login(an_officer(branch.agency, Role.SUPERVISOR))
    page = text_of(client.get(f"{CLOSURES}add/?kind=absence"))
    assert f'<option value="{elsewhere.pk}"' in page
    assert f'<option value="{stranger.pk}"' not in page
    data = closure_data(branch, in_days(4), officer=elsewhere.pk)
    assert "does not work at the branch" in text_of(client.post(f"{CLOSURES}add/?kind=absence", data))
    client.post(f"{CLOSURES}add/?kind=absence", data | {"officer": stranger.pk})
    assert not Closure.objects.exists()
    Membership.objects.create(user=elsewhere, agency=branch.agency)
    client.post(f"{CLOSURES}add/?kind=absence", data)
    assert Closure.objects.get().officer == elsewhere


def test_closure_that_is_no_absence_has_no_officer(supervisor: Client, branch: Branch) -> None:
    assert 'name="officer"' not in text_of(supervisor.get(f"{CLOSURES}add/"))
    assert "absence" not in text_of(supervisor.get(f"{CLOSURES}add/")).split('name="kind"')[1].split("</select>")[0]


def test_second_holiday_of_a_day_is_refused(supervisor: Client, branch: Branch) -> None:
    a_closure(branch, in_days(4), kind=Closure.Kind.HOLIDAY)
    other = a_closure(branch, in_days(5), kind=Closure.Kind.HOLIDAY)
    data = closure_data(branch, in_days(4), kind="holiday", until_date=in_days(5).isoformat())
    for url in (f"{CLOSURES}add/", f"{CLOSURES}{other.pk}/change/"):
        assert "There is a holiday on this day already" in text_of(supervisor.post(url, data))


# A branch's week


def week_text(client: Client, branch: Branch, week: date) -> str:
    return text_of(client.get(f"{RULES}?branch={branch.code}&week={week.isoformat()}"))


def test_week_says_hours_and_desks_of_each_day(supervisor: Client, branch: Branch) -> None:
    monday = date(2026, 3, 2)
    branch.opening_rules.update(weekdays=[1, 3])
    a_rule(branch, weekdays=[1], purpose="walk_in", opens_at="09:00", closes_at="10:00", desks=2)
    a_rule(branch, weekdays=[2], every_n_weeks=2, valid_from=date(2026, 3, 9))
    text = week_text(supervisor, branch, monday)
    assert text.count("3 desks") == 2
    assert text.count("2 desks") == 1
    assert "Visits without an appointment" in text
    assert text.count("<span>1 desk</span>") == 0
    assert week_text(supervisor, branch, date(2026, 3, 9)).count("<span>1 desk</span>") == 1
    assert week_text(supervisor, branch, date(2026, 3, 16)).count("<span>1 desk</span>") == 0


def test_week_shows_closures(supervisor: Client, branch: Branch) -> None:
    a_closure(branch, date(2026, 3, 25), reason_en="Independence Day")
    assert "Independence Day" in week_text(supervisor, branch, date(2026, 3, 24))
    assert "Independence Day" not in week_text(supervisor, branch, date(2026, 3, 30))


@pytest.mark.parametrize("asked", ["", "soon", "0001-01-01", "9999-12-31"])
def test_week_that_is_none_is_answered_with_one(supervisor: Client, branch: Branch, asked: str) -> None:
    assert supervisor.get(f"{RULES}?branch={branch.code}&week={asked}").status_code == 200


# Locks


@pytest.mark.django_db(transaction=True)
def test_preview_does_not_wait_for_who_publishes(client: Client) -> None:
    branch = an_open_branch()
    client.force_login(an_officer(branch, Role.SUPERVISOR))
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM agencies_branch WHERE id = %s FOR UPDATE", [branch.pk])
        begun = perf_counter()
        text = text_of(client.post(f"{RULES}add/preview/", rule_data(branch)))
    assert "Try again in a moment" in text
    assert perf_counter() - begun < 10
    assert OpeningRule.objects.count() == 1


# Handing over to the disruption wizard


def test_affected_are_handed_over_with_place_days_and_reason(supervisor: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 2)
    day = in_days(4)
    data = closure_data(branch, day, from_time="08:00", until_time="12:00", reason_el="Απεργία", reason_en="Strike")
    assert "Save and rearrange them" in text_of(supervisor.post(f"{CLOSURES}add/", data))
    response = supervisor.post(f"{CLOSURES}add/", data | {"_decided": "rearrange"})
    assert Closure.objects.count() == 1
    address, query = response["Location"].split("?")
    assert address == reverse("admin:appointments_disruption_add")
    assert parse_qs(query) == {
        "branch": [branch.code],
        "from_date": [day.isoformat()],
        "until_date": [day.isoformat()],
        "from_time": ["08:00"],
        "until_time": ["12:00"],
        "reason_el": ["Απεργία"],
        "reason_en": ["Strike"],
    }
    assert "Strike" in text_of(supervisor.get(response["Location"]))


def test_changed_rule_hands_over_the_days_of_those_without_room(supervisor: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4), 3)
    rule = branch.opening_rules.get()
    data = rule_data(branch) | whole_day(desks="1") | {"_decided": "rearrange"}
    response = supervisor.post(f"{RULES}{rule.pk}/change/", data)
    query = parse_qs(response["Location"].split("?")[1])
    day = in_days(4).isoformat()
    assert query == {"branch": [branch.code], "from_date": [day], "until_date": [day]}


def test_operators_hand_over_nobody(client: Client, branch: Branch) -> None:
    booked_on(branch, in_days(4))
    client.force_login(a_user("op@example.org", is_operator=True))
    text = text_of(client.post(f"{CLOSURES}add/", closure_data(branch, in_days(4))))
    assert "1 appointment is affected" in text
    assert "rearrange" not in text


def test_a_glance_lists_a_few_and_counts_the_rest(supervisor: Client, branch: Branch) -> None:
    for offset in range(3):
        slot = slots_on(branch, in_days(4))[offset]
        for number in range(3):
            an_appointment(slot, 3 * offset + number)
    data = closure_data(branch, in_days(4))
    live = text_of(supervisor.post(f"{CLOSURES}add/preview/", data))
    assert live.count('scope="row"') == 5
    assert "and 4 more" in live
    assert text_of(supervisor.post(f"{CLOSURES}add/", data)).count('scope="row"') == 9
