"""Europeans sign in at a provider of OpenID Connect."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.europe.claims import level_of
from accounts.models import Identity, User
from accounts.providers import talking
from tests import codes
from tests.servers.identity import CLAIMS, Provider, back, left

pytestmark = pytest.mark.django_db
EUROPE = "oidc/europe"


def joined(client: Client) -> User:
    assert back(client, EUROPE)["Location"] == "/accounts/contact/"
    client.post("/accounts/contact/", {"email": "jean@example.org"})
    client.post("/accounts/contact/code/", {"code": codes.latest()})
    return User.objects.get()


def test_browser_leaves_with_a_challenge(client: Client, provider: Provider, settings: Settings):
    settings.OIDC_ACR_VALUES = "http://eidas.europa.eu/LoA/high"
    sent = left(client, EUROPE, prefix="/en")
    assert sent["redirect_uri"] == "http://testserver/accounts/oidc/europe/login/callback/"
    assert sent["code_challenge_method"] == "S256"
    assert sent["acr_values"] == "http://eidas.europa.eu/LoA/high"


def test_european_gets_an_account_with_the_level_and_without_a_tax_number(client: Client, provider: Provider):
    user = joined(client)
    assert user.name == "Jean Dupont"
    identity = user.identity
    assert (identity.level, identity.tax_number_encrypted, identity.source) == ("high", None, "europe")
    assert client.session["proof"]["level"] == "high"
    assert "FR/GR/1" not in identity.subject


def test_level_is_that_of_the_session(client: Client, provider: Provider):
    joined(client)
    provider.claims["acr"] = "http://eidas.europa.eu/LoA/low"
    other = Client()
    back(other, EUROPE, code="another")
    assert (client.session["proof"]["level"], other.session["proof"]["level"]) == ("high", "low")


@pytest.mark.parametrize(
    ("acr", "level"),
    [
        ("http://eidas.europa.eu/LoA/substantial", "substantial"),
        ("http://eidas.europa.eu/NotNotified/LoA/high", "high"),
        ("substantial", "substantial"),
        ("urn:gold", "substantial"),
        ("anything", "low"),
        (None, "low"),
        (["high"], "low"),
    ],
)
def test_levels(acr: Any, level: str):
    assert level_of(acr, {"urn:gold": "substantial"}) == level


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"claims": {"sub": "FR/GR/1"}}, "name"),
        ({"claims": CLAIMS | {"sub": ""}}, "broken"),
        ({"claims": CLAIMS | {"iss": "https://evil.example"}}, "broken"),
        ({"claims": CLAIMS | {"aud": "another"}}, "broken"),
        ({"claims": CLAIMS | {"exp": 1}}, "broken"),
        ({"userinfo": CLAIMS | {"sub": "somebody else"}}, "broken"),
        ({"userinfo": ["no", "claims"]}, "broken"),
        ({"status": 500}, "away"),
        ({"status": 302}, "away"),
        ({"configuration": {"issuer": "https://eidas.example.org"}}, "broken"),
        ({"configuration": ["nothing"]}, "broken"),
        ({"token": []}, "broken"),
    ],
)
def test_bad_answer_makes_nothing(client: Client, provider: Provider, changed: dict[str, Any], why: str):
    state = left(client, EUROPE)["state"]
    for name, value in changed.items():
        setattr(provider, name, value)
    answer = client.get(f"/accounts/{EUROPE}/login/callback/", {"code": "c0de", "state": state})
    assert answer["Location"].startswith(f"/accounts/not-signed-in/{why}/")
    assert not User.objects.exists()
    assert not Identity.objects.exists()


def test_provider_that_is_away_is_told_before_leaving(client: Client, provider: Provider, settings: Settings):
    settings.OIDC_URL = "http://127.0.0.1:1"
    answer = client.post(f"/accounts/{EUROPE}/login/")
    assert answer["Location"].startswith("/accounts/not-signed-in/away/")


def test_provider_that_is_not_set_up_has_no_pages(client: Client):
    assert client.post(f"/accounts/{EUROPE}/login/").status_code == 404
    assert client.post("/accounts/oidc/another/login/").status_code == 404


def test_answer_is_cut_off(client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(talking, "LONGEST", 10)
    assert "/not-signed-in/away/" in client.post(f"/accounts/{EUROPE}/login/")["Location"]
