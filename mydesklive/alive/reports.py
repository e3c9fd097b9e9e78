"""What a worker and a beat tell in their log: work that is late, and a clock that differs from the database's."""

import logging
import threading
import time

from django.db import connection
from django.utils import timezone

from accounts.work import clock
from accounts.work.due import lanes, late, told

logger = logging.getLogger(__name__)

# Seconds between two reports.
EVERY = 60.0


def start() -> None:
    """Reports from a thread of its own, because a database that hangs must not stop the watch."""
    threading.Thread(target=_report_for_ever, name="reports", daemon=True).start()


def _report_for_ever() -> None:
    while True:
        time.sleep(EVERY)  # also at first: a new worker finds what has waited for it
        try:
            report()
        except Exception:
            logger.exception("The age of due work could not be found out")


def report() -> None:
    """Warns of late work and of the clock. Its connection is closed again: no process that is forked finds it open."""
    try:
        clock.compare()
        behind = late(lanes(), now=timezone.now())
        if behind:
            logger.error("Work is late: %s.", told(behind))
    finally:
        connection.close()
