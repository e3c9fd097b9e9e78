"""An opening rule serves the services that it names, or all. SQL, querysets and Python agree on it."""

from random import Random

import pytest
from django.db import connection

from agencies.models import Branch, Channel, OpeningRule
from agencies.models.services import RULE_SERVES, serves, serving
from tests.builders import a_branch, a_procedure, a_rule, an_agency

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(4))
def test_rules_serve_the_same_in_every_language(seed: int) -> None:
    random, agency = Random(seed), an_agency()
    branches = [a_branch(agency, f"kep-{number}") for number in range(3)]
    procedures = [a_procedure(agency, f"kep-service-{number}") for number in range(4)]
    rules = [a_rule(random.choice(branches)) for _number in range(6)]
    for rule in rules:
        rule.procedures.set(random.sample(procedures, random.choice((0, 0, 1, 2, 4))))
    for procedure in procedures:
        expected = {rule.pk for rule in rules if serves(rule.procedures.values_list("pk", flat=True), procedure.pk)}
        assert expected == {
            rule.pk for rule in rules if not rule.procedures.exists() or procedure in rule.procedures.all()
        }
        assert sorted(OpeningRule.objects.filter(serving(procedure.pk)).values_list("pk", flat=True)) == sorted(
            expected
        )
        with connection.cursor() as cursor:
            sql = f"SELECT id FROM agencies_openingrule rule WHERE {RULE_SERVES.format(procedure='%s')}"
            cursor.execute(sql, [procedure.pk])
            assert {pk for (pk,) in cursor.fetchall()} == expected
        open_for = {rule.branch for rule in rules if rule.pk in expected}
        assert set(Branch.objects.serving(procedure, Channel.IN_PERSON)) == open_for
