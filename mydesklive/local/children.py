"""Starts processes that end together with their parent, even when the parent is killed."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

PR_SET_PDEATHSIG = 1
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
    """Asks the process to stop and waits. Kills it after `timeout` seconds."""
    if process.poll() is not None:
        return
    process.send_signal(stop)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_leftover(pid_file: Path, mark: str, stop: signal.Signals, timeout: float = 30) -> None:
    """Stops a process that an earlier, killed run left behind. Removes the file if its number is now another process.

    The process is ours if one of its arguments is `mark`.
    """
    process = _named(pid_file)
    if process is None:
        return
    try:
        if mark in process.cmdline():
            process.send_signal(stop)
            process.wait(timeout)
    except psutil.NoSuchProcess:
        pass
    pid_file.unlink(missing_ok=True)


def _named(pid_file: Path) -> psutil.Process | None:
    try:
        return psutil.Process(int(pid_file.read_text().split()[0]))
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return None
