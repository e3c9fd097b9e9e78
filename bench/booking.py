"""Compares bookings through the API with a lean view and with pgbench: spread over slots, on one slot, and refused."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from itertools import count, repeat
from pathlib import Path
from statistics import median

from bench import load, world
from bench.load import Load
from bench.results import Row, milliseconds, rate
from bench.stack import CORES, pgbench, web

CLIENTS = world.CLIENTS
_persons = count()

FREE = """
SELECT slot.id FROM appointments_timeslot slot
JOIN agencies_branch branch ON branch.id = slot.branch_id JOIN agencies_agency agency ON agency.id = branch.agency_id
WHERE agency.slug = 'kep' AND slot.taken = 0 AND slot.starts_at > now() + interval '2 days' ORDER BY hashint8(slot.id)
"""
HOT_DESKS = 30_000
SCRIPT = """
\\set slot random(1, :slots)
BEGIN;
UPDATE appointments_timeslot SET taken = taken + 1 WHERE id = {slot} AND taken < capacity;
INSERT INTO appointments_appointment (reference, agency_id, branch_id, procedure_id, channel, status, slot_ids,
    starts_at, ends_at, name, email, phone, language, timezone, notes, person_key, source, revision, created_at, booked_at,
    cancelled_by, cancel_reason)
SELECT left(md5(random()::text), 12), agency_id, {branch}, id, 'in_person', 'booked', ARRAY[{slot}::bigint],
    now() + interval '1 day', now() + interval '1 day 10 minutes',
    'Ελένη', 'a@example.org', '', 'el', '', '', '', 'system', 0, now(), now(),
    '', '' FROM agencies_procedure WHERE code = 'kep-dilosi';
COMMIT;
"""


def measure(*, seconds: float, rounds: int) -> list[Row]:
    full, spread = world.full_slot(), iter(world.column(FREE))
    kinds: dict[str, Callable[[], Iterator[int]]] = {
        "spread": lambda: spread,
        "hot": lambda: repeat(world.open_hot_slot(HOT_DESKS)),  # new in each run: a fast machine fills a slot
        "refused": lambda: repeat(full),
    }
    with web("mydesklive.asgi:application") as product, web("bench.lean:served") as lean:
        servers = {
            "here": (product, "/api/v1/appointments/"),
            "lean": (lean, "/appointments/"),
            "orm": (lean, "/orm/appointments/"),
        }
        runs: dict[tuple[str, str], list[Load]] = {}
        for turn in range(rounds + 1):
            for kind, slots in kinds.items():
                for name, (port, path) in servers.items():
                    wanted = slots()
                    streams = [_requests(path, wanted, client) for client in range(CLIENTS)]
                    found = load.run(port, streams, seconds if turn else 1)
                    _check(found, 409 if kind == "refused" else 201)
                    if turn:  # the first run only warms up
                        runs.setdefault((name, kind), []).append(found)
    sql = {kind: _pgbench(kind, world.open_hot_slot(HOT_DESKS), seconds) for kind in ("spread", "hot")}
    world.half_book()
    return _rows(runs, sql)


def _requests(path: str, slots: Iterator[int], client: int) -> Iterator[bytes]:
    head = {"content_type": "application/json", "authorization": f"Bearer {world.token('kep', client)}"}
    for slot in slots:
        person = next(_persons)
        body = {
            "slot": slot,
            "procedure": world.PROCEDURE,
            "channel": "in_person",
            "name": "Ελένη Παπαδάκη",
            "email": f"citizen{person}@example.org",
            "phone": "6912345678",
            "language": "el",
        }
        yield load.request("POST", path, json.dumps(body).encode(), idempotency_key=f"{os.getpid()}-{person}", **head)


def _check(found: Load, status: int) -> None:
    assert found.statuses[status] >= 0.99 * found.statuses.total(), found.statuses


def _rows(runs: dict[tuple[str, str], list[Load]], sql: dict[str, float]) -> list[Row]:
    booked = {
        key: median(load.rate(409 if key[1] == "refused" else 201) for load in found) for key, found in runs.items()
    }
    slowest = {kind: median(load.p99(201) for load in runs["here", kind]) for kind in ("spread", "hot")}
    spread, hot, refused = (booked["here", kind] for kind in ("spread", "hot", "refused"))
    return [
        _against("Booking, spread over slots", spread, booked["orm", "spread"], "lean view, ORM", 1.0),
        _against("Booking, spread over slots", spread, booked["lean", "spread"], "lean view, plain SQL", 0.6),
        _against("Booking, one hot slot", hot, booked["orm", "hot"], "lean view, ORM", 1.0),
        _against("Booking, one hot slot", hot, booked["lean", "hot"], "lean view, plain SQL", 0.6),
        _against("A hot slot", hot, spread, "spread", 0.9),
        _against("Refusals, a full slot", refused, spread, "bookings", 1.0),
        *(
            Row(
                f"99 of 100 bookings, {kind}, within",
                milliseconds(slowest[kind]),
                goal="< 100 ms",
                reached=slowest[kind] < 0.1,
            )
            for kind in slowest
        ),
        *(_against(f"Booking, {kind}", booked["here", kind], sql[kind], "pgbench", None) for kind in sql),
        *(_against(f"The lean view, {kind}", booked["lean", kind], sql[kind], "pgbench", None) for kind in sql),
    ]


def _against(what: str, ours: float, other: float, name: str, goal: float | None) -> Row:
    ratio = ours / other
    reached = None if goal is None else ratio >= goal
    return Row(what, rate(ours), f"{rate(other)} {name}", ratio, f"≥ {goal}" if goal else "", reached)


def _pgbench(kind: str, hot: int, seconds: float) -> float:
    """Returns the transactions a second when pgbench sends the lean view's two statements."""
    slot, slots = (str(hot), 1) if kind == "hot" else (":slot", world.spread_wide())
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(SCRIPT.format(slot=slot, branch=world.places()[0].pk))
        script.flush()
        Path(script.name).chmod(0o644)
        told = pgbench("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(CORES), "-T", str(max(1, round(seconds))),
                       "-D", f"slots={slots}", "-f", script.name)  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", told)
    assert found, told
    return float(found[1])
