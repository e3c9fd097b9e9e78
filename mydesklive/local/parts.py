"""A part of the local stack: a process, and how it is started, asked whether it works, and ended."""

import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import IO

from mydesklive.local.children import end, spawn
from mydesklive.local.console import say
from mydesklive.local.places import LocalStackError

GRAVE = ("FATAL", "PANIC", "Fatal")  # in lines of PostgreSQL and Redis
LONGEST_LINE = 8192  # bytes; a longer one is written in pieces


class NoAnswerError(Exception):
    """The part does not answer, or answers with an error."""


def nothing() -> None:
    """For parts that need no preparation."""


@dataclass(frozen=True)
class Part:
    """`service` means that the others need it, so it ends last."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    # Removes what a killed process left in the way. Raises LocalStackError if the part can't start now.
    clear: Callable[[], None] = nothing
    ask: Callable[[], None] | None = None  # raises NoAnswerError
    log: Path | None = None  # its own log; without one, its lines go to ours
    user: pwd.struct_passwd | None = None
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGTERM
    service: bool = False

    def start(self) -> subprocess.Popen[bytes]:
        self.clear()
        if self.log:
            with self.log.open("ab") as log:
                return self._spawn(log)
        process = self._spawn(subprocess.PIPE)
        threading.Thread(target=_relay, args=(self.name, process), daemon=True).start()
        return process

    def _spawn(self, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        return spawn(self.command, orphaned=self.orphaned, user=self.user, env=self.environment, output=output)

    def begin(self, patience: float) -> subprocess.Popen[bytes]:
        """Starts a service for the first time. Raises LocalStackError if it does not answer in `patience` seconds."""
        deadline = time.monotonic() + patience
        while True:
            with ExitStack() as failed:
                process = self.start()
                failed.callback(end, process, self.stop)
                if self._comes_up(process, deadline):
                    failed.pop_all()
                    return process
            time.sleep(1)

    def _comes_up(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Waits until the service answers. Returns False if it has to be started again."""
        while not self.answers():
            if time.monotonic() > deadline:
                raise LocalStackError(f"{self.name} does not answer:\n{self.last_lines()}")
            if process.poll() is not None:
                if "still in use" in self.last_lines():  # by sessions of a killed server, which end within seconds
                    return False
                raise LocalStackError(f"{self.name} did not start:\n{self.last_lines()}")
            time.sleep(0.05)
        return True

    @contextmanager
    def running(self, patience: float) -> Iterator[None]:
        process = self.begin(patience)
        try:
            yield
        finally:
            end(process, self.stop)

    def answers(self) -> bool:
        try:
            if self.ask:
                self.ask()
        except NoAnswerError:
            return False
        return True

    def last_lines(self) -> str:
        return last_lines(self.log) if self.log else ""

    def complaint(self) -> str:
        """Returns the line of its own log that most likely says why it has ended."""
        lines = self.last_lines().splitlines()
        grave = [line for line in lines if any(word in line for word in GRAVE)]
        return (grave or lines or [""])[-1]


def last_lines(log: Path) -> str:
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, SEEK_END) - LONGEST_LINE))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-15:])
    return ""


def _relay(name: str, process: subprocess.Popen[bytes]) -> None:
    """Writes the lines of the process into our log until it ends. Runs in a thread of its own."""
    if process.stdout:
        with process.stdout as output:
            for line in iter(lambda: output.readline(LONGEST_LINE), b""):
                say(f"{name:<6} | {line.decode(errors='replace').rstrip()}")
