"""`python -m mydesklive.serving`: the web server, as `make run`, the image and the bench start it."""

import argparse
import os
import sys
from pathlib import Path

OPTIONS = {
    "--interface": "asgi",
    # HTTP/2 has no limit on the time that headers take. A proxy in front speaks HTTP/1.1 to its servers.
    "--http": "1",
    "--backlog": "2048",
    "--backpressure": "2048",  # open connections for each process, idle ones too
    "--http1-header-read-timeout": "15000",  # milliseconds, also until the next request of a kept connection
    "--http1-buffer-size": "65536",  # bytes of all headers
    "--workers-kill-timeout": "12",  # seconds that running requests get when the server stops
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mydesklive.serving", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="8000")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("application", nargs="?", default="mydesklive.asgi:application")
    given = parser.parse_args()
    granian = str(Path(sys.executable).parent / "granian")
    workers = os.environ.get("WEB_WORKERS") or str(os.cpu_count() or 1)
    own = {"--host": given.host, "--port": given.port, "--log-level": given.log_level, "--workers": workers}
    words = [word for pair in (OPTIONS | own).items() for word in pair]
    os.execv(  # noqa: S606 - becomes the server, so that signals reach it
        granian, [granian, *words, "--no-ws", "--respawn-failed-workers", given.application]
    )


if __name__ == "__main__":
    main()
