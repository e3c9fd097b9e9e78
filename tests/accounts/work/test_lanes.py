"""Sweeps of one worker, side by side: each run is a process that is forked from this one, as Celery forks its processes."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery, Task

from accounts.work import lanes
from accounts.work.lanes import Sweep
from mydesklive.celery import app

Start = Callable[[Task], int]


class Runs:
    """What the sweep does: it notes that it has begun, and waits until the gate is opened."""

    def __init__(self, folder: Path) -> None:
        self.noted, self.gate = folder / "noted", folder / "gate"
        self.noted.touch()

    def sweep(self) -> None:
        with self.noted.open("a") as noted:
            noted.write("x")
        while not self.gate.exists():
            time.sleep(0.005)

    @property
    def begun(self) -> int:
        return len(self.noted.read_text())

    def wait_for(self, number: int) -> None:
        deadline = time.monotonic() + 10
        while self.begun < number:
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture
def make() -> Callable[..., Task]:
    own = Celery("lanes", set_as_current=False)
    return lambda runs, **options: own.task(base=Sweep, shared=False, **options)(runs.sweep)


@pytest.fixture
def start() -> Iterator[Start]:
    pids = []

    def fork(task: Task) -> int:
        pid = os.fork()
        if not pid:
            task()
            os._exit(0)
        pids.append(pid)
        return pid

    yield fork
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


def wait(*pids: int) -> None:
    for pid in pids:
        os.waitpid(pid, 0)


@pytest.mark.parametrize("width", [1, 2])
def test_many_runs_take_no_more_processes_than_the_lane_is_wide(
    runs: Runs, make: Callable[..., Task], start: Start, width: int
) -> None:
    task = make(runs, width=width)
    holding = [start(task) for _ in range(width)]
    runs.wait_for(width)
    wait(*[start(task) for _ in range(10)])  # each ends at once, and would hang here otherwise
    assert runs.begun == width
    runs.gate.touch()
    wait(*holding)
    assert width < runs.begun <= 2 * width  # the ten were one more run, and no waking is lost


def test_a_run_that_is_killed_frees_its_place(runs: Runs, make: Callable[..., Task], start: Start) -> None:
    task = make(runs)
    first = start(task)
    runs.wait_for(1)
    os.kill(first, signal.SIGKILL)
    wait(first)
    start(task)
    runs.wait_for(2)


def test_a_run_that_fails_frees_its_place() -> None:
    own = Celery("lanes", set_as_current=False)

    @own.task(base=Sweep, shared=False)
    def fails() -> None:
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            fails()


def test_each_sweep_has_a_lane_of_its_own() -> None:
    app.loader.import_default_modules()
    sweeps = [task for task in app.tasks.values() if isinstance(task, Sweep)]
    assert len({task.lane for task in sweeps}) == len(sweeps) > 10
    assert max(task.width for task in sweeps) <= lanes.WIDEST


def test_the_lanes_that_wait_for_others_leave_processes_to_the_sweeps() -> None:
    """Those that talk to mail servers and gateways can all hang at once, and some processes are still free."""
    mails, sms = (
        {"deliver_due", "deliver_urgent", "check_alerts", "read_mailbox"},
        {"deliver_sms", "deliver_urgent_sms"},
    )
    waiting = {*mails, *sms, "provide_video_calls", "remove_meetings"}
    app.loader.import_default_modules()
    widths = [app.tasks[f"appointments.tasks.{name}"].width for name in waiting]
    assert sum(widths) <= app.conf.worker_concurrency - 2


def test_a_full_lane_keeps_no_other_waiting(
    runs: Runs, make: Callable[..., Task], start: Start, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Runs(tmp_path / "other")
    slow, quick = make(runs, name="slow"), make(other, name="quick")
    start(slow)
    runs.wait_for(1)
    other.gate.touch()
    wait(start(quick))
    assert (other.begun, runs.begun) == (1, 1)


def test_marks_that_never_end_do_not_keep_a_run_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LONGEST", 0.05)
    own = Celery("lanes", set_as_current=False)
    begun = []

    @own.task(base=Sweep, shared=False)
    def marked() -> None:
        begun.append(time.monotonic())
        lanes._marks[marked.lane] = 1  # as a run does that finds no place
        time.sleep(0.02)

    marked()
    assert 1 < len(begun) < 10
