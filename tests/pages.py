"""Signing in, and reading what pages show: with Django's client and in the browser."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import altcha
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User

Accessible = Callable[[Page], None]
# Milliseconds. Pages ask for news every two to ten seconds.
SOON = 15_000


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    """The page as it is written, with its letters instead of their entities."""
    return unescape(response.content.decode())


def hidden_of(text: str) -> dict[str, str]:
    """The hidden fields of the page's forms, without the token against forged requests, as a click would send them."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def sign_in(page: Page, user: User, live_server: LiveServer) -> None:
    """Signs the browser of the page in."""
    session = signed_in(Client(), user).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])


def fits(page: Page) -> bool:
    """Returns whether nothing on the page is wider than its window.

    Chromium gives a page its new width a moment after the window was resized, later on a busy machine.
    """
    assert page.viewport_size
    for _look in range(20):
        if page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]:
            return True
        page.wait_for_timeout(50)
    return False


def choose_first_time(page: Page, day: str) -> None:
    """Choose the day's first time on a staff page that offers times."""
    times = page.locator(".times__day", has_text=day)
    times.locator("summary").click()
    times.locator("label").first.click()


def solution_of(puzzle: str) -> str:
    """Solves a puzzle of `accounts.limits.work`, as a browser does."""
    challenge = altcha.Challenge.from_dict(json.loads(puzzle))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()
