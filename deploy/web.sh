#!/bin/sh
# The web server has one process for each core (or WEB_WORKERS), each with one blocking thread. This is fastest for these pages.
set -eu
exec granian --interface wsgi --host 0.0.0.0 --port 8000 --no-ws --blocking-threads 1 \
    --workers "${WEB_WORKERS:-$(nproc)}" --respawn-failed-workers mydesklive.wsgi:application
