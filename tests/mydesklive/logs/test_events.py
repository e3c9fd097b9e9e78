"""Security events: who did what to which row, without anybody's data, and only if it has happened."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account import signals
from django.contrib.auth import authenticate
from django.db import transaction
from django.test import Client, RequestFactory

from accounts.limits import Limit
from accounts.security import What, tell
from agencies.models import Membership, Role, SystemToken
from appointments.booking import retention
from appointments.history import readings
from appointments.models import Reading
from mydesklive.logs.lines import Json
from mydesklive.tasks import clear_sessions
from tests.builders import NOW, a_user, an_agency, an_officer, an_open_branch, booked_at, minutes

pytestmark = pytest.mark.django_db
Told = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def told(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Told]:
    """What has been told. Nothing is committed in a test, so each event is told at once."""
    caplog.set_level(logging.INFO, "mydesklive.security")
    monkeypatch.setattr("accounts.security.transaction.on_commit", lambda run, **_options: run())
    left_out = {"at", "level", "logger", "message", "id"}
    form = Json()

    def events() -> list[dict[str, Any]]:
        lines = [json.loads(form.format(record)) for record in caplog.records if record.name == "mydesklive.security"]
        caplog.clear()
        return [{name: one for name, one in line.items() if name not in left_out} for line in lines]

    return events


def test_signing_in_and_out(client: Client, told: Told):
    user = an_officer(an_open_branch())
    told()
    client.force_login(user)
    assert told() == [{"event": "signed_in", "actor": user.pk, "role": "agent"}]
    client.logout()
    assert [(one["event"], one["actor"]) for one in told()] == [("signed_out", user.pk)]


def test_a_wrong_password_and_a_wrong_code(told: Told):
    assert authenticate(RequestFactory().get("/"), username="nobody@example.org", password="x") is None
    assert told() == [{"event": "sign_in_failed", "actor": None, "role": "console"}]
    user = a_user()
    told()
    signals.login_code_rejected.send(sender=None, request=None, user=user, last_attempt=True)
    assert told() == [{"event": "code_failed", "actor": None, "role": "console", "account": user.pk, "last": 1}]


def test_a_code_that_is_mailed(client: Client, told: Told):
    a_user("citizen@example.org")
    told()
    client.post("/en/accounts/login/code/", {"email": "citizen@example.org"})
    assert {"event": "code_mailed", "actor": None, "role": "guest", "mail": "login_code"} in told()


def test_roles_at_an_agency(told: Told):
    agency, user = an_agency(), a_user()
    told()
    member = Membership.objects.create(user=user, agency=agency, role=Role.AGENT)
    about = {"actor": None, "role": "console", "account": user.pk, "agency": agency.pk, "branch": None}
    assert told() == [{"event": "role_given", **about, "given": "agent"}]
    member.save()
    assert told() == []
    member.role = Role.AGENCY_ADMIN
    member.save()
    assert told() == [{"event": "role_changed", **about, "given": "agency_admin", "before": "agent"}]
    member.delete()
    assert [one["event"] for one in told()] == ["role_taken"]


@pytest.mark.parametrize("flag", ["is_operator", "is_official", "is_superuser", "is_active"])
def test_roles_on_the_platform(told: Told, flag: str):
    user = a_user()
    told()
    setattr(user, flag, flag != "is_active")
    user.save(update_fields=["language"])
    assert told() == []
    user.save(update_fields=[flag])
    [event] = told()
    assert event["event"] == ("account_changed" if flag == "is_active" else "role_changed")
    assert (event["account"], event[flag]) == (user.pk, int(flag != "is_active"))


def test_an_account_that_is_made_with_a_role(told: Told):
    user = a_user(is_operator=True)
    [event] = told()
    assert (event["event"], event["account"], event["given"]) == ("role_given", user.pk, "is_operator")


def test_tokens(client: Client, told: Told):
    token = SystemToken.objects.create(agency=an_agency(), label="Ελένη", digest=SystemToken.digest_of("secret"))
    [event] = told()
    assert (event["event"], event["token"]) == ("token_made", token.pk)
    token.is_active = False
    token.save()
    assert [one["event"] for one in told()] == ["token_ended"]
    client.get("/api/v1/appointments/K7M4Q2XDBN/", headers={"authorization": "Bearer secret"})
    assert [one["event"] for one in told()] == ["token_refused", "refused"]


def test_reading_and_erasing_records(told: Told):
    branch = an_open_branch()
    appointment, officer = booked_at(branch, 9), an_officer(branch)
    told()
    reader = readings.Reader(Reading.By.OFFICER, officer.pk, "admin:day")
    readings.write([appointment.pk], by=reader, now=NOW, one_look=minutes(10))
    [event] = told()
    assert (event["event"], event["appointment"], event["page"]) == ("record_read", appointment.pk, "admin:day")
    retention.erase_old(now=NOW + minutes(24 * 60 * (branch.agency.retention_days + 9)))
    [event] = told()
    assert (event["event"], event["agency"], event["rows"]) == ("personal_data_erased", branch.agency_id, 1)


def test_a_limit_is_told_once_in_each_period(told: Told):
    limit = Limit("tries", 2, 60)
    for _ in range(6):
        limit.passed("eleni@example.org", now=NOW)
    assert told() == [{"event": "limit_passed", "actor": None, "role": "console", "limit": "tries"}]


def test_only_numbers_and_words_of_ours_are_told(told: Told):
    for odd in ("eleni@example.org", "Ελένη", "Eleni Papadaki", "a\nb", "+306912345678", "x" * 81):
        tell(What.REFUSED, odd=odd)
        assert told()[0]["odd"] == "…"


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_has_not_happened(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "mydesklive.security")
    agency, user = an_agency(), a_user()
    with transaction.atomic():
        Membership.objects.create(user=user, agency=agency, role=Role.AGENT)
        transaction.set_rollback(True)
    assert caplog.messages == []


def test_a_task_is_one_line_with_its_outcome(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "mydesklive.task")
    clear_sessions.apply()
    [record] = [record for record in caplog.records if record.name == "mydesklive.task"]
    line = record.told
    assert line.pop("ms") > 0
    assert line == {"task": "mydesklive.tasks.clear_sessions", "outcome": "success"}
