"""Ends us at every signal that asks for it, also at one that only `make` receives. Needs only the standard library."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Ctrl-Z, and output of a job in the background: whoever supervises does not rest.
RESTING = (signal.SIGTSTP, signal.SIGTTOU)
# Signals that come closer together are one request. `make` forwards some, `timeout` sends each twice.
ONE_REQUEST = 0.5  # seconds


class Stop:
    """While the block runs, the first request raises KeyboardInterrupt in the main thread.

    A second one, or one that comes while the block's owner already ends everything, calls `at_once`.
    """

    def __init__(self, at_once: Callable[[], None]) -> None:
        self.at_once = at_once
        self.asked_at: float | None = None  # on the monotonic clock

    @property
    def asked(self) -> bool:
        return self.asked_at is not None

    def __enter__(self) -> Self:
        for signum in ASKING:
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # `nohup` means it
                signal.signal(signum, self._receive)
        for signum in RESTING:
            signal.signal(signum, _go_on)
        maker = os.getppid()
        if _name(maker) in {"make", "gmake"}:
            threading.Thread(target=self._watch, args=(maker, _caught(maker)), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.asked_at = self.asked_at or time.monotonic()

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked_at is None:
            self.asked_at = now
            raise KeyboardInterrupt
        if now - self.asked_at > ONE_REQUEST:
            self.at_once()

    def _watch(self, maker: int, caught: int) -> None:
        """Asks us to end when `make` is gone, or has received a signal.

        After SIGINT it waits for us and tells us nothing. Yet it no longer catches the signal that it has received.
        """
        while os.getppid() == maker and _caught(maker) & caught == caught:
            time.sleep(0.2)
        if not self.asked:
            os.kill(os.getpid(), signal.SIGTERM)


def _go_on(signum: int, frame: FrameType | None) -> None:
    """Does nothing. Unlike an ignored signal, it is not handed on to children."""


def _name(process: int) -> str:
    return _status(process).get("Name", "")


def _caught(process: int) -> int:
    """Returns the set of asking signals that the process catches, as bits. It is empty if the process is gone."""
    asking = sum(1 << signum - 1 for signum in ASKING)
    return int(_status(process).get("SigCgt", "0"), 16) & asking


def _status(process: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
