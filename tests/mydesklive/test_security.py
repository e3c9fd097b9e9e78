"""What the papers about security promise: the settings of a public installation, and that the papers are true."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django import forms
from django.apps import apps
from django.conf import settings as ours
from django.contrib.auth.hashers import identify_hasher, make_password
from django.db import models
from django.test import Client
from django.urls import get_resolver
from pytest_django.fixtures import Settings

from accounts.sealing import random_key
from mydesklive.environment import Environment
from tests.builders import a_user
from tests.pages import signed_in

BASE = Path(__file__).parent.parent.parent
APPS = ("accounts", "agencies", "appointments", "mydesklive", "reports", "videocalls")
# A public installation that is right.
PUBLIC = {
    "SECRET_KEY": "Jw4tq0bQ1nUe8yBf3kVh6sZc9xLmRdPaTgYiOuEoHjKvNzXq2W5C7A",
    "DATA_KEY": "m9Qx3Zt7Lp1Vb5Ns8Kd2Hf6Jg0RwYcTeUiOaXyBvCnMzAqWsEdRf4G",
    "SITE_URL": "https://rantevou.example.org",
    "TRUSTED_PROXIES": "1",
    "EMAIL_URL": "smtp+tls://user:word@mail.example.org:587",
    "DATABASE_URL": "postgresql://desk:word@db.example.org:5432/desk?sslmode=verify-full",
    "REDIS_URL": "rediss://:word@redis.example.org:6379/0",
    "TURN_URLS": "turn:turn.example.org:3478",
    "TURN_SECRET": "m9Qx3Zt7Lp1Vb5Ns8Kd2Hf6Jg0RwYcTeUiOaXyBvCnMzAqWsEdRf4G",
}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, *code.split(" ", 2)] if code.startswith("manage.py") else [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=BASE, env=given | environment, capture_output=True, text=True, check=False, timeout=120
    )


# Settings


def test_check_of_a_public_installation_finds_nothing() -> None:
    checked = run("manage.py check --deploy", **PUBLIC)
    assert "no issues" in checked.stdout + checked.stderr, checked.stderr


def test_cookies_and_https_of_a_public_installation() -> None:
    wanted = {
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "SESSION_COOKIE_AGE": 12 * 3600,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 365 * 24 * 3600,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_HSTS_PRELOAD": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
    }
    code = f"""
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "mydesklive.settings"
from django.conf import settings
print({{name: getattr(settings, name) for name in {[*wanted]!r}}})
print(settings.PASSWORD_HASHERS[0])
"""
    told = run(code, **PUBLIC)
    assert told.stdout.splitlines() == [str(wanted), "django.contrib.auth.hashers.Argon2PasswordHasher"], told.stderr


def test_passwords_are_stored_with_argon2(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert identify_hasher(make_password("a long password")).algorithm == "argon2"


def test_policy_allows_no_inline_code_anywhere() -> None:
    directives = ours.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert directives["default-src"] == directives["script-src"] == ["'self'"]
    assert not any("unsafe" in str(source) or source == "*" for sources in directives.values() for source in sources)


# Secrets from files


def test_any_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" secret \n")
    read = Environment({"SECRET_KEY_FILE": str(tmp_path / "key"), "METRICS_TOKEN_FILE": str(tmp_path / "key")})
    assert (read.key("SECRET_KEY"), read.text("METRICS_TOKEN")) == (" secret ", "secret")
    assert read.malformed == {}


@pytest.mark.parametrize("content", [None, b"\xff\xfe", "folder"])
def test_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path if content == "folder" else tmp_path / "key"
    if isinstance(content, bytes):
        path.write_bytes(content)
    read = Environment({"SECRET_KEY_FILE": str(path)})
    assert read.key("SECRET_KEY") == ""
    assert set(read.malformed) == {"SECRET_KEY_FILE"}


def test_setting_and_file_at_once_are_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("one")
    read = Environment({"SECRET_KEY_FILE": str(tmp_path / "key"), "SECRET_KEY": "other"})
    assert read.key("SECRET_KEY") == "other"
    assert set(read.malformed) == {"SECRET_KEY_FILE"}


def test_keys_that_open_something_are_long_and_never_the_same() -> None:
    keys = {random_key() for _one in range(1000)}
    assert len(keys) == 1000
    assert {len(key) for key in keys} == {22}


# Sessions


@pytest.mark.django_db
def test_session_key_stands_in_no_address_and_changes_at_sign_in(client: Client) -> None:
    client.post("/accounts/login/code/", {"email": "nobody@example.org"})
    before = client.session.session_key
    signed_in(client, a_user())
    after = client.session.session_key
    assert after
    assert before != after
    page = client.get("/appointments/", follow=True)
    assert after not in page.content.decode()
    assert not any(after in address for address, _status in page.redirect_chain)


def parameters(patterns: list[object], path: str = "") -> Iterator[str]:
    for one in patterns:
        here = path + str(one.pattern)  # type: ignore[attr-defined]
        yield here
        yield from parameters(getattr(one, "url_patterns", []), here)


def test_no_address_has_a_place_for_a_session() -> None:
    assert [path for path in parameters(get_resolver().url_patterns) if "session" in path.lower()] == []


# What is not there


def kinds(parent: type) -> Iterator[type]:
    for child in parent.__subclasses__():
        yield child
        yield from kinds(child)


def test_nobody_uploads_files() -> None:
    assert get_resolver().url_patterns  # the whole product is loaded
    found = [
        str(form)
        for form in kinds(forms.BaseForm)
        if form.__module__.startswith(APPS)
        and any(isinstance(field, forms.FileField) for field in getattr(form, "base_fields", {}).values())
    ]
    stored = [
        str(field)
        for model in apps.get_models()
        if model._meta.app_label in APPS
        for field in model._meta.get_fields()
        if isinstance(field, models.FileField)
    ]
    assert found == stored == []


# Modules that open connections to others, and where the addresses come from. None of them comes from a person or an agency,
# so nobody can have us ask an address of their choice. A new module needs a line here, and if its address is somebody's
# own, a way to reach public addresses alone.
OUTGOING = {
    "accounts/providers/talking.py": "TAXISNET_URL, TAXISNET_STAFF_URL, OIDC_URL",
    "accounts/mails/imap.py": "BOUNCE_URL",
    "appointments/messages/conversation.py": "EMAIL_URL",
    "appointments/messages/sms.py": "SMS_URL",
    "videocalls/providers/asking.py": "BBB_URL, LIVEKIT_URL, WEBEX_URL",
}
REACHING = {
    "aiohttp",
    "apprise",
    "ftplib",
    "http.client",
    "httpx",
    "imaplib",
    "poplib",
    "requests",
    "smtplib",
    "socket",
}
REACHING |= {"telnetlib", "urllib.request", "urllib3", "websockets"}
# These listen, or start the local services of `make run`.
LISTENING = ("mydesklive/serving/", "mydesklive/local/")
# These only look at an address, or at the errors of connections that others opened.
LOOKING = {"accounts/entering/social.py", "accounts/mails/handing.py", "accounts/providers/round_trip.py"}
LOOKING |= {"mydesklive/checks/peers.py", "mydesklive/logs/telling.py"}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_addresses_that_we_ask_come_from_the_environment_alone() -> None:
    paths = [path for app in APPS for path in (BASE / app).rglob("*.py")]
    reaching = {str(path.relative_to(BASE)) for path in paths if imported(path) & REACHING}
    assert {path for path in reaching if not path.startswith(LISTENING)} == OUTGOING.keys() | LOOKING


# The papers


@pytest.mark.parametrize("contact", ["", "mailto:security@example.org"])
def test_security_txt_says_whom_to_tell(client: Client, settings: Settings, contact: str) -> None:
    settings.SECURITY_CONTACT = contact
    answer = client.get("/.well-known/security.txt")
    lines = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == (contact or "http://localhost:8000/help/")
    assert lines["Canonical"] == "http://localhost:8000/.well-known/security.txt"
    assert datetime.fromisoformat(lines["Expires"]) == settings.SECURITY_TXT_EXPIRES


def test_security_txt_is_good_for_another_month_and_for_less_than_a_year() -> None:
    """Fails when somebody has to read the file again: then change SECURITY_TXT_EXPIRES, as RFC 9116 advises."""
    left = ours.SECURITY_TXT_EXPIRES - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=366)


SECTIONS = dict(zip(range(1, 18), (5, 4, 7, 4, 4, 8, 6, 4, 2, 7, 7, 3, 4, 3, 4, 5, 3), strict=True))


def rows() -> list[list[str]]:
    lines = (BASE / "docs/asvs.md").read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| V")]


def test_table_of_asvs_has_every_section_once() -> None:
    expected = [f"V{chapter}.{section}" for chapter, most in SECTIONS.items() for section in range(1, most + 1)]
    assert [row[0].split()[0] for row in rows()] == expected
    assert {row[1] for row in rows()} == {"met", "partly", "not applicable"}


def test_what_is_met_is_told_where_and_tested_by_files_that_exist() -> None:
    for section, state, how, where, tests in rows():
        named = re.findall("`([^`]+)`", where), re.findall("`([^`]+)`", tests)
        assert how.endswith("."), section
        assert state != "met" or all(named), section
        assert [path for paths in named for path in paths if not (BASE / path).exists()] == [], section
        assert all(path.startswith("tests/") for path in named[1]), section


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/threat-model.md", "docs/asvs.md"])
def test_links_and_files_of_the_papers_exist(page: str) -> None:
    text, folder = (BASE / page).read_text(), (BASE / page).parent
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    files = [name for name in re.findall("`([a-z]+/[^`]*[a-z/])`", text) if name.startswith((*APPS, "deploy", "docs"))]
    assert [link for link in links if not (folder / link).exists()] == []
    assert [name for name in files if not (BASE / name).exists()] == []
    assert links or files
