"""The demo's identity provider: by it the demo signs in through the same code as an installation."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.providers import talking
from mydesklive.checks.providers import check_providers
from mydesklive.sandbox import people, taxisnet
from tests import codes
from tests.builders import a_user
from tests.pages import text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def demo(settings: Settings, live_server: LiveServer) -> None:
    settings.ROOT_URLCONF = "tests.mydesklive.sandbox.addresses"
    settings.MYDESK_DEMO = True
    settings.TAXISNET_URL = f"{live_server.url}/sandbox/oauth2serverotp"
    settings.TAXISNET_STAFF_URL = f"{live_server.url}/sandbox/oauth2servergov"
    settings.OIDC_URL = f"{live_server.url}/sandbox/oidc"
    for name in ("TAXISNET", "TAXISNET_STAFF", "OIDC"):
        setattr(settings, f"{name}_CLIENT_ID", "sandbox")
        setattr(settings, f"{name}_SECRET", "sandbox")


@pytest.fixture
def browser(live_server: LiveServer) -> Client:
    return Client(HTTP_HOST=urlsplit(live_server.url).netloc)


def chosen(browser: Client, person: str, source: str = "taxisnet") -> str:
    """Signs in as this person, and returns where that leads."""
    to = browser.post(f"/accounts/{source}/login/")["Location"]
    page = text_of(browser.get(to))
    assert f'value="{person}"' in page
    form = re.search(r'<form method="post" action="([^"]+)"', browser.get(to).content.decode())
    back = browser.post(unescape(form[1]), {"person": person})["Location"]
    return browser.get(back)["Location"]


@pytest.mark.parametrize(
    ("source", "person", "name"),
    [
        ("taxisnet", "maria", "ΜΑΡΙΑ ΠΑΠΑΔΟΠΟΥΛΟΥ"),
        ("taxisnet", "business", "ΑΦΟΙ ΜΑΝΟΥΣΑΚΗ ΚΑΙ ΣΙΑ Ο.Ε."),
        ("oidc/europe", "jean", "Jean Dupont"),
    ],
)
def test_people_of_the_sandbox_get_an_account(browser: Client, source: str, person: str, name: str):
    assert chosen(browser, person, source) == "/accounts/contact/"
    assert name in text_of(browser.get("/accounts/contact/"))
    browser.post("/accounts/contact/", {"email": "new@example.org"})
    browser.post("/accounts/contact/code/", {"code": codes.latest()})
    assert User.objects.get().name == name
    out = browser.post("/accounts/logout/")["Location"]
    if source == "taxisnet":
        assert "/sandbox/oauth2serverotp/logout/sandbox/" in out
        assert browser.get(out)["Location"] == f"http://{browser.defaults['HTTP_HOST']}/"


def test_employee_of_the_sandbox_signs_in_to_a_role(browser: Client):
    a_user("officer@example.org", is_operator=True)
    assert chosen(browser, "employee", "taxisnet-staff") == "/accounts/contact/"
    browser.post("/accounts/contact/", {"email": "officer@example.org"})
    assert browser.post("/accounts/contact/code/", {"code": codes.latest()})["Location"] == "/admin/"


MOODS = {
    "refuses": "refused",
    "no-number": "number",
    "wrong-number": "number",
    "zeros": "number",
    "no-name": "name",
    "slow": "away",
    "json": "broken",
    "broken": "broken",
    "no-token": "broken",
    "foreign": "state",
}


@pytest.mark.parametrize("mood", [one.key for one in people.MOODS])
def test_mood_of_the_sandbox_leads_to_its_page(browser: Client, mood: str, monkeypatch: pytest.MonkeyPatch):
    if mood == "slow":
        monkeypatch.setattr(talking, "WHOLE", 0.5)
        monkeypatch.setattr(taxisnet, "SLOW", 1)
    assert chosen(browser, mood).startswith(f"/accounts/not-signed-in/{MOODS[mood]}/")
    assert not User.objects.exists()


@pytest.mark.parametrize("mood", [one.key for one in people.EUROPEAN_MOODS])
def test_mood_of_the_european_sandbox_leads_to_its_page(browser: Client, mood: str):
    assert chosen(browser, mood, "oidc/europe").startswith(f"/accounts/not-signed-in/{MOODS[mood]}/")


def test_sandbox_leads_nowhere_else(browser: Client):
    to = browser.post("/accounts/taxisnet/login/")["Location"]
    query = {name: value for name, (value,) in parse_qs(urlsplit(to).query).items()}
    path = "/sandbox/oauth2serverotp/oauth/authorize"
    assert browser.get(path, query).status_code == 200
    assert browser.get(path, query | {"redirect_uri": "https://evil.example/"}).status_code == 400
    assert browser.get(path, query | {"client_id": "another"}).status_code == 400
    out = "/sandbox/oauth2serverotp/logout/sandbox/"
    assert browser.get(out, {"url": "https://evil.example/"}).status_code == 400


def test_sandbox_does_not_exist_outside_the_demo(browser: Client, settings: Settings):
    settings.MYDESK_DEMO = False
    for page in ("oauth2server/oauth/authorize", "oauth2server/userinfo", "oidc/.well-known/openid-configuration"):
        assert browser.get(f"/sandbox/{page}").status_code == 404
    assert browser.post("/sandbox/oauth2server/oauth/token").status_code == 404
    assert {error.id for error in check_providers()} == {"mydesklive.E073"}


def test_an_installation_has_no_address_of_the_sandbox(browser: Client, settings: Settings):
    settings.ROOT_URLCONF = "mydesklive.urls"
    assert browser.get("/sandbox/oauth2server/oauth/authorize").status_code == 404
    with pytest.raises(NoReverseMatch):
        reverse("sandbox-oidc-authorize", urlconf="mydesklive.urls")
