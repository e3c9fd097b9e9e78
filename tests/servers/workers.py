"""A real worker or beat in a process of its own, on the test's database, and a queue to send tasks through."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from celery import Celery
from django.db import connection
from kombu.exceptions import OperationalError

from accounts.models import Planned

WORKER = """
from mydesklive.celery import app
app.worker_main(["worker", "--without-gossip", "--without-mingle", "--loglevel=INFO"])
"""


def queue(redis_url: str) -> Celery:
    app = Celery("desk", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = redis_url.replace("unix://", "redis+socket://")
    return app


@contextmanager
def process(code: str, redis_url: str, folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    settings = connection.settings_dict
    database = urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {
        "DATABASE_URL": urlunsplit(database._replace(path=f"/{settings['NAME']}")),
        "REDIS_URL": redis_url,
        "PULSE_FOLDER": str(folder),
        "LOG_LEVEL": "INFO",
        "WORKER_PROCESSES": "2",
        **more,
    }
    with (folder / "log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, start_new_session=True, stdout=log, stderr=log
        )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)  # also what a killed worker has left
        started.wait()


def soon(condition: Callable[[], object], seconds: float = 40) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def sent(queue: Celery, task: str = "appointments.tasks.free_desks") -> bool:
    try:
        queue.send_task(task)
    except OperationalError:
        return False
    return True


def is_done(queue: Celery) -> bool:
    """Whether the worker does a task that is sent now."""
    Planned.objects.all().delete()
    return sent(queue) and soon(Planned.objects.exists, 10)
