"""A table changes under plans that connections keep, and a request is repeated if nothing of it was written."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from appointments.models import Appointment
from mydesklive.pages.outages import OutageMiddleware
from mydesklive.postgresql.connection import Cursor, writes
from tests.builders import MONDAY, a_user, an_open_branch, booked_at
from tests.pages import signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]
OFTEN = 8  # times; a plan is kept from the sixth on


@pytest.fixture
def widen() -> Iterator[Callable[[str, str], None]]:
    """Makes a column of text wider, as a migration of the next release does while this one still runs."""
    undo = []

    def change(table: str, column: str) -> None:
        with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
            other.execute("SET lock_timeout = '5s'")
            width = "SELECT atttypmod - 4 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s"
            (before,) = other.execute(width, [table, column]).fetchone() or (0,)
            other.execute(f"ALTER TABLE {table} ALTER {column} TYPE varchar({before + 100})")
            undo.append(f"ALTER TABLE {table} ALTER {column} TYPE varchar({before})")

    yield change
    with connection.cursor() as cursor:
        for statement in undo:
            cursor.execute(statement)
    connection.close()


def test_pages_and_programs_are_served_after_a_column_was_widened(widen: Callable[[str, str], None]) -> None:
    an_open_branch()
    client = signed_in(Client(), a_user())
    addresses = ["/mykeplive/", "/appointments/", "/api/v1/agencies/kep/", "/api/v1/branches/?agency=kep"]
    for address in addresses * OFTEN:
        client.get(address)
    backend = connection.connection.info.backend_pid
    widen("agencies_agency", "name_el")
    widen("agencies_branch", "city_en")
    widen("accounts_user", "email")
    assert {client.get(address).status_code for address in addresses * OFTEN} == {200}
    assert connection.connection.info.backend_pid == backend


def test_a_verb_is_done_once_after_a_column_was_widened(widen: Callable[[str, str], None]) -> None:
    """In a transaction the statement fails for good, so the whole request goes again."""
    branch = an_open_branch()
    citizen = a_user()
    client = signed_in(Client(), citizen)
    for number in range(OFTEN):
        appointment = booked_at(branch, 8 + number // 6, number % 6 * 10, day=MONDAY, citizen=citizen)
        client.post(f"/appointments/{appointment.reference}/cancel/")
    last = booked_at(branch, 12, day=MONDAY, citizen=citizen)
    widen("appointments_appointment", "name")
    widen("agencies_agency", "name_el")
    assert client.post(f"/appointments/{last.reference}/cancel/").status_code == 302
    assert set(Appointment.objects.values_list("status", flat=True)) == {"cancelled"}
    assert last.events.filter(verb="cancel").count() == 1


def failing_once(error: type[Exception], statement: str) -> Callable[..., Any]:
    execute, left = Cursor.execute, [error("It fails once.")]

    def run(cursor: Cursor, query: Any, *args: Any, **options: Any) -> Any:
        if statement in str(query) and left:
            raise left.pop()
        return execute(cursor, query, *args, **options)

    return run


def answered(view: Callable[[HttpRequest], None]) -> tuple[int, int]:
    """Returns the status, and how often the view was called."""
    calls = []

    def get_response(request: HttpRequest) -> HttpResponse:
        calls.append(request.POST["name"])
        try:
            view(request)
        except DatabaseError as error:
            return middleware.process_exception(request, error) or HttpResponse(status=500)
        return HttpResponse()

    middleware = OutageMiddleware(get_response)
    status = middleware(RequestFactory().post("/", {"name": "Ελένη"})).status_code
    assert set(calls) == {"Ελένη"}
    return status, len(calls)


def write() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agencies_agency SET slug = slug")


def read() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'read'")


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (psycopg.errors.DeadlockDetected, 2),
        (psycopg.errors.SerializationFailure, 2),
        (psycopg.errors.AdminShutdown, 2),
        (psycopg.errors.LockNotAvailable, 1),
        (psycopg.errors.DiskFull, 1),
    ],
)
def test_request_is_repeated_if_this_helps(monkeypatch: pytest.MonkeyPatch, error: type[Exception], calls: int) -> None:
    monkeypatch.setattr(Cursor, "execute", failing_once(error, "'read'"))
    assert answered(lambda _request: read()) == (200 if calls == 2 else 503, calls)


def test_request_is_not_repeated_once_something_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_a_transaction(_request: HttpRequest) -> None:
        with transaction.atomic():
            write()
        read()

    def alone(_request: HttpRequest) -> None:
        write()
        read()

    for view in (in_a_transaction, alone):
        with monkeypatch.context() as patch:
            patch.setattr(Cursor, "execute", failing_once(psycopg.errors.DeadlockDetected, "'read'"))
            assert answered(view) == (503, 1)


def test_request_is_repeated_after_a_transaction_that_was_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def undone(_request: HttpRequest) -> None:
        with transaction.atomic():
            write()
            read()

    monkeypatch.setattr(Cursor, "execute", failing_once(psycopg.errors.DeadlockDetected, "'read'"))
    assert answered(undone) == (200, 2)


def test_request_whose_connection_was_ended_is_repeated() -> None:
    def ended(_request: HttpRequest) -> None:
        if not ends:
            return read()
        pid, dsn = connection.connection.info.backend_pid, connection.connection.info.dsn
        with psycopg.connect(dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [ends.pop() and pid])
        return read()

    ends = [True]
    read()
    assert answered(ended) == (200, 2)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", False),
        ('SELECT "updated_at", "deleted" FROM t', False),
        ("WITH a AS (UPDATE t SET b = 1 RETURNING b) SELECT b FROM a", True),
        ("insert INTO t VALUES (1)", True),
    ],
)
def test_statement_that_may_write_is_recognised(statement: str, *, expected: bool) -> None:
    assert writes(statement) == expected
