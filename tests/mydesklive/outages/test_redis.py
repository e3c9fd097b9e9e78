"""A worker whose Redis is away or hangs does the frequent sweeps by itself."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from celery import Celery
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from redis import Redis

from accounts.mails import outbox
from accounts.models import AccountMail, Planned
from accounts.work.lanes import Sweep
from agencies.models import Channel, Procedure
from appointments import booking
from appointments.models import Appointment, Notification, Status, TimeSlot
from mydesklive.alive import broker, standin
from mydesklive.alive.broker import Deputy
from mydesklive.local import places, redis
from mydesklive.local.places import Place
from tests.builders import GUEST, an_appointment, an_open_branch, slots_of
from tests.servers import mailserver, workers
from tests.servers.mailserver import MailServer
from tests.servers.workers import WORKER, process, soon

# Seconds from the beginning of an outage until a code is sent: less than 15, and more if the machine has other tests to do.
PROMISED = 20


@pytest.fixture
def place() -> Iterator[Place]:
    place = places.prepare(Path(mkdtemp(prefix="mydesklive-test-")))
    yield place
    place.remove()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with mailserver.running() as server:
        yield server


class Guests:
    """Guests who come again and again: one is owed a code, one a message, and one has not used a held time."""

    def __init__(self) -> None:
        now = timezone.now()
        ahead = [slot for slot in slots_of(an_open_branch(), now=now) if slot.starts_at > now + timedelta(days=2)]
        self.slots: Iterator[TimeSlot] = iter(ahead[::2])
        self.number = 0

    def come(self) -> None:
        now = timezone.now()
        self.number += 1
        outbox.owe(EmailMultiAlternatives("Your code", "123456", to=["guest@example.org"]), "login_code", now=now)
        an_appointment(next(self.slots), self.number, now=now)
        booking.hold(next(self.slots).pk, Procedure.objects.get(), Channel.IN_PERSON, by=GUEST, now=now)
        Appointment.objects.filter(status=Status.HELD).update(expires_at=now)

    def are_told(self) -> bool:
        return not AccountMail.objects.unsent().exists() and not Notification.objects.due(now=timezone.now()).exists()

    def have_lost_held_times(self) -> bool:
        return not Appointment.objects.filter(status=Status.HELD).exists()

    def are_served(self) -> bool:
        return self.are_told() and self.have_lost_held_times()


def stands_in(worker: int) -> bool:
    """Whether there is a process that does the sweeps for the worker with this number, or a sweep of one."""
    ending = ["mydesklive.alive.standin", str(worker)]
    return any((one.info["cmdline"] or [])[-2:] == ending for one in psutil.process_iter(["cmdline"]))


def goes_on(worker: int, queue: Celery) -> bool:
    """Whether the second process has ended, and the worker takes tasks."""
    return soon(lambda: not stands_in(worker), 45) and soon(lambda: workers.is_done(queue))


@contextmanager
def hanging(url: str) -> Iterator[None]:
    with Redis.from_url(url) as client:
        pid = client.info()["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_outage_of_redis_keeps_nobody_waiting_for_codes_messages_and_times(
    place: Place, mail_server: MailServer, tmp_path: Path
) -> None:
    queue, guests = workers.queue(redis.url(place)), Guests()
    with process(WORKER, redis.url(place), tmp_path, EMAIL_URL=mail_server.url) as worker:
        guests.come()
        assert soon(guests.are_served), "The worker has started without Redis."
        assert soon(Planned.objects.filter(task="accounts.tasks.send_codes").exists, 5)
        with redis.running(place, throw_away=True) as url:
            assert goes_on(worker.pid, queue)
            mail_server.stalls_at = "RCPT"
            guests.come()
            with hanging(url):
                assert soon(guests.have_lost_held_times, PROMISED), "A mail server that hangs keeps no times."
                assert not guests.are_told()
                mail_server.stalls_at = ""
                assert soon(guests.are_told, PROMISED)
            assert goes_on(worker.pid, queue)
        guests.come()
        assert soon(guests.are_served, PROMISED), "Redis has ended."
        assert stands_in(worker.pid)
        worker.kill()
        assert soon(lambda: not stands_in(worker.pid), standin.GRACE + 5)
    assert mail_server.recipients.count("guest@example.org") == 3
    log = (tmp_path / "log").read_text()
    assert (log.count("Redis gives no tasks."), log.count("Redis gives tasks again.")) == (3, 2)


# When the second process is started and ended


class Process:
    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.code = 0


class Outage:
    """A clock, an answer, and the processes that were started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.gets_tasks = 1000.0, True
        self.started: list[Process] = []
        self.deputy = Deputy(lambda: self.gets_tasks, self._start)
        monkeypatch.setattr(broker.time, "monotonic", lambda: self.now)

    def _start(self) -> Any:
        self.started.append(Process())
        return self.started[-1]

    def last(self, seconds: int, *, gets_tasks: bool) -> None:
        self.gets_tasks = gets_tasks
        for _ in range(seconds):
            self.now += 1
            self.deputy.look()


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(monkeypatch)


def test_short_silence_is_no_outage(outage: Outage) -> None:
    for _ in range(5):
        outage.last(3, gets_tasks=False)
        outage.last(1, gets_tasks=True)
    assert outage.started == []


def test_outage_is_told_once_and_its_end_too(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    outage.last(600, gets_tasks=False)
    outage.last(60, gets_tasks=True)
    assert [one.code for one in outage.started] == [0]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert outage.deputy.ending == []


def test_process_that_ends_by_itself_is_started_again_after_a_pause(outage: Outage) -> None:
    outage.last(10, gets_tasks=False)
    outage.started[0].code = 1
    outage.last(25, gets_tasks=False)
    assert len(outage.started) == 2


def test_redis_that_is_full_takes_no_tasks(place: Place) -> None:
    with redis.running(place, throw_away=True) as url, Redis.from_url(url) as client:
        assert broker.takes_writes(client)
        client.config_set("maxmemory", 1)
        assert client.ping()
        assert not broker.takes_writes(client)


# What the second process does


def test_frequent_sweeps_are_done_and_those_of_a_time_of_day_wait() -> None:
    done = {lane.task.name.rpartition(".")[2]: lane.interval for lane in standin.lanes()}
    assert done["send_codes"] == done["deliver_urgent"] == 5
    assert done.keys() >= {"deliver_due", "deliver_sms", "expire_due", "look_after_disruptions", "provide_video_calls"}
    assert "publish_all" not in done
    assert all(isinstance(lane.task, Sweep) for lane in standin.lanes())


def test_sweep_is_ended_at_its_limit(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(standin, "connections", SimpleNamespace(close_all=int))  # those of the tests stay open
    task: Any = SimpleNamespace(name="slow", time_limit=0.2, apply=lambda: time.sleep(60))
    lane = standin.Lane(task, 5)
    for _ in range(2):
        lane.begin(0)
        assert lane.is_busy
        assert soon(lambda: not lane.is_busy, 10)
    [told] = caplog.records
    assert (told.levelname, told.getMessage()) == ("ERROR", "A run of slow was ended from outside (code -14)")
