"""Fixtures for all tests: an empty cache, a clock that stands, and pages in Chromium on a desk and on a phone."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache
from django.test import TransactionTestCase
from django.utils import translation
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.work import breaker
from mydesklive.pages.files import StaticFilesMiddleware
from tests.builders import NOON, NOW
from tests.database import copying
from tests.database.emptying import empty_database
from tests.pages import SOON
from tests.servers import mailserver
from tests.servers.mailserver import MailServer

AXE = Path(__file__).parent.parent / "node_modules/axe-core/axe.min.js"
JITSI_SECRET = "a secret of thirty-two bytes or more"
# Axe takes most of its time to describe what passes, which no test reads.
RUN_AXE = """async tags => {
  const options = {runOnly: tags, resultTypes: ["violations"], selectors: false};
  return (await axe.run(document, options)).violations;
}"""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=5",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]
DESK, PHONE = (1280, 900), (390, 844)

NewPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    breaker.redis.close()
    cache.clear()


@pytest.fixture
def no_redis(settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    if copying.is_shared():
        with django_db_blocker.unblock():
            copying.copy_migrated()


@pytest.fixture(autouse=True, scope="session")
def _quickly_emptied() -> Iterator[None]:
    """Empties the database in milliseconds after each test that commits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: empty_database())
        yield


@pytest.fixture(autouse=True, scope="session")
def _static_files_are_found_once() -> Iterator[None]:
    """Keeps what each test client would look for anew: a thousand files, which takes longer than most pages."""
    find, found = StaticFilesMiddleware.add_files_from_finders, {}

    def add_files(middleware: StaticFilesMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesMiddleware, "add_files_from_finders", add_files)
        yield


@pytest.fixture(autouse=True)
def _greek() -> None:
    """Activates Greek, because a request of an earlier test leaves its language active."""
    translation.activate("el")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """It is NOW for pages and tasks too, until a test moves the clock."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def noon(clock: time_machine.Traveller) -> time_machine.Traveller:
    clock.move_to(NOON)
    return clock


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    with mailserver.running() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def jitsi(settings: Settings) -> None:
    settings.JITSI_URL, settings.JITSI_APP_ID, settings.JITSI_SECRET = (
        "https://meet.example.org",
        "mydesk",
        JITSI_SECRET,
    )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Starts one Chromium for each test process. It is Debian's, unless CHROMIUM names another."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        pytest.fail("Chromium is missing: install the package chromium or set CHROMIUM to its path.")
    expect.set_options(timeout=SOON)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser, live_server: LiveServer) -> Generator[NewPage]:
    """Opens pages, each with its own visitor: `new_page(size=PHONE, language="en", javascript=False, timezone="…", touch=True)`.

    The test fails if a page has a script error, or if the content security policy blocks something on it.
    """
    contexts, errors = [], []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            errors.append(message.text)

    def open_page(
        size: tuple[int, int] = DESK,
        language: str = "el",
        javascript: bool = True,
        timezone: str = "Europe/Athens",
        touch: bool = False,
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": size[0], "height": size[1]},
            locale={"el": "el-GR", "en": "en-GB"}[language],
            timezone_id=timezone,
            java_script_enabled=javascript,
            has_touch=touch or size == PHONE,
            permissions=["camera", "microphone"],
        )
        context.set_default_timeout(SOON)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    _wait_for_server()
    assert errors == []


def _wait_for_server() -> None:
    """Wait until the server has ended every connection of pages that are closed now.

    It goes on with a request that its page has given up, and would lock tables while they are emptied for the next test.
    """
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:  # one for each connection
            thread.join(timeout=20)
            assert not thread.is_alive(), "The server still works on a request of a page that is closed."


# Everything that a page does every few seconds, five times as often.
HURRY = """
for (const name of ["setInterval", "setTimeout"]) {
  const real = window[name].bind(window);
  window[name] = (run, wait, ...more) => real(run, wait >= 2000 ? wait / 5 : wait, ...more);
}
"""


def hurry(page: Page) -> Page:
    """What is opened from now on asks for news so often: for tests of what comes, not of how soon."""
    page.add_init_script(HURRY)
    return page


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()


@pytest.fixture
def phone(new_page: NewPage) -> Page:
    return new_page(size=PHONE)


@pytest.fixture
def plain_page(new_page: NewPage) -> Page:
    """A page without JavaScript."""
    return new_page(javascript=False)


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """Checks the page as it is now against WCAG 2.2 AA, and fails with the findings of axe."""
    source = AXE.read_text()

    def check(page: Page) -> None:
        page.evaluate(source)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = page.evaluate(RUN_AXE, tags)
        violations = [
            {"rule": v["id"], "help": v["help"], "nodes": [n["html"][:200] for n in v["nodes"]]} for v in found
        ]
        assert violations == [], json.dumps(violations, ensure_ascii=False, indent=1)

    return check
