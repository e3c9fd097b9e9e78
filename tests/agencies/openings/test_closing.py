"""Closures of a branch: the queryset and the SQL for publishing find the same ones."""

from datetime import date, timedelta
from random import Random

import pytest
from django.db import connection

from agencies.models import Branch, Closure
from agencies.models.opening import CLOSES_BRANCH, CLOSES_DURING
from tests.builders import a_branch, an_agency

pytestmark = pytest.mark.django_db
MARCH = [date(2026, 3, 1) + timedelta(days=number) for number in range(10)]


def found_by_sql(branch: Branch, since: date, until: date) -> set[int]:
    sql = f"""
        SELECT closure.id FROM agencies_closure closure JOIN agencies_branch branch ON branch.id = %(branch)s
        WHERE {CLOSES_BRANCH} AND {CLOSES_DURING.format(since="%(since)s", until="%(until)s")}
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, {"branch": branch.pk, "since": since, "until": until})
        return {pk for (pk,) in cursor.fetchall()}


def test_closures_of_a_branch_on_some_days() -> None:
    random = Random(1)
    agencies = [an_agency("kep"), an_agency("consul")]
    branches = [a_branch(agency, f"{agency.slug}-{number}") for agency in agencies for number in range(2)]
    closures = []
    for _number in range(40):
        branch, (since, until) = random.choice(branches), sorted(random.choices(MARCH, k=2))
        of = {"agency": branch.agency, "branch": random.choice((branch, branch, None))}
        closures.append(Closure.objects.create(**of, from_date=since, until_date=until))
    for branch in branches:
        for _number in range(10):
            since, until = sorted(random.choices(MARCH, k=2))
            expected = {
                closure.pk
                for closure in closures
                if (closure.branch == branch or (closure.branch is None and closure.agency == branch.agency))
                and any(closure.from_date <= day <= closure.until_date for day in MARCH if since <= day <= until)
            }
            assert set(Closure.objects.of(branch).during(since, until).values_list("pk", flat=True)) == expected
            assert found_by_sql(branch, since, until) == expected
