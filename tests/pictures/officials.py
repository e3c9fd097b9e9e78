"""Takes the pictures of the officials' guide. `make pictures` runs it; it is no test."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from accounts.database.patience import COMMAND, patience
from agencies.models import Branch
from mydesklive.demo import cast, history, story, wanted
from reports import counting
from tests.pictures.conftest import Take

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Office = Callable[..., Page]


@pytest.fixture
def figures(home: Branch) -> None:
    """The demo's last year, as `make run` writes it."""
    today = timezone.localdate()
    first = (today - timedelta(days=333)).replace(day=1)
    with patience(COMMAND):
        history.go_on(first, today - timedelta(days=1))
        story.visit(first, today)
        counting.rebuild(now=timezone.now())
        wanted.fill(first, now=timezone.now())


@pytest.mark.usefixtures("figures")
def test_official(office: Office, take: Take) -> None:
    page = office(cast.OFFICIAL)
    page.goto("/reports/")
    take(page, "officials-overview", "h1", "#by-month")
    take(page, "officials-satisfaction", "#satisfaction", "#busiest-hours")
    page.goto("/reports/demand/")
    take(page, "officials-demand", ".keys", ".keys + section")
