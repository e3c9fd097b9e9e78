"""Resetting a second factor that somebody has lost: who may for whom, and what the owner learns."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from agencies.models import Agency, Role
from tests import codes
from tests.accounts.staff import factors
from tests.builders import a_branch, a_user, an_agency, an_officer
from tests.pages import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def kep() -> Agency:
    agency = an_agency()
    a_branch(agency)
    return agency


@pytest.fixture
def people(kep: Agency) -> dict[str, User]:
    other = an_agency("aade")
    both = an_officer(kep, email="both@example.org")
    both.memberships.create(agency=other, role=Role.AGENT)
    with_flag = an_officer(kep, email="with-flag@example.org")
    User.objects.filter(pk=with_flag.pk).update(is_official=True)
    return {
        "administrator": an_officer(kep, Role.AGENCY_ADMIN, "admin@example.org"),
        "second administrator": an_officer(kep, Role.AGENCY_ADMIN, "admin2@example.org"),
        "officer": an_officer(kep, email="officer@example.org"),
        "supervisor": an_officer(kep.branches.get(), Role.SUPERVISOR, "supervisor@example.org"),
        "officer elsewhere": an_officer(other, email="elsewhere@example.org"),
        "officer at both": both,
        "officer who is official": with_flag,
        "operator": a_user("operator@example.org", is_operator=True),
        "second operator": a_user("operator2@example.org", is_operator=True),
    }


MAY = {
    "administrator": {"officer", "supervisor"},
    "supervisor": set(),
    "officer": set(),
    "operator": {
        *("administrator", "second administrator", "officer", "supervisor", "officer elsewhere", "officer at both"),
        *("officer who is official", "second operator"),
    },
}


def addresses(person: User) -> list[str]:
    rows = [f"/admin/agencies/membership/{one.pk}/reset-factor/" for one in person.memberships.all()]
    return [*rows, f"/admin/accounts/user/{person.pk}/reset-factor/"]


@pytest.mark.parametrize("who", MAY)
def test_each_role_resets_those_below_it(client: Client, people: dict[str, User], who: str):
    done = set()
    signed_in(client, people[who])
    for name, person in people.items():
        factors.an_app(person)
        for address in addresses(person):
            client.get(address)
            client.post(address)
        if not Authenticator.objects.filter(user=person).exists():
            done.add(name)
    assert done == MAY[who]


def test_owner_is_mailed_who_did_it_and_signed_out(client: Client, people: dict[str, User]):
    officer = people["officer"]
    factors.an_app(officer)
    factors.recovery_codes(officer)
    at_work = signed_in(Client(), officer)
    assert at_work.get("/admin/appointments/appointment/day/").status_code == 200
    signed_in(client, people["administrator"])
    row = officer.memberships.get()
    assert client.get(f"/admin/agencies/membership/{row.pk}/reset-factor/").status_code == 200
    assert Authenticator.objects.count() == 2
    client.post(f"/admin/agencies/membership/{row.pk}/reset-factor/")
    assert not Authenticator.objects.exists()
    assert at_work.get("/admin/appointments/appointment/day/").status_code == 302
    (mail,) = codes.sent()
    assert mail.to == [officer.email]
    assert people["administrator"].name in mail.body


def test_again_does_nothing_and_mails_nobody(client: Client, people: dict[str, User]):
    row = people["officer"].memberships.get()
    signed_in(client, people["administrator"])
    client.post(f"/admin/agencies/membership/{row.pk}/reset-factor/")
    assert codes.sent() == []


def test_pages_say_who_has_one(client: Client, people: dict[str, User]):
    factors.an_app(people["officer"])
    signed_in(client, people["operator"])
    for page in ("agencies/membership", "accounts/user"):
        text = client.get(f"/admin/{page}/").content.decode()
        assert text.count("check_circle") + text.count("bg-green") >= 1 or "True" in text, page
    assert client.get(f"/admin/accounts/user/{people['officer'].pk}/change/").status_code == 200
    assert client.get(f"/admin/agencies/membership/{people['officer'].memberships.get().pk}/change/").status_code == 200


def test_command_resets_for_the_only_operator(people: dict[str, User]):
    factors.an_app(people["operator"])
    call_command("reset_factor", "Operator@example.org")
    assert not Authenticator.objects.exists()
    assert [mail.to for mail in codes.sent()] == [["operator@example.org"]]
