"""Pages of libraries: no script fails, the content security policy blocks nothing, and they fit a small phone."""

from collections import deque
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, Role
from tests.builders import NOW, TUESDAY, a_closure, a_desk, a_user, an_appointment, an_officer, at, slot_at
from tests.conftest import DESK
from tests.pages import fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROLES = [*Role, "operator"]
SMALL = 320  # pixels


def somebody(branch: Branch, role: str) -> User:
    if role == "operator":
        return a_user("operator@example.org", is_operator=True, is_invited=True)
    return an_officer(branch.agency if role == Role.AGENCY_ADMIN else branch, role, "somebody@example.org")


def kind_of(path: str) -> str:
    """The name of the page's address: one page stands for all that are made by the same view."""
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_the_admin_runs_its_scripts_and_fits_a_small_phone(
    hall: Branch, page: Page, live_server: LiveServer, role: str
) -> None:
    an_appointment(slot_at(at(9), hall), now=NOW)
    a_closure(hall, TUESDAY)
    a_desk(hall, name="9")
    sign_in(page, somebody(hall, role), live_server)
    wide, (_, height) = [], DESK
    seen, waiting = {"admin:logout", "admin:index", "admin:jsi18n"}, deque(["/admin/"])
    while waiting:
        page.goto(waiting.popleft())
        page.wait_for_load_state("load")
        page.set_viewport_size({"width": SMALL, "height": height})
        if not fits(page):
            wide.append(page.url)
        page.set_viewport_size({"width": DESK[0], "height": height})
        for link in page.locator("a[href]").evaluate_all("links => links.map(link => link.href)"):
            address = urlsplit(urljoin(page.url, link))
            kind = kind_of(address.path)
            if kind.startswith("admin:") and not address.path.startswith("/en/") and kind not in seen:
                seen.add(kind)
                waiting.append(f"{address.path}?{address.query}" if address.query else address.path)
    assert len(seen) > 10
    assert wide == []


def test_scripts_of_the_pages_of_the_api_run_without_eval(page: Page) -> None:
    page.goto("/api/v1/docs/")
    page.locator(".opblock").first.click()
    page.locator(".opblock.is-open").wait_for()
