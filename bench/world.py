"""The data for the measurements: all agencies and branches with half-booked calendars, and a past of any length."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.management import call_command
from django.db import connection

from agencies.loading.catalogue import load_agencies
from agencies.models import Agency, Branch, OpeningRule, Procedure, SystemToken
from appointments.times.publishing import publish_all

BRANCH, PROCEDURE = "kep-chania", "kep-dilosi"
CLIENTS = 16


def make(now: datetime) -> None:
    call_command("migrate", verbosity=0)
    load_agencies()
    Procedure.objects.filter(code=PROCEDURE).update(duration_minutes=10)  # one slot, as in the lean view
    publish_all(now=now)
    for number in range(CLIENTS):
        for agency in Agency.objects.live():
            SystemToken.objects.create(
                agency=agency, label=f"bench {number}", digest=SystemToken.digest_of(token(agency.slug, number))
            )
    half_book()


def token(agency: str, number: int) -> str:
    return f"bench-{agency}-{number}"


HALF_BOOKED = """
UPDATE appointments_timeslot SET desks = least(desks, 200), capacity = least(desks, 200), taken = wanted
FROM (
    SELECT id AS slot, CASE WHEN hashint8(id) %% 2 = 0 THEN least(desks, 200) ELSE 0 END AS wanted
    FROM appointments_timeslot
) AS plan
WHERE slot = id AND starts_at > now() AND (taken <> wanted OR capacity <> desks OR desks > 200)
"""


def half_book() -> None:
    """Fills about every second slot at random, but the same ones in every run. Deletes the bench's own bookings."""
    run("TRUNCATE appointments_notification, appointments_event")
    run("DELETE FROM appointments_appointment WHERE source = 'system'")
    run(HALF_BOOKED, {})
    vacuum("appointments_timeslot")
    vacuum("appointments_appointment")


PAST_SLOTS = """
INSERT INTO appointments_timeslot (branch_id, rule_id, starts_at, ends_at, desks, capacity, taken)
SELECT rule.branch_id, rule.id, moment, moment + interval '10 minutes', 2, 2, 2
FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1, 2) AS number
JOIN (
    SELECT id, branch_id, row_number() OVER (ORDER BY id) - 1 AS place
    FROM agencies_openingrule
) AS rule ON rule.place = number / 2 %% %(rules)s
CROSS JOIN LATERAL (
    SELECT date_trunc('day', now()) - number / 2 / %(rules)s * interval '3 hours' AS moment
) AS clock
"""
PAST = """
INSERT INTO appointments_appointment (reference, agency_id, branch_id, procedure_id, channel, status, slot_ids,
    starts_at, ends_at, name, email, phone, language, timezone, notes, person_key, source, revision, created_at, booked_at,
    completed_at, ended_at, cancelled_by, cancel_reason)
SELECT 'P' || number, branch.agency_id, branch.id, branch.procedure_id, 'in_person',
    CASE number %% 10 WHEN 0 THEN 'no_show' WHEN 1 THEN 'cancelled' ELSE 'completed' END, '{}', moment,
    moment + interval '10 minutes', '', '', '', 'el', '', '', '', 'web', 0, moment - interval '9 days',
    moment - interval '9 days', moment + interval '9 minutes',
    CASE WHEN number %% 10 < 2 THEN moment END, CASE number %% 10 WHEN 1 THEN 'citizen' ELSE '' END, ''
FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) AS number
JOIN (
    SELECT branch.id, branch.agency_id, procedure.id AS procedure_id,
        row_number() OVER (ORDER BY branch.id) - 1 AS place
    FROM agencies_branch branch
    JOIN LATERAL (
        SELECT id FROM agencies_procedure WHERE agency_id = branch.agency_id ORDER BY id LIMIT 1
    ) AS procedure ON true
) AS branch ON branch.place = number %% %(branches)s
CROSS JOIN LATERAL (
    SELECT now() - interval '1 day' - number / %(branches)s * interval '3 hours' AS moment
) AS clock
"""
STEP = 500_000


def grow_past(size: int) -> None:
    """Makes `size` past appointments, each with its slot, at all branches."""
    have = scalar("SELECT count(*) FROM appointments_appointment WHERE reference LIKE 'P%%' AND length(reference) < 10")
    rules, branches = (
        OpeningRule.objects.count(),
        Branch.objects.filter(agency__procedures__isnull=False).distinct().count(),
    )
    with _bulk_loading(["appointments_timeslot", "appointments_appointment"]):
        for first in range(have, size, STEP):
            params = {"first": first, "last": min(first + STEP, size), "rules": rules, "branches": branches}
            run(PAST_SLOTS, params)
            run(PAST, params)
    vacuum("appointments_timeslot")
    vacuum("appointments_appointment")


HOT = """
SELECT min(id) FROM appointments_timeslot
WHERE branch_id = %(branch)s AND taken = 0 AND starts_at > now() + interval '9 days'
"""
FULL = """
SELECT min(id) FROM appointments_timeslot
WHERE branch_id = %(branch)s AND taken = capacity AND taken > 0 AND starts_at > now() + interval '9 days'
"""
OPEN_WIDE = "UPDATE appointments_timeslot SET desks = %(desks)s, capacity = %(desks)s WHERE id = %(slot)s"


def open_hot_slot(desks: int) -> int:
    """Opens one slot with this number of desks, for all clients to book."""
    slot = scalar(HOT, {"branch": places()[0].pk})
    run(OPEN_WIDE, {"desks": desks, "slot": slot})
    return slot


def full_slot() -> int:
    return scalar(FULL, {"branch": places()[0].pk})


def spread_wide() -> int:
    """Gives many slots enough room for pgbench. Returns the highest of their keys."""
    run("UPDATE appointments_timeslot SET capacity = 30000 WHERE id <= 20000")
    return 20000


def column(sql: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [value for (value,) in cursor.fetchall()]


def places() -> tuple[Branch, Procedure]:
    procedure = Procedure.objects.select_related("agency").get(code=PROCEDURE)
    return Branch.objects.get(code=BRANCH), procedure


INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%(tables)s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@contextmanager
def _bulk_loading(tables: list[str]) -> Iterator[None]:
    """Makes loading of millions of rows fast: indexes are made afterwards, and foreign keys are not checked."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, {"tables": tables})
        indexes = cursor.fetchall()
    for name, _definition in indexes:
        run(f"DROP INDEX {name}")
    run("SET session_replication_role = replica")
    yield
    run("SET session_replication_role = DEFAULT")
    for _name, definition in indexes:
        run(definition)


def vacuum(table: str) -> None:
    run(f"VACUUM ANALYZE {table}")


def run(sql: str, params: dict[str, object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def scalar(sql: str, params: dict[str, object] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or {})
        return int(cursor.fetchone()[0])
