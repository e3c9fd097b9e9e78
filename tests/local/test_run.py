"""What looks after the local stack, with real processes. `tests/local/stand_in.py` is what they run."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import product
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psutil
import psycopg
import pytest
from redis import Redis
from redis.exceptions import RedisError

from mydesklive.local.children import MARK
from mydesklive.local.places import Place

BASE = Path(__file__).parents[2]
STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
SOON = 20  # seconds; much longer than anything takes, for a busy machine
DIRECTLY = build_opener(ProxyHandler({}))  # a proxy of the shell does not know our port
MAKEFILE = "run:\n\t@exec {command}\n"


@dataclass
class Stack:
    """A stack that runs in processes of its own. `outer` is `make`, or the stack's own process."""

    local: Path
    port: int
    outer: subprocess.Popen[bytes]
    log: Path

    @property
    def inner(self) -> psutil.Process:
        """The process that looks after the others."""
        outer = psutil.Process(self.outer.pid)
        return outer if outer.name() != "make" else outer.children()[0]

    def part(self, words: str) -> psutil.Process | None:
        """Returns the running process whose command contains the words."""
        with suppress(psutil.NoSuchProcess):
            for process in self.inner.children():
                if re.search(words, " ".join(_command(process))):
                    return process
        return None

    def said(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.log.read_text(errors="replace"))

    def answers(self) -> bool:
        with suppress(OSError), DIRECTLY.open(f"http://127.0.0.1:{self.port}/health/live", timeout=5) as answer:
            return answer.status == HTTPStatus.OK
        return False


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def marked(local: Path) -> list[psutil.Process]:
    """Returns all processes of the stack that live."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(local) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def soon(condition: Callable[[], object], within: float = SOON) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepared(terminal: int | None) -> Callable[[], None]:
    """Returns what the new process does first."""

    def prepare() -> None:
        for signum in STOPS:  # a shell lets programs in the background ignore some
            signal.signal(signum, signal.SIG_DFL)
        if terminal is not None:
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    return prepare


@contextmanager
def started(
    local: Path,
    *words: str,
    port: int | None = None,
    make: bool = False,
    output: int | None = None,
    terminal: int | None = None,
) -> Iterator[Stack]:
    port = port or free_port()
    command = [sys.executable, "-m", "tests.local.stand_in", *words]
    if make:
        makefile = local / "Makefile"
        makefile.write_text(MAKEFILE.format(command=" ".join(command)))
        command = ["make", "--no-print-directory", "-f", str(makefile), "run"]
    environment = os.environ | {"PORT": str(port), "LOCAL": str(local), "PYTHONPATH": str(BASE)}
    if {"services", "product"} & set(words):
        environment |= {"DATABASE_URL": "", "REDIS_URL": "", "MYDESK_DEMO": "0"}
    log = local / "output"
    with log.open("wb") as file:
        outer = subprocess.Popen(
            command,
            env=environment,
            stdout=file if output is None else output,
            stderr=subprocess.STDOUT,
            start_new_session=terminal is not None,
            # In a group of its own, as a shell does it. Only a group whose leader has a parent in the session can rest.
            process_group=None if terminal is not None else 0,
            preexec_fn=prepared(terminal),  # noqa: PLW1509 - no other thread holds a lock
        )
    stack = Stack(local, port, outer, log)
    try:
        yield stack
    finally:
        if outer.poll() is None:
            os.killpg(outer.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                outer.wait(SOON)
            outer.kill()
        for process in marked(local):
            process.kill()
        outer.wait()


@pytest.fixture
def local(place: Place) -> Path:
    return place.local


KINDS = {"web": "HTTPServer", "worker": "sleep 600", "beat": "crash"}


def is_up(stack: Stack) -> Callable[[], bool]:
    return lambda: bool(stack.said("Ctrl-C stops it")) or stack.outer.poll() is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_part_starts_again_and_the_log_says_so(local: Path, kind: str):
    with started(local) as stack:
        assert soon(is_up(stack))
        killed = stack.part(KINDS[kind])
        killed.kill()
        assert soon(lambda: stack.said(f"stack  \\| {kind} was ended by SIGKILL. It starts again in 0.5 s."))
        assert soon(lambda: stack.part(KINDS[kind]) not in {None, killed})
        assert soon(stack.answers)
        assert stack.outer.poll() is None
        assert len(stack.said("stack  ")) == 1


def test_what_a_killed_part_leaves_behind_ends_before_it_starts_again(local: Path):
    with started(local) as stack:
        assert soon(is_up(stack))
        web = stack.part(KINDS["web"])
        orphans = web.children()
        assert orphans
        web.kill()
        assert soon(lambda: stack.part(KINDS["web"]) not in {None, web, *orphans})
        assert not any(map(lives, orphans))
        assert soon(stack.answers)
        assert not stack.said("could not start")


def test_a_part_that_ends_again_and_again_waits_longer_each_time_and_harms_nobody(local: Path):
    with started(local) as stack:
        assert soon(is_up(stack))
        others = [stack.part(KINDS[kind]) for kind in ("web", "worker")]
        (local / "crash").touch()
        line = r"beat ended with code 3\. It starts again in ([\d.]+) s\."
        assert soon(lambda: len(stack.said(line)) >= 4)
        assert stack.said(line)[:4] == ["0.5", "1", "2", "4"]
        assert [stack.part(KINDS[kind]) for kind in ("web", "worker")] == others
        assert stack.answers()


@pytest.mark.slow
def test_a_service_that_is_killed_starts_again_with_its_data_and_one_that_is_silent_is_told(local: Path):
    with started(local, "services") as stack:
        assert soon(is_up(stack), 60)
        address = f"postgresql://postgres@/mydesklive?host={local / 'run'}"
        execute(address, "CREATE TABLE kept AS SELECT 1 AS number")
        for name, words in {"PostgreSQL": "bin/postgres", "Redis": "redis-server"}.items():
            killed = stack.part(words)
            killed.kill()
            assert soon(lambda name=name: stack.said(f"{name} was ended by SIGKILL. It starts again in 0.5 s."))
            assert soon(lambda words=words, killed=killed: stack.part(words) not in {None, killed})
        assert soon(lambda: pings(local))
        assert soon(lambda: can_select(address))
        assert execute(address, "SELECT number FROM kept") == [(1,)]

        for name, words in {"PostgreSQL": "bin/postgres", "Redis": "redis-server"}.items():
            silent = stack.part(words)
            silent.suspend()
            assert soon(lambda name=name: stack.said(f"{name} runs, but has not answered for")), name
            silent.resume()
            assert soon(lambda name=name: stack.said(f"{name} answers again")), name
            assert stack.part(words) == silent

        version = local / "postgres/PG_VERSION"
        version.rename(local / "postgres/lost")
        stack.part("bin/postgres").kill()
        assert soon(lambda: stack.said("PostgreSQL ended with code 1.* From its log: .*FATAL"))
        (local / "postgres/lost").rename(version)
        assert soon(lambda: can_select(address))
        assert execute(address, "SELECT number FROM kept") == [(1,)]
        stack.outer.terminate()
        assert stack.outer.wait(SOON) == 0
        assert processes_below(local) == []


def execute(address: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def can_select(address: str) -> bool:
    with suppress(psycopg.Error):
        return bool(execute(address, "SELECT 1"))
    return False


def pings(local: Path) -> bool:
    with suppress(RedisError), Redis(unix_socket_path=str(local / "run/redis.sock")) as client:
        return client.ping()
    return False


def processes_below(local: Path) -> list[psutil.Process]:
    """Returns the processes that work in a folder of the stack or name one, and all that carry its mark."""
    found = marked(local)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(local / "postgres") in {process.cwd(), *process.cmdline()} and process.status() != "zombie":
                found.append(process)
    return found


# --- Ending ---


@pytest.mark.parametrize(
    ("target", "signum"),
    [*product(["ours", "make"], [*STOPS, signal.SIGKILL]), ("group", signal.SIGINT), ("group", signal.SIGKILL)],
)
def test_every_signal_ends_everything(local: Path, signum: signal.Signals, target: str):
    with started(local, make=target != "ours") as stack:
        assert soon(is_up(stack))
        inner = stack.inner
        parts = inner.children(recursive=True)
        assert len(parts) >= 5
        if target == "group":
            os.killpg(stack.outer.pid, signum)
        else:
            os.kill(stack.outer.pid, signum)
        assert psutil.wait_procs([inner], timeout=15)[1] == []
        if signum == signal.SIGKILL and target != "make":  # orphans end on their own, or at the next start
            with started(local, port=stack.port) as after:
                assert soon(is_up(after))
                assert not any(map(lives, parts))
            return
        code = stack.outer.wait(15)
        assert code == 0 if target == "ours" else code != 0
        assert soon(lambda: not any(map(lives, parts)), within=2)
        assert marked(local) == []


def test_closing_the_terminal_ends_everything(local: Path):
    terminal, ours = os.openpty()
    with started(local, make=True, output=ours, terminal=ours) as stack:
        os.close(ours)
        assert soon(lambda: stack.answers() and len(marked(local)) >= 5)
        os.close(terminal)
        stack.outer.wait(15)
        assert soon(lambda: marked(local) == [], within=15)


def test_a_second_signal_ends_at_once_what_does_not_listen(local: Path):
    with started(local, "deaf") as stack:
        assert soon(is_up(stack))
        stack.outer.send_signal(signal.SIGINT)
        time.sleep(1)
        assert stack.outer.poll() is None
        stack.outer.send_signal(signal.SIGINT)
        stack.outer.wait(3)
        assert marked(local) == []


def test_what_does_not_listen_is_ended_in_time(local: Path):
    with started(local, "deaf") as stack:
        assert soon(is_up(stack))
        for part in marked(local):
            part.suspend()
        stack.outer.send_signal(signal.SIGTERM)
        stack.outer.wait(15)
        assert marked(local) == []


def test_a_signal_that_comes_twice_at_once_is_one_request(local: Path):
    with started(local) as stack:
        assert soon(is_up(stack))
        for _ in range(3):
            stack.outer.send_signal(signal.SIGINT)
        assert stack.outer.wait(15) == 0
        assert stack.said("Stopped")


def test_who_looks_after_the_parts_does_not_rest(local: Path):
    with started(local, make=True) as stack:
        assert soon(is_up(stack))
        inner = stack.inner
        os.killpg(stack.outer.pid, signal.SIGTSTP)
        killed = stack.part(KINDS["worker"])
        killed.kill()
        assert soon(lambda: stack.part(KINDS["worker"]) not in {None, killed})
        os.killpg(stack.outer.pid, signal.SIGCONT)
        assert stack.answers()
        os.killpg(stack.outer.pid, signal.SIGINT)
        stack.outer.wait(15)
        assert not lives(inner)


def test_output_that_nobody_reads_holds_nothing_up(local: Path):
    reader, writer = os.pipe()
    with started(local, "talking", output=writer) as stack:
        os.close(writer)
        assert soon(lambda: said_so_far(local) > 600)
        before = said_so_far(local)
        assert soon(lambda: said_so_far(local) > before)
        stack.outer.terminate()
        assert stack.outer.wait(15) == 0
    os.close(reader)


def said_so_far(local: Path) -> int:
    with suppress(OSError, ValueError):
        return int((local / "said").read_text())
    return 0


@pytest.mark.slow
def test_the_real_programs_are_kept_alive_and_end_with_everything_they_have_started(local: Path):
    kinds = {"web": "granian", "worker": "celery.* worker ", "beat": "celery.* beat "}
    with started(local, "product") as stack:
        assert soon(is_up(stack), 90)
        assert soon(lambda: stack.said("celery.apps.worker.* ready"), 60)
        for kind, words in kinds.items():
            killed = stack.part(words)
            family = {killed, *killed.children(recursive=True)}
            killed.kill()
            assert soon(lambda kind=kind: stack.said(f"{kind} was ended by SIGKILL. It starts again in 0.5 s."))
            assert soon(lambda words=words, family=family: stack.part(words) not in {None, *family})
            assert not any(map(lives, family))
        assert soon(stack.answers, 60)
        stack.outer.send_signal(signal.SIGINT)
        assert stack.outer.wait(15) == 0
        assert processes_below(local) == []


# --- Starting ---


def test_orphans_on_the_port_end_at_the_next_start(local: Path):
    with started(local) as stack:
        assert soon(is_up(stack))
        web = stack.part(KINDS["web"])
        orphans = web.children()
        for process in (stack.inner, web):  # at the same moment
            process.suspend()
        for process in (web, stack.inner):
            process.kill()
        stack.outer.wait()
        assert stack.answers()  # the orphan does
        with started(local, port=stack.port) as next_stack:
            assert soon(is_up(next_stack))
            assert next_stack.outer.poll() is None
            assert not any(map(lives, orphans))
            assert soon(next_stack.answers)


def test_a_stranger_on_the_port_lives_and_the_message_names_the_port(local: Path):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with started(local, port=port) as stack:
            assert stack.outer.wait(SOON) == 1
            assert stack.said(f"Port {port} is taken. Choose another: make run PORT=")
        socket.create_connection(("127.0.0.1", port)).close()
    assert marked(local) == []


def test_a_second_start_leaves_the_first_alone(local: Path):
    with started(local) as stack:
        assert soon(is_up(stack))
        parts = stack.inner.children()
        second = run_once(local, PORT=str(stack.port))
        assert second.returncode == 1
        assert "Already running with the data in" in second.stdout
        assert stack.inner.children() == parts


@pytest.mark.parametrize("port", ["no number", "0", "65536", "-1"])
def test_a_wrong_port_is_named(local: Path, port: str):
    ended = run_once(local, PORT=port)
    assert ended.returncode == 1
    assert f"PORT must be a number from 1 to 65535, not '{port}'." in ended.stdout
    assert "Traceback" not in ended.stdout


def test_a_folder_that_cannot_be_used_is_named(local: Path):
    (local / "file").touch()
    ended = run_once(local / "file/below")
    assert ended.returncode == 1
    assert f"{local / 'file/below'} can't start" in ended.stdout
    assert "Traceback" not in ended.stdout


def run_once(local: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.local.stand_in"],
        env=os.environ | {"LOCAL": str(local), "PORT": str(free_port())} | environment,
        cwd=BASE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SOON,
        check=False,
    )
