import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mydesklive.local.stopping import ASKING

# What `make` runs before the stack: it waits for a program of its own.
SETUP = """
import subprocess
from mydesklive.local.stopping import Stop
with Stop(lambda: None):
    print("ready", flush=True)
    subprocess.run(["sleep", "600"])
"""


def hear_signals() -> None:
    """A shell lets programs in the background ignore some."""
    for signum in ASKING:
        signal.signal(signum, signal.SIG_DFL)


@pytest.mark.parametrize("signum", ASKING)
def test_a_program_that_waits_for_another_ends_with_make(tmp_path: Path, signum: signal.Signals):
    (tmp_path / "setup.py").write_text(SETUP)
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} {tmp_path}/setup.py\n\t@echo went on\n")
    with subprocess.Popen(
        ["make", "--no-print-directory", "-f", tmp_path / "Makefile", "run"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_signals,  # noqa: PLW1509 - no other thread holds a lock
    ) as make:
        assert make.stdout.readline() == b"ready\n"
        below = psutil.Process(make.pid).children(recursive=True)
        make.send_signal(signum)
        left = psutil.wait_procs(below, timeout=10)[1]
        for process in left:
            process.kill()
        assert left == []
        assert make.wait(10) != 0
        assert make.stdout.read() == b""


def test_a_hangup_that_is_ignored_on_purpose_is_still_ignored(tmp_path: Path):
    (tmp_path / "setup.py").write_text(SETUP)
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "nohup", sys.executable, tmp_path / "setup.py"]
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.terminate()
