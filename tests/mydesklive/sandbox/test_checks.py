"""What is wrong with the providers of an installation, and what to set."""

import pytest
from pytest_django import Settings

from mydesklive.checks.providers import check_providers

GSIS = "https://oauth2.gsis.gr/oauth2serverotp"


@pytest.mark.parametrize("group", ["TAXISNET", "TAXISNET_STAFF", "OIDC"])
@pytest.mark.parametrize(
    ("values", "error"),
    [
        (("", "", ""), None),
        ((GSIS, "id", "secret"), None),
        ((GSIS, "", ""), "E070"),
        (("", "id", "secret"), "E070"),
        (("oauth2.gsis.gr", "id", "secret"), "E071"),
        (("http://oauth2.gsis.gr/oauth2server", "id", "secret"), "E072"),
        (("http://gsis/oauth2server", "id", "secret"), None),
        (("http://localhost:8000/sandbox/oauth2server", "id", "secret"), "E073"),
        (("https://rantevou.example.org/sandbox/oauth2server", "id", "secret"), "E073"),
    ],
)
def test_provider_is_whole_safe_and_real(
    settings: Settings, group: str, values: tuple[str, str, str], error: str | None
):
    settings.PRIVATE_HOSTS = ["gsis"]
    for name, value in zip(("URL", "CLIENT_ID", "SECRET"), values, strict=True):
        setattr(settings, f"{group}_{name}", value)
    assert [found.id for found in check_providers()] == ([f"mydesklive.{error}"] if error else [])
