"""A real TURN server, coturn, with the configuration of docker-compose.yml, for this machine alone."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from pytest_django.fixtures import Settings

PROGRAM = shutil.which("turnserver", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = Path(__file__).parent.parent.parent / "deploy/turn/turnserver.conf"
HERE = "127.0.0.1"
START = 20  # seconds
SECRET = "Jw4tq0bQ1nUe8yBf3kVh6sZc9xLmRdPa"


def free_port() -> int:
    with socket.create_server((HERE, 0)) as free:
        return int(free.getsockname()[1])


def only_way(settings: Settings) -> int:
    """Returns the port at which browsers look for a relay. They may use nothing else."""
    port = free_port()
    settings.TURN_URLS = [f"turn:{HERE}:{port}?transport=udp"]
    settings.TURN_SECRET, settings.TURN_ONLY = SECRET, True
    return port


@contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    """Runs the relay, whose own files are in the folder, at the port."""
    assert PROGRAM
    own = {"listening-ip": HERE, "relay-ip": HERE, "allowed-peer-ip": HERE, "listening-port": port, "realm": "tests"}
    files = {"static-auth-secret": SECRET, "pidfile": folder / "turn.pid", "userdb": folder / "turn.db"}
    options = [f"--{name}={value}" for name, value in (own | files).items()]
    command = [PROGRAM, "-c", str(CONFIGURATION), *options, "--allow-loopback-peers"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        _wait_for(port, process)
        yield
    finally:
        process.kill()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen) -> None:
    until = monotonic() + START
    while monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((HERE, port), 1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    raise AssertionError("The relay does not start.")
