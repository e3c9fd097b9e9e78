"""Keeps the parts of the stack alive: what ends is started again, after a pause that grows with each failure."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import psutil

from mydesklive.local.children import end_all, end_orphans
from mydesklive.local.console import say
from mydesklive.local.parts import NoAnswerError, Part
from mydesklive.local.places import LocalStackError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds before a part starts again
SETTLED = 60.0  # seconds of life after which the next pause is the first one again
SILENCE = 10.0  # seconds without an answer that are told in the log
ASKING = 2.0  # seconds between two questions
ENDING = 6.0  # seconds until a part that was asked to stop is killed
LOOKING = 0.1  # seconds


class Keeper:
    """Starts and restarts parts. All of them end with the `with` block."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in (False, True):
            of_this_kind = [kept for kept in self.kept if kept.part.service == service]
            end_all({kept.process: kept.part.stop for kept in of_this_kind if kept.process}, ENDING)

    def begin(self, part: Part, patience: float) -> None:
        """Starts a service and waits until it answers. Raises LocalStackError if it does not."""
        self.kept.append(Kept(part, part.begin(patience)))

    def start(self, part: Part) -> None:
        self.kept.append(Kept(part, part.start()))

    def check(self) -> None:
        """Raises LocalStackError if a part has ended."""
        for kept in self.kept:
            if kept.process and (code := kept.process.poll()) is not None:
                kept.part.clear()  # it may know why
                raise LocalStackError(f"The process `{kept.part.name}` {_ending(code)}.")

    def tend(self, stopped: Callable[[], bool]) -> None:
        """Looks after all parts until `stopped` returns true."""
        for kept in self.kept:
            kept.listen()
        looked = time.monotonic()
        while not stopped():
            now = time.monotonic()
            for kept in self.kept:
                if now - looked > ASKING:  # we were stopped ourselves, so nobody was asked
                    kept.answered = now
                kept.look(now, self._end_orphans)
            looked = now
            time.sleep(LOOKING)

    def _end_orphans(self) -> None:
        end_orphans({kept.process.pid for kept in self.kept if kept.process})


class Kept:
    """A part that is kept alive. All times are on the monotonic clock."""

    def __init__(self, part: Part, process: subprocess.Popen[bytes]) -> None:
        self.part = part
        self.process: subprocess.Popen[bytes] | None = process  # None during a pause
        self.started = self.answered = time.monotonic()
        self.failures = 0  # since it last ran for long
        self.again_at = 0.0
        self.silent = False
        self.reason = ""

    def look(self, now: float, end_orphans: Callable[[], None]) -> None:
        if self.process is None:
            if now >= self.again_at:
                self._start(end_orphans)
        elif (code := self.process.poll()) is not None:
            if now - self.started > SETTLED:
                self.failures = 0
            complaint = self.part.complaint() if code > 0 else ""
            self._pause(_ending(code), f" From its log: {complaint}" if complaint else "")
        elif self.part.ask:
            self._tell_silence(now)

    def listen(self) -> None:
        self.answered = time.monotonic()
        if self.part.ask:
            threading.Thread(target=self._keep_asking, args=(self.part.ask,), daemon=True).start()

    def _start(self, end_orphans: Callable[[], None]) -> None:
        try:
            end_orphans()
            self.process = self.part.start()
        except (OSError, subprocess.SubprocessError, psutil.Error, LocalStackError) as error:
            self._pause(f"could not start ({error})")
        else:
            self.started = self.answered = time.monotonic()
            self.silent = False

    def _pause(self, what: str, reason: str = "") -> None:
        self.process = None
        pause = min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE)
        self.failures += 1
        self.again_at = time.monotonic() + pause
        self._tell(f"{what}. It starts again in {pause:g} s.{reason}")

    def _tell_silence(self, now: float) -> None:
        silence = now - self.answered
        if not self.silent and silence > SILENCE:
            self.silent = True
            self._tell(f"runs, but has not answered for {silence:.0f} s. {self.reason}")
        elif self.silent and silence < SILENCE:
            self.silent = False
            self._tell("answers again.")

    def _keep_asking(self, ask: Callable[[], None]) -> None:
        while True:
            try:
                ask()
            except NoAnswerError as error:
                self.reason = str(error)
            else:
                self.answered = time.monotonic()
            time.sleep(ASKING)

    def _tell(self, what: str) -> None:
        say(f"stack  | {self.part.name} {what}")


def _ending(code: int) -> str:
    """Returns in words how a process has ended."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal
        return f"was ended by signal {-code}"
