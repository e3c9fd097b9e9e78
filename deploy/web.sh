#!/bin/sh
# The web server has one process for each core (or WEB_WORKERS).
set -eu
export WEB_WORKERS="${WEB_WORKERS:-$(nproc)}"
exec python -m mydesklive.serving --host 0.0.0.0 --port 8000
