"""An officer sets up a passkey and an app, signs in with each, is refused without, and is out when the role ends."""

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from accounts.models import User
from agencies.models import Branch, Role
from tests import codes
from tests.accounts.staff import factors
from tests.builders import an_officer
from tests.pages import Accessible

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUE = "/en/admin/appointments/appointment/queue/"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


def an_owner(user: User) -> User:
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def with_key(page: Page) -> Page:
    """Plugs a security key into the browser, which always finds its owner's finger."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


def sign_in_by_mail(page: Page, user: User, following: str = QUEUE) -> None:
    page.goto(following)
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_label("Code")).to_be_visible()
    page.get_by_label("Code").fill(codes.latest())
    page.get_by_role("button", name="Continue").last.click()


@pytest.fixture
def officer(hall: Branch) -> User:
    return an_owner(an_officer(hall))


def set_up_passkey(page: Page, accessible: Accessible) -> None:
    page.get_by_role("link", name="Set up a passkey").click()
    accessible(page)
    page.get_by_role("button", name="Set up a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="I have kept the codes").click()


def set_up_app(page: Page, accessible: Accessible) -> str:
    page.get_by_role("link", name="Set up an app").click()
    accessible(page)
    assert page.locator(".factor-picture").evaluate("picture => picture.naturalWidth") > 0
    secret = re.sub(r"\s", "", page.locator(".factor-key").inner_text())
    page.get_by_label("Code").fill(factors.code(secret=secret))
    page.get_by_role("button", name="Continue").last.click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    return secret


def show(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").last.click()


def test_officer_sets_up_a_passkey_and_signs_in_with_it(
    new_page: Callable[..., Page], officer: User, assert_accessible: Accessible
):
    page = with_key(new_page(language="en"))
    sign_in_by_mail(page, officer)
    for _again in range(2):  # nothing else opens
        expect(page.get_by_role("heading", name="Second factor", level=1)).to_be_visible()
        page.goto(QUEUE)
    assert_accessible(page)
    set_up_passkey(page, assert_accessible)
    page.get_by_role("link", name="Continue to your pages").click()
    expect(page).to_have_url(re.compile("queue"))
    page.goto("/en/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.goto("/en/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey (officers)").click()
    expect(page).to_have_url(re.compile("queue"))
    page.wait_for_load_state("load")


def test_officer_signs_in_with_an_app_and_is_out_with_the_role(
    new_page: Callable[..., Page], hall: Branch, officer: User, assert_accessible: Accessible
):
    desk = new_page(language="en")
    sign_in_by_mail(desk, officer)
    secret = set_up_app(desk, assert_accessible)
    desk.context.clear_cookies()
    sign_in_by_mail(desk, officer)
    assert_accessible(desk)
    show(desk, "000000")
    expect(desk.get_by_text("Incorrect code.").first).to_be_visible()
    show(desk, factors.code(secret=secret, later=1))
    expect(desk).to_have_url(re.compile("queue"))

    administrator = an_owner(an_officer(hall.agency, Role.AGENCY_ADMIN, "admin@example.org"))
    factors.an_app(administrator)
    office = new_page(language="en")
    row = officer.memberships.get().pk
    sign_in_by_mail(office, administrator, f"/en/admin/agencies/membership/{row}/delete/")
    show(office, factors.code())
    office.get_by_role("main").get_by_role("button").last.click()
    expect(desk.get_by_text("You are no longer signed in here.")).to_be_visible()
    desk.reload()
    expect(desk).to_have_url(re.compile("/accounts/"))
