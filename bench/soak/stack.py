"""The running product of the soak: the parts of `make run` with a mail server and an SMS gateway, without the demo's data.

`python -m bench.soak.stack FOLDER` is a process of its own, which keeps the parts alive and writes the log. The soak only
knows its children.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.request import urlopen

import psutil

from bench.soak.parts import Part as Victim
from bench.soak.parts import child
from bench.stack import settings
from mydesklive.local import places, postgres, redis
from mydesklive.local.children import end, kill_descendants, spawn, without_survivors
from mydesklive.local.console import flush
from mydesklive.local.keeping import Keeper
from mydesklive.local.parts import Part
from mydesklive.local.places import LocalStackError
from mydesklive.local.run import parts_of
from mydesklive.local.stopping import Stop

CLOCK = Path(__file__).parent / "clock"  # what sets the clock of a process wrong
PATIENCE = 120  # seconds until the product must answer
# Words of the command of each part.
MARKS = MappingProxyType(
    {
        "redis": ["redis-server"],
        "postgres": ["postgres"],
        "web": ["granian"],
        "worker": ["celery", "worker"],
        "beat": ["celery", "beat"],
        "mail": ["bench.soak.peers", "mail"],
        "sms": ["bench.soak.peers", "sms"],
    }
)


@dataclass(frozen=True)
class Stack:
    folder: Path
    port: int
    environment: dict[str, str]
    told: dict[str, Any]  # what `stage` has prepared
    parts: dict[str, Victim]

    @property
    def sms(self) -> Path:
        return self.folder / "sms"

    @property
    def mails(self) -> Path:
        return self.folder / "mail"

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def tells_end_of(self, name: str, *, since: int) -> bool:
        """Returns whether the log tells, after this many characters, that the part has ended."""
        return re.search(rf"(?im)^stack  \| {name}\w* (was )?ended", self.log()[since:]) is not None


@contextmanager
def running(*, gateway: str = "") -> Iterator[Stack]:
    """Runs the product. Raises LocalStackError if it does not start. The folder stays if the soak fails.

    `gateway` is more of the gateway's address, like "rto=4&".
    """
    with tempfile.TemporaryDirectory(prefix="mydesklive-soak-") as kept:
        folder = Path(kept)
        folder.chmod(0o711)
        with (folder / "log").open("wb") as log:
            process = spawn([sys.executable, "-m", "bench.soak.stack", folder, gateway], output=log)
        try:
            told = _wait(process, folder)
            of = psutil.Process(process.pid)
            # As service managers stop it: open connections are ended.
            stops = {"postgres": postgres.STOP}
            parts = {
                name: Victim(name, child(of, *marks), stops.get(name, signal.SIGTERM)) for name, marks in MARKS.items()
            }
            yield Stack(folder, told["port"], told["environment"], told["stage"], parts)
        finally:
            end(process, timeout=30)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, ValueError):
            told = json.loads((folder / "told.json").read_text())
            if urlopen(f"http://127.0.0.1:{told['port']}/health/ready", timeout=5).status == 200:
                return told
        time.sleep(0.5)
    raise LocalStackError(f"The product did not start:\n{(folder / 'log').read_text()[-3000:]}")


def keep(folder: Path, gateway: str) -> None:
    port, ports = _free_port(), {name: _free_port() for name in ("mail", "sms")}
    with places.throw_away("soak") as place, without_survivors(), Keeper() as keeper, Stop(kill_descendants) as stop:
        keeper.begin(postgres.part(place), postgres.PATIENCE)
        keeper.begin(redis.part(place, throw_away=True), redis.PATIENCE)
        addresses = {"DATABASE_URL": postgres.url(place), "REDIS_URL": redis.url(place)}
        environment = settings(place, addresses) | {
            "SITE_URL": f"http://localhost:{port}",
            "EMAIL_URL": f"smtp://127.0.0.1:{ports['mail']}",
            "SMS_URL": f"json://127.0.0.1:{ports['sms']}/?{gateway}:to={{phone}}",
            "PYTHONUNBUFFERED": "1",
        }
        whole = os.environ | environment
        stage = folder / "stage.json"
        subprocess.run([sys.executable, "-m", "bench.soak", "--stage", stage], env=whole, check=True)
        for name, at in ports.items():
            command = [sys.executable, "-m", "bench.soak.peers", name, f"{at}", folder / name]
            keeper.start(Part(name, command, whole))
        for part in parts_of(port, place.local, whole):
            keeper.start(replace(part, environment=whole | _clock(folder, part.name)))
        told = {"port": port, "environment": environment, "stage": json.loads(stage.read_text())}
        (folder / "told.json").write_text(json.dumps(told))
        keeper.tend(lambda: stop.asked)


def clock_file(folder: Path, name: str) -> Path:
    """Returns the file that says by how many seconds the clock of this part is ahead when it starts. There may be none."""
    return folder / f"{name}.clock"


def _clock(folder: Path, name: str) -> dict[str, str]:
    paths = [str(CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"CLOCK_FILE": str(clock_file(folder, name)), "PYTHONPATH": os.pathsep.join(paths)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        keep(Path(sys.argv[1]), sys.argv[2])
    flush()
