"""Two releases of the product beside each other: their files, and their processes on one database."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mydesklive.local import places, postgres, redis
from mydesklive.local.children import end, spawn

BASE = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
# What an image holds of the checkout.
CODE = ("accounts", "agencies", "appointments", "mydesklive", "reports", "videocalls", "templates", "static", "locale")
# The names of static files are those of production. Compressing the files would take a minute, and changes no name.
UNCOMPRESSED = """
from mydesklive.settings import *
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
"""
# The pages that explain the API are not visited, and have the most files.
COLLECT = ("collectstatic", "--no-input", "--verbosity=0", "--ignore=drf_spectacular_sidecar")
PATIENCE = 120  # seconds until a process must be ready
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "uncompressed",
    "SECRET_KEY": "a key for tests: long enough and known to everybody",
    # The old release had none, so its secret key goes on as one (docs/operations.md, "Keys").
    "DATA_KEY": "a key for tests: long enough and known to everybody",
    "SITE_URL": "http://localhost",
    "EMAIL_URL": "dummymail:",
    "MYDESK_DEMO": "0",
    "SECOND_FACTOR_REQUIRED": "0",  # nobody of the old release could set one up (docs/operations.md, "Upgrading")
    "STATIC_MANIFEST": "1",
    "TRUSTED_PROXIES": "1",
    "LOG_LEVEL": "WARNING",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Release:
    """One release in a folder of its own. It runs with the packages of today's virtual environment."""

    name: str
    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *words: str) -> subprocess.Popen[bytes]:
        """Begins a command. `finish` waits for it."""
        return self._start(words[0], [sys.executable, "manage.py", *words])

    def run(self, script: str) -> Any:
        """Runs Python in this release. Returns what it prints as JSON."""
        code = f"import django; django.setup()\n{script}"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env=self.environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def web(self) -> Iterator[None]:
        words = f"--interface wsgi --host 127.0.0.1 --port {self.port} --workers 1 --blocking-threads 1 --no-ws"
        process = self._start("web", [BIN / "granian", *words.split(), "mydesklive.wsgi:application"])
        try:
            self._wait(process)
            yield
        finally:
            end(process)

    def worker(self) -> AbstractContextManager[None]:
        return self._celery("worker", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat")

    def beat(self) -> AbstractContextManager[None]:
        return self._celery("beat", f"--schedule={self.folder / 'beat'}")

    @contextmanager
    def _celery(self, name: str, *options: str) -> Iterator[None]:
        celery = [
            sys.executable,
            "-W",
            "ignore::UserWarning:celery.platforms",
            "-m",
            "celery",
            "-A",
            "mydesklive",
            "-q",
        ]
        process = self._start(name, [*celery, name, *options])
        try:
            yield
        finally:
            end(process)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _start(self, name: str, command: list[str | Path]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return spawn(["env", "--chdir", self.folder, *command], env=self.environment, output=log)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/health/ready", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"The {self.name} web server is not ready:\n{self.log('web')}")


def archive(commit: str) -> bytes | None:
    """Returns the files of the commit as a tar archive, or None if the history is not here."""
    done = subprocess.run(["git", "archive", commit], cwd=BASE, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def finish(*commands: subprocess.Popen[bytes]) -> None:
    codes = [command.wait(PATIENCE) for command in commands]
    assert not any(codes), [command.args for command in commands]


@contextmanager
def old_and_new(files: bytes) -> Iterator[tuple[Release, Release]]:
    """Makes both releases, with static files of their own, and runs a PostgreSQL and a Redis for them."""
    folder = Path(tempfile.mkdtemp(prefix="mydesklive-upgrade-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user, who has to enter the folder
    place = places.prepare(folder / "services")
    with ExitStack() as services:
        services.callback(shutil.rmtree, folder, ignore_errors=True)
        services.callback(place.remove)
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        environment = kept | SETTINGS
        environment["DATABASE_URL"] = services.enter_context(postgres.running(place, throw_away=True))
        environment["REDIS_URL"] = services.enter_context(redis.running(place, throw_away=True))
        old = Release("old", folder / "old", environment)
        old.folder.mkdir()
        subprocess.run(["tar", "--extract", "--directory", old.folder], input=files, check=True)
        for changed in ("static/css/site.css", "static/js/page.js"):
            with (old.folder / changed).open("a") as file:
                file.write("/* the new release has it in other words */\n")
        new = Release("new", folder / "new", environment)
        for name in CODE:
            shutil.copytree(BASE / name, new.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(BASE / "manage.py", new.folder)
        for release in (old, new):
            (release.folder / "node_modules").symlink_to(BASE / "node_modules")
            (release.folder / "uncompressed.py").write_text(UNCOMPRESSED)
        yield old, new
