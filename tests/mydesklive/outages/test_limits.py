"""A locked row, a slow statement and a cached plan: the page says so in time, others go on, and nothing is half done."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.database import patience as kinds
from accounts.database.patience import COMMAND, MIGRATION, PAGE, REPORT, TASK, Patience, patience
from accounts.work.sweeps import each
from agencies.models import SystemToken
from appointments.models import Appointment, Event, TimeSlot
from mydesklive.celery import be_patient
from tests.builders import MONDAY, a_user, an_open_branch, booked_at, slots_of
from tests.pages import signed_in
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
        assert (limit("lock_timeout"), limit("statement_timeout")) == ("2s", "0")
    assert (limit("lock_timeout"), limit("statement_timeout")) == ("3s", "6s")


def test_slow_statement_ends() -> None:
    with pytest.raises(OperationalError, match="statement timeout"), patience(SHORT), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    assert limit("statement_timeout") == "6s"


def test_a_limit_costs_no_statement(django_assert_num_queries: DjangoAssertNumQueries, client: Client) -> None:
    an_open_branch()
    with django_assert_num_queries(1):
        client.get("/api/v1/agencies/")


TIMES = "/en/mykeplive/kep-dilosi/book/time/?channel=in_person&branch=kep-chania"


def book(slot: TimeSlot, number: int) -> Any:
    wanted = {"slot": slot.pk, "procedure": "kep-dilosi", "channel": "in_person", "name": "Ελένη", "language": "el"}
    wanted |= {"email": f"eleni{number}@example.org", "phone": "6912345678"}
    headers = {"Authorization": "Bearer key", "Idempotency-Key": f"one {number}"}
    return Client().post("/api/v1/appointments/", wanted, content_type="application/json", headers=headers)


def hold(slot: TimeSlot) -> Any:
    return Client().post(TIMES, {"slot": slot.pk})


def cancel(appointment: Appointment) -> Any:
    return signed_in(Client(), appointment.citizen).post(f"/appointments/{appointment.reference}/cancel/")


def timed(call: Callable[..., Any], *words: Any) -> tuple[Any, float]:
    begins = time.perf_counter()
    try:
        return call(*words), time.perf_counter() - begins
    finally:
        connection.close()


def assert_told(answer: Any, seconds: float) -> None:
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
    assert seconds < 4


def assert_served(answer: Any, seconds: float) -> None:
    assert answer.status_code in {200, 201}
    assert seconds < 4


def test_a_locked_time_is_told_and_nobody_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three want the locked time at once; others look at pages and book other times."""
    branch = an_open_branch(desks=5)
    first, second, *_rest = slots_of(branch)
    cancelled = booked_at(branch, 8, day=MONDAY, citizen=a_user())
    assert cancelled.slot_ids == [first.pk]
    SystemToken.objects.create(agency=branch.agency, label="Register", digest=SystemToken.digest_of("key"))
    monkeypatch.setattr(kinds, "_usual", Patience(lock=1, statement=4, idle=10))
    events = Event.objects.count()
    with locked("SELECT FROM appointments_timeslot WHERE id = %s FOR UPDATE", first.pk), ThreadPoolExecutor(8) as pool:
        late = [(book, first, 1), (hold, first), (cancel, cancelled)]
        late = [pool.submit(timed, *one) for one in late]
        others = [pool.submit(timed, *one) for one in [(Client().get, "/mykeplive/"), (book, second, 3)]]
        for one in others:
            assert_served(*one.result())
        for one in late:
            assert_told(*one.result())
    cancelled.refresh_from_db()
    assert (cancelled.status, Appointment.objects.count(), Event.objects.count()) == ("booked", 2, events + 1)
    assert_counts_agree()
    assert [book(first, 1).status_code, hold(first).status_code, cancel(cancelled).status_code] == [201, 302, 302]
    assert_counts_agree()
    first.refresh_from_db()
    assert (Appointment.objects.count(), first.taken) == (4, 2)


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


@pytest.mark.parametrize("end", ["SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_sleep(9)"])
def test_a_sweep_goes_on_with_the_next_row(end: str) -> None:
    """After a connection that was ended, and after a statement that took too long."""

    def step(statement: str) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0]

    with patience(SHORT):
        assert each([end, "SELECT 7"], step, doing="trying") == [7]
    assert limit("statement_timeout") == "6s"
