"""The second factor: without one, a role opens nothing; how it is set up, shown, and taken away."""

import re

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch
from pytest_django.fixtures import Settings

from accounts.models import User
from agencies.models import Branch, Role
from tests import codes
from tests.accounts.staff import factors
from tests.builders import NOW, a_user, an_officer, an_open_branch, minutes
from tests.pages import signed_in, text_of

UNSIGNED = '{"id": "x", "rawId": "x", "response": {}, "type": "public-key"}'
# The library notes a new factor when it is committed.
commits = pytest.mark.django_db(transaction=True)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
SETTING_UP = "/accounts/2fa/"


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


@pytest.fixture
def officer(branch: Branch) -> User:
    return an_officer(branch)


def named(resolver: URLResolver, space: str = "") -> list[tuple[str, dict]]:
    found = []
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            found += named(pattern, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.append((space + pattern.name, pattern.pattern.converters))
    return found


def every_address() -> list[str]:
    found = {"/admin/", "/reports/", "/api/v1/appointments/"}
    for name, wanted in named(get_resolver()):
        try:
            found.add(reverse(name, kwargs=dict.fromkeys(wanted, "1") if wanted else None))
        except NoReverseMatch:
            continue
    return sorted(found)


def answer(client: Client, method: str, address: str) -> tuple[int, str]:
    got = getattr(client, method)(address)
    if got.streaming:
        b"".join(got.streaming_content)
    for close in got._resource_closers:  # of files; closing the answer would close the connection, too
        close()
    return got.status_code, got.get("Location", "")


@pytest.mark.parametrize("method", ["get", "post"])
def test_role_without_factor_opens_what_a_visitor_opens(method: str, branch: Branch):
    """Every address of the product, but those about one's own account, answers as to a visitor who is not signed in."""
    everybody = a_user("all@example.org", is_operator=True, is_official=True, is_superuser=True)
    everybody.memberships.create(agency=branch.agency, role=Role.AGENCY_ADMIN)
    client = Client(raise_request_exception=False)
    own = [one for one in every_address() if not one.startswith("/accounts/") and "i18n" not in one]
    assert len(own) > 100
    seen = {}
    for address in own:
        client.force_login(everybody)
        as_role = answer(client, method, address)
        client.logout()
        as_visitor = answer(client, method, address)
        if as_role != as_visitor:
            seen[address] = (as_role, as_visitor)
    assert seen == {}


@pytest.mark.parametrize(
    "flags",
    [{"is_operator": True}, {"is_official": True}, {"is_superuser": True}],
    ids=["operator", "official", "superuser"],
)
def test_every_role_of_the_platform_needs_one(client: Client, flags: dict[str, bool]):
    signed_in(client, a_user("role@example.org", **flags))
    page = client.get("/admin/" if not flags.get("is_official") else "/reports/sendings/", follow=True)
    assert page.request["PATH_INFO"] == SETTING_UP or page.status_code in (403, 404)
    assert client.get("/accounts/login/", follow=True).request["PATH_INFO"] == SETTING_UP


@commits
def test_officer_is_led_to_the_set_up_and_on(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    page = client.get("/admin/appointments/appointment/day/", follow=True)
    assert page.request["PATH_INFO"] == SETTING_UP
    assert "/admin/appointments/appointment/day/" in client.session["after_second_factor"]
    set_up_app(client)
    assert client.get("/admin/appointments/appointment/day/").status_code == 200


def set_up_app(client: Client) -> str:
    """Sets an app up as a person does, and returns its key."""
    page = client.get("/accounts/2fa/totp/activate/")
    secret = re.sub(r"\s", "", re.search(r'factor-key"[^>]*>([A-Z2-7 ]+)<', text_of(page))[1])
    answer = client.post("/accounts/2fa/totp/activate/", {"code": factors.code(secret=secret)})
    assert answer.status_code == 302, text_of(answer)
    return secret


def test_citizen_without_role_needs_none_and_sees_no_pages_about_it(client: Client):
    signed_in(client, a_user())
    assert client.get("/appointments/").status_code == 200
    assert client.get(SETTING_UP).status_code == 404


def test_visitor_with_a_role_sees_public_pages(client: Client, officer: User):
    signed_in(client, officer)
    assert client.get("/").status_code == 200
    assert client.get("/appointments/").status_code == 302


def test_demo_lets_roles_work_without_and_asks_for_one_that_is_set_up(
    client: Client, officer: User, settings: Settings
):
    settings.SECOND_FACTOR_REQUIRED = False
    factors.sign_in_by_mail(client, officer)
    assert client.get("/admin/", follow=True).status_code == 200
    client.logout()
    factors.an_app(officer)
    factors.sign_in_by_mail(client, officer)
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302


def test_app_signs_in_once_with_each_code(client: Client, officer: User, clock: time_machine.Traveller):
    factors.an_app(officer)
    code = factors.code()
    factors.sign_in_by_mail(client, officer)
    assert client.post("/accounts/2fa/authenticate/", {"code": code})["Location"] == "/admin/"
    assert client.get("/admin/appointments/appointment/day/").status_code == 200
    other = Client()
    factors.sign_in_by_mail(other, officer)
    assert other.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    clock.move_to(NOW + minutes(1))
    assert other.post("/accounts/2fa/authenticate/", {"code": factors.code()}).status_code == 302


@pytest.mark.usefixtures("no_redis")
def test_code_is_spent_also_without_redis(client: Client, officer: User):
    factors.an_app(officer)
    for signs_in in (True, False):
        one = Client()
        factors.sign_in_by_mail(one, officer)
        one.post("/accounts/2fa/authenticate/", {"code": factors.code()})
        assert ("_auth_user_id" in one.session) == signs_in


@commits
def test_code_of_the_set_up_signs_nobody_in(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    secret = set_up_app(client)
    other = Client()
    factors.sign_in_by_mail(other, officer)
    other.post("/accounts/2fa/authenticate/", {"code": factors.code(secret=secret)})
    assert "_auth_user_id" not in other.session


def test_telephone_half_a_minute_wrong_signs_in_and_two_minutes_do_not(client: Client, officer: User):
    factors.an_app(officer)
    factors.sign_in_by_mail(client, officer)
    assert client.post("/accounts/2fa/authenticate/", {"code": factors.code(later=4)}).status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": factors.code(later=-1)}).status_code == 302


def test_guesses_are_counted_for_the_account(client: Client, officer: User):
    factors.an_app(officer)
    for _number in range(10):
        factors.sign_in_by_mail(one := Client(REMOTE_ADDR="192.0.2.7"), officer) if _number == 0 else None
        if _number == 0:
            guesser = one
        guesser.post("/accounts/2fa/authenticate/", {"code": "000000"})
    factors.sign_in_by_mail(client, officer)
    answer = client.post("/accounts/2fa/authenticate/", {"code": factors.code()})
    assert "_auth_user_id" not in client.session
    assert answer.status_code == 200


def test_recovery_code_opens_once(client: Client, officer: User):
    factors.an_app(officer)
    code, *_others = factors.recovery_codes(officer)
    for signs_in in (True, False):
        one = Client()
        factors.sign_in_by_mail(one, officer)
        one.post("/accounts/2fa/authenticate/", {"code": code})
        assert ("_auth_user_id" in one.session) == signs_in


@commits
def test_recovery_codes_are_shown_once(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    set_up_app(client)
    shown = text_of(client.get("/accounts/2fa/recovery-codes/"))
    kept = factors.recovery_codes(officer)
    assert all(code in shown for code in kept)
    again = text_of(client.get("/accounts/2fa/recovery-codes/", follow=True))
    assert not any(code in again for code in kept)
    assert client.get("/accounts/2fa/recovery-codes/download/").status_code == 404


@commits
def test_keys_are_sealed_in_the_database_and_in_the_session(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    client.get("/accounts/2fa/totp/activate/")
    pending = client.session["mfa.totp.secret"]
    secret = set_up_app(client)
    app = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    codes_row = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    assert secret not in str(app.data) + str(pending)
    assert factors.key_of(app) == secret
    assert not any(code in str(codes_row.data) for code in factors.recovery_codes(officer))


def test_reading_the_page_again_keeps_the_key(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    keys = {re.search(r"factor-key.*?<", text_of(client.get("/accounts/2fa/totp/activate/")))[0] for _ in range(2)}
    wrong = text_of(client.post("/accounts/2fa/totp/activate/", {"code": "1"}))
    assert keys == {re.search(r"factor-key.*?<", wrong)[0]}


def test_session_of_long_ago_cannot_set_up_the_first_one(client: Client, officer: User, clock: time_machine.Traveller):
    factors.sign_in_by_mail(client, officer)
    clock.move_to(NOW + minutes(16))
    for page in ("totp/activate/", "webauthn/add/"):
        assert client.get(f"/accounts/2fa/{page}")["Location"].startswith("/accounts/login/")


def test_session_without_the_factor_can_set_up_no_other(client: Client, officer: User):
    """For example one that began before the factor was set up elsewhere."""
    factors.sign_in_by_mail(client, officer)
    factors.an_app(officer)
    for page in (
        "",
        "totp/activate/",
        "totp/deactivate/",
        "webauthn/add/",
        "recovery-codes/",
        "recovery-codes/generate/",
    ):
        assert "/reauthenticate/" in client.get(f"/accounts/2fa/{page}")["Location"], page
        client.post(f"/accounts/2fa/{page}", {"name": "mine", "credential": "{}", "code": factors.code()})
    assert Authenticator.objects.count() == 1
    client.post("/accounts/2fa/reauthenticate/", {"code": factors.code()})
    assert client.get("/admin/appointments/appointment/day/").status_code == 200


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "1", '{"id": 1}', '{"id": "x", "rawId": "x", "response": {}, "type": "public-key"}']
)
def test_answer_that_is_none_is_refused(client: Client, officer: User, credential: str):
    factors.sign_in_by_mail(client, officer)
    client.get("/accounts/2fa/webauthn/add/")
    assert client.post("/accounts/2fa/webauthn/add/", {"name": "x", "credential": credential}).status_code == 200
    client.logout()
    client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    assert client.post("/accounts/2fa/webauthn/login/", {"credential": credential}).status_code == 302
    factors.an_app(officer)
    factors.sign_in_by_mail(client, officer)
    assert client.post("/accounts/2fa/authenticate/", {"credential": credential}).status_code == 200


@commits
def test_owner_is_told_by_mail_of_each_change(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    before = len(codes.sent())
    secret = set_up_app(client)
    client.get("/accounts/2fa/totp/deactivate/")
    client.post("/accounts/2fa/reauthenticate/", {"code": factors.recovery_codes(officer)[0]})
    client.post("/accounts/2fa/totp/deactivate/")
    told = [mail.subject for mail in codes.sent()[before:]]
    assert len(told) == 2, told
    assert all(mail.to == [officer.email] for mail in codes.sent()[before:])
    assert secret not in str([mail.body for mail in codes.sent()])


@commits
def test_taking_the_last_one_away_closes_the_role(client: Client, officer: User):
    test_owner_is_told_by_mail_of_each_change(client, officer)
    assert not Authenticator.objects.exists()
    assert client.get("/admin/", follow=True).request["PATH_INFO"] == SETTING_UP


def test_pages_about_factors_are_in_both_languages(client: Client, officer: User):
    factors.sign_in_by_mail(client, officer)
    for page in ("", "totp/activate/", "webauthn/add/"):
        greek, english = (text_of(client.get(f"{start}/accounts/2fa/{page}")) for start in ("", "/en"))
        assert re.search(r"<h1[^>]*>([^<]+)", greek)[1] != re.search(r"<h1[^>]*>([^<]+)", english)[1]


@commits
def test_live_page_dies_with_the_session(client: Client, officer: User, branch: Branch):
    factors.sign_in_by_mail(client, officer)
    set_up_app(client)
    page = text_of(client.get(reverse("admin:appointments_queue")))
    poll = re.search(r'data-poll="([^"]+)"', page)[1]
    assert client.get(poll).status_code in (200, 204)
    officer.end_sessions()
    assert client.get(poll).status_code == 403
