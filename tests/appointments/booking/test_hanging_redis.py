"""Bookings while Redis hangs: a real server that is stopped, so that it accepts connections and never answers."""

from collections.abc import Callable, Iterator
from threading import Barrier, Thread, current_thread, main_thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings
from redis import exceptions
from redis.connection import AbstractConnection, UnixDomainSocketConnection

from accounts.work import breaker
from accounts.work.breaker import PATIENCE
from accounts.work.waking import _is_sent, _latest_waking
from agencies.models import Branch
from appointments.models import Appointment, Status
from mydesklive.celery import app
from tests.builders import an_open_branch, slots_of
from tests.servers import hanging
from tests.servers.hanging import HangingRedis

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db(transaction=True)]
BOOK = "/mykeplive/kep-dilosi/book/"
TYPED = {"name": "Μαρία Παπαδάκη", "phone": "6912345678", "language": "el"}
# One wait for an answer, and what a connection in vain may take before it.
ONE_WAIT = PATIENCE + 0.1


@pytest.fixture
def redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingRedis]:
    with hanging.running() as server:
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": server.url}}
        monkeypatch.setattr(app.conf, "broker_write_url", server.url.replace("unix://", "redis+socket://"))
        yield server
        server.go_on()
        assert answers_again()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds each wait in vain of the visitor may have taken: what a busy machine adds does not count.

    Nor do threads that wake the worker a second after an earlier booking: nobody waits for them.
    """
    found: list[float] = []

    def noting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(connection: AbstractConnection, *args: Any, **options: Any) -> Any:
            try:
                return method(connection, *args, **options)
            except (TimeoutError, exceptions.TimeoutError):
                if current_thread() is main_thread():
                    found.append(getattr(connection, name))
                raise

        return call

    for kind, name, limit in (
        (UnixDomainSocketConnection, "_connect", "socket_connect_timeout"),
        (AbstractConnection, "read_response", "socket_timeout"),
    ):
        monkeypatch.setattr(kind, name, noting(limit, getattr(kind, name)))
    return found


def answers_again() -> bool:
    since = monotonic()
    while breaker.redis.is_open and monotonic() - since < 5:
        sleep(0.01)
    return not breaker.redis.is_open


def journey(branch: Branch, number: int) -> None:
    """Books a time by the pages, as a visitor who is not signed in."""
    _latest_waking.clear()
    client, slot = Client(), slots_of(branch)[number]
    typed = TYPED | {"email": f"citizen{number}@example.org"}
    client.get(BOOK, follow=True)
    client.get("/health/ready")
    client.post(f"{BOOK}time/?channel=in_person&branch=kep-chania", {"slot": slot.pk})
    client.post(f"{BOOK}details/", typed)
    held = Appointment.objects.get(status=Status.HELD)
    done = client.post(f"{BOOK}check/", {"hold": held.reference}, follow=True)
    client.get("/health/ready")
    assert done.status_code == 200
    held.refresh_from_db()
    assert held.status == Status.BOOKED


def test_hanging_redis_costs_a_booking_one_short_wait_and_the_next_none(
    redis: HangingRedis, waits: list[float]
) -> None:
    branch = an_open_branch()
    journey(branch, 1)
    assert waits == []
    redis.hang()
    journey(branch, 2)
    assert 0 < sum(waits) <= ONE_WAIT
    waits.clear()
    journey(branch, 3)
    assert waits == []
    assert Client().get("/health/ready").json()["redis"] == "degraded"
    redis.go_on()
    assert answers_again()
    assert Client().get("/health/ready").json()["redis"] == "ok"


def test_publishing_to_a_hanging_broker_waits_once_and_its_connections_work_afterwards(
    redis: HangingRedis, waits: list[float]
) -> None:
    task = "appointments.tasks.deliver_due"
    assert _is_sent(task)
    redis.hang()
    assert not any(_is_sent(task) for _ in range(10))
    assert 0 < sum(waits) <= ONE_WAIT
    redis.go_on()
    assert answers_again()
    assert _is_sent(task)


def test_requests_at_once_wait_side_by_side(redis: HangingRedis) -> None:
    cache.get("warm")
    start, waits = Barrier(8), []

    def ask() -> None:
        start.wait()
        since = monotonic()
        for _ in range(5):
            cache.get("anything")
        waits.append(monotonic() - since)

    redis.hang()
    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(waits) < 2 * ONE_WAIT
