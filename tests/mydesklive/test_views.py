import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django.fixtures import Settings

from agencies.models import Role
from tests.builders import an_agency, an_officer
from tests.pages import signed_in


def test_a_lost_cache_finds_and_keeps_nothing(no_redis: None):
    cache = caches["default"]
    cache.set("key", "value")
    assert cache.get("key", "default") == "default"
    assert cache.get_or_set("key", "made") == "made"
    assert cache.get_many(["key"]) == {}
    assert cache.add("key", "value")


def test_robots_stay_away_from_people(client: Client):
    rules = client.get("/robots.txt").content.decode().splitlines()
    assert {"Disallow: /appointments/", "Disallow: /*/book/"} <= set(rules)


@pytest.mark.django_db
def test_password_page_is_part_of_the_demo_alone(client: Client, settings: Settings):
    answer = client.get("/accounts/login/?next=/appointments/")
    assert answer.headers["Location"] == "/accounts/login/code/?next=/appointments/"
    settings.PASSWORD_SIGN_IN = True
    assert client.get("/accounts/login/").status_code == 200


def test_pages_run_no_script_but_ours(client: Client):
    policy = client.get("/robots.txt").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy.split("; ")  # the directives can be in any order
    assert "unsafe" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/en/admin/", "/api/v1/docs/"])
def test_pages_of_libraries_have_the_policy_of_ours(client: Client, path: str):
    policy = client.get(path).headers["Content-Security-Policy"].split("; ")
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in " ".join(policy)


@pytest.mark.django_db
def test_no_style_stands_in_a_page_of_the_theme(client: Client):
    signed_in(client, an_officer(an_agency(), Role.AGENCY_ADMIN))
    page = client.get("/admin/agencies/procedure/")
    assert "style-src 'self'" in page.headers["Content-Security-Policy"].split("; ")
    assert "<style" not in page.content.decode()
    assert " style=" not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/agencies/", "/api/v1/branches/?agency=none"])
def test_data_loads_nothing(client: Client, path: str):
    policy = client.get(path).headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["el", "en"])
def test_the_api_speaks_the_language_asked_for(client: Client, language: str):
    answer = client.get("/api/v1/schema/", headers={"Accept-Language": language})
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]
