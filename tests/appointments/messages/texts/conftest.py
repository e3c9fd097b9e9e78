"""Somebody who writes the texts of ΚΕΠ, and the texts that are there to write."""

import pytest

from accounts.models import User
from agencies.models import Branch, Role
from tests.builders import an_officer


@pytest.fixture
def administrator(branch: Branch) -> User:
    return an_officer(branch.agency, Role.AGENCY_ADMIN, "administrator@example.org")
