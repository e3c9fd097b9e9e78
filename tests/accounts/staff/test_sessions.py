"""Sessions of people with a role: they end with the role, at once, and when nobody is there."""

import re
from collections.abc import Callable

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import User
from agencies.models import Branch, Membership, Role
from tests.builders import NOW, a_branch, a_user, an_officer, an_open_branch, minutes
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
Act = Callable[[Membership], object]
DAY_PAGE = "/admin/appointments/appointment/day/"


def by_sql(statement: str) -> Act:
    def act(membership: Membership) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"membership": membership.pk, "user": membership.user_id})

    return act


def moved(membership: Membership) -> None:
    membership.branch = a_branch(membership.agency, "kep-andros")
    membership.save()


LOST: dict[str, Act] = {
    "deleted": lambda one: one.delete(),
    "deleted in bulk": lambda one: Membership.objects.filter(pk=one.pk).delete(),
    "deleted by SQL": by_sql("DELETE FROM agencies_membership WHERE id = %(membership)s"),
    "lowered": lambda one: Membership.objects.filter(pk=one.pk).update(role=Role.AGENT),
    "moved": moved,
    "deactivated": lambda one: User.objects.filter(pk=one.user_id).update(is_active=False),
    "deactivated by SQL": by_sql("UPDATE accounts_user SET is_active = false WHERE id = %(user)s"),
    "no longer operator": lambda one: User.objects.filter(pk=one.user_id).update(is_operator=False),
    "no longer official": lambda one: User.objects.filter(pk=one.user_id).update(is_official=False),
    "no longer superuser": lambda one: User.objects.filter(pk=one.user_id).update(is_superuser=False),
    "ended": lambda one: one.user.end_sessions(),
}
KEPT: dict[str, Act] = {
    "raised": lambda one: Membership.objects.filter(pk=one.pk).update(role=Role.AGENCY_ADMIN, branch=None),
    "everywhere": lambda one: Membership.objects.filter(pk=one.pk).update(branch=None),
    "renamed": lambda one: User.objects.filter(pk=one.user_id).update(name="Νίκη"),
    "saved as it is": lambda one: (one.save(), one.user.save()),
    "one more": lambda one: Membership.objects.create(user=one.user, agency=one.agency, role=Role.AGENT),
}


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


@pytest.fixture
def membership(branch: Branch) -> Membership:
    officer = an_officer(branch, Role.SUPERVISOR)
    User.objects.filter(pk=officer.pk).update(is_operator=True, is_official=True, is_superuser=True)
    return officer.memberships.select_related("user").get()


@pytest.fixture
def at_work(client: Client, membership: Membership) -> Client:
    signed_in(client, User.objects.get(pk=membership.user_id))
    assert client.get(DAY_PAGE).status_code == 200
    return client


@pytest.mark.parametrize("how", LOST)
def test_session_ends_with_the_role(at_work: Client, membership: Membership, how: str):
    poll = re.search(r'data-poll="([^"]+)"', text_of(at_work.get(reverse("admin:appointments_queue"))))
    LOST[how](membership)
    if poll:
        assert at_work.get(poll[1]).status_code == 403
    for page in (DAY_PAGE, "/admin/", "/reports/overview.csv"):
        answer = at_work.get(page)
        assert answer.status_code != 200, page
    assert "_auth_user_id" not in at_work.session


@pytest.mark.parametrize("how", LOST)
def test_session_stays_ended_when_the_role_is_given_back(at_work: Client, membership: Membership, how: str):
    LOST[how](membership)
    User.objects.filter(pk=membership.user_id).update(is_active=True, is_operator=True)
    Membership.objects.get_or_create(user_id=membership.user_id, agency=membership.agency, branch=membership.branch)
    assert at_work.get(DAY_PAGE).status_code == 302


@pytest.mark.parametrize("how", KEPT)
def test_session_goes_on_if_no_role_is_lost(at_work: Client, membership: Membership, how: str):
    KEPT[how](membership)
    assert at_work.get(DAY_PAGE).status_code == 200


def test_row_that_is_written_from_memory_brings_no_session_back(at_work: Client, membership: Membership):
    remembered = User.objects.get(pk=membership.user_id)
    membership.user.end_sessions()
    remembered.save()
    assert at_work.get(DAY_PAGE).status_code == 302


def test_session_ends_when_nobody_is_there(
    at_work: Client, membership: Membership, clock: time_machine.Traveller, settings: Settings
):
    settings.STAFF_IDLE_MINUTES = 30
    at_work.get(DAY_PAGE)
    clock.move_to(NOW + minutes(29))
    assert at_work.get(DAY_PAGE).status_code == 200
    clock.move_to(NOW + minutes(29 + 29))
    assert at_work.get(DAY_PAGE).status_code == 200
    clock.move_to(NOW + minutes(29 + 29 + 30))
    assert at_work.get(DAY_PAGE).status_code == 302


def test_page_that_asks_by_itself_keeps_no_session_alive(
    client: Client, branch: Branch, clock: time_machine.Traveller, settings: Settings
):
    settings.STAFF_IDLE_MINUTES = 30
    signed_in(client, an_officer(branch))
    poll = re.search(
        r'data-watch="([^"]+)"|data-poll="([^"]+)"', text_of(client.get(reverse("admin:appointments_queue")))
    )
    for passed in range(5, 30, 5):
        clock.move_to(NOW + minutes(passed))
        client.get(DAY_PAGE, headers={"Sec-Fetch-Mode": "cors"})
        if poll:
            assert client.get(poll[1] or poll[2], headers={"Sec-Fetch-Mode": "cors"}).status_code in (200, 204)
    clock.move_to(NOW + minutes(30))
    assert client.get(DAY_PAGE, headers={"Sec-Fetch-Mode": "cors"}).status_code == 302
    if poll:
        assert client.get(poll[1] or poll[2]).status_code == 403


def test_session_ends_after_twelve_hours_of_work(client: Client, branch: Branch, clock: time_machine.Traveller):
    signed_in(client, an_officer(branch))
    for hours in range(1, 12):
        clock.move_to(NOW + minutes(60 * hours))
        assert client.get(DAY_PAGE).status_code == 200
    clock.move_to(NOW + minutes(60 * 12))
    assert client.get(DAY_PAGE).status_code == 302


def test_session_of_a_citizen_stays_for_hours(
    client: Client, branch: Branch, clock: time_machine.Traveller, settings: Settings
):
    settings.STAFF_IDLE_MINUTES = 30
    signed_in(client, a_user())
    clock.move_to(NOW + minutes(11 * 60))
    assert client.get("/appointments/").status_code == 200


def test_poll_that_somebody_kept_dies_with_the_sign_out(client: Client, branch: Branch):
    signed_in(client, an_officer(branch))
    poll = re.search(r'data-poll="([^"]+)"', text_of(client.get(reverse("admin:appointments_queue"))))
    key = client.cookies["sessionid"].value
    client.post("/accounts/logout/")
    client.cookies["sessionid"] = key
    assert poll is None or client.get(poll[1]).status_code == 403
