import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

JITSI = {"JITSI_URL": "https://meet.example.org", "JITSI_APP_ID": "desk", "JITSI_SECRET": "k" * 32}


def found() -> set[str]:
    return {message.id for message in run_checks() if message.id and message.id.startswith("mydesklive.")}


def test_a_right_configuration_is_silent():
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
