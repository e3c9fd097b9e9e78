"""A server that is there and says nothing: its port takes connections, and no answer comes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, close_old_connections, connection
from django.test import Client

from accounts.database import patience as kinds
from accounts.database.patience import PAGE, PROBE, Patience
from appointments.models import Appointment
from mydesklive.postgresql.connection import BREAKER, Unanswered
from tests.builders import MONDAY, a_user, an_open_branch, booked_at, slots_of
from tests.pages import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
SHORT = Patience(lock=1, statement=1, idle=10)
MOMENT = 0.6  # seconds


class Wire:
    """Passes on what client and server say, until it is `silent`."""

    def __init__(self, target: str) -> None:
        self.silent = threading.Event()
        self.target = target
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.ends: list[socket.socket] = [self.listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self.listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self.ends += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while said := one.recv(65536):
                while self.silent.is_set():
                    time.sleep(0.01)
                other.sendall(said)
            other.close()

    def close(self) -> None:
        self.silent.clear()
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    database = connection.settings_dict
    if not str(database["HOST"]).startswith("/"):
        pytest.skip("The database of the tests has no socket in a folder.")
    wire = Wire(str(Path(database["HOST"]) / f".s.PGSQL.{database['PORT'] or 5432}"))
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(database, "HOST", "127.0.0.1")
        patch.setitem(database, "PORT", wire.port)
        patch.setattr(kinds, "_usual", SHORT)
        yield wire
        connection.close()
    wire.close()
    BREAKER.reset()


def timed(client: Client, path: str, **posted: Any) -> tuple[Any, float]:
    begins = time.perf_counter()
    answer = client.post(path, posted) if posted else client.get(path)
    return answer, time.perf_counter() - begins


def test_a_page_is_not_held_for_more_than_eight_seconds() -> None:
    assert PAGE.deadline is not None
    assert PAGE.statement < PAGE.deadline <= 8
    assert PROBE.deadline is not None
    assert PROBE.deadline <= 3


def test_a_silent_server_holds_one_page_for_a_while_and_the_next_ones_not_at_all(wire: Wire) -> None:
    an_open_branch()
    client = Client()
    assert client.get("/mykeplive/").status_code == 200
    wire.silent.set()
    first, waited = timed(client, "/mykeplive/")
    assert (first.status_code, SHORT.statement < waited < SHORT.statement + 3) == (503, True)
    for path in ("/mykeplive/", "/api/v1/agencies/", "/health/ready"):
        answer, waited = timed(client, path)
        assert (answer.status_code, waited < MOMENT) == (503, True), path
    begins = time.perf_counter()
    wire.silent.clear()
    while client.get("/mykeplive/").status_code != 200:
        assert time.perf_counter() - begins < 5
        time.sleep(0.05)
    assert client.get("/health/ready").status_code == 200


def test_nothing_after_an_answer_waits_for_a_silent_server(wire: Wire) -> None:
    """Django lets go its connections when an answer is whole. Its test client does not."""
    connection.ensure_connection()
    wire.silent.set()
    with pytest.raises(OperationalError):
        connection.cursor().execute("SELECT 1")
    begins = time.perf_counter()
    close_old_connections()
    assert time.perf_counter() - begins < MOMENT
    assert connection.connection is None


def test_a_silent_server_is_not_ready_soon(wire: Wire) -> None:
    client = Client()
    client.get("/health/ready")
    wire.silent.set()
    for _time in range(2):
        answer, waited = timed(client, "/health/ready")
        assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")
        assert waited < 3
        BREAKER._until = 0.0  # the pause is over: the next one asks a server that takes a connection and says nothing


def test_nothing_is_half_done_when_the_server_falls_silent_in_a_verb(wire: Wire, clock: Any) -> None:
    branch = an_open_branch()
    appointment = booked_at(branch, 12, day=MONDAY, citizen=a_user())
    client = signed_in(Client(), appointment.citizen)
    client.get(f"/appointments/{appointment.reference}/")
    wire.silent.set()
    assert client.post(f"/appointments/{appointment.reference}/cancel/").status_code == 503
    wire.silent.clear()
    BREAKER.reset()
    appointment.refresh_from_db()
    assert (appointment.status, [*Appointment.objects.values_list("pk")]) == ("booked", [(appointment.pk,)])
    assert client.post(f"/appointments/{appointment.reference}/cancel/").status_code == 302


def test_one_tries_after_the_pause_and_nobody_else() -> None:
    BREAKER.trip()
    with pytest.raises(Unanswered):
        BREAKER.admit()
    BREAKER._until = 0.0
    BREAKER.admit()
    with pytest.raises(Unanswered):
        BREAKER.admit()
    BREAKER.reset()
    BREAKER.admit()


def test_a_server_that_is_away_or_full_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", 1)
        with pytest.raises(OperationalError):
            connection.ensure_connection()
        answer, waited = timed(Client(), "/mykeplive/")
    assert (answer.status_code, waited < MOMENT, BREAKER.is_open) == (503, True, False)
    assert connection.connection is None
    connection.ensure_connection()


def test_a_killed_connection_is_replaced(clock: Any) -> None:
    slots_of(an_open_branch())
    client = Client()
    for path in ("/mykeplive/", "/api/v1/agencies/", "/en/mykeplive/kep-dilosi/"):
        client.get(path)
        with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert client.get(path).status_code == 200
