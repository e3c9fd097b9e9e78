"""The probes and figures that monitoring reads, and the command for people."""

import re
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from time_machine import TimeMachineFixture

from accounts.mails.handing import MAIL_SERVER
from accounts.peers import PeerAway
from accounts.work import clock
from agencies.wallclock import ZONE_DATA
from appointments.models import Notification
from mydesklive.pages import probes
from tests.builders import an_appointment, an_open_branch, slots_of

TOKEN = {"Authorization": "Bearer secret"}


def a_late_mail() -> Notification:
    now = timezone.now()
    ahead = next(slot for slot in slots_of(an_open_branch(), now=now) if slot.starts_at > now + timedelta(days=2))
    an_appointment(ahead, now=now)
    due = Notification.objects.filter(kind="confirmation")
    due.update(due_at=now - timedelta(minutes=7))
    return due.get()


@pytest.fixture
def metrics_token(settings: Settings) -> None:
    settings.METRICS_TOKEN = "secret"


def figures(client: Client) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics", headers=TOKEN).content.decode()
    families = text_string_to_metric_families(text)
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_live_needs_nothing(client: Client):
    assert client.get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_when_everything_answers(client: Client):
    told = client.get("/health/ready").json()
    fine = dict.fromkeys(("status", "database", "redis", "work", "clock"), "ok")
    assert told == fine | {"zone_data": ZONE_DATA}


@pytest.mark.django_db
def test_ready_without_redis(client: Client, no_redis: None):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["redis"]) == (200, "degraded")


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_pending(client: Client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["database"]) == (503, "migrations pending")


@pytest.mark.django_db
def test_late_work_is_told_and_fails_no_visitor(client: Client):
    a_late_mail()
    answer = client.get("/health/ready")
    told = answer.json()
    assert (answer.status_code, told["status"], told["work"]) == (200, "ok", "late")
    assert told["late"]["mail"] == pytest.approx(420, abs=20)
    assert set(told["late"]) == {"mail", "urgent mail"}


@pytest.mark.django_db
def test_work_probe_fails_while_a_lane_is_late(client: Client):
    answer = client.get("/health/work")
    assert (answer.status_code, answer.json()["work"]) == (200, "ok")
    a_late_mail()
    answer = client.get("/health/work")
    assert (answer.status_code, answer.json()["work"]) == (503, "late")
    assert answer.json()["lanes"]["mail"]["late"]
    assert answer.json()["lanes"]["holds"] == {"age": 0, "late": False}


def test_work_probe_says_that_nobody_knows_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probes, "due", Mock(side_effect=DatabaseError))
    answer = client.get("/health/work")
    assert (answer.status_code, answer.json()["work"]) == (503, "unknown")


@pytest.mark.django_db
@pytest.mark.usefixtures("metrics_token")
@pytest.mark.parametrize(
    ("shift", "told"), [(17, r"\d\d s ahead of the database"), (-17, r"\d\d s behind the database")]
)
def test_clock_that_differs_is_told_everywhere(
    client: Client, time_machine: TimeMachineFixture, shift: int, told: str, caplog: pytest.LogCaptureFixture
):
    clock._warned_at = -clock.PAUSE
    time_machine.move_to(timezone.now() + timedelta(seconds=shift))
    for _ in range(3):
        assert re.fullmatch(told, client.get("/health/ready").json()["clock"])
    assert len(re.findall(told, caplog.text)) == 1
    assert figures(client)["mydesklive_clock_ahead_seconds",] == pytest.approx(shift, abs=5)


@pytest.mark.parametrize("seconds", [-clock.FAR, 0, 0.4, clock.FAR])
def test_small_differences_of_clocks_are_fine(seconds: float):
    assert clock.told(seconds) == "ok"


@pytest.mark.django_db
def test_command_shows_each_lane_and_fails_if_one_is_late(capsys: pytest.CaptureFixture[str]):
    call_command("due_work")
    assert re.search(r"^ok +holds +0 s of 120$", capsys.readouterr().out, re.MULTILINE)
    a_late_mail()
    with pytest.raises(SystemExit) as ended:
        call_command("due_work")
    assert ended.value.code == 1
    assert re.search(r"^late +mail +4\d\d s of 300$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("header", ["", "secret", "Bearer", "Bearer wrong", "Bearer secret2", "Bearer κάτι"])
def test_metrics_are_for_the_token_alone(client: Client, metrics_token: None, header: str):
    assert client.get("/metrics", headers={"Authorization": header.encode().decode("latin-1")}).status_code == 404


def test_without_a_token_nobody_reads_metrics(client: Client, settings: Settings):
    settings.METRICS_TOKEN = ""
    for header in ("Bearer ", "Bearer", ""):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


@pytest.mark.django_db
def test_server_of_others_that_does_not_work_is_told(client: Client, metrics_token: None):
    assert client.get("/health/work").json()["away"] == []
    ask, now = MAIL_SERVER.ask(now=timezone.now()), timezone.now()
    assert ask
    ask.failed(PeerAway("it hangs"), now=now)
    answer = client.get("/health/work")
    assert (answer.status_code, answer.json()["away"]) == (200, ["mail server"])
    assert figures(client)["mydesklive_peer_away", "mail server"] == 1


@pytest.mark.django_db
def test_metrics_tell_of_the_work_and_of_nobody(client: Client, metrics_token: None):
    late = a_late_mail()
    found = figures(client)
    assert found["mydesklive_up",] == 1
    assert found["mydesklive_work_due_age_seconds", "mail"] == pytest.approx(420, abs=20)
    assert (found["mydesklive_work_late", "mail"], found["mydesklive_work_late", "sms"]) == (1, 0)
    assert found["mydesklive_rows", "message", "pending"] >= 1
    assert found["mydesklive_redis_up",] == 1
    assert "mydesklive_queue_length" in {name for name, *_labels in found}
    assert late.appointment.email not in client.get("/metrics", headers=TOKEN).content.decode()


@pytest.mark.django_db
def test_metrics_without_redis(client: Client, metrics_token: None, no_redis: None):
    found = figures(client)
    assert found["mydesklive_redis_up",] == 0
    assert "mydesklive_queue_length" not in {name for name, *_labels in found}


@pytest.mark.django_db
def test_probes_ask_the_same_number_of_queries(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries):
    for _ in range(3):
        with django_assert_max_num_queries(10):
            client.get("/health/work")
