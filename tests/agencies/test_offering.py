"""What is kept of the offer in memory is always what the database says."""

from collections.abc import Callable

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from agencies import offering
from agencies.models import Agency, Branch, Channel, OpeningRule, Procedure
from tests.builders import a_branch, a_procedure, a_rule, an_agency

pytestmark = pytest.mark.django_db


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def first_rule() -> OpeningRule:
    return OpeningRule.objects.earliest("pk")


CHANGES: dict[str, Callable[[], object]] = {
    "a name by plain SQL": lambda: run("UPDATE agencies_agency SET name_el = 'Άλλο'"),
    "an agency leaves": lambda: Agency.objects.filter(slug="kep").update(stage=Agency.Stage.REQUEST),
    "a service is withdrawn": lambda: Procedure.objects.filter(code="kep-dilosi").update(is_offered=False),
    "a service is added": lambda: a_procedure(Agency.objects.get(slug="kep"), "kep-new"),
    "a service changes its channels": lambda: Procedure.objects.update(channels=["video"]),
    "a branch closes": lambda: Branch.objects.filter(code="kep-chania").update(is_open=False),
    "a branch is added": lambda: a_rule(a_branch(Agency.objects.get(slug="kep"), "kep-third")),
    "a rule changes its channels": lambda: OpeningRule.objects.filter(pk=first_rule().pk).update(channels=["phone"]),
    "a rule is for officers": lambda: OpeningRule.objects.filter(pk=first_rule().pk).update(purpose="assisted"),
    "a rule names a service": lambda: first_rule().procedures.add(Procedure.objects.get(code="kep-kepa")),
    "a rule names no service": lambda: [rule.procedures.clear() for rule in OpeningRule.objects.all()],
    "a rule is deleted": lambda: first_rule().delete(),
    "all rules are deleted": lambda: OpeningRule.objects.all().delete(),
}


@pytest.fixture
def offer() -> None:
    agency = an_agency("kep")
    a_procedure(agency, "kep-dilosi")
    named = a_procedure(agency, "kep-kepa", channels=["in_person", "video", "phone"])
    a_rule(a_branch(agency, "kep-chania"), channels=["in_person", "video"])
    a_rule(a_branch(agency, "kep-andros"), channels=["in_person", "phone"]).procedures.add(named)
    a_procedure(an_agency("efka"), "efka-one")


def is_as_in_the_database() -> bool:
    offered = offering.current()
    services = {(one.agency.platform_slug, one.code): one for one in Procedure.objects.offered()}
    assert offered.services == services
    for key, one in services.items():
        assert (offered.services[key].name_el, offered.services[key].channels) == (one.name_el, one.channels)
        assert offered.services[key].agency.name_el == one.agency.name_el
    open_branches = {branch for branches in offered.branches.values() for branch in branches}
    assert open_branches == set(Branch.objects.open())
    for procedure in Procedure.objects.all():
        for channel in Channel.values:
            assert set(offered.serving(procedure, channel)) == set(Branch.objects.serving(procedure, channel))
    return True


@pytest.mark.usefixtures("offer")
@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_seen_at_once(what: str) -> None:
    assert is_as_in_the_database()
    before = offering.current()
    CHANGES[what]()
    assert is_as_in_the_database()
    assert offering.current() is not before


@pytest.mark.usefixtures("offer")
def test_offer_that_stays_the_same_is_read_once(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    before = offering.current()
    with django_assert_num_queries(1):
        assert offering.current() is before


def test_nothing_is_offered_without_rows() -> None:
    assert (offering.current().services, offering.current().branches) == ({}, {})
