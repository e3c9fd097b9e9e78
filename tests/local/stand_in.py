"""`make run` with small programs in place of the product, for tests: `python -m tests.local.stand_in WORD…`.

The words: `services` for a real PostgreSQL and Redis, `product` for the real programs too (their database stays empty),
`deaf` and `talking` for other workers.
"""

import os
import sys
from pathlib import Path

from mydesklive.local import console, keeping, run
from mydesklive.local.children import MARK

# Like granian and Celery: a child does the work, and stays when its parent is killed.
WEB = """
import http.server, os, sys

class Alive(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Alive)
if os.fork() == 0:
    server.serve_forever()
os.wait()
"""
WORKER = "sleep 600 & wait"
DEAF = 'trap "" TERM; sleep 600 & wait'
TALKING = 'i=0; while i=$((i+1)); do echo "all is well $0 $0 $0 $0 $0 $0"; echo $i >"$0/said"; done'
BEAT = 'while [ ! -e "$0/crash" ]; do sleep 0.05; done; exit 3'


def commands(port: int, local: Path) -> dict[str, list[str]]:
    worker = DEAF if "deaf" in sys.argv else TALKING if "talking" in sys.argv else WORKER
    return {
        "web": [sys.executable, "-c", WEB, str(port)],
        "worker": ["sh", "-c", worker, str(local)],
        "beat": ["sh", "-c", BEAT, str(local)],
    }


def nothing(environment: dict[str, str]) -> None:
    """Migrates nothing, and makes no demo."""


def no_services(port: int, local: Path, keeper: keeping.Keeper) -> dict[str, str]:
    return os.environ | {MARK: str(local)}


if __name__ == "__main__":
    run._prepare_data = nothing
    if "product" not in sys.argv:
        run._commands = commands
        keeping.SILENCE, keeping.ASKING, console.MOST = 2.0, 0.2, 100
    if not {"services", "product"} & set(sys.argv):
        run._environment = no_services
    run.main()
