"""Tests of changing the address of an account, and of the closed pages about passwords."""

import re
from collections.abc import Callable

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from agencies.models import Membership, Role
from tests import codes
from tests.builders import a_user, an_agency, an_officer
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db
ADMIN = ("/admin/password_change/", "/en/admin/password_change/", "/admin/password_change/done/")
OLD, NEW = "old@example.org", "new@example.org"


def an_account(**fields: object) -> User:
    user = a_user(OLD, **fields)
    EmailAddress.objects.create(user=user, email=OLD, primary=True, verified=True)
    return user


def a_member(role: Role) -> Callable[[], User]:
    def made() -> User:
        user = an_account()
        Membership.objects.create(user=user, agency=an_agency(), role=role)
        return User.objects.get(pk=user.pk)

    return made


# Those whose address is not their own affair.
FIXED: dict[str, Callable[[], User]] = {
    **{str(role.value): a_member(role) for role in Role},
    "operator": lambda: an_account(is_operator=True),
    "official": lambda: an_account(is_official=True),
    "superuser": lambda: an_account(is_superuser=True),
    "of the demo": lambda: an_account(password="demo"),
}


def ask_to_change(client: Client, address: str = NEW) -> HttpResponse:
    return client.post("/accounts/email/", {"action_add": "", "email": address})


def enter_code(client: Client) -> HttpResponse:
    return client.post("/accounts/confirm-email/", {"code": codes.latest()}, follow=True)


def test_citizen_changes_the_address_with_the_code_sent_there_and_the_old_one_is_told(client: Client) -> None:
    user = an_account()
    signed_in(client, user)
    assert OLD in text_of(client.get("/accounts/email/"))
    ask_to_change(client)
    assert codes.sent()[-1].to == [NEW]
    user.refresh_from_db()
    assert user.email == OLD
    enter_code(client)
    user.refresh_from_db()
    assert user.email == NEW
    assert list(EmailAddress.objects.values_list("user", "email", "verified")) == [(user.pk, NEW, True)]
    told = codes.sent()[-1]
    assert told.to == [OLD]
    assert OLD in told.body
    assert NEW in told.body
    assert "Αν δεν ήσασταν εσείς" in told.body


def test_wrong_address_is_said_at_its_field(client: Client) -> None:
    signed_in(client, an_account())
    assert 'aria-invalid="true"' in text_of(ask_to_change(client, "nowhere"))


@pytest.mark.parametrize("who", FIXED)
def test_address_with_a_role_or_of_the_demo_is_fixed(client: Client, who: str) -> None:
    user = FIXED[who]()
    signed_in(client, user)
    assert client.get("/accounts/email/").status_code == 403
    for action in ("action_add", "action_send", "action_primary", "action_remove"):
        assert client.post("/accounts/email/", {action: "", "email": NEW}).status_code == 403
    assert codes.sent() == []
    assert list(EmailAddress.objects.values_list("email", flat=True)) == [OLD]


def test_code_is_worth_nothing_once_the_account_has_a_role(client: Client) -> None:
    user = an_account()
    signed_in(client, user)
    ask_to_change(client)
    Membership.objects.create(user=user, agency=an_agency(), role=Role.AGENT)
    enter_code(client)
    user.refresh_from_db()
    assert user.email == OLD
    assert list(EmailAddress.objects.filter(verified=True).values_list("email", flat=True)) == [OLD]


def test_invited_officer_still_confirms_the_own_address_by_signing_in(client: Client) -> None:
    officer = an_officer(an_agency())
    EmailAddress.objects.create(user=officer, email=officer.email, primary=True)
    client.post("/accounts/login/code/", {"email": officer.email})
    client.post("/accounts/login/code/confirm/", {"code": codes.latest()})
    assert client.session["_auth_user_id"] == str(officer.pk)
    assert EmailAddress.objects.get().verified


@pytest.mark.parametrize("who", ["", *FIXED])
def test_no_page_changes_a_password(client: Client, who: str) -> None:
    user = FIXED[who]() if who else None
    if user:
        signed_in(client, user)
    pages = ["change", "set", "reset", "reset/done", "reset/key/1-set-password", "reset/key/done"]
    for page in [*(f"/accounts/password/{each}/" for each in pages), "/en/accounts/reauthenticate/", *ADMIN]:
        assert client.get(page).status_code == 404
        assert client.post(page, {"email": OLD, "oldpassword": "demo", "password1": "x" * 20}).status_code == 404
    assert codes.sent() == []


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("page", ["login/code", "signup"])
def test_stranger_causes_few_mails_to_an_address(clock: time_machine.Traveller, page: str, known: bool) -> None:
    """From ever new networks and browsers, whether the address has an account or not."""
    if known:
        an_account()
    for number in range(30):
        Client(REMOTE_ADDR=f"192.0.2.{number}").post(f"/accounts/{page}/", {"email": OLD})
        codes.sent()
        clock.shift(90)
    assert 1 <= len(codes.sent()) <= 10


def asked_for(page: str, address: str) -> tuple[int, str, str]:
    """The answer, with what differs between any two of them taken out."""
    answer = Client().post(f"/accounts/{page}/", {"email": address}, follow=True)
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text_of(answer))
    return answer.status_code, answer.request["PATH_INFO"], text.replace(address, "")


@pytest.mark.parametrize("page", ["login/code", "signup"])
def test_answer_does_not_tell_whether_an_address_has_an_account(page: str) -> None:
    an_account()
    assert asked_for(page, OLD) == asked_for(page, NEW)
