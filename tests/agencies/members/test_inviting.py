"""Invitations to a role: mailed, accepted once, declined, withdrawn, sent again, and what may come between."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from agencies.members import inviting
from agencies.models import Agency, Branch, Invitation, Membership, Role
from tests import codes
from tests.builders import NOW, a_branch, an_agency, an_officer
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
ADD, LIST = "/en/admin/agencies/invitation/add/", "/en/admin/agencies/invitation/"
NEW = "new@example.org"


@pytest.fixture
def branch() -> Branch:
    return a_branch(an_agency())


@pytest.fixture
def kep(branch: Branch) -> Agency:
    return branch.agency


@pytest.fixture
def administrator(kep: Agency) -> User:
    return an_officer(kep, Role.AGENCY_ADMIN, "admin@example.org")


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    return signed_in(client, administrator)


def invite(office: Client, branch: Branch, **fields: Any) -> str:
    """Invites, and returns the address in the mail."""
    given = {"email": NEW, "name": "Νέα", "agency": branch.agency_id, "branch": branch.pk, "role": "supervisor"}
    answer = office.post(ADD, given | fields)
    assert answer.status_code == 302, text_of(answer)
    return link()


def link() -> str:
    return re.search(r"https?://[^/\s]+(/\S*invitation/\S+)", codes.sent()[-1].body)[1]


def answer(address: str, what: str = "accept") -> int:
    return Client().post(address, {"answer": what}).status_code


def test_mail_says_what_it_is_and_who_invites(office: Client, branch: Branch, administrator: User):
    page = text_of(Client().get(invite(office, branch)))
    (mail,) = codes.sent()
    assert mail.to == [NEW]
    for text in (mail.body, mail.alternatives[0][0], page):
        assert all(told in text for told in (branch.name, branch.agency.name, "Supervisor", administrator.name))
    assert not Membership.objects.filter(user__email=NEW).exists()


def test_role_begins_when_it_is_accepted_and_only_once(office: Client, branch: Branch):
    address = invite(office, branch)
    assert Client().get(address).status_code == 200
    assert not Membership.objects.filter(user__email=NEW).exists()
    assert answer(address) == 302
    membership = Membership.objects.get(user__email=NEW)
    assert (membership.role, membership.branch) == (Role.SUPERVISOR, branch)
    membership.delete()
    assert answer(address) == 410
    assert not Membership.objects.filter(user__email=NEW).exists()


@pytest.mark.parametrize("action", ["withdraw", "send_again"])
def test_earlier_mail_opens_nothing_after(office: Client, branch: Branch, action: str):
    address = invite(office, branch)
    row = Invitation.objects.get()
    office.post(LIST, {"action": action, "_selected_action": [row.pk]})
    assert Client().get(address).status_code == 410
    assert answer(address) == 410
    if action == "send_again":
        assert answer(link()) == 302
    assert Membership.objects.filter(user__email=NEW).exists() == (action == "send_again")


def test_declined_invitation_is_over(office: Client, branch: Branch):
    address = invite(office, branch)
    assert answer(address, "decline") == 302
    assert answer(address) == 410
    assert "Declined" in text_of(office.get(LIST))


def test_invitation_runs_out(office: Client, branch: Branch, clock: time_machine.Traveller):
    address = invite(office, branch)
    clock.move_to(NOW + timedelta(days=7))
    assert answer(address) == 410
    signed_in(office, User.objects.get(email="admin@example.org"))
    assert "Not answered in time" in text_of(office.get(LIST))
    office.post(LIST, {"action": "send_again", "_selected_action": [Invitation.objects.get().pk]})
    assert answer(link()) == 302


ENDED: dict[str, Callable[[User], Any]] = {
    "lost the role": lambda user: user.memberships.all().delete(),
    "became an officer": lambda user: user.memberships.update(role=Role.AGENT),
    "switched off": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "gone": lambda user: user.delete(),
}


@pytest.mark.parametrize("how", ENDED)
def test_invitation_of_somebody_who_may_no_longer_give_the_role_is_void(
    office: Client, branch: Branch, administrator: User, how: str
):
    address = invite(office, branch)
    ENDED[how](administrator)
    assert answer(address) == 410
    assert not Membership.objects.filter(user__email=NEW).exists()


def test_accepting_never_lowers_a_role(office: Client, kep: Agency, branch: Branch):
    address = invite(office, branch, role="agent")
    held = an_officer(branch, Role.SUPERVISOR, NEW).memberships.get()
    assert answer(address) == 302
    held.refresh_from_db()
    assert held.role == Role.SUPERVISOR


def test_account_that_is_switched_off_gets_no_role(office: Client, branch: Branch):
    address = invite(office, branch)
    User.objects.create_user(NEW, is_active=False)
    assert answer(address) == 410


def test_nobody_invites_to_another_agency_or_acts_on_its_invitations(office: Client, branch: Branch):
    other = a_branch(an_agency("aade"), "aade-athens")
    invite(office, branch)
    office.post(ADD, {"email": NEW, "name": "", "agency": other.agency_id, "everywhere": "on", "role": "agency_admin"})
    assert Invitation.objects.count() == 1
    foreign = signed_in(Client(), an_officer(other.agency, Role.AGENCY_ADMIN, "foreign@example.org"))
    foreign.post(LIST, {"action": "withdraw", "_selected_action": [Invitation.objects.get().pk]})
    assert Invitation.objects.get().state == Invitation.State.OPEN
    assert NEW not in text_of(foreign.get(LIST))


def test_key_is_not_in_the_database(office: Client, branch: Branch):
    key = invite(office, branch).rstrip("/").rpartition("/")[2]
    assert not Invitation.objects.filter(digest__contains=key).exists()


def test_last_administrator_is_neither_ended_nor_lowered(client: Client, kep: Agency, administrator: User):
    signed_in(client, User.objects.create_user("operator@example.org", is_operator=True))
    row = f"/en/admin/agencies/membership/{administrator.memberships.get().pk}/"
    client.post(f"{row}delete/", {"post": "yes"})
    text = text_of(client.post(f"{row}change/", {"branch": "", "everywhere": "on", "role": "agent"}))
    assert "would have no administrator" in text
    assert administrator.memberships.get().role == Role.AGENCY_ADMIN
    an_officer(kep, Role.AGENCY_ADMIN, "second@example.org")
    client.post(f"{row}delete/", {"post": "yes"})
    assert not administrator.memberships.exists()


def test_answers_of_long_ago_are_forgotten(office: Client, branch: Branch):
    invite(office, branch)
    due = Invitation.objects.get().expires_at
    assert inviting.forget(now=due + timedelta(days=89)) == 0
    assert inviting.forget(now=due + timedelta(days=91)) == 1
