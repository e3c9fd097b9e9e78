"""The page that is shown while the database cannot work, and its button."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import time_machine
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from mydesklive.postgresql.base import DatabaseWrapper
from tests.builders import a_user, an_officer, an_open_branch, slots_of
from tests.conftest import NewPage
from tests.pages import Accessible, fits, hidden_of, sign_in, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)
GREEK, ENGLISH = "Δεν μπορέσαμε να το κάνουμε τώρα", "We could not do this just now"


@contextmanager
def no_database() -> Iterator[None]:
    """Takes the database away from all threads."""

    def refuse(_wrapper: DatabaseWrapper) -> None:
        raise psycopg.OperationalError("connection refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseWrapper, "connect", refuse)
        patch.setattr(DatabaseWrapper, "cursor", lambda wrapper: wrapper.close() or wrapper._cursor())
        yield


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", GREEK),
        ("/en/appointments/", ENGLISH),
        ("/admin/", GREEK),
        ("/en/admin/agencies/branch/", ENGLISH),
        ("/en/reports/", ENGLISH),
    ],
)
def test_page_tells_in_the_language_of_its_address(path: str, words: str) -> None:
    client = signed_in(Client(headers={"Accept-Language": "de"}), a_user(is_operator=True))
    with no_database():
        answer = client.get(f"{path}?a=1&b=%CE%B1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "script-src" in answer.headers["Content-Security-Policy"]
    assert words in text_of(answer)
    assert f'href="{path}?a=1&b=%CE%B1"' in text_of(answer)
    assert not answer.cookies


def test_form_is_kept_whole() -> None:
    typed = {"name": ["Ελένη <b>&\"'"], "notes": ["α\nβ"], "day": ["1", "2"], "confirm": [""], "code": ["k3y"]}
    with no_database():
        answer = Client().post("/en/mykeplive/kep-dilosi/book/details/?x=1", typed)
    text = answer.content.decode()
    assert '<form method="post" action="/en/mykeplive/kep-dilosi/book/details/?x=1">' in text
    found = [*hidden_of(text_of(answer)).items()]
    assert {("notes", "α\nβ"), ("day", "2"), ("code", "k3y")} <= {*found}
    assert 'name="confirm" value=""' in text
    assert 'value="Ελένη &lt;b&gt;&amp;&quot;&#x27;"' in text
    assert text.count('name="day"') == 2
    assert "Nothing was done" in text


@pytest.mark.parametrize(
    ("path", "secrets"),
    [
        ("/en/accounts/login/code/confirm/", {"code": "123456"}),
        ("/en/admin/login/", {"login": "eleni@example.org", "password": "correct horse"}),
        ("/en/accounts/confirm-email/", {"code": "123456"}),
        ("/en/admin/anything/", {"new_password1": "correct horse", "client_secret": "battery"}),
    ],
)
def test_secret_is_typed_again_and_nothing_else(path: str, secrets: dict[str, str]) -> None:
    client = signed_in(Client(), a_user())
    with no_database():
        answer = client.post(path, secrets | {"next": "/en/appointments/", "csrfmiddlewaretoken": "t0ken"})
    text = answer.content.decode()
    assert answer.status_code == 503
    for name, value in secrets.items():
        is_shown = name == "login"
        assert (value in text) == is_shown
        assert (re.search(rf'<input [^>]*type="password" name="{name}"', text) is None) == is_shown
    assert 'name="next" value="/en/appointments/"' in text
    assert 'name="csrfmiddlewaretoken" value="t0ken"' in text


@pytest.mark.parametrize(
    ("path", "beginning"), [("/kiosk/abc/walk-in/", "/kiosk/abc/"), ("/en/display/abc/", "/display/abc/")]
)
def test_machine_in_the_hall_goes_on_by_itself(path: str, beginning: str) -> None:
    with no_database():
        answer = Client().get(path)
    assert (answer.status_code, answer.headers["Refresh"]) == (503, f"20; url={beginning}")


@pytest.mark.parametrize(("language", "words"), [("el", "Η υπηρεσία δεν μπορεί"), ("en", "The service cannot do this")])
@pytest.mark.parametrize("method", ["get", "post"])
def test_programs_get_the_form_of_the_interface(method: str, language: str, words: str) -> None:
    client = signed_in(Client(headers={"Accept-Language": language}), a_user())
    with no_database():
        answer = getattr(client, method)("/api/v1/appointments/", content_type="application/json")
    if answer.status_code == 405:
        answer = client.get("/api/v1/agencies/")
    assert (answer.status_code, answer.headers["Retry-After"], [*answer.json()]) == (503, "5", ["detail"])
    assert answer.json()["detail"].startswith(words)
    assert answer.headers["Content-Language"] == language


def test_who_cannot_know_whether_it_was_stored_is_told_so(
    monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    """The time is held, and then the session cannot be stored: no view sees this error."""
    slot, *_rest = slots_of(an_open_branch())

    def refuse(*args: object, **options: object) -> None:
        raise OperationalError("It is gone.")

    monkeypatch.setattr(SessionStore, "save", refuse)
    client = Client(raise_request_exception=False)
    answer = client.post("/en/mykeplive/kep-dilosi/book/time/?channel=in_person&branch=kep-chania", {"slot": slot.pk})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Perhaps it is stored, perhaps not." in answer.content.decode()
    assert f'name="slot" value="{slot.pk}"' in answer.content.decode()


@pytest.mark.browser
@pytest.mark.parametrize("language", ["el", "en"])
def test_button_sends_the_same_form_again(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Accessible, language: str
) -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    for javascript in (True, False):
        page = new_page(size=(320, 600), language=language, javascript=javascript)
        sign_in(page, officer, live_server)
        prefix = "/en" if language == "en" else ""
        page.goto(f"{prefix}/appointments/find/")
        page.locator("[name=reference]").fill("K7M4Q2XDBN")
        with no_database():
            page.locator("main form button[type=submit]").first.click()
            expect(page.locator("h1")).to_have_text(ENGLISH if language == "en" else GREEK)
            if javascript:
                assert_accessible(page)
                assert fits(page)
        page.locator("main button").click()
        expect(page.locator("[name=reference]")).to_have_value("K7M4Q2XDBN")
