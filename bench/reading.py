"""Measures reading: a branch's free times for a month, and the earliest time of every branch."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Branch, Channel
from appointments.times.availability import earliest
from bench import load, world
from bench.results import Row, milliseconds, rate
from bench.stack import web

TIMES = 5


@dataclass(frozen=True)
class Read:
    rate: float
    row: Row


def free_times(past: str, *, seconds: float, rounds: int, now: datetime) -> Read:
    """Measures the free times of one procedure and branch for thirty days, with 16 clients."""
    first, last = now.date(), now.date() + timedelta(days=30)
    query = f"procedure={world.PROCEDURE}&branch={world.BRANCH}&channel=in_person&from={first}&to={last}"
    rates: dict[str, list[float]] = {"here": [], "lean": []}
    with web("mydesklive.asgi:application") as product, web("bench.lean:served") as lean:
        servers = {"here": (product, "/api/v1/slots/"), "lean": (lean, "/slots/")}
        for turn in range(rounds + 1):
            for name, (port, path) in servers.items():
                found = load.run(port, [*_streams(f"{path}?{query}")], seconds if turn else 1)
                assert found.statuses.keys() == {200}, found.statuses
                if turn:  # the first run only warms up
                    rates[name].append(found.rate(200))
    here, beside = median(rates["here"]), median(rates["lean"])
    ratio = here / beside
    what = f"Free times of 30 days, {past}"
    return Read(ratio, Row(what, rate(here), f"{rate(beside)} lean view", ratio, "≥ 0.6", ratio >= 0.6))


def steadiness(short: Read, long: Read) -> Row:
    """Compares the speed with a long and a short past. Each is relative to a lean view measured at the same time."""
    ratio = long.rate / short.rate
    return Row(
        "Free times, long past against short", f"{long.rate:.2f}", f"{short.rate:.2f}", ratio, "≥ 0.9", ratio >= 0.9
    )


def _streams(address: str) -> Iterator[Iterator[bytes]]:
    return (repeat(load.request("GET", address)) for _client in range(world.CLIENTS))


def earliest_times(past: str, *, now: datetime) -> list[Row]:
    """Measures the query for the earliest times of 249 branches, as PostgreSQL itself reports it."""
    _branch, procedure = world.places()
    with CaptureQueriesContext(connection) as asked:
        found = earliest(procedure, Channel.IN_PERSON, now=now)
    branches = Branch.objects.filter(agency=procedure.agency).count()
    assert (len(asked), len(found)) == (1, branches)
    took = min(_execution_time(asked[0]["sql"]) for _ in range(TIMES))
    what = f"Earliest time at {branches} branches, in the database, {past}"
    return [Row(what, milliseconds(took), "one query", None, "< 20 ms", took < 0.02)]


def _execution_time(sql: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ANALYZE {sql}")
        lines = [line for (line,) in cursor.fetchall()]
    return sum(float(re.sub(r"[^\d.]", "", line)) for line in lines[-2:]) / 1000  # planning and execution
