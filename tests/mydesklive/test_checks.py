from datetime import UTC, date, datetime, timedelta
from zoneinfo import TZPATH, ZoneInfo

import pytest
from django.core.checks import run_checks
from django.test import Client
from pytest_django.fixtures import Settings
from time_machine import TimeMachineFixture

from agencies.wallclock import ZONE_DATA, is_old
from tests.builders import a_user
from tests.pages import signed_in, text_of

JITSI = {"JITSI_URL": "https://meet.example.org", "JITSI_APP_ID": "desk", "JITSI_SECRET": "k" * 32}


def found() -> set[str]:
    return {message.id for message in run_checks() if message.id and message.id.startswith("mydesklive.")}


def test_a_right_configuration_is_silent(time_machine: TimeMachineFixture):
    time_machine.move_to(datetime(int(ZONE_DATA[:4]), 12, 31, 12, tzinfo=UTC))
    assert found() == set()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"SECRET_KEY": "insecure: SECRET_KEY is not set"}, "mydesklive.E001"),
        ({"SITE_URL": "rantevou.example.org"}, "mydesklive.E002"),
        ({"SITE_URL": "http://rantevou.example.org"}, "mydesklive.E003"),
        ({"SITE_URL": "https://rantevou.example.org", "MYDESK_DEMO": True}, "mydesklive.W001"),
        ({"EMAIL_URL": ""}, "mydesklive.E004"),
        ({"EMAIL_URL": "demo:"}, "mydesklive.E005"),
        ({"SMS_URL": "json://gateway.example.org/sms"}, "mydesklive.E009"),
        (JITSI | {"JITSI_URL": "http://meet.example.org"}, "mydesklive.E007"),
        (JITSI | {"JITSI_SECRET": "k" * 31}, "mydesklive.E008"),
        (JITSI | {"JITSI_APP_ID": ""}, "mydesklive.E008"),
    ],
)
def test_a_wrong_configuration_is_named(settings: Settings, wrong: dict[str, object], expected: str):
    for name, value in wrong.items():
        setattr(settings, name, value)
    assert found() == {expected}


def test_a_jitsi_server_that_is_set_up_is_silent(settings: Settings):
    for name, value in JITSI.items():
        setattr(settings, name, value)
    assert found() == set()


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
