"""Guessing codes and passwords, and asking for codes: few tries, also without Redis, and the owner always gets in."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.limits import tries
from accounts.models import User
from tests import codes
from tests.builders import a_user
from tests.races import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]
OWNER = "owner@example.org"
ASK, CONFIRM = "/accounts/login/code/", "/accounts/login/code/confirm/"


def an_account(**fields: object) -> User:
    user = a_user(OWNER, **fields)
    EmailAddress.objects.create(user=user, email=OWNER, primary=True, verified=True)
    return user


def stranger(number: int) -> Client:
    return Client(REMOTE_ADDR=f"198.51.100.{number}")


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def asked_and_guessed(client: Client, rounds: int) -> None:
    for _ in range(rounds):
        client.post(ASK, {"email": OWNER})
        codes.sent()
        for guess in ("000000", "000001", "000002"):
            client.post(CONFIRM, {"code": guess})


def test_one_network_guesses_few_codes_however_many_it_asks_for(clock: time_machine.Traveller) -> None:
    an_account()
    asked_and_guessed(stranger(1), 30)
    assert 1 <= len(codes.sent()) <= tries.CODES_FOR_ONE_AN_HOUR.number
    mails = len(codes.sent())
    for number in range(20):
        asked_and_guessed(Client(REMOTE_ADDR=f"2001:db8::{number:x}"), 3)
    assert len(codes.sent()) <= mails + tries.CODES_FOR_ONE_AN_HOUR.number


def test_network_that_guesses_for_many_accounts_is_stopped(clock: time_machine.Traveller) -> None:
    for number in range(40):
        user = a_user(f"{number}@example.org")
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        client = stranger(1)
        client.post(ASK, {"email": user.email})
        client.post(CONFIRM, {"code": "x"})
        clock.shift(10)
    assert not is_signed_in(client)
    client.post(CONFIRM, {"code": codes.latest()})
    assert not is_signed_in(client)
    clock.shift(3600)
    client = stranger(1)
    client.post(ASK, {"email": user.email})
    client.post(CONFIRM, {"code": codes.latest()})
    assert is_signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_guesses_of_one_moment_are_no_more_than_one_by_one() -> None:
    an_account()
    client = stranger(1)
    client.post(ASK, {"email": OWNER})
    cookie, code = client.cookies["sessionid"].value, codes.latest()

    def guess(number: int) -> str:
        other = stranger(1)
        other.cookies["sessionid"] = cookie
        other.post(CONFIRM, {"code": f"{number:06}"})
        return ""

    at_once([lambda number=number: guess(number) for number in range(12)])
    client.post(CONFIRM, {"code": code})
    assert not is_signed_in(client)


def test_code_that_was_not_mailed_opens_nothing(clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it could be guessed in ever new networks, without a mail that tells the owner."""
    an_account()
    made_codes: list[str] = []
    made = "accounts.adapter.AccountAdapter.generate_login_code"
    monkeypatch.setattr(made, lambda _self: made_codes.append(f"{len(made_codes) + 100000}") or made_codes[-1])
    signed_in = []
    for number in range(20):
        client = stranger(number)
        client.post(ASK, {"email": OWNER})
        client.post(CONFIRM, {"code": made_codes[-1]})
        signed_in.append(is_signed_in(client))
    assert signed_in == [True] * tries.CODE_MAILS.number + [False] * (20 - tries.CODE_MAILS.number)


def test_strangers_do_not_use_up_the_mails_of_the_owner(clock: time_machine.Traveller) -> None:
    an_account()
    owner = Client(REMOTE_ADDR="192.0.2.7")
    owner.post(ASK, {"email": OWNER})
    owner.post(CONFIRM, {"code": codes.latest()})
    clock.shift(timedelta(days=2))
    for number in range(60):
        stranger(number).post(ASK, {"email": OWNER})
    mails = len(codes.sent())
    owner = Client(REMOTE_ADDR="192.0.2.7")
    owner.post(ASK, {"email": OWNER})
    assert len(codes.sent()) == mails + 1
    owner.post(CONFIRM, {"code": codes.latest()})
    assert is_signed_in(owner)


def test_wrong_codes_of_strangers_do_not_lock_the_owner_out(clock: time_machine.Traveller) -> None:
    an_account()
    for number in range(3):
        asked_and_guessed(stranger(number), 3)
    owner = Client(REMOTE_ADDR="192.0.2.7")
    owner.post(ASK, {"email": OWNER})
    owner.post(CONFIRM, {"code": codes.latest()})
    assert is_signed_in(owner)


@pytest.mark.parametrize("page", ["login/code", "signup"])
def test_asking_for_codes_is_limited_for_each_network(clock: time_machine.Traveller, page: str) -> None:
    for number in range(30):
        stranger(1).post(f"/accounts/{page}/", {"email": f"{number}@example.org"})
    assert len(codes.sent()) == 20
    stranger(2).post(f"/accounts/{page}/", {"email": "another@example.org"})
    assert len(codes.sent()) == 21


def test_passwords_are_limited_and_the_owner_gets_in(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.MYDESK_DEMO = settings.PASSWORD_SIGN_IN = True
    an_account(password="demo")

    def signs_in(client: Client, password: str) -> bool:
        client.post("/accounts/login/", {"login": OWNER, "password": password})
        return is_signed_in(client)

    assert not any(signs_in(stranger(1), f"wrong {number}") for number in range(20))
    assert not signs_in(stranger(1), "demo")
    assert signs_in(stranger(2), "demo")
    assert all(signs_in(stranger(3), "demo") for _ in range(15))  # right ones are not counted
