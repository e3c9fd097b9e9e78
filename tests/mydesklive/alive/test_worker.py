"""A real worker and a real beat, with a Redis that hangs: they live or die."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from agencies.models import Channel, Procedure
from appointments import booking
from appointments.models import Appointment, Notification, Status
from mydesklive.alive.ending import FAILED
from tests.builders import GUEST, an_appointment, an_open_branch, slots_of
from tests.servers import hanging, workers
from tests.servers.hanging import HangingRedis
from tests.servers.workers import WORKER, is_done, process, sent, soon

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# The broken one loses all its places after a while, as it did when Redis could not note what it had done.
STUCK_WORKER = f"""
import time
from kombu.transport.virtual import QoS
begun, can_consume = time.monotonic(), QoS.can_consume
QoS.can_consume = lambda self: time.monotonic() - begun < 4 and can_consume(self)
import django
django.setup()
from mydesklive.alive import ending, worker
worker.EVERY, worker.STUCK, ending.GRACE = 0.5, 2, 1
{WORKER}
"""
STUCK_BEAT = """
import django
django.setup()
from mydesklive.alive import beat, ending
import time
beat.EVERY, beat.STUCK, ending.GRACE = 0.5, 2, 1
beat.Scheduler.tick = lambda *_args, **_kwargs: time.sleep(60)
from mydesklive.celery import app
app.start(["beat", "--schedule", "{schedule}"])
"""


@pytest.fixture
def redis() -> Iterator[HangingRedis]:
    with hanging.running() as server:
        yield server


@pytest.fixture
def queue(redis: HangingRedis) -> Celery:
    return workers.queue(redis.url)


def waiting(redis: HangingRedis) -> int:
    try:
        with Redis.from_url(redis.url) as client:
            return client.llen("mydesklive:celery")
    except RedisError:
        return -1


def test_worker_goes_on_after_redis_hung_twice_while_tasks_were_sent(
    redis: HangingRedis, queue: Celery, tmp_path: Path
) -> None:
    with process(WORKER, redis.url, tmp_path) as worker:
        assert soon(lambda: is_done(queue))
        for _ in range(2):
            for _ in range(20):
                assert sent(queue)
            time.sleep(0.05)  # some are taken and are acknowledged when Redis hangs
            redis.hang()
            time.sleep(6)
            redis.go_on()
            assert soon(lambda: is_done(queue))
        for _ in range(20):
            assert sent(queue)
        assert soon(lambda: waiting(redis) == 0)
        assert is_done(queue)
        assert worker.poll() is None
    log = (tmp_path / "log").read_text()
    assert "Couldn't ack" not in log


def test_worker_that_takes_nothing_while_tasks_wait_ends(redis: HangingRedis, queue: Celery, tmp_path: Path) -> None:
    with process(STUCK_WORKER, redis.url, tmp_path) as worker:
        assert soon(lambda: sent(queue) and worker.poll() is not None)
        assert worker.returncode in {0, FAILED}
    log = (tmp_path / "log").read_text()
    assert log.count("The worker has taken nothing for ") == 1
    assert '"level": "ERROR"' in log


def test_mail_server_that_hangs_keeps_no_held_time(redis: HangingRedis, queue: Celery, tmp_path: Path) -> None:
    """It accepts connections and says nothing. Each mail waits for ten seconds, and there are more tasks than processes."""
    now = timezone.now()
    ahead = [slot for slot in slots_of(an_open_branch(), now=now) if slot.starts_at > now + timedelta(days=2)]
    for number, slot in enumerate(ahead[:8]):
        an_appointment(slot, number, now=now)
    Notification.objects.filter(pk__in=Notification.objects.values("pk")[:3]).update(kind=Notification.Kind.VERIFY)
    procedure = Procedure.objects.get()
    booking.hold(ahead[20].pk, procedure, Channel.IN_PERSON, by=GUEST, now=now)
    with socket.create_server(("127.0.0.1", 0)) as server:
        email = f"smtp://127.0.0.1:{server.getsockname()[1]}"
        with process(WORKER, redis.url, tmp_path, EMAIL_URL=email, WORKER_PROCESSES="8"):
            assert soon(lambda: is_done(queue))
            for _ in range(20):
                for name in ("deliver_due", "deliver_urgent", "check_alerts"):
                    assert sent(queue, f"appointments.tasks.{name}")
            Appointment.objects.filter(status=Status.HELD).update(expires_at=now)
            since = time.monotonic()
            assert sent(queue, "appointments.tasks.expire_due")
            assert soon(lambda: Appointment.objects.filter(status=Status.EXPIRED).exists(), 8)
            assert time.monotonic() - since < 8
            assert soon(lambda: waiting(redis) == 0, 8)
    sending = Notification.objects.filter(attempts__gt=0)
    assert 1 <= sending.count() <= 3  # two mails side by side, and one that somebody waits for


def test_beat_that_stands_still_ends(redis: HangingRedis, tmp_path: Path) -> None:
    with process(STUCK_BEAT.format(schedule=tmp_path / "schedule"), redis.url, tmp_path) as beat:
        assert soon(lambda: beat.poll() is not None)
    assert "Beat has stood still" in (tmp_path / "log").read_text()
