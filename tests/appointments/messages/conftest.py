"""What the tests of messages share."""

import warnings

import apprise
import pytest


@pytest.fixture(scope="module")
def plugins() -> None:
    """Has apprise load its gateways before a test opens a transaction."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        apprise.Apprise.instantiate("json://localhost")
