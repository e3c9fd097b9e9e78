"""Exits with code 0 if the process in this container is alive: `healthy.py` for web, `healthy.py worker`, `healthy.py beat`.

Web answers by itself. Worker and beat write the time of the monotonic clock every five seconds (mydesklive/alive/pulse.py).
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

OLD = 60.0  # seconds

try:
    if role := "".join(sys.argv[1:]):
        written = Path(os.environ.get("PULSE_FOLDER") or tempfile.gettempdir()) / f"mydesklive-{role}.pulse"
        age = time.monotonic() - float(written.read_text())
        if not 0 <= age < OLD:
            sys.exit(f"The {role} has given no sign of life for {age:.0f} s.")
    else:
        urlopen("http://127.0.0.1:8000/health/live", timeout=3).close()
except (URLError, OSError, ValueError) as error:
    sys.exit(str(error))
