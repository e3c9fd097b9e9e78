"""The cast of most tests about appointments. A file with another branch or desk makes its own."""

import pytest
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Role
from appointments.models import Desk
from tests.builders import a_desk, an_officer, an_open_branch


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


@pytest.fixture
def officer(branch: Branch) -> User:
    return an_officer(branch)


@pytest.fixture
def desk(branch: Branch, officer: User) -> Desk:
    return a_desk(branch, officer)


@pytest.fixture
def supervisor(client: Client, branch: Branch) -> Client:
    """The browser of the branch's supervisor."""
    client.force_login(an_officer(branch, Role.SUPERVISOR))
    return client
