"""`make run`: the whole product on one machine, with one log, until Ctrl-C."""

import errno
import fcntl
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from mydesklive.local import places, postgres, redis
from mydesklive.local.children import MARK, end, kill_descendants, spawn, without_survivors
from mydesklive.local.console import flush, say
from mydesklive.local.install import BASE, ticking
from mydesklive.local.keeping import Keeper
from mydesklive.local.parts import NoAnswerError, Part
from mydesklive.local.places import LocalStackError
from mydesklive.local.stopping import Stop

PATIENCE = 60  # seconds until the web server must answer
DIRECTLY = build_opener(ProxyHandler({}))  # a proxy of the shell does not know our port
SIGN_INS = {
    "citizen@example.org": "a citizen",
    "agent@example.org": "an officer of ΚΕΠ Χανίων",
    "supervisor@example.org": "the head of ΚΕΠ Χανίων",
    "agencyadmin@example.org": "the administrator of the ΚΕΠ",
    "official@example.org": "an official who reads statistics",
    "operator@example.org": "the operator of the platform",
}


def main() -> None:
    """Runs until somebody stops it, and tells why it ended."""
    try:
        _start()
    except LocalStackError as error:
        flush()
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        say("\nStopped.")
    flush()


def _start() -> None:
    port, local = _port(), Path(os.environ.get("LOCAL") or BASE / ".local").resolve()
    try:
        local.mkdir(parents=True, exist_ok=True)
        _run(port, local)
    except OSError as error:
        raise LocalStackError(f"The stack in {local} can't start: {error}. Mend it, or set LOCAL.") from error


def _run(port: int, local: Path) -> None:
    with _alone(local), without_survivors(), Keeper() as keeper, Stop(kill_descendants) as stop:
        places.end_stack(local)
        _check_port(port)
        environment = _environment(port, local, keeper)
        _prepare_data(environment)
        for part in parts_of(port, local, environment):
            keeper.start(part)
        _wait_for_web(port, keeper)
        _welcome(port)
        keeper.tend(lambda: stop.asked)


def _port() -> int:
    wanted = os.environ.get("PORT") or "8000"
    if not (wanted.isdecimal() and 0 < int(wanted) < 2**16):
        raise LocalStackError(f"PORT must be a number from 1 to 65535, not {wanted!r}.")
    return int(wanted)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
            another = max(port % 65535 + 1, 8001)
            raise LocalStackError(f"Port {port} {why}. Choose another: make run PORT={another}") from error


@contextmanager
def _alone(local: Path) -> Iterator[None]:
    with (local / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalStackError(f"Already running with the data in {local}. Stop it, or set LOCAL.") from error
        yield


def _environment(port: int, local: Path, keeper: Keeper) -> dict[str, str]:
    """Returns the environment of the processes: the shell's settings, and our defaults for the others."""
    ours = {
        "MYDESK_DEMO": "1",
        "SITE_URL": f"http://localhost:{port}",
        "EMAIL_URL": "demo:",
        "STATIC_MANIFEST": "1",
        "SECRET_KEY": _secret_key(local),
        "PULSE_FOLDER": str(local),
        "PYTHONUNBUFFERED": "1",
    }
    services = {"DATABASE_URL": postgres, "REDIS_URL": redis}
    missing = {name: service for name, service in services.items() if not os.environ.get(name)}
    if missing:
        place = places.prepare(local)
        if place.moved:
            print(f"The user {place.owner and place.owner.pw_name} can't reach {local}: data is kept in {place.data}")
        with ticking("Starting the database"):
            for name, service in missing.items():
                keeper.begin(service.part(place), service.PATIENCE)
                ours[name] = service.url(place)
    return ours | {name: value for name, value in os.environ.items() if value} | {MARK: str(local)}


def _secret_key(local: Path) -> str:
    """Returns the stored key, which is made once so that sign-ins and links survive a restart."""
    file = local / "secret_key"
    if not file.exists() or not file.read_text():  # an empty one: the disk was full
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
    worker = "worker --without-gossip --without-mingle --without-heartbeat"
    # Celery warns about root because of pickles, but our messages are JSON.
    celery = [sys.executable, "-W", "ignore::UserWarning:celery.platforms", "-m", "celery", "-A", "mydesklive", "-q"]
    return {
        "web": [sys.executable, "-m", "mydesklive.serving", "--port", str(port)],
        "worker": [*celery, *worker.split()],
        "beat": [*celery, "beat", "--schedule", str(local / "beat-schedule")],
    }


def parts_of(port: int, local: Path, environment: dict[str, str]) -> list[Part]:
    commands = _commands(port, local)
    # Granian ends its workers itself. Celery would wait for a broker that has also ended.
    celery = partial(Part, environment=environment, orphaned=signal.SIGKILL)
    return [
        Part("web", commands["web"], environment, clear=lambda: _check_port(port), ask=lambda: _ask_web(port)),
        celery("worker", commands["worker"]),
        celery("beat", commands["beat"]),
    ]


def _ask_web(port: int) -> None:
    try:
        DIRECTLY.open(f"http://127.0.0.1:{port}/health/live", timeout=5).close()
    except (OSError, HTTPException) as error:
        raise NoAnswerError(str(error)) from error


def _wait_for_web(port: int, keeper: Keeper) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        keeper.check()
        with suppress(NoAnswerError):
            _ask_web(port)
            return
        time.sleep(0.1)
    raise LocalStackError(f"The web server does not answer on port {port}.")


def _welcome(port: int) -> None:
    rule = "-" * 72
    sign_ins = "\n".join(f"    {email:<26} {who}" for email, who in SIGN_INS.items())
    say(
        f"\n{rule}\n  myDESKlive runs at http://localhost:{port}\n\n"
        f"  Sign in with the password: demo\n{sign_ins}\n"
        f"  or with TAXISnet: a sandbox asks who you are\n\n  Ctrl-C stops it.\n{rule}\n"
    )


if __name__ == "__main__":
    main()
