"""How far this machine's clock is from the database's. What is due is judged by the clocks of web, worker and beat."""

import logging
from time import monotonic

from django.db import connection
from django.utils import timezone

logger = logging.getLogger(__name__)

FAR = 5  # seconds
# Seconds between two warnings of one process. Probes ask every few seconds.
PAUSE = 60.0
_warned_at = -PAUSE


def ahead() -> float:
    """Returns by how many seconds this clock is ahead of the database's. It is behind if they are less than zero."""
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    here = before + (timezone.now() - before) / 2
    return (here - there).total_seconds()


def told(seconds: float) -> str:
    """Returns the difference in words, or "ok" if it does no harm."""
    if abs(seconds) <= FAR:
        return "ok"
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the database"


def compare() -> str:
    """Returns the difference in words, and warns of it in the log."""
    global _warned_at  # noqa: PLW0603 (one time for the process)
    words = told(ahead())
    if words != "ok" and monotonic() - _warned_at >= PAUSE:
        _warned_at = monotonic()
        logger.warning("The clock of this machine is %s. What is due is done too early or too late.", words)
    return words
