"""The pulse of a process: a file that its watch writes every few seconds, and that `deploy/healthy.py` reads.

It holds the time of the machine's monotonic clock, which no correction of the time can turn back.
"""

import logging
import os
import tempfile
import time
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def file_of(role: str) -> Path:
    return Path(settings.PULSE_FOLDER or tempfile.gettempdir()) / f"mydesklive-{role}.pulse"


def beat(role: str) -> None:
    """Writes that the process is alive. A full disk is told, and ends nobody."""
    file = file_of(role)
    fresh = file.with_suffix(f".{os.getpid()}")
    try:
        fresh.write_text(str(time.monotonic()))
        fresh.replace(file)
    except OSError as error:
        logger.warning("The pulse of the %s could not be written: %s", role, error)
