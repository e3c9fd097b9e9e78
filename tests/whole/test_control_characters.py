"""No control character comes in through the API: each is refused at its field, whichever route, parameter or header."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from agencies.models import Branch, SystemToken
from appointments.api.serializers import BOOKING, MOVE
from appointments.models import Appointment
from tests.builders import NOW, an_appointment, an_open_branch, slots_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
# Those that break no line: line breaks are cleaned, and the character zero has a message of its own.
CONTROL = ["\x01", "\x07", "\x08", "\x0e", "\x1b", "\x1f", "\x7f", "\x84", "\x9f"]
MESSAGE = ["Control characters are not allowed."]


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


@pytest.fixture
def system(branch: Branch) -> Client:
    SystemToken.objects.create(agency=branch.agency, label="Test", digest=SystemToken.digest_of("secret"))
    return Client(headers={"Authorization": "Bearer secret", "Accept-Language": "en"})


def a_request(branch: Branch) -> dict[str, Any]:
    wanted = {"slot": slots_of(branch)[0].pk, "procedure": "kep-dilosi", "channel": "in_person", "name": "Eleni"}
    return wanted | {"email": "eleni@example.org", "phone": "6912345678", "language": "el"}


@pytest.mark.parametrize("field", BOOKING.fields)
def test_of_a_booking(branch: Branch, system: Client, field: str) -> None:
    for character in CONTROL:
        body = a_request(branch) | {field: f"a{character}b"}
        answer = system.post("/api/v1/appointments/", json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json()) == (400, {field: MESSAGE}), repr(character)
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("field", MOVE.fields)
def test_of_a_move(branch: Branch, system: Client, field: str) -> None:
    appointment = an_appointment(slots_of(branch)[0], now=NOW)
    Appointment.objects.update(source="system")
    body = json.dumps({field: {"deep": ["a\x1bb"]}})
    answer = system.patch(f"/api/v1/appointments/{appointment.reference}/", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {field: MESSAGE})


def test_of_no_field(branch: Branch, system: Client) -> None:
    for body in (["a\x07"], "a\x07"):
        answer = system.post("/api/v1/appointments/", json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json()) == (400, {"non_field_errors": MESSAGE})


def test_of_a_header(branch: Branch, system: Client) -> None:
    for character in CONTROL:
        answer = system.post(
            "/api/v1/appointments/",
            json.dumps(a_request(branch)),
            content_type="application/json",
            HTTP_IDEMPOTENCY_KEY=f"a{character}b",
        )
        assert (answer.status_code, answer.json()) == (400, {"Idempotency-Key": MESSAGE}), repr(character)


def api_paths(patterns: Any = None, before: str = "/") -> Iterator[str]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(one.pattern)
        if not isinstance(one, URLPattern):
            yield from api_paths(one.url_patterns, route) if "/api/v1/".startswith(route) or "api" in route else ()
        elif route.startswith("/api/v1/") and "^" not in route:
            yield route.replace("<str:slug>", "kep").replace("<str:code>", "kep-chania")


def test_of_a_query_on_every_route(branch: Branch, system: Client) -> None:
    paths = [path for path in api_paths() if "<" not in path]
    assert len(paths) >= 8
    for path in paths:
        for name in ("q", "region", "procedure", "from", "made-up", "a\x1bb"):
            answer = system.get(path, {name: "a\x07b"})
            assert (answer.status_code, answer.json()) == (400, {name: MESSAGE}), (path, name)


@pytest.mark.parametrize("kind", ["agencies", "branches", "procedures", "appointments"])
def test_of_a_path(branch: Branch, system: Client, kind: str) -> None:
    for character in CONTROL:
        assert system.get(f"/api/v1/{kind}/kep{character}/").status_code == 404


def test_line_breaks_and_tabs_are_no_control_characters(branch: Branch, system: Client) -> None:
    body = a_request(branch) | {"notes": "a\r\nb\tc\x0bd"}
    answer = system.post("/api/v1/appointments/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201
    assert Appointment.objects.get().notes == "a\nb\tc\nd"
