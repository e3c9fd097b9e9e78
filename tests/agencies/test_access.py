from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from agencies import access
from agencies.models import Agency, Branch, Membership, Role
from tests import builders as a

pytestmark = pytest.mark.django_db

Kep = tuple[Agency, Branch, Branch]
Efka = tuple[Agency, Branch]


@pytest.fixture
def kep():
    agency = a.an_agency("kep")
    return agency, a.a_branch(agency, "kep-chania"), a.a_branch(agency, "kep-kos")


@pytest.fixture
def efka():
    agency = a.an_agency("efka")
    return agency, a.a_branch(agency, "efka-chania")


def test_officer_of_a_branch_sees_that_branch_only(kep: Kep, efka: Efka):
    agency, chania, _kos = kep
    officer = a.an_officer(chania)
    assert list(access.branches(officer)) == [chania]
    assert list(access.agencies(officer)) == [agency]
    assert access.served_places(officer) == (set(), {chania.pk})


def test_supervisor_of_an_agency_sees_all_its_branches(kep: Kep, efka: Efka):
    agency, chania, kos = kep
    supervisor = a.an_officer(agency, Role.SUPERVISOR)
    assert set(access.branches(supervisor, Role.SUPERVISOR)) == {chania, kos}
    assert access.served_places(supervisor) == ({agency.pk}, set())


@pytest.mark.parametrize(
    ("held", "asked", "enough"),
    [
        (Role.AGENT, Role.AGENT, True),
        (Role.AGENT, Role.SUPERVISOR, False),
        (Role.SUPERVISOR, Role.AGENT, True),
        (Role.SUPERVISOR, Role.AGENCY_ADMIN, False),
        (Role.AGENCY_ADMIN, Role.AGENCY_ADMIN, True),
    ],
)
def test_a_role_includes_those_below_it(kep: Kep, held: Role, asked: Role, enough: bool):
    agency, chania, kos = kep
    user = a.an_officer(agency, held)
    assert access.has_role(user, asked) is enough
    assert set(access.branches(user, asked)) == ({chania, kos} if enough else set())
    assert set(access.agencies(user, asked)) == ({agency} if enough else set())


def test_roles_at_two_places_add_up(kep: Kep, efka: Efka):
    _agency, chania, kos = kep
    other, efka_chania = efka
    user = a.an_officer(chania)
    Membership.objects.create(user=user, agency=other, branch=efka_chania, role=Role.SUPERVISOR)
    assert set(access.branches(user)) == {chania, efka_chania}
    assert set(access.branches(user, Role.SUPERVISOR)) == {efka_chania}
    assert access.agencies(user).count() == 2
    assert kos not in access.branches(user)


def test_agency_is_listed_once_for_two_branches(kep: Kep):
    agency, chania, kos = kep
    user = a.an_officer(chania)
    Membership.objects.create(user=user, agency=agency, branch=kos)
    assert list(access.agencies(user)) == [agency]


def test_operator_configures_every_branch_but_sees_no_citizens(kep: Kep, efka: Efka):
    operator = a.a_user("operator@example.org", is_operator=True)
    assert access.branches(operator).count() == 3
    assert access.agencies(operator).count() == 2
    assert access.served_places(operator) == (set(), set())


@pytest.mark.parametrize("flags", [{}, {"is_official": True}])
def test_citizen_and_official_have_no_branches(kep: Kep, flags: dict[str, Any]):
    user = a.a_user(**flags)
    assert not access.branches(user).exists()
    assert not access.agencies(user).exists()
    assert not access.has_role(user, Role.AGENT)
    assert access.served_places(user) == (set(), set())


def test_visitor_has_no_memberships():
    assert access.memberships(AnonymousUser()) == []


def test_memberships_are_read_once_per_user_object(kep: Kep, django_assert_num_queries: Callable):
    pk = a.an_officer(kep[1]).pk
    user = SimpleLazyObject(lambda: User.objects.get(pk=pk))  # as in a request
    str(user)
    with django_assert_num_queries(1):
        access.has_role(user, Role.AGENT)
        access.has_role(user, Role.SUPERVISOR)
        access.served_places(user)


@pytest.mark.parametrize(
    ("role", "supervises", "administers"),
    [(Role.AGENT, False, False), (Role.SUPERVISOR, True, False), (Role.AGENCY_ADMIN, True, True)],
)
def test_who_supervises_and_who_administers(kep: Kep, role: Role, supervises: bool, administers: bool):
    user = a.an_officer(kep[0], role)
    assert (access.supervises(user), access.administers(user)) == (supervises, administers)


@pytest.mark.parametrize("flags", [{"is_operator": True}, {"is_superuser": True}])
def test_operators_supervise_and_administer(flags: dict[str, Any]):
    user = a.a_user(**flags)
    assert access.is_operator(user)
    assert access.supervises(user)
    assert access.administers(user)


@pytest.mark.parametrize("seed", range(3))
def test_memberships_reach_the_same_branches_in_sql(kep: Kep, efka: Efka, seed: int):
    random, branches = Random(seed), [*kep[1:], *efka[1:]]
    for number in range(8):
        user = a.a_user(f"{number}@example.org", is_active=random.random() < 0.8)
        for branch in random.sample(branches, random.randint(0, 2)):
            role, at_branch = random.choice((Role.AGENT, Role.SUPERVISOR)), random.choice((branch, None))
            Membership.objects.get_or_create(user=user, agency=branch.agency, branch=at_branch, defaults={"role": role})
    sql = f"""
        SELECT DISTINCT membership.user_id, branch.id FROM agencies_branch branch
        JOIN agencies_membership membership ON {access.REACHES} AND membership.role = ANY(%s)
    """
    for role in (Role.AGENT, Role.SUPERVISOR):
        with connection.cursor() as cursor:
            cursor.execute(sql, [[str(one) for one in access.from_role(role)]])
            found = set(cursor.fetchall())
        assert found == {(user.pk, branch.pk) for user in User.objects.all() for branch in access.branches(user, role)}
    for branch in branches:
        there = {user for user in User.objects.all() if branch in access.counters(user)}
        assert set(access.officers_of(Branch.objects.filter(pk=branch.pk))) == there
        assert set(access.officers(branch)) == {user for user in there if user.is_active}
