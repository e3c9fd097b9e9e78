"""What stands on every answer: a walk over all kinds of answers, and over the addresses that anybody can open."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver
from pytest_django.fixtures import Settings

from appointments.models import Queue
from tests.builders import an_open_branch

pytestmark = pytest.mark.django_db
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
KINDS: list[tuple[str, str, int, dict[str, Any]]] = [
    ("get", "/", 200, {}),
    ("get", "/en/", 200, {}),
    ("get", "/static/css/site.css", 200, {}),
    ("get", "/static/none.css", 404, {}),
    ("get", "/static/%00", 404, {}),
    ("get", "/nowhere/at/all/", 404, {}),
    ("get", "/admin", 301, {}),
    ("get", "/admin/", 302, {}),
    ("get", "/en/mykeplive/?branch=%00", 400, {}),
    ("post", "/appointments/find/", 403, {"HTTP_COOKIE": "a=b"}),
    ("get", "/", 400, {"HTTP_HOST": "elsewhere.example.org"}),
    ("get", "/", 400, {"HTTP_HOST": "bad host"}),
    ("get", "/health/live", 200, {}),
    ("get", "/health/ready", 200, {}),
    ("post", "/health/live", 403, {}),
    ("get", "/robots.txt", 200, {}),
    ("get", "/api/v1/agencies/", 200, {}),
    ("get", "/api/v1/nowhere/", 404, {}),
    ("get", "/api/v1/slots/", 400, {}),
    ("post", "/api/v1/appointments/", 401, {}),
    ("delete", "/api/v1/agencies/", 405, {}),
    ("get", "/api/v1/agencies/", 406, {"HTTP_ACCEPT": "text/html"}),
    ("options", "/", 405, {}),
]


def assert_headers(answer: HttpResponse) -> None:
    headers = answer.headers
    assert {name: headers.get(name) for name in ALWAYS} == ALWAYS
    assert re.fullmatch(r"[\w-]+=\((self)?\)(, [\w-]+=\((self)?\))*", headers["Permissions-Policy"])
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert re.fullmatch("[0-9a-f]{16}", headers["X-Request-ID"])


@pytest.mark.parametrize(("method", "path", "status", "sent"), KINDS, ids=lambda value: str(value)[:40])
def test_every_kind_of_answer_has_them(method: str, path: str, status: int, sent: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    answer = client.generic(method.upper(), path, **sent)
    assert answer.status_code == status
    assert_headers(answer)
    assert "self" not in answer.headers["Permissions-Policy"]
    answer.close()


def test_a_redirect_to_https_has_them(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/")
    assert answer.status_code == 301
    assert_headers(answer)


def test_an_error_of_ours_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mydesklive.pages.probes._database_state", None)
    answer = Client(raise_request_exception=False).get("/health/ready")
    assert answer.status_code == 500
    assert_headers(answer)


def test_every_address_without_parameters_has_them(client: Client) -> None:
    paths = [f"/{route}" for route in routes(get_resolver().url_patterns) if not re.search(r"[<^(\\]", route)]
    assert len(paths) > 50
    client.raise_request_exception = False
    for path in paths:
        answer = client.get(path)
        assert_headers(answer)
        answer.close()


def routes(patterns: Any, before: str = "") -> list[str]:
    found = []
    for one in patterns:
        route = before + str(one.pattern)
        found += [route] if isinstance(one, URLPattern) else routes(one.url_patterns, route)
    return found


def test_only_the_kiosk_the_room_of_a_call_and_its_test_may_use_the_camera(client: Client) -> None:
    queue, _made = Queue.objects.get_or_create(branch=an_open_branch())
    policy = client.get(f"/kiosk/{queue.kiosk_key}/").headers["Permissions-Policy"]
    assert [one for one in policy.split(", ") if "self" in one] == ["camera=(self)"]
    for path in ("/calls/test/", "/calls/0123456789abcdef/"):
        policy = client.get(path).headers["Permissions-Policy"]
        assert {"camera=(self)", "microphone=(self)", "speaker-selection=(self)"} < {*policy.split(", ")}
    assert "display-capture=(self)" in policy
