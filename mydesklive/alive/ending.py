"""Ends this process, so that the service manager starts it again."""

import logging
import os
import signal
import time

from billiard import active_children

logger = logging.getLogger(__name__)

# Seconds that the process has to end by itself.
GRACE = 10.0
FAILED = 70  # exit code: EX_SOFTWARE


def end(reason: str) -> None:
    """Logs why, asks this process to end, and ends it hard if it does not. Called from a thread.

    The process 1 of a container cannot be killed from inside, but it can leave.
    """
    logger.error("%s. This process ends, so that it is started again.", reason)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    for child in active_children():
        try:
            os.kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    os._exit(FAILED)
