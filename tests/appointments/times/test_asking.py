"""What booking reads by one statement is what the models say, and no more is there to be asked for."""

from dataclasses import fields
from datetime import timedelta
from random import Random

import pytest
from pytest_django import DjangoAssertNumQueries

from agencies import facts
from agencies.facts import AgencyFacts, BranchFacts, ProcedureFacts
from agencies.models import Agency, Branch, Channel, Procedure, SystemToken
from appointments.models import TimeSlot
from appointments.times.asking import asked_by, asked_for, asked_plainly
from tests.builders import a_branch, a_procedure, a_rule, an_agency, slots_of

pytestmark = pytest.mark.django_db


def a_random_world(random: Random) -> None:
    """Agencies in every stage, branches open and not, services of all kinds; some slots are full, some rules gone."""
    for number in range(2):
        agency = an_agency(
            f"a{number}",
            stage=random.choice(Agency.Stage.values),
            notice_minutes=random.randint(0, 500),
            hold_minutes=random.randint(2, 60),
            reminders=random.sample([4320, 1440, 120], random.randint(0, 3)),
        )
        for place in range(2):
            zone = random.choice(["Europe/Athens", "America/New_York"])
            branch = a_branch(agency, f"b{number}{place}", is_open=random.random() < 0.7, timezone=zone, country="US")
            rule = a_rule(branch, slot_minutes=random.choice([10, 30]), channels=random.sample([*Channel], 2))
            a_procedure(
                agency,
                f"p{number}{place}",
                duration_minutes=random.choice([10, 45]),
                identification=random.choice(Procedure.Identification.values),
                open_limit=random.randint(1, 3),
                is_offered=random.random() < 0.6,
                by_referral=random.random() < 0.3,
            )
            if random.random() < 0.5:
                rule.procedures.set(random.sample(list(Procedure.objects.all()), 1))
            slots_of(branch)
    TimeSlot.objects.filter(pk__in=random.sample([slot.pk for slot in TimeSlot.objects.all()], 20)).update(taken=1)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_read_by_one_statement_is_what_the_models_say(seed: int) -> None:
    random = Random(seed)
    a_random_world(random)
    slots = random.sample(list(TimeSlot.objects.values_list("pk", flat=True)), 12)
    TimeSlot.objects.filter(pk=slots[0]).update(rule=None)
    for key, is_active in (("old", False), ("new", True)):
        SystemToken.objects.create(
            agency=random.choice(Agency.objects.all()), digest=SystemToken.digest_of(key), is_active=is_active
        )
    for code in [*Procedure.objects.values_list("code", flat=True), "unknown"]:
        assert facts.procedure_of(code) == facts.procedure_plainly(code)
        for slot in [*slots, 0]:
            assert asked_for(slot, code) == asked_plainly(slot, code)
            key = random.choice(["old", "new", "unknown", ""])
            assert asked_by(key, slot, code) == (facts.system_of(key), asked_plainly(slot, code))
    for code in [*Branch.objects.values_list("code", flat=True), "unknown"]:
        assert facts.open_branch_of(code) == facts.open_branch_plainly(code)


def test_facts_answer_what_the_models_answer(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    branch = a_branch(an_agency(), timezone="America/New_York")
    procedure = Procedure.objects.select_related("agency").get(pk=a_procedure(branch.agency).pk)
    known, place = facts.facts_of(procedure), facts.facts_of_branch(branch)
    now = slots_of(branch, a_rule(branch).branch.midnight(branch.opening_rules.get().valid_from))[0].starts_at
    with django_assert_num_queries(0):
        for own, fact in ((procedure, known), (procedure.agency, known.agency), (branch, place)):
            for name in ("duration", "channel_choices", "is_live", "notice", "zone"):
                assert getattr(own, name, None) == getattr(fact, name, None) or not hasattr(fact, name)
        assert place.local(now) == branch.local(now)
        assert place.midnight(place.today(now)) == branch.midnight(branch.today(now + timedelta()))


def test_facts_have_no_texts_and_nothing_that_is_read_later() -> None:
    named = {field.name for kind in (AgencyFacts, BranchFacts, ProcedureFacts) for field in fields(kind)}
    assert not {name for name in named if name.startswith(("name", "description", "documents", "address"))}
    with pytest.raises(AttributeError):
        BranchFacts(1, 1, "code", "GR", "Europe/Athens", True).name_el  # noqa: B018
