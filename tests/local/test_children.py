import signal
import subprocess
import sys
from pathlib import Path

import psutil

from mydesklive.local.children import end, end_leftover, spawn

PARENT = """
import time
from mydesklive.local.children import spawn
print(spawn(["sleep", "600"]).pid, flush=True)
time.sleep(600)
"""


def test_a_child_ends_when_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_a_child_that_does_not_listen_is_killed():
    child = spawn([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
    end(child, timeout=0.5)
    assert child.returncode in {-signal.SIGKILL, -signal.SIGTERM}


def test_a_number_that_names_a_stranger_is_forgotten_and_the_stranger_lives(tmp_path: Path):
    stranger = spawn(["sleep", "600"])
    try:
        pid_file = tmp_path / "pid"
        pid_file.write_text(str(stranger.pid))
        end_leftover(pid_file, "not an argument of it", signal.SIGTERM)
        assert not pid_file.exists()
        assert stranger.poll() is None
    finally:
        end(stranger)
