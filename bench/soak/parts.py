"""The parts of the running product, and what can be done to each of them."""

import signal
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

HOWS = ("stop", "hang", "slow", "kill")
PULSE = (0.18, 0.02)  # seconds stopped and running in turn: a tenth of its speed


@dataclass(frozen=True)
class Part:
    """A part of the product: how its main process is found among the children of the supervisor."""

    name: str
    find: Callable[..., psutil.Process | None]  # with processes: only if it is none of these
    stop: signal.Signals = signal.SIGTERM

    def main(self) -> psutil.Process:
        for _ in range(100):
            if process := self.find():
                return process
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} does not run")

    def tree(self) -> list[psutil.Process]:
        main = self.main()
        return [main, *main.children(recursive=True)]

    @contextmanager
    def suffering(self, how: str) -> Iterator[None]:
        """Does this to the part while the block runs. A stopped or killed part is started again by its supervisor."""
        if how in {"stop", "kill"}:
            self.main().send_signal(self.stop if how == "stop" else signal.SIGKILL)
            yield
        elif how == "hang":
            frozen = self.tree()
            _signal(frozen, signal.SIGSTOP)
            try:
                yield
            finally:
                _signal([*frozen, *self.tree()], signal.SIGCONT)
        else:
            raise ValueError(how)

    def slow(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            tree = self.tree()
            _signal(tree, signal.SIGSTOP)
            time.sleep(PULSE[0])
            _signal(tree, signal.SIGCONT)
            time.sleep(PULSE[1])


def is_over(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def child(of: psutil.Process, *marks: str) -> Callable[..., psutil.Process | None]:
    """Finds the direct child of the process whose command has all these words, the oldest one.

    Only processes are compared with each other: a machine may tell their starts by a clock that is a second off ours.
    """

    def find(besides: Container[psutil.Process] = ()) -> psutil.Process | None:
        found = []
        for process in of.children():
            with suppress(psutil.NoSuchProcess):
                words = {Path(word).name for word in process.cmdline()}
                if process.status() != psutil.STATUS_ZOMBIE and words.issuperset(marks):
                    found.append(process)
        others = [process for process in found if process not in besides]
        return min(others, key=psutil.Process.create_time, default=None)

    return find
