"""What settings of providers are read as."""

import pytest

from mydesklive.environment import levels, origins


def test_origins_are_schemes_and_hosts_once():
    urls = (
        "https://oauth2.gsis.gr/oauth2server",
        "https://oauth2.gsis.gr/oauth2servergov",
        "",
        "http://[",
        "gsis.gr/a",
    )
    assert origins(*urls, "http://localhost:8000/sandbox/oidc") == ["https://oauth2.gsis.gr", "http://localhost:8000"]


def test_levels_are_read_in_pairs():
    assert levels("urn:a=b=low, urn:chip=high") == {"urn:a=b": "low", "urn:chip": "high"}


@pytest.mark.parametrize("text", ["urn:gold", "urn:gold=highest", "=,", "urn:gold="])
def test_level_that_is_none_is_refused(text: str):
    with pytest.raises(ValueError, match=r"level|sequence"):
        levels(text)
