"""A locked row, a slow statement and a cached plan: the page says so in time, others go on, and nothing is half done."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts import patience as kinds
from accounts.patience import COMMAND, MIGRATION, PAGE, REPORT, TASK, Patience, patience
from agencies.models import SystemToken
from appointments.booking import making
from appointments.errors import SlotTaken
from appointments.models import Appointment, Event, TimeSlot
from mydesklive.celery import be_patient
from tests.builders import an_open_branch, booked_at, slots_of
from tests.races import assert_counts_agree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]
SHORT = Patience(lock=1, statement=2, idle=10)


@contextmanager
def locked(statement: str, *params: Any) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else holds the locks of the statement while the block runs."""
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute(statement, params)
        yield other
        other.rollback()


def limit(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


def in_a_thread(call: Any) -> Any:
    def run() -> tuple[float, Any]:
        begins = time.perf_counter()
        try:
            return time.perf_counter() - begins, call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def test_each_kind_of_work_has_its_limits() -> None:
    for kind in (PAGE, REPORT, TASK, COMMAND, MIGRATION):
        with patience(kind):
            assert limit("lock_timeout") in {f"{kind.lock}s", f"{kind.lock // 60}min"}
            with transaction.atomic(), patience(SHORT):
                assert (limit("lock_timeout"), limit("statement_timeout")) == ("1s", "2s")
    assert (limit("lock_timeout"), limit("statement_timeout")) == ("3s", "6s")


def test_limits_return_after_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), transaction.atomic(), patience(COMMAND):
        raise ValueError("wrong")
    with pytest.raises(psycopg.Error, match="division"), patience(COMMAND), transaction.atomic():
        connection.connection.execute("SELECT 1 / 0")
    with pytest.raises(psycopg.Error, match="division"), transaction.atomic(), patience(COMMAND):
        connection.connection.execute("SELECT 1 / 0")
    assert (limit("lock_timeout"), limit("statement_timeout")) == ("3s", "6s")
    connection.close()
    assert (limit("lock_timeout"), limit("statement_timeout")) == ("3s", "6s")


def test_a_process_has_its_usual_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_usual", PAGE)
    be_patient()
    connection.close()
    assert (limit("lock_timeout"), limit("statement_timeout")) == ("20s", "5min")
    monkeypatch.undo()
    connection.close()


def test_migrations_may_take_their_time_wherever_they_run() -> None:
    with connection.schema_editor():
        assert (limit("lock_timeout"), limit("statement_timeout")) == ("10s", "0")
    assert (limit("lock_timeout"), limit("statement_timeout")) == ("3s", "6s")


def test_slow_statement_ends() -> None:
    with pytest.raises(OperationalError, match="statement timeout"), patience(SHORT), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    assert limit("statement_timeout") == "6s"


def test_a_limit_costs_no_statement(django_assert_num_queries: DjangoAssertNumQueries, client: Client) -> None:
    an_open_branch()
    with django_assert_num_queries(1):
        client.get("/api/v1/agencies/")


def test_a_locked_time_is_told_and_nobody_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three book the locked time at once; others look at pages and book other times."""
    branch = an_open_branch(desks=5)
    first, second, *_rest = slots_of(branch)
    moved = booked_at(branch, 12)
    SystemToken.objects.create(agency=branch.agency, label="Register", digest=SystemToken.digest_of("key"))
    monkeypatch.setattr(kinds, "_usual", Patience(lock=1, statement=4, idle=10))

    def book(slot: TimeSlot, number: int) -> Any:
        wanted = {"slot": slot.pk, "procedure": "kep-dilosi", "channel": "in_person", "name": "Ελένη", "language": "el"}
        wanted |= {"email": f"eleni{number}@example.org", "phone": "6912345678"}
        headers = {"Authorization": "Bearer key", "Idempotency-Key": f"one {number}"}
        return Client().post("/api/v1/appointments/", wanted, content_type="application/json", headers=headers)

    def hold() -> Any:
        path = f"/mykeplive/kep-dilosi/in_person/{branch.code}/"
        return Client().post(path, {"slot": first.pk})

    def move() -> Any:
        headers = {"Authorization": "Bearer key"}
        own = f"/api/v1/appointments/{moved.reference}/"
        return Client().patch(own, {"slot": first.pk}, content_type="application/json", headers=headers)

    def timed(call: Any) -> tuple[float, Any]:
        begins = time.perf_counter()
        try:
            return call(), time.perf_counter() - begins
        finally:
            connection.close()

    events = Event.objects.count()
    with locked("SELECT FROM appointments_timeslot WHERE id = %s FOR UPDATE", first.pk), ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(timed, call) for call in (lambda: book(first, 1), lambda: book(first, 2), move)]
        others = [pool.submit(timed, call) for call in (lambda: Client().get("/mykeplive/"), lambda: book(second, 3))]
        for other in others:
            answer, seconds = other.result()
            assert answer.status_code in {200, 201}
            assert seconds < 1
        for late in waiting:
            answer, seconds = late.result()
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert 0.9 < seconds < 3
    moved.refresh_from_db()
    assert moved.starts_at != first.starts_at
    assert (Appointment.objects.count(), Event.objects.count()) == (2, events + 1)
    assert_counts_agree()
    assert [book(first, number).status_code for number in (1, 2)] == [201, 201]
    assert move().status_code == 200
    assert_counts_agree()


def test_a_locked_session_gives_the_page_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    an_open_branch()
    monkeypatch.setattr(kinds, "_usual", SHORT)
    connection.close()
    connection.ensure_connection()
    with locked("LOCK TABLE agencies_agency IN ACCESS EXCLUSIVE MODE"):
        greek, english = (Client().get(path) for path in ("/mykeplive/", "/en/mykeplive/?q=a"))
    assert (greek.status_code, english.status_code) == (503, 503)
    assert "Δεν έγινε τίποτα" in greek.content.decode()
    assert '<a class="govgr-btn govgr-btn-primary" href="/en/mykeplive/?q=a">Try again</a>' in english.content.decode()
    assert Client().get("/mykeplive/").status_code == 200
    monkeypatch.undo()
    connection.close()
