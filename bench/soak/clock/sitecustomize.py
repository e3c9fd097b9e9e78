"""Sets the clock of one process of the soak wrong. Python imports this at its start, if this folder is in PYTHONPATH.

CLOCK_FILE holds by how many seconds the clock is ahead. Without the file it is right.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

with suppress(KeyError, FileNotFoundError):
    seconds = float(Path(os.environ["CLOCK_FILE"]).read_text())
    import time_machine

    time_machine.travel(time.time() + seconds, tick=True).start()
