import signal
import subprocess
import sys
import time

import psutil

from mydesklive.local.children import end, end_leftovers, spawn

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


def test_what_a_child_leaves_behind_ends_with_it():
    child = spawn(["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"])
    while not (grandchildren := psutil.Process(child.pid).children()):
        time.sleep(0.01)
    end(child)
    assert child.returncode == 0
    assert psutil.wait_procs(grandchildren, timeout=10)[1] == []


def test_leftovers_end_and_strangers_live():
    leftover, stranger = spawn(["sleep", "600.5"]), spawn(["sleep", "600"])
    try:
        end_leftovers(lambda process: "600.5" in process.cmdline(), signal.SIGTERM)
        assert leftover.poll() is not None
        assert stranger.poll() is None
    finally:
        end(leftover)
        end(stranger)


def test_a_leftover_that_does_not_listen_is_killed():
    leftover = spawn(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done", "deaf leftover"])
    end_leftovers(lambda process: "deaf leftover" in process.cmdline(), signal.SIGTERM, timeout=0.5)
    assert leftover.poll() is not None
