"""A real TURN server, coturn, with the configuration of docker-compose.yml, for this machine alone."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

PROGRAM = shutil.which("turnserver", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = Path(__file__).parent.parent.parent / "deploy/turn/turnserver.conf"
HERE = "127.0.0.1"
START = 20  # seconds


def free_port() -> int:
    with socket.create_server((HERE, 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(folder: Path, secret: str, port: int) -> Iterator[None]:
    """Runs the relay, whose own files are in the folder, at the port."""
    assert PROGRAM
    own = {"listening-ip": HERE, "relay-ip": HERE, "allowed-peer-ip": HERE, "listening-port": port, "realm": "tests"}
    files = {"static-auth-secret": secret, "pidfile": folder / "turn.pid", "userdb": folder / "turn.db"}
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
