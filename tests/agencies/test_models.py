from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import translation

from agencies.facts import SystemFacts, system_of
from agencies.models import Agency, Branch, Channel, Closure, Membership, OpeningRule, Procedure, Role, SystemToken
from appointments.times.asking import asked_by
from tests import builders as a

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch():
    return a.a_branch(a.an_agency())


def test_joining_agency_is_visible_but_not_live():
    live, joining = a.an_agency("kep"), a.an_agency("egdix", stage=Agency.Stage.JOINING)
    a.an_agency("request", stage=Agency.Stage.REQUEST)
    assert set(Agency.objects.live()) == {live}
    assert set(Agency.objects.visible()) == {live, joining}
    assert (live.is_live, joining.is_live) == (True, False)


def test_branch_opens_with_its_agency(branch: Branch):
    assert list(Branch.objects.open()) == [branch]
    Branch.objects.update(is_open=False)
    assert not Branch.objects.open().exists()
    Branch.objects.update(is_open=True)
    Agency.objects.update(stage=Agency.Stage.JOINING)
    assert not Branch.objects.open().exists()


def test_procedure_is_offered_with_its_agency(branch: Branch):
    procedure = a.a_procedure(branch.agency)
    assert list(Procedure.objects.offered()) == [procedure]
    Agency.objects.update(stage=Agency.Stage.JOINING)
    assert not Procedure.objects.offered().exists()


def test_pilot_is_booked_like_production(branch: Branch):
    procedure = a.a_procedure(branch.agency)
    Agency.objects.update(stage=Agency.Stage.PILOT)
    agency = Agency.objects.get()
    assert (agency.is_live, agency.is_pilot) == (True, True)
    assert list(Agency.objects.live()) == [agency]
    assert list(Branch.objects.open()) == [branch]
    assert list(Procedure.objects.offered()) == [procedure]


def test_procedure_lists_documents_and_channels_in_order(branch: Branch):
    procedure = a.a_procedure(branch.agency, documents_el="Ταυτότητα\n\n  ΑΦΜ ", channels=["phone", "in_person"])
    assert procedure.documents == ["Ταυτότητα", "ΑΦΜ"]
    assert [value for value, _label in procedure.channel_choices] == [Channel.IN_PERSON, Channel.PHONE]


@pytest.mark.parametrize(
    ("weekdays", "words"),
    [
        ([1, 2, 3, 4, 5], "Δευτέρα–Παρασκευή"),
        ([1, 2], "Δευτέρα, Τρίτη"),
        ([3, 1, 6, 5, 7], "Δευτέρα, Τετάρτη, Παρασκευή–Κυριακή"),
    ],
)
def test_opening_rule_names_its_days(branch: Branch, weekdays: list[int], words: str):
    assert str(a.a_rule(branch, weekdays=weekdays, opens_at=time(8), closes_at=time(14))) == f"{words} 08:00–14:00"


def test_branch_refuses_an_unknown_zone(branch: Branch):
    branch.timezone = "Europe/Athen"
    with translation.override("en"), pytest.raises(ValidationError) as refused:
        branch.full_clean()
    with translation.override("en"):
        assert refused.value.message_dict == {
            "timezone": ["“Europe/Athen” is not a time zone, for example Europe/Athens."]
        }


def test_branches_are_in_the_order_of_the_alphabet(branch: Branch):
    names = [
        "Ώρα",
        "Άργος",
        "ΑΡΓΟΥΣ",
        "Αργυρούπολη",
        "Ίλιον",
        "Ιωάννινα",
        "Ξάνθη",
        "Οία",
        "Όθρυς",
        "Ύδρα",
        "Ήλιδα",
        "Ζάκυνθος",
    ]
    in_order = [
        "Άργος",
        "ΑΡΓΟΥΣ",
        "Αργυρούπολη",
        "Ζάκυνθος",
        "Ήλιδα",
        "Ίλιον",
        "Ιωάννινα",
        "Ξάνθη",
        "Όθρυς",
        "Οία",
        "Ύδρα",
        "Ώρα",
    ]
    Branch.objects.all().delete()
    for number, name in enumerate(names):
        a.a_branch(branch.agency, f"b{number}", name_el=name, name_en="bCa"[number % 3])
    assert [one.name_el for one in Branch.objects.all()] == in_order
    assert [one.name_el for one in Branch.objects.in_order()] == in_order
    with translation.override("en"):
        assert "".join(one.name_en for one in Branch.objects.in_order()) == "aaaabbbbCCCC"


def test_rows_of_every_table_can_be_distinct_in_their_order(branch: Branch):
    for model in apps.get_models():
        assert len(model._default_manager.distinct()) == model._default_manager.count()
    assert list(Branch.objects.in_order().distinct()) == [branch]


def test_branch_says_its_hours_with_rules_that_follow_each_other_as_one(branch: Branch):
    a.a_rule(branch, weekdays=[1, 2], opens_at=time(8), closes_at=time(14))
    a.a_rule(branch, weekdays=[1, 2], opens_at=time(14), closes_at=time(20))
    a.a_rule(branch, weekdays=[5], opens_at=time(9), closes_at=time(12))
    a.a_rule(branch, weekdays=[5], opens_at=time(17), closes_at=time(19))
    a.a_rule(branch, weekdays=[3], channels=["video"])
    a.a_rule(branch, weekdays=[4], valid_until=date(2026, 2, 1))
    a.a_rule(branch, weekdays=[6], valid_from=date(2026, 3, 7), valid_until=date(2026, 3, 7))
    hours = ["Δευτέρα, Τρίτη 08:00–20:00", "Παρασκευή 09:00–12:00", "Παρασκευή 17:00–19:00"]
    assert branch.hours_on(date(2026, 3, 2)) == branch.hours_on(date(2026, 3, 7)) == hours


def test_branch_today_is_of_its_own_clock(branch: Branch):
    branch.timezone = "Australia/Melbourne"
    assert branch.today(datetime(2026, 3, 2, 14, 0, tzinfo=UTC)) == date(2026, 3, 3)
    assert branch.local(datetime(2026, 3, 2, 14, 0, tzinfo=UTC)).hour == 1


def test_rule_must_end_after_it_starts(branch: Branch):
    rule = OpeningRule(
        branch=branch,
        weekdays=[1],
        opens_at=time(14),
        closes_at=time(8),
        valid_from=date(2026, 1, 1),
        channels=["video"],
    )
    with translation.override("en"), pytest.raises(ValidationError, match="must end after it starts"):
        rule.full_clean()
    with pytest.raises(IntegrityError):
        rule.save()


@pytest.mark.parametrize("fields", [{"weekdays": [0]}, {"weekdays": [8]}, {"channels": ["fax"]}, {"desks": 0}])
def test_rule_refuses_values_outside_its_choices(branch: Branch, fields: dict[str, Any]):
    rule = a.a_rule(branch)
    for name, value in fields.items():
        setattr(rule, name, value)
    with pytest.raises(ValidationError) as refused:
        rule.full_clean()
    assert set(refused.value.message_dict) >= set(fields)


def test_rule_that_opens_days_late_says_when(branch: Branch):
    rule = a.a_rule(branch)
    rule.release_days = 7
    with pytest.raises(ValidationError) as refused:
        rule.full_clean()
    assert "release_at" in refused.value.message_dict


@pytest.mark.parametrize(
    "fields",
    [
        {"until_date": date(2026, 3, 1)},
        {"from_time": time(9)},
        {"until_time": time(9)},
        {"from_time": time(10), "until_time": time(9)},
    ],
)
def test_closure_out_of_order_is_refused_by_the_database(branch: Branch, fields: dict[str, Any]):
    with pytest.raises(IntegrityError):
        a.a_closure(branch, date(2026, 3, 2), **fields)


def test_branch_has_one_holiday_a_day_but_any_closures(branch: Branch):
    day = date(2026, 3, 25)
    a.a_closure(branch, day)
    a.a_closure(branch, day)
    a.a_closure(branch, day, kind=Closure.Kind.HOLIDAY)
    with pytest.raises(IntegrityError):
        a.a_closure(branch, day, kind=Closure.Kind.HOLIDAY)


def test_closure_of_another_agencys_branch_is_refused(branch: Branch):
    closure = Closure(
        agency=a.an_agency("efka"), branch=branch, from_date=date(2026, 3, 2), until_date=date(2026, 3, 2)
    )
    with pytest.raises(ValidationError) as refused:
        closure.full_clean()
    assert set(refused.value.message_dict) == {"branch"}


def test_membership_of_another_agencys_branch_is_refused(branch: Branch):
    membership = Membership(user=a.a_user(), agency=a.an_agency("efka"), branch=branch)
    with pytest.raises(ValidationError) as refused:
        membership.full_clean()
    assert set(refused.value.message_dict) == {"branch"}


def test_person_has_one_role_at_a_whole_agency(branch: Branch):
    user = a.an_officer(branch.agency)
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=user, agency=branch.agency, role=Role.SUPERVISOR)


def test_agency_admin_of_one_branch_is_refused(branch: Branch):
    with pytest.raises(IntegrityError):
        a.an_officer(branch, Role.AGENCY_ADMIN)


def test_token_is_found_by_its_key_while_active(branch: Branch):
    token = SystemToken.objects.create(agency=branch.agency, label="IVR", digest=SystemToken.digest_of("a secret"))
    assert system_of("a secret") == SystemFacts(token.pk, branch.agency_id)
    assert system_of("another") is None
    SystemToken.objects.update(is_active=False)
    assert system_of("a secret") is None


def test_token_ends_by_itself(branch: Branch):
    SystemToken.objects.create(
        agency=branch.agency, label="IVR", digest=SystemToken.digest_of("a secret"), ends_at=a.NOW
    )
    for ask in (system_of, lambda key, now: asked_by(key, 1, "none", now=now)[0]):
        assert ask("a secret", now=a.NOW - timedelta(seconds=1))
        assert ask("a secret", now=a.NOW) is None
