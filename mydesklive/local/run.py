"""`make run`: the whole product on one machine, with one log, until Ctrl-C."""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.error import URLError

from mydesklive.local import places, postgres, redis
from mydesklive.local.children import end, spawn
from mydesklive.local.install import BASE, ticking
from mydesklive.local.places import LocalStackError

BIN = Path(sys.executable).parent
PATIENCE = 60  # seconds until the web server must answer
SIGN_INS = {
    "citizen@example.org": "a citizen",
    "agent@example.org": "an officer of ΚΕΠ Χανίων",
    "supervisor@example.org": "the head of ΚΕΠ Χανίων",
    "agencyadmin@example.org": "the administrator of the ΚΕΠ",
    "official@example.org": "an official who reads statistics",
    "operator@example.org": "the operator of the platform",
}


def main() -> None:
    port = int(os.environ.get("PORT") or 8000)
    local = Path(os.environ.get("LOCAL") or BASE / ".local").resolve()
    local.mkdir(parents=True, exist_ok=True)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    _check_port(port)
    with ExitStack() as stack:
        stack.enter_context(_alone(local))
        environment = _environment(port, local, stack)
        _prepare_data(environment)
        processes = {
            name: stack.enter_context(_running(name, command, environment))
            for name, command in _commands(port, local).items()
        }
        _wait_for_web(port, processes)
        _welcome(port)
        _watch(processes)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalStackError(f"Port {port} is taken. Choose another: make run PORT={port + 1}") from error


@contextmanager
def _alone(local: Path) -> Iterator[None]:
    with (local / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalStackError(f"Already running with the data in {local}. Stop it, or set LOCAL.") from error
        yield


def _environment(port: int, local: Path, stack: ExitStack) -> dict[str, str]:
    """Returns the environment of the processes: the shell's settings, and our defaults for the others."""
    ours = {
        "MYDESK_DEMO": "1",
        "SITE_URL": f"http://localhost:{port}",
        "EMAIL_URL": "demo:",
        "STATIC_MANIFEST": "1",
        "SECRET_KEY": _secret_key(local),
        "PYTHONUNBUFFERED": "1",
    }
    services = {"DATABASE_URL": postgres, "REDIS_URL": redis}
    missing = {name: service for name, service in services.items() if not os.environ.get(name)}
    if missing:
        place = places.prepare(local)
        if place.moved:
            print(f"The user {place.owner and place.owner.pw_name} can't reach {local}: data is kept in {place.data}")
        with ticking("Starting the database"):
            ours |= {name: stack.enter_context(service.running(place)) for name, service in missing.items()}
    return ours | {name: value for name, value in os.environ.items() if value}


def _secret_key(local: Path) -> str:
    """Returns the stored key, which is made once so that sign-ins and links survive a restart."""
    file = local / "secret_key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


def _prepare_data(environment: dict[str, str]) -> None:
    with ticking("Bringing the database up to date"):
        _manage("migrate", "--no-input", "--verbosity=0", environment=environment)
    _manage("demo", environment=environment)


def _manage(*words: str, environment: dict[str, str]) -> None:
    process = spawn([sys.executable, BASE / "manage.py", *words], env=environment)
    try:
        code = process.wait()
    finally:
        end(process)
    if code:
        raise LocalStackError(f"`manage.py {words[0]}` failed.")


def _commands(port: int, local: Path) -> dict[str, list[str]]:
    cores = str(os.cpu_count() or 1)
    web = f"--interface wsgi --host 127.0.0.1 --port {port} --workers {cores} --blocking-threads 1 --no-ws"
    worker = f"worker --concurrency {cores} --without-gossip --without-mingle --without-heartbeat"
    # Celery warns about root because of pickles, but our messages are JSON.
    celery = [sys.executable, "-W", "ignore::UserWarning:celery.platforms", "-m", "celery", "-A", "mydesklive", "-q"]
    return {
        "web": [str(BIN / "granian"), *web.split(), "mydesklive.wsgi:application"],
        "worker": [*celery, *worker.split()],
        "beat": [*celery, "beat", "--schedule", str(local / "beat-schedule")],
    }


@contextmanager
def _running(name: str, command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    # Granian ends its workers itself. Celery would wait for a broker that has also ended.
    orphaned = signal.SIGTERM if name == "web" else signal.SIGKILL
    process = spawn(command, orphaned=orphaned, env=environment, output=subprocess.PIPE)
    threading.Thread(target=_relay, args=(name, process), daemon=True).start()
    try:
        yield process
    finally:
        end(process)


def _relay(name: str, process: subprocess.Popen[bytes]) -> None:
    if process.stdout is None:
        return
    for line in process.stdout:
        print(f"{name:<6} | {line.decode(errors='replace').rstrip()}", flush=True)


def _wait_for_web(port: int, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        _check(processes)
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise LocalStackError(f"The web server does not answer on port {port}.")


def _watch(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    while True:
        _check(processes)
        time.sleep(0.5)


def _check(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise LocalStackError(f"The process `{name}` ended with code {process.returncode}.")


def _welcome(port: int) -> None:
    rule = "-" * 72
    sign_ins = "\n".join(f"    {email:<26} {who}" for email, who in SIGN_INS.items())
    print(
        f"\n{rule}\n  myDESKlive runs at http://localhost:{port}\n\n"
        f"  Sign in with the password: demo\n{sign_ins}\n\n  Ctrl-C stops it.\n{rule}\n",
        flush=True,
    )


if __name__ == "__main__":
    try:
        main()
    except LocalStackError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        print("\nStopped.")
