"""Behind a real PgBouncer that gives each transaction to another connection."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.checks import CheckMessage
from django.db import connection, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.database.patience import PAGE, REPORT, patience
from agencies.models import SystemToken
from appointments.models import Appointment
from mydesklive.checks.pooler import check_pooler
from mydesklive.local.children import end, spawn
from tests.builders import an_open_branch, slots_of

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PGBOUNCER is None, reason="There is no PgBouncer here: install the package pgbouncer."),
]


@contextmanager
def pgbouncer(folder: Path, pool_mode: str) -> Iterator[int]:
    """Runs PgBouncer in front of the server of the tests, as the user who may reach it. Yields the port."""
    database = connection.settings_dict
    owner = pwd.getpwuid(Path(database["HOST"]).stat().st_uid) if database["HOST"].startswith("/") else None
    user = owner if os.geteuid() == 0 and owner and owner.pw_uid else None
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ini = folder / "pgbouncer.ini"
    target = f"host={database['HOST']} port={database['PORT'] or 5432} user={database['USER'] or 'postgres'}"
    ini.write_text(
        f"[databases]\n* = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {pool_mode}\ndefault_pool_size = 3\nserver_reset_query_always = 0\n"
    )
    ini.chmod(0o644)
    process = spawn([str(PGBOUNCER), ini], user=user, output=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            time.sleep(0.05)
        yield port
    finally:
        end(process)


@contextmanager
def through(port: int, **database: Any) -> Iterator[None]:
    """Lets all statements of this thread go through the port."""
    with pytest.MonkeyPatch.context() as patch:
        connection.close()
        for name, value in {"HOST": "127.0.0.1", "PORT": port, **database}.items():
            patch.setitem(connection.settings_dict, name, value)
        try:
            yield
        finally:
            connection.close()


@pytest.fixture
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="mydesklive-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with pgbouncer(folder, getattr(request, "param", "transaction")) as port:
            yield port


def preparing(threshold: int | None) -> dict[str, Any]:
    return {"OPTIONS": connection.settings_dict["OPTIONS"] | {"prepare_threshold": threshold}}


def ids(found: list[CheckMessage]) -> list[str | None]:
    return [one.id for one in found]


def limits() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        names = ("lock_timeout", "statement_timeout", "TimeZone")
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
        return cursor.fetchone()


def a_journey(client: Client, other: psycopg.Connection[Any], times: int) -> None:
    """Books, reads and cancels by the REST interface, and looks at pages. Another visitor takes connections in between."""
    branch = an_open_branch(desks=3)
    SystemToken.objects.create(agency=branch.agency, label="Register", digest=SystemToken.digest_of("key"))
    headers, page = {"Authorization": "Bearer key"}, "/mykeplive/"
    for number, slot in enumerate(slots_of(branch)[:times]):
        other.rollback() if number % 3 else other.execute("SELECT 1")
        wanted = {"slot": slot.pk, "procedure": "kep-dilosi", "channel": "in_person", "name": "Ελένη", "language": "el"}
        wanted |= {"email": f"eleni{number}@example.org", "phone": "6912345678"}
        made = client.post("/api/v1/appointments/", wanted, content_type="application/json", headers=headers)
        assert made.status_code == 201, made.content
        own = f"/api/v1/appointments/{made.json()['reference']}/"
        assert client.get(own, headers=headers).json()["status"] == "booked"
        assert client.get(page).status_code == 200
        if number % 2:
            assert client.delete(own, headers=headers).status_code < 300
    assert Appointment.objects.filter(status="booked").count() == times - times // 2


def another(port: int) -> psycopg.Connection[Any]:
    return psycopg.connect(f"host=127.0.0.1 port={port} dbname={connection.settings_dict['NAME']} user=postgres")


@pytest.mark.parametrize("threshold", [1, None])
@pytest.mark.usefixtures("clock")
def test_bookings_pass_through_a_pooler(client: Client, port: int, threshold: int | None) -> None:
    with through(port, PREPARES_BEHIND_POOLER=False, **preparing(threshold)), another(port) as other:
        a_journey(client, other, 8)
        assert connection.connection.prepare_threshold is None


def test_every_transaction_has_its_limits_and_leaves_none(port: int) -> None:
    page, report = ("3s", "6s", "UTC"), ("3s", "20s", "UTC")
    with through(port):
        assert limits() == page
        with transaction.atomic():
            assert limits() == page
            with patience(REPORT):
                assert limits() == report
            assert limits() == page
        with patience(REPORT):
            assert limits() == report
            with transaction.atomic():
                assert limits() == report
        assert limits() == page
        with another(port) as other:
            assert other.execute("SHOW statement_timeout").fetchone() == ("0",)
    assert limits() == page
    assert PAGE.as_settings()["statement_timeout"] == "6000"


LOSES = {"on": ["mydesklive.E030"], "off": [], "auto": ["mydesklive.W030"]}
BEARS = LOSES | {"on": []}


@pytest.mark.parametrize(("port", "expected"), [("transaction", LOSES), ("session", BEARS)], indirect=["port"])
def test_check_recognises_the_pooler(port: int, expected: dict[str, list[str]], settings: Settings) -> None:
    found = {}
    with through(port, **preparing(1)):
        for settings.DATABASE_PREPARE in ("on", "off", "auto"):
            found[settings.DATABASE_PREPARE] = ids(check_pooler(databases=["default"]))
        assert check_pooler(databases=None) == []
    assert found == expected


def test_check_finds_nothing_without_a_pooler(settings: Settings) -> None:
    settings.DATABASE_PREPARE = "on"
    assert check_pooler(databases=["default"]) == []
