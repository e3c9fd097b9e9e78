"""Starts processes that end together with their parent, and ends them with everything that they have started."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Names the folder of the stack in the environment of its processes.
MARK = "MYDESKLIVE_STACK"
GRACE = 1.0  # seconds for processes whose parent has died
PATIENCE = 5.0  # seconds until a killed process must have ended
_libc = ctypes.CDLL(None)


def spawn(
    command: Sequence[str | Path],
    *,
    orphaned: signal.Signals = signal.SIGTERM,
    user: pwd.struct_passwd | None = None,
    env: Mapping[str, str] | None = None,
    output: IO[Any] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Starts the command in its own session, so that only we receive Ctrl-C. It gets the signal `orphaned` when we die.

    Call this from the main thread, because Linux treats the end of the starting thread as the end of the parent.
    """
    identity: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=env,
        start_new_session=True,
        preexec_fn=_die_with(os.getpid(), orphaned),
        **identity,
    )


def _die_with(parent: int, orphaned: signal.Signals) -> Callable[[], None]:
    def arrange() -> None:
        if sys.platform != "linux":
            return
        _libc.prctl(PR_SET_PDEATHSIG, orphaned)
        if os.getppid() != parent:  # the parent died before the signal was set
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def end(process: subprocess.Popen[bytes], stop: signal.Signals = signal.SIGTERM, timeout: float = 15) -> None:
    """Asks the process to stop and waits. Kills it and what it leaves behind after `timeout` seconds."""
    end_all({process: stop}, timeout)


def end_all(processes: Mapping[subprocess.Popen[bytes], signal.Signals], timeout: float) -> None:
    """Asks all processes to stop, each with its signal, then waits for them together."""
    living = {process: stop for process, stop in processes.items() if process.poll() is None}
    families = [member for process in living for member in _descendants(process.pid)]
    deadline = time.monotonic() + timeout
    for process, stop in living.items():
        process.send_signal(stop)
    for process in living:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _kill(families)


@contextmanager
def without_survivors() -> Iterator[None]:
    """Makes us the parent of our descendants' orphans while the block runs, and kills every descendant at its end."""
    if sys.platform == "linux":
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        deadline = time.monotonic() + PATIENCE
        while (left := _descendants(os.getpid())) and time.monotonic() < deadline:
            _kill(left)


def kill_descendants() -> None:
    for process in _descendants(os.getpid()):
        with suppress(psutil.Error):
            process.kill()


def end_orphans(known: Collection[int]) -> None:
    """Ends our children that we have not started: those of a process that has died (see `without_survivors`)."""
    deadline = time.monotonic() + GRACE
    while orphans := [child for child in _descendants(os.getpid(), recursive=False) if child.pid not in known]:
        if time.monotonic() > deadline:
            _kill(orphans)
            return
        for orphan in orphans:
            with suppress(psutil.Error):
                orphan.terminate()
        psutil.wait_procs(orphans, timeout=0.1)


def end_leftovers(is_ours: Callable[[psutil.Process], bool], stop: signal.Signals, timeout: float = 20) -> None:
    """Ends the processes that an earlier, killed run left behind."""
    left = [process for process in psutil.process_iter() if process.pid != os.getpid() and _holds(is_ours, process)]
    for process in left:
        with suppress(psutil.Error):
            process.send_signal(stop)
    deadline = time.monotonic() + timeout
    while any(map(_lives, left)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _kill(left)


def carries_mark(folder: Path) -> Callable[[psutil.Process], bool]:
    return lambda process: process.environ().get(MARK) == str(folder)


def _holds(condition: Callable[[psutil.Process], bool], process: psutil.Process) -> bool:
    """Returns whether the condition holds for the process. A process that we may not look at is not ours."""
    try:
        return condition(process)
    except (psutil.Error, OSError):
        return False


def _lives(process: psutil.Process) -> bool:
    """Returns whether the process still runs. One that has ended stays in the list until its parent asks for its code."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _descendants(parent: int, *, recursive: bool = True) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(parent).children(recursive=recursive)
    return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    """Kills the processes and waits until they have ended, `PATIENCE` seconds at most."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + PATIENCE
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)
    psutil.wait_procs(processes, timeout=0)  # takes the codes of those that are our children
