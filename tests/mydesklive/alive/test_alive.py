"""What ends a worker or a beat, and what does not."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import time_machine
from celery.schedules import crontab
from pytest_django.fixtures import Settings

from accounts.models import Planned
from appointments import tasks
from mydesklive.alive import beat, planned, pulse, reports
from mydesklive.alive.beat import Scheduler
from mydesklive.alive.worker import OVERDUE, STUCK, Watch
from mydesklive.celery import app
from tests.builders import NOW

LIMIT = 600.0


class Worker:
    """What a watch sees of a worker with two processes."""

    def __init__(self) -> None:
        self.taken, self.waiting, self.running = 0, 5, {}
        self.watch = Watch(lambda: self.taken, lambda: self.waiting, lambda: 2)
        self.begun = self.watch.since

    def at(self, seconds: float) -> str:
        return self.watch.stuck(self.running, self.begun + seconds)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_worker_that_takes_nothing_while_tasks_wait_is_stuck(worker: Worker) -> None:
    assert worker.at(STUCK) == ""
    assert worker.at(STUCK + 1).startswith("The worker has taken nothing for 61 s")


def test_worker_that_takes_a_task_is_not_stuck(worker: Worker) -> None:
    for minute in range(10):
        worker.taken += 1
        assert worker.at(minute * STUCK) == ""


def test_worker_without_tasks_or_without_redis_is_not_stuck(worker: Worker) -> None:
    """Beat may be away, or Redis. A new worker would have no more to do."""
    worker.waiting = 0
    assert worker.at(10 * STUCK) == ""
    worker.waiting = 5
    assert worker.at(11 * STUCK) == ""
    assert worker.at(11 * STUCK + 1) != ""


def test_worker_whose_processes_all_work_is_not_stuck(worker: Worker) -> None:
    worker.running = {"a": LIMIT, "b": LIMIT}
    assert worker.at(0) == ""
    assert worker.at(5 * STUCK) == ""


def test_worker_with_a_task_beyond_its_limit_is_stuck(worker: Worker) -> None:
    worker.running, worker.waiting = {"a": LIMIT, "b": LIMIT}, 0
    assert worker.at(0) == ""
    assert worker.at(LIMIT + OVERDUE) == ""
    assert worker.at(LIMIT + OVERDUE + 1).startswith("A task runs for 661 s")


def test_next_task_of_a_process_has_its_own_time(worker: Worker) -> None:
    worker.running = {"a": LIMIT}
    worker.at(0)
    worker.running = {"b": LIMIT}
    worker.at(LIMIT)
    worker.running = {"a": LIMIT}
    worker.waiting = 0
    assert worker.at(LIMIT + OVERDUE + 1) == ""


# Beat


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    with time_machine.travel(NOW, tick=False):
        scheduler = Scheduler(app=app, schedule_filename=str(tmp_path / "schedule"), lazy=True)
        scheduler.setup_schedule()
        yield scheduler
        scheduler.close()


def tasks_of(scheduler: Scheduler, moment: datetime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the tasks that beat starts at this time."""
    started: list[str] = []
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, **_more: started.append(entry.task))
    with time_machine.travel(moment, tick=False):
        for _ in range(40):
            scheduler.tick()
    return started


@pytest.mark.parametrize("back", [timedelta(seconds=30), timedelta(hours=1), timedelta(days=400)])
def test_clock_that_is_set_back_stops_no_task(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, back: timedelta
) -> None:
    assert "appointments.tasks.deliver_due" in tasks_of(scheduler, NOW + timedelta(seconds=11), monkeypatch)
    assert tasks_of(scheduler, NOW - back, monkeypatch) == []
    assert "appointments.tasks.deliver_due" in tasks_of(scheduler, NOW - back + timedelta(seconds=11), monkeypatch)


def test_no_task_carries_a_time_that_another_clock_judges() -> None:
    for entry in app.conf.beat_schedule.values():
        assert not {"expires", "countdown", "eta"} & entry.get("options", {}).keys()
    assert all(task.expires is None for task in app.tasks.values())


def test_beat_that_takes_no_step_is_stuck(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks_of(scheduler, NOW + timedelta(seconds=1), monkeypatch)
    stepped = Scheduler.stepped_at
    assert not beat.is_stuck(stepped + beat.STUCK)
    assert beat.is_stuck(stepped + beat.STUCK + 1)


# What is planned


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("task", "next_at"),
    [
        ("deliver_due", NOW + timedelta(seconds=10) + planned.SOON),
        ("publish_all", datetime(2026, 3, 3, 0, 30, tzinfo=UTC) + planned.BY_MORNING),  # 02:30 in Athens
    ],
)
def test_end_of_a_periodic_task_is_noted_with_its_next_time(clock: object, task: str, next_at: datetime) -> None:
    for _ in range(2):
        planned.note(app.tasks[f"appointments.tasks.{task}"], 1)
    noted = Planned.objects.get()
    assert (noted.ended_at, noted.next_at) == (NOW, next_at)


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_runs_that_were_left_out_and_tasks_of_people_are_not_noted() -> None:
    planned.note(app.tasks["appointments.tasks.deliver_due"], 0)
    planned.note(SimpleNamespace(name="appointments.tasks.publish_agency", app=app), None)
    assert not Planned.objects.exists()
    assert tasks.free_desks() == 1


def test_monthly_task_has_until_the_next_month() -> None:
    with time_machine.travel(NOW, tick=False):
        end = planned.next_end(crontab(hour="2", minute="0", day_of_month="1"), NOW)
    assert end > NOW + timedelta(days=27)


# What is told


@pytest.mark.django_db
def test_late_work_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports.connection, "close", lambda: None)  # the test goes on with it
    reports.report()
    assert caplog.records == []
    Planned.objects.create(
        task="appointments.tasks.publish_all",
        ended_at=NOW,
        next_at=datetime.now(UTC) - timedelta(minutes=90),
    )
    reports.report()
    [told] = caplog.records
    assert (told.levelname, told.getMessage()) == ("ERROR", "Work is late: planned tasks 5400 s.")


def healthy(role: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "deploy/healthy.py", role]
    return subprocess.run(command, env={"PULSE_FOLDER": str(folder)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_container_is_healthy_while_there_is_a_pulse(role: str, tmp_path: Path, settings: Settings) -> None:
    settings.PULSE_FOLDER = str(tmp_path)
    assert healthy(role, tmp_path).returncode == 1
    pulse.beat(role)
    assert healthy(role, tmp_path).returncode == 0
    file = pulse.file_of(role)
    for old in (float(file.read_text()) - 61, float(file.read_text()) + 1000):  # the second is of before a restart
        file.write_text(str(old))
        answer = healthy(role, tmp_path)
        assert answer.returncode == 1
        assert f"The {role} has given no sign of life" in answer.stderr


def test_full_disk_ends_nobody(tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.PULSE_FOLDER = str(tmp_path / "missing")
    pulse.beat("worker")
    assert "The pulse of the worker could not be written" in caplog.text
