"""What a configuration may say, and that nothing starts with a wrong one."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest
from django.core.checks import CheckMessage, Tags, run_checks
from django.test import Client
from pytest_django.fixtures import Settings
from time_machine import TimeMachineFixture

from agencies.wallclock import ZONE_DATA, is_old
from mydesklive.checks.places import CONFIGURATION
from tests.builders import a_user, an_agency
from tests.pages import signed_in, text_of

BASE = Path(__file__).parent.parent.parent
KEY = "Jw4tq0bQ1nUe8yBf3kVh6sZc9xLmRdPaTgYiOuEoHjKvNzXq2W5C7A"
OTHER = "m9Qx3Zt7Lp1Vb5Ns8Kd2Hf6Jg0RwYcTeUiOaXyBvCnMzAqWsEdRf4G"
# A public installation that is right.
RIGHT = {
    "SECRET_KEY": KEY,
    "DATA_KEY": OTHER,
    "SITE_URL": "https://rantevou.example.org",
    "TRUSTED_PROXIES": "1",
    "EMAIL_URL": "smtp+tls://user:word@mail.example.org:587",
    "DATABASE_URL": "postgresql://desk:word@db.example.org:5432/desk?sslmode=verify-full",
    "REDIS_URL": "rediss://:word@redis.example.org:6379/0",
    "BOUNCE_URL": "",
    "BOUNCE_ADDRESS": "",
    "SMS_URL": "",
    "TURN_URLS": "turn:turn.example.org:3478?transport=udp,stun:turn.example.org",
    "TURN_SECRET": OTHER,
    "TURN_ONLY": "0",
    "SMS_HOOK_SECRET": "",
    "GEOIP_PATH": "",
    "MYDESK_DEMO": "0",
    "DEBUG": "0",
}
JITSI = {"JITSI_URL": "https://meet.example.org", "JITSI_APP_ID": "desk", "JITSI_SECRET": KEY}
LIVEKIT = {"LIVEKIT_URL": "wss://livekit.example.org", "LIVEKIT_API_KEY": "desk", "LIVEKIT_API_SECRET": KEY}
BBB = {"BBB_URL": "https://bbb.example.org/bigbluebutton/", "BBB_SECRET": KEY}
WEBEX = {"WEBEX_CLIENT_ID": "desk", "WEBEX_CLIENT_SECRET": KEY, "WEBEX_REFRESH_TOKEN": OTHER}
VIDEO = (*JITSI, *LIVEKIT, *BBB, *WEBEX, "WEBEX_URL", "WEBEX_TOKEN", "WEBEX_HOST")
READ = (
    *VIDEO,
    "METRICS_TOKEN",
    *("SECRET_KEY", "SECRET_KEY_FALLBACKS", "OWN_DATA_KEY", "DATA_KEY"),
    *("DATA_KEY_FALLBACKS", "SITE_URL", "FURTHER_HOSTS", "PRIVATE_HOSTS"),
    *(
        "ALLAUTH_TRUSTED_PROXY_COUNT",
        "MYDESK_DEMO",
        "DEBUG",
        "EMAIL_URL",
        "EMAIL_HOST",
        "EMAIL_USE_TLS",
        "EMAIL_USE_SSL",
    ),
    *(
        "DEFAULT_FROM_EMAIL",
        "BOUNCE_URL",
        "BOUNCE_ADDRESS",
        "SMS_URL",
        "SMS_HOOK_SECRET",
        "GEOIP_PATH",
        "REDIS_URL",
        "TURN_URLS",
        "TURN_SECRET",
        "TURN_ONLY",
        "MALFORMED",
    ),
)


Told = Callable[..., list[CheckMessage]]


@pytest.fixture
def told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Reads the settings in another environment, and returns what the checks tell about it."""

    def tell(deploy: bool = False, **environment: str) -> list[CheckMessage]:
        for name in (*RIGHT, *VIDEO, "ALLOWED_HOSTS", "SECRET_KEY_FALLBACKS", "LOG_LEVEL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in (RIGHT | environment).items():
            monkeypatch.setenv(name, value)
        read = runpy.run_path(str(BASE / "mydesklive/settings.py"))
        for name in READ:
            setattr(settings, name, read[name])
        monkeypatch.setitem(settings.DATABASES, "default", read["DATABASES"]["default"])
        return run_checks(tags=[CONFIGURATION], include_deployment_checks=deploy)

    return tell


def found() -> set[str]:
    return {message.id for message in run_checks() if message.id and message.id.startswith("mydesklive.")}


def test_the_configuration_of_tests_is_silent(time_machine: TimeMachineFixture):
    time_machine.move_to(datetime(int(ZONE_DATA[:4]), 12, 31, 12, tzinfo=UTC))
    assert found() == set()


WRONG = [
    # Keys
    ("SECRET_KEY", "", "E001"),
    ("SECRET_KEY", "abcde", "E010"),
    ("SECRET_KEY", KEY[:49], "E010"),
    ("SECRET_KEY", "a" * 64, "E010"),
    ("SECRET_KEY", "abcdefghijkl" * 5, "E010"),
    ("SECRET_KEY", "0123456789" * 6, "E010"),
    ("SECRET_KEY", KEY[:30] * 2, "E010"),
    ("SECRET_KEY", "django-insecure-" + KEY, "E010"),
    ("SECRET_KEY", "ChangeMe-" + KEY, "E010"),
    ("SECRET_KEY", "set SECRET_KEY to 50 or more random characters, please", "E010"),
    ("SECRET_KEY", "$(openssl rand -base64 48) and something longer than that", "E010"),
    ("SECRET_KEY_FALLBACKS", "short", "E011"),
    ("SECRET_KEY_FALLBACKS", f"{OTHER},{'x' * 60}", "E011"),
    ("SECRET_KEY_FALLBACKS", f"{OTHER},", "E025"),
    ("DATA_KEY", "", "E012"),
    ("DATA_KEY", "short", "E013"),
    ("DATA_KEY", "x" * 64, "E013"),
    ("DATA_KEY", KEY, "W003"),
    ("DATA_KEY_FALLBACKS", "short", "E037"),
    ("DATA_KEY_FALLBACKS", f"{KEY},{OTHER}", "E038"),
    ("METRICS_TOKEN", "short", "E028"),
    ("METRICS_TOKEN", "x" * 64, "E028"),
    # Processes
    ("WEB_THREADS", "0", "E025"),
    ("WEB_THREADS", "many", "E025"),
    ("WORKER_PROCESSES", "-1", "E025"),
    ("DATABASE_PREPARE", "yes", "E025"),
    # Addresses
    ("SITE_URL", "rantevou.example.org", "E002"),
    ("SITE_URL", "ftp://rantevou.example.org", "E002"),
    ("SITE_URL", "https://", "E002"),
    ("SITE_URL", "https://two words.example.org", "E002"),
    ("SITE_URL", "https://[::1", "E025"),
    ("SITE_URL", "https://rantevou.example.org:https", "E025"),
    ("SITE_URL", "https://rantevou.example.org:99999", "E025"),
    ("SITE_URL", "https://rantevou.example.org/rantevou", "E002"),
    ("SITE_URL", "https://user:word@rantevou.example.org", "E002"),
    ("SITE_URL", "http://rantevou.example.org", "E003"),
    ("SITE_URL", "http://0.0.0.0:8000", "E003"),
    ("ALLOWED_HOSTS", "*", "E014"),
    ("ALLOWED_HOSTS", "www.example.org,*", "E014"),
    ("ALLOWED_HOSTS", "*.example.org", "E014"),
    ("ALLOWED_HOSTS", ".com", "E014"),
    ("ALLOWED_HOSTS", ".gov.gr", "E014"),
    ("ALLOWED_HOSTS", ".example.org", "E014"),
    ("ALLOWED_HOSTS", ".", "E014"),
    ("ALLOWED_HOSTS", "https://www.example.org", "E014"),
    ("ALLOWED_HOSTS", "www.example.org:443", "E014"),
    ("ALLOWED_HOSTS", "www.example.org www2.example.org", "E014"),
    ("ALLOWED_HOSTS", "www.example.org,,www2.example.org", "E025"),
    ("ALLOWED_HOSTS", "www.example.org,", "E025"),
    ("TRUSTED_PROXIES", "-1", "E025 W004"),
    ("TRUSTED_PROXIES", "one", "E025 W004"),
    ("TRUSTED_PROXIES", "1.5", "E025 W004"),
    ("TRUSTED_PROXIES", "1000", "E025 W004"),
    ("TRUSTED_PROXIES", "²", "E025 W004"),
    ("TRUSTED_PROXIES", "0", "W004"),
    ("PRIVATE_HOSTS", "*", "E015"),
    ("PRIVATE_HOSTS", ".example.org", "E015"),
    # What must not be open
    ("DEBUG", "1", "E017"),
    ("DEBUG", "ture", "E025"),
    ("MYDESK_DEMO", "1", "E016"),
    ("MYDESK_DEMO", "yess", "E025"),
    # Mail and SMS
    ("EMAIL_URL", "", "E004"),
    ("EMAIL_URL", "demo:", "E005"),
    ("EMAIL_URL", "smtp://mail.example.org:25", "E018"),
    ("EMAIL_URL", "smtp://user:word@mail.example.org:587", "E018"),
    ("EMAIL_URL", "smtp://10.0.0.5", "E018"),
    ("EMAIL_URL", "smtp://mail:1025", "E018"),
    ("EMAIL_URL", "consolemail:", "E019"),
    ("EMAIL_URL", "filemail:///tmp/mail", "E019"),
    ("EMAIL_URL", "memorymail:", "E019"),
    ("EMAIL_URL", "dummymail:", "E019"),
    ("EMAIL_URL", "mail.example.org", "E025"),
    ("EMAIL_URL", "smtps://", "E025"),
    ("EMAIL_URL", "smtps://mail.example.org:port", "E025"),
    ("EMAIL_URL", "pigeon://mail.example.org", "E025"),
    ("BOUNCE_URL", "bounces:word@mail.example.org", "E025"),
    ("BOUNCE_URL", "imaps://mail.example.org/INBOX", "E025"),
    ("BOUNCE_URL", "imaps://bounces:word@/INBOX", "E025"),
    ("BOUNCE_URL", "imaps://bounces:word@mail.example.org:port/INBOX", "E025"),
    ("BOUNCE_URL", "imaps://bounces:wo%0Drd@mail.example.org/INBOX", "E025"),
    ("BOUNCE_URL", "imaps://bounces:word@mail.example.org/INBOX?ssl=no", "E025"),
    ("BOUNCE_URL", "pop3s://bounces:word@mail.example.org/", "E025"),
    ("BOUNCE_URL", "imap://bounces:word@mail.example.org/INBOX", "E032"),
    ("BOUNCE_ADDRESS", "bounces@example.org", "E033"),
    ("BOUNCE_ADDRESS", "bounces", "E033 E034"),
    ("BOUNCE_ADDRESS", "bounces+more@example.org", "E033 E034"),
    ("BOUNCE_ADDRESS", "more.than.sixteen@example.org", "E033 E034"),
    ("DEFAULT_FROM_EMAIL", "myDESKlive", "E026"),
    ("DEFAULT_FROM_EMAIL", "myDESKlive <no-reply>", "E026"),
    ("DEFAULT_FROM_EMAIL", "myDESKlive <@example.org>", "E026"),
    ("DEFAULT_FROM_EMAIL", "a@example.org\nBcc: b@example.org", "E025"),
    ("SMS_URL", "jsons://gateway.example.org/sms", "E009"),
    ("SMS_HOOK_SECRET", "short", "E029"),
    ("SMS_URL", "pigeon://gateway.example.org/{phone}", "E027"),
    ("SMS_URL", "json://gateway.example.org/sms?:to={phone}", "E022"),
    ("SMS_URL", "form://gateway.example.org/sms?:to={phone}", "E022"),
    # Data
    ("DATABASE_URL", "sqlite:///desk.sqlite", "E025"),
    ("DATABASE_URL", "desk", "E025"),
    ("DATABASE_URL", "postgresql://desk:word@localhost/", "E025"),
    ("DATABASE_URL", "postgresql://desk:word@localhost:port/desk", "E025"),
    ("DATABASE_URL", "postgresql://desk:word@db.example.org/desk", "E006"),
    ("DATABASE_URL", "postgresql://desk:word@db.example.org/desk?sslmode=prefer", "E006"),
    ("DATABASE_URL", "postgresql://desk:word@localhost,db.example.org/desk", "E006"),
    ("DATABASE_URL", "postgresql://desk:word@/desk?host=db.example.org", "E006"),
    ("REDIS_URL", "redis.example.org:6379", "E023"),
    ("REDIS_URL", "http://redis.example.org", "E023"),
    ("REDIS_URL", "redis://localhost:port/0", "E023"),
    ("REDIS_URL", "redis://redis.example.org:6379/0", "W005"),
    ("REDIS_URL", "rediss://redis.example.org:6379/0", "W005"),
    # Video calls
    ("TURN_URLS", "turn.example.org", "E051 E053"),
    ("TURN_URLS", "turn://turn.example.org", "E051"),
    ("TURN_URLS", "turn:turn.example.org:port", "E051"),
    ("TURN_URLS", "turn:turn.example.org?transport=sctp", "E051"),
    ("TURN_URLS", "stun:turn.example.org?transport=udp", "E051 E053"),
    ("TURN_URLS", ",".join(f"turn:{number}.example.org" for number in range(7)), "E051"),
    ("TURN_URLS", "stun:turn.example.org", "E053"),
    ("TURN_URLS", "", "E053 W051"),
    ("TURN_SECRET", "", "E052"),
    ("TURN_SECRET", "north", "E052"),
    ("TURN_ONLY", "maybe", "E025"),
    # Others
    ("JITSI_URL", "https://meet.example.org", "E008"),
    ("JITSI_SECRET", KEY, "E024"),
    ("LIVEKIT_URL", "wss://livekit.example.org", "E042"),
    ("LIVEKIT_API_SECRET", KEY, "E040"),
    ("LIVEKIT_API_KEY", "desk", "E040"),
    ("BBB_URL", "https://bbb.example.org", "E045"),
    ("BBB_SECRET", KEY, "E043"),
    ("WEBEX_REFRESH_TOKEN", KEY, "E047"),
    ("WEBEX_CLIENT_ID", "desk", "E047"),
    ("WEBEX_URL", "http://webexapis.com", "E046"),
    ("WEBEX_HOST", "nobody", "E049"),
    ("LOG_LEVEL", "LOUD", "E025"),
    ("WEB_WORKERS", "0", "E025"),
    ("WEB_WORKERS", "many", "E025"),
    ("STATIC_MANIFEST", "maybe", "E025"),
    ("GEOIP_PATH", "/no/such/countries.mmdb", "W060"),
    ("GEOIP_PATH", __file__, "W060"),
]


@pytest.mark.parametrize(
    ("name", "value", "expected"), WRONG, ids=[f"{name}={value[:40]!r}" for name, value, _ in WRONG]
)
def test_a_wrong_value_is_named_with_what_to_set(told: Told, name: str, value: str, expected: str):
    messages = told(**{name: value})
    assert sorted(message.id.removeprefix("mydesklive.") for message in messages) == expected.split()
    assert any(name in f"{message.msg} {message.hint}" for message in messages)
    assert all(message.hint for message in messages)
    assert not any("word@" in message.msg or KEY in message.msg for message in messages if name != "SITE_URL")


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"DATA_KEY": OTHER[:32]},
        {"SECRET_KEY_FALLBACKS": OTHER},
        {"SECRET_KEY": "0b1946ac92492d2347c6235b4d2611184f2a5c07cc1b4b0ae2a5d3e9b87c61ff"},
        {"ALLOWED_HOSTS": "www.example.org, xn--hxajbheg2az3al.gr,.rantevou.example.org,[2001:db8::1]"},
        {"SITE_URL": "https://[2001:db8::1]:8443"},
        {"EMAIL_URL": "smtps://user:word@mail.example.org"},
        {"EMAIL_URL": "smtp://127.0.0.1:25"},
        {"EMAIL_URL": "smtp://mail:1025", "PRIVATE_HOSTS": "postgres,mail"},
        {"DATABASE_URL": "postgresql://desk@/desk?host=/run/postgresql"},
        {"DATABASE_URL": "postgresql://desk:word@postgres/desk", "PRIVATE_HOSTS": "postgres"},
        {"REDIS_URL": "unix:///run/redis.sock?db=1"},
        {"REDIS_URL": "redis://redis:6379/0", "PRIVATE_HOSTS": "redis"},
        {"SMS_URL": "jsons://gateway.example.org/sms?:to={phone}"},
        {"SMS_URL": "json://localhost/sms?:to={phone}"},
        {"LOG_LEVEL": "debug", "WEB_WORKERS": "", "DEFAULT_FROM_EMAIL": ""},
        {"TURN_URLS": "turns:[2001:db8::1]:5349?transport=tcp", "TURN_ONLY": "1"},
        {"TURN_URLS": "stun:turn.example.org", "TURN_SECRET": ""},
        JITSI,
        JITSI | {"JITSI_URL": "http://localhost:8443"},
        LIVEKIT,
        LIVEKIT | {"LIVEKIT_URL": "https://livekit.example.org"},
        LIVEKIT | {"LIVEKIT_URL": "ws://127.0.0.1:7880"},
        BBB,
        WEBEX,
        {"WEBEX_TOKEN": KEY, "WEBEX_HOST": "desk@example.org"},
    ],
)
def test_a_right_configuration_is_silent(told: Told, right: dict[str, str]):
    assert told(deploy=True, **right) == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (JITSI | {"JITSI_URL": "http://meet.example.org"}, "E007"),
        (JITSI | {"JITSI_URL": "https://"}, "E007"),
        (JITSI | {"JITSI_SECRET": "k" * 31}, "E008"),
        (JITSI | {"JITSI_APP_ID": ""}, "E008"),
        ({"TURN_URLS": "stun:turn.example.org", "TURN_SECRET": "", "TURN_ONLY": "1"}, "E054"),
        (JITSI | {"JITSI_URL": "https://meet.example.org?room=1"}, "E007"),
        (LIVEKIT | {"LIVEKIT_URL": "ws://livekit.example.org"}, "E041"),
        (LIVEKIT | {"LIVEKIT_URL": "http://livekit.example.org"}, "E041"),
        (LIVEKIT | {"LIVEKIT_URL": "livekit.example.org"}, "E041"),
        (LIVEKIT | {"LIVEKIT_API_SECRET": "k" * 31}, "E042"),
        (LIVEKIT | {"LIVEKIT_API_KEY": ""}, "E042"),
        (BBB | {"BBB_URL": "http://bbb.example.org/bigbluebutton"}, "E044"),
        (BBB | {"BBB_SECRET": "k" * 31}, "E045"),
        (WEBEX | {"WEBEX_TOKEN": KEY}, "E048"),
        ({"SITE_URL": "http://localhost", "MYDESK_DEMO": "1", "ALLOWED_HOSTS": "rantevou.example.org"}, "E016"),
        ({"SITE_URL": "http://localhost", "DEBUG": "1", "ALLOWED_HOSTS": "rantevou.example.org"}, "E017"),
    ],
)
def test_values_that_do_not_go_together_are_named(told: Told, wrong: dict[str, str], expected: str):
    messages = told(**wrong)
    assert expected in {message.id.removeprefix("mydesklive.") for message in messages}


def test_a_key_is_taken_to_the_letter(told: Told, settings: Settings):
    """Another data key, by as much as a line break, could not read what is stored."""
    assert told(SECRET_KEY=f"{KEY}\n", DATA_KEY=f" {OTHER}\n") == []
    kept = settings.SECRET_KEY, settings.DATA_KEY
    assert kept == (f"{KEY}\n", f" {OTHER}\n")


def test_the_demo_on_ones_own_machine_needs_no_keys(told: Told):
    demo = {
        "SITE_URL": "http://localhost:8000",
        "MYDESK_DEMO": "1",
        "SECRET_KEY": "",
        "DATA_KEY": "",
        "EMAIL_URL": "demo:",
    }
    assert told(**demo) == []


def test_a_deployment_is_judged_as_public_wherever_it_is(told: Told):
    here = {"SITE_URL": "http://localhost:8000", "MYDESK_DEMO": "1", "DEBUG": "1", "EMAIL_URL": "dummymail:"}
    assert told(**here) == []
    assert {message.id[-4:] for message in told(deploy=True, **here)} == {"E016", "E017", "E019"}


# Starting

ILL = RIGHT | {
    "SECRET_KEY": "abcde",
    "DATA_KEY": "",
    "MYDESK_DEMO": "1",
    "DEBUG": "1",
    "ALLOWED_HOSTS": "*",
    "EMAIL_URL": "smtp://mail.example.org",
    "TRUSTED_PROXIES": "one",
    "LOG_LEVEL": "LOUD",
}
NAMED = ("SECRET_KEY", "DATA_KEY", "MYDESK_DEMO", "DEBUG", "ALLOWED_HOSTS", "EMAIL_URL", "TRUSTED_PROXIES", "LOG_LEVEL")


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check", "--deploy", "--fail-level", "ERROR"],
        ["manage.py", "migrate"],
        ["-m", "celery", "-A", "mydesklive", "worker"],
        ["-m", "celery", "-A", "mydesklive", "beat", "--schedule", "{folder}/beat"],
        [
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--port",
            "0",
            "--respawn-failed-workers",
            "mydesklive.wsgi:application",
        ],
    ],
    ids=["check", "migrate", "worker", "beat", "web"],
)
def test_no_process_starts_with_a_wrong_configuration(command: list[str], tmp_path: Path):
    command = [word.format(folder=tmp_path) for word in command]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ILL
    ended = subprocess.run(
        [sys.executable, *command], cwd=BASE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "Traceback" not in output
    assert [name for name in NAMED if name not in output] == []
    assert "word@" not in output


# The time zone data


def test_zones_come_from_the_pinned_package_alone():
    """British Columbia keeps summer time since 2026; data of 2025 does not know it."""
    assert TZPATH == ()
    winter = datetime(2026, 12, 1, 12, tzinfo=ZoneInfo("America/Vancouver"))
    assert winter.utcoffset() == timedelta(hours=-7)


@pytest.mark.parametrize(
    ("release", "today", "old"),
    [
        ("2026.6", date(2026, 12, 31), False),
        ("2026.1", date(2027, 6, 30), False),
        ("2026.6", date(2027, 7, 1), True),
        ("2025.2", date(2026, 11, 28), True),
    ],
)
def test_data_of_a_past_year_grows_old(release: str, today: date, old: bool):
    assert is_old(release, today) == old


@pytest.mark.django_db
def test_old_data_is_told_to_the_operator(client: Client, time_machine: TimeMachineFixture):
    later = datetime(int(ZONE_DATA[:4]) + 1, 7, 2, 12, tzinfo=UTC)
    signed_in(client, a_user(is_operator=True))
    page = "/en/admin/appointments/appointment/watch/"
    fresh = text_of(client.get(page))
    assert f"Time zone data: {ZONE_DATA}" in fresh
    time_machine.move_to(later)
    assert "mydesklive.W002" in found()
    client.force_login(a_user("other@example.org", is_operator=True))
    assert "It is old: countries may have changed their clocks since." in text_of(client.get(page))


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["video_provider", "video_fallback"])
def test_a_provider_that_is_chosen_but_not_set_up_is_named(settings: Settings, field: str):
    an_agency("kep", **{field: "bbb"})
    an_agency("dypa")
    (message,) = run_checks(tags=[Tags.database], databases=["default"])
    assert message.id == "mydesklive.W006"
    assert message.msg == "Agencies with video provider bbb: kep. But BBB_URL is not set."
    settings.BBB_URL, settings.BBB_SECRET = BBB["BBB_URL"], KEY
    assert run_checks(tags=[Tags.database], databases=["default"]) == []
