"""One line for each request, and the id that goes with it."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from accounts.security import CURRENT
from agencies.models import Role, SystemToken
from tests.builders import a_user, an_officer, an_open_branch
from tests.pages import signed_in

pytestmark = pytest.mark.django_db
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.INFO, "mydesklive.request")
    return lambda: [record.told for record in caplog.records if record.name == "mydesklive.request"]


def test_a_request_is_one_line_without_its_path(client: Client, lines: Lines):
    client.get("/en/appointments/K7M4Q2XDBN/?key=made-up")
    [line] = lines()
    assert line.pop("ms") > 0
    assert line.pop("queries") >= 1
    assert line == {"method": "GET", "route": "en/appointments/<slug:reference>/", "status": 404, "role": "guest"} | {
        "status": line["status"]
    }


def test_an_address_that_is_not_ours_has_no_route(client: Client, lines: Lines):
    client.get("/eleni@example.org/x/y/z/")
    client.generic("ELENI", "/robots.txt")
    assert [(line["method"], line["route"]) for line in lines()] == [("GET", "-"), ("-", "robots.txt")]


def test_probes_and_static_files_are_told_only_if_something_is_wrong(client: Client, lines: Lines):
    client.get("/health/live")
    client.get("/static/css/site.css").close()
    assert lines() == []
    client.get("/static/none.css")
    assert [line["status"] for line in lines()] == [404]


@pytest.mark.parametrize("role", ["citizen", "agent", "supervisor", "agency_admin", "operator", "official"])
def test_the_role_is_told(client: Client, lines: Lines, role: str):
    branch = an_open_branch()
    if role in Role.values:
        user = an_officer(branch.agency if role == Role.AGENCY_ADMIN else branch, role)
    else:
        user = a_user(is_operator=role == "operator", is_official=role == "official")
    signed_in(client, user)
    client.get("/admin/" if role not in {"citizen", "official"} else "/en/appointments/")
    assert lines()[-1]["role"] == role


def test_a_system_is_a_role(lines: Lines):
    SystemToken.objects.create(agency=an_open_branch().agency, label="X", digest=SystemToken.digest_of("secret"))
    Client(headers={"Authorization": "Bearer secret"}).get("/api/v1/appointments/K7M4Q2XDBN/")
    assert lines()[-1]["role"] == "system"


def test_the_line_asks_the_database_nothing(client: Client, django_assert_num_queries: DjangoAssertNumQueries):
    client.force_login(a_user())
    with django_assert_num_queries(0):
        client.get("/robots.txt")


# The id


@pytest.mark.parametrize(
    "given", ["", "short", "with space 123", "x" * 65, "a\nb-forged-1", "<script>1234", "-begins-12"]
)
def test_an_id_that_is_not_well_formed_is_replaced(client: Client, settings: Settings, given: str):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    answer = client.get("/robots.txt", HTTP_X_REQUEST_ID=given)
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])


@pytest.mark.parametrize("proxies", [0, 1])
def test_only_our_own_proxy_gives_an_id(client: Client, settings: Settings, proxies: int):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    given = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    answer = client.get("/robots.txt", HTTP_X_REQUEST_ID=given)
    assert (answer.headers["X-Request-ID"] == given) is bool(proxies)


def test_every_line_meanwhile_knows_the_request_and_none_afterwards(client: Client, monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr("mydesklive.pages.probes._cache_answers", lambda: seen.append(CURRENT.get()))
    answer = client.get("/health/ready")
    assert [work.id for work in seen] == [answer.headers["X-Request-ID"]]
    monkeypatch.setattr("mydesklive.pages.probes._cache_answers", None)
    client.raise_request_exception = False
    assert client.get("/health/ready").status_code == 500
    assert CURRENT.get() is None
