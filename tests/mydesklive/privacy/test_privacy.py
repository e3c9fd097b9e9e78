"""The pages about privacy and cookies say what is true in this installation."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from appointments.booking import retention
from mydesklive.privacy import records
from mydesklive.privacy.cookies import NAMES
from mydesklive.privacy.processors import VIDEO, named, processors
from tests.builders import an_agency
from tests.pages import text_of
from videocalls.providers import PROVIDERS

BASE = Path(django_settings.BASE_DIR)
# Settings with an address that is no other party: our own site, database, queue and files.
OWN = {
    "SITE_URL",
    "REDIS_URL",
    "DATABASE_URL",
    "STATIC_URL",
    "LOGIN_URL",
    "MEDIA_URL",
    "CELERY_BROKER_URL",
    "EMAIL_URL",
}
OWN |= {"LOGIN_REDIRECT_URL", "ACCOUNT_LOGOUT_REDIRECT_URL"}
# Of the same server as another setting.
SAME = {"EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"}
NOT_OURS = dict.fromkeys(("EMAIL_HOST", "BOUNCE_URL", "SMS_URL", "JITSI_URL", "LIVEKIT_URL", "BBB_URL"), "")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_others(settings: Settings) -> None:
    for name, value in NOT_OURS.items():
        setattr(settings, name, value)
    settings.TURN_URLS = []


# Cookies


@pytest.mark.parametrize("language", ["", "/en"])
def test_page_names_every_cookie_and_no_other(client: Client, language: str) -> None:
    page = text_of(client.get(f"{language}/cookies/"))
    assert set(re.findall(r'<code translate="no">([^<]+)</code>', page)) == NAMES


def test_scripts_set_only_cookies_that_are_named() -> None:
    scripts = [path.read_text() for path in (BASE / "static/js").rglob("*.js")]
    found = {name for text in scripts for name in re.findall(r"document\.cookie = `([\w-]+)=", text)}
    assert found
    assert found <= NAMES
    assert [text for text in scripts if re.search(r"document\.cookie = (?!`[\w-]+=)", text)] == []


def test_no_named_cookie_is_of_the_past() -> None:
    """Each is set by Django, or written somewhere in our own code."""
    djangos = {"sessionid", "csrftoken", "messages", "django_language"}
    ours = "".join(
        path.read_text() for folder in ("videocalls", "static/js") for path in (BASE / folder).rglob("*.[jp][sy]")
    )
    assert [name for name in NAMES - djangos if f"{name.partition('-')[0]}" not in ours] == []


# Processors


def test_every_server_of_others_that_can_be_configured_is_known() -> None:
    tree = ast.parse((BASE / "mydesklive/settings.py").read_text())
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    addresses = {name for name in assigned if re.search(r"_(URLS?|HOST)$", name)} - OWN - SAME - {"WEBEX_HOST"}
    assert addresses <= set(named())
    assert PROVIDERS.keys() - {"room", "link"} == VIDEO.keys()


@pytest.mark.parametrize(
    ("setting", "value", "host"),
    [
        ("EMAIL_HOST", "mail.example.org", "mail.example.org"),
        ("BOUNCE_URL", "imaps://user:word@box.example.org/INBOX", "box.example.org"),
        ("SMS_URL", "jsons://user:word@gateway.example.org:8443/sms?:to={phone}", "gateway.example.org"),
        ("SMS_URL", "twilio://ACsecret:token@15551234567/{phone}", "twilio"),
        ("TURN_URLS", ["turn:turn.example.org:3478?transport=udp"], "turn.example.org"),
        ("JITSI_URL", "https://meet.example.org", "meet.example.org"),
        ("LIVEKIT_URL", "wss://livekit.example.org", "livekit.example.org"),
    ],
)
def test_page_names_who_works_for_us_without_secrets(
    client: Client, settings: Settings, setting: str, value: Any, host: str
) -> None:
    an_agency(video_provider="jitsi", video_fallback="livekit")
    assert processors() == []
    setattr(settings, setting, value)
    [one] = processors()
    assert one.host == host
    page = text_of(client.get("/en/privacy/"))
    assert f">{host}<" in page
    assert "word" not in one.host + re.sub(
        r"[Pp]assword", "", page[page.index("Who works") : page.index("For how long")]
    )


@pytest.mark.parametrize("value", ["", "localhost", "127.0.0.1"])
def test_this_machine_is_nobody_else(client: Client, settings: Settings, value: str) -> None:
    settings.EMAIL_HOST = value
    assert processors() == []
    assert "Who works for us" not in text_of(client.get("/en/privacy/"))


def test_video_server_that_no_agency_uses_is_not_named(settings: Settings) -> None:
    an_agency(video_provider="room", video_fallback="")
    settings.JITSI_URL = "https://meet.example.org"
    assert processors() == []


def test_page_tells_how_long_each_agency_keeps_data(client: Client) -> None:
    an_agency(retention_days=90, name_en="Agency A")
    an_agency("ypex", retention_days=1, name_en="Agency B")
    page = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", text_of(client.get("/en/privacy/"))))
    assert "Agency A 90 days after the appointment Agency B 1 day after the appointment" in page


# Records


@pytest.mark.parametrize("name", records.DOCUMENTS)
def test_documents_are_up_to_date(name: str, tmp_path: Path) -> None:
    call_command("privacy_records", folder=tmp_path)
    assert (tmp_path / name).read_text() == (BASE / "docs" / name).read_text(), "Run manage.py privacy_records."


def test_documents_are_filled_from_the_configuration(settings: Settings, tmp_path: Path) -> None:
    an_agency(retention_days=90, name_en="Agency A", video_provider="jitsi")
    settings.JITSI_URL, settings.EMAIL_HOST = "https://meet.example.org", "mail.example.org"
    settings.PUBLISHER_NAME_EN, settings.PUBLISHER_EMAIL = "Ministry of Appointments", "dpo@example.org"
    call_command("privacy_records", folder=tmp_path)
    text = (tmp_path / "processing.md").read_text()
    for told in (
        "| Agency A | 90 |",
        "meet.example.org",
        "mail.example.org",
        "Ministry of Appointments",
        "dpo@example.org",
    ):
        assert told in text
    assert "meet.example.org" in (tmp_path / "impact.md").read_text()


def test_record_names_every_field_that_tells_of_somebody() -> None:
    """What retention erases stands in the record, in words."""
    assert set(retention.NOBODY) | set(retention.UNSAID) == records.described()
