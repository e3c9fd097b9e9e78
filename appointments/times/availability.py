"""Free times. They are read from the slots alone, in a constant number of queries; appointments are never counted."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from django.db import connection

from agencies.facts import AnyBranch, AnyProcedure
from agencies.models import Agency, Branch
from agencies.models.services import RULE_SERVES
from agencies.wallclock import spans
from appointments.times.slots import FREE, HAS_DESK, IN_RUN, NEEDED, RUN


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A time (UTC) at which the service can begin: the keys of its first slot and branch, and how many can book it.

    Several rules of a branch may give the same time. Then `free` is their sum, and `slot` is the first rule's. Whoever
    books this slot gets a desk of any of them.
    """

    slot: int
    branch: int
    starts_at: datetime
    free: int


# The opening rules that serve the service in a channel, at open branches of an agency that takes bookings.
RULES = f"""
    SELECT rule.id, rule.branch_id, {NEEDED.format(minutes="%(minutes)s", slot_minutes="rule.slot_minutes")} AS needed
    FROM agencies_openingrule rule
    JOIN agencies_branch branch ON branch.id = rule.branch_id AND branch.is_open
    JOIN agencies_agency agency ON agency.id = branch.agency_id AND agency.stage = ANY(%(live)s)
    WHERE {{place}} AND agency.id = %(agency)s AND %(channel)s = ANY(rule.channels)
        AND {RULE_SERVES.format(procedure="%(procedure)s")}
"""

# A time is free if the run of slots that begins with it is complete, and each slot of the run has a free desk. A run of
# one slot is complete by itself, and to look at it as a run would take several times longer. Where several rules give the
# same time, it is one time with the desks of all.
FREE_TIMES = f"""
WITH rule AS MATERIALIZED ({RULES.format(place="branch.id = %(branch)s")})
SELECT min(id) AS id, starts_at, sum(free)::int AS free FROM (
    SELECT slot.id, slot.starts_at, slot.capacity - slot.taken AS free
    FROM rule JOIN appointments_timeslot slot ON slot.rule_id = rule.id
    WHERE needed = 1 AND {FREE.format(slot="slot")} AND slot.starts_at >= %(since)s AND slot.starts_at < %(until)s
    UNION ALL
    SELECT id, starts_at, free FROM (
        SELECT slot.id, slot.starts_at, min(slot.capacity - slot.taken) OVER run AS free,
            count(*) OVER run AS slots, needed
        FROM rule JOIN appointments_timeslot slot ON slot.rule_id = rule.id
        WHERE needed > 1 AND {FREE.format(slot="slot")} AND slot.starts_at >= %(since)s
            AND slot.starts_at < %(until)s + %(duration)s::interval
        WINDOW run AS {RUN.format(duration="%(duration)s")}
    ) AS run
    WHERE slots = needed AND starts_at < %(until)s
) AS free
GROUP BY starts_at ORDER BY starts_at
"""

# The local days with free times, and how many each has.
FREE_DAYS = f"""
SELECT (starts_at AT TIME ZONE 'UTC' + offsets[width_bucket(starts_at, begins)])::date AS day, count(*)
FROM ({FREE_TIMES}) AS free,
    (SELECT %(begins)s::timestamptz[] AS begins, %(offsets)s::interval[] AS offsets) AS clock
GROUP BY day ORDER BY day
"""

# The same times as the text of a JSON list, on the branch's clock, whose offset from UTC may change in between. Joining
# text is faster than json_agg, and building the list of a month's times in Python would be slower still.
FREE_TIMES_JSON = f"""
SELECT '[' || coalesce(string_agg(
    '{{"id":' || id || ',"branch":' || %(code)s
        || ',"starts_at":"' || replace((starts_at AT TIME ZONE 'UTC' + offsets[i])::text, ' ', 'T') || iso[i]
        || '","ends_at":"' || replace((ends_at AT TIME ZONE 'UTC' + offsets[j])::text, ' ', 'T') || iso[j]
        || '","free":' || free || '}}', ','
), '') || ']'
FROM (
    SELECT *, width_bucket(starts_at, begins) AS i, width_bucket(ends_at, begins) AS j
    FROM (SELECT *, starts_at + %(duration)s::interval AS ends_at FROM ({FREE_TIMES}) AS free) AS timed,
        (
            SELECT %(begins)s::timestamptz[] AS begins, %(offsets)s::interval[] AS offsets, %(iso)s::text[] AS iso
        ) AS clock
) AS free
"""

SOME_OR_ALL = "(%(branches)s::bigint[] IS NULL OR branch.id = ANY(%(branches)s))"
NEXT_IN_RUN = IN_RUN.format(
    slot="next", rule="rule.id", begins="slot.starts_at", ends="slot.starts_at + %(duration)s::interval"
)

# For each rule, reads the index of free slots from the earliest on and stops at the first time that fits. The rules
# whose first time is the earliest of the branch add up.
EARLIEST = f"""
WITH rule AS MATERIALIZED ({RULES.format(place=SOME_OR_ALL)})
SELECT DISTINCT ON (rule.branch_id) rule.branch_id, first.id, first.starts_at,
    sum(first.free) OVER (PARTITION BY rule.branch_id, first.starts_at)::int AS free
FROM rule
LEFT JOIN unnest(%(later_branches)s::bigint[], %(later)s::timestamptz[]) AS later (branch, since)
    ON later.branch = rule.branch_id
CROSS JOIN LATERAL (
    SELECT slot.id, slot.starts_at, run.free
    FROM appointments_timeslot slot CROSS JOIN LATERAL (
        SELECT count(*) AS slots, min(capacity - taken) AS free
        FROM appointments_timeslot next
        WHERE {NEXT_IN_RUN} AND {FREE.format(slot="next")}
    ) AS run
    WHERE slot.rule_id = rule.id AND slot.starts_at >= greatest(%(since)s::timestamptz, later.since)
        AND {FREE.format(slot="slot")} AND run.slots = needed
    ORDER BY slot.starts_at LIMIT 1
) AS first
ORDER BY rule.branch_id, first.starts_at, first.id
"""


def free_times(
    procedure: AnyProcedure,
    branch: AnyBranch,
    channel: str,
    *,
    now: datetime,
    since: datetime,
    until: datetime,
    assisted: bool = False,
) -> list[FreeTime]:
    """Return the times from `since` until before `until` at which the service can begin, in order. One query.

    Times within the agency's notice, or not released yet, are only for officers (`assisted`). A time that several rules
    of the branch give appears once, with all their desks.
    """
    params = _params(procedure, channel, now) | {"branch": branch.pk, "until": until}
    params["since"] = max(since, now if assisted else now + procedure.agency.notice)
    if assisted:
        params["now"] = datetime.max.replace(tzinfo=UTC)
    rows = _rows(FREE_TIMES, params, procedure, channel, assisted=assisted)
    return [FreeTime(slot, branch.pk, *times) for slot, *times in rows]


def free_days(
    procedure: AnyProcedure, branch: AnyBranch, channel: str, *, now: datetime, until: datetime
) -> dict[date, int]:
    """Return the branch's local days with times that `free_times` finds until then, and how many. In order. One query."""
    params = _params(procedure, channel, now) | {"branch": branch.pk, "until": until}
    clock = spans(branch.timezone, now, until)
    params |= {"begins": [span.since for span in clock], "offsets": [span.offset for span in clock]}
    return dict(_rows(FREE_DAYS, params, procedure, channel))


def free_times_json(
    procedure: AnyProcedure, branch: AnyBranch, channel: str, *, now: datetime, since: datetime, until: datetime
) -> str:
    """Return what `free_times` finds, as a JSON list of `{id, branch, starts_at, ends_at, free}`. One query."""
    params = _params(procedure, channel, now) | {"branch": branch.pk, "until": until, "code": json.dumps(branch.code)}
    params["since"] = max(since, now + procedure.agency.notice)
    clock = spans(branch.timezone, since, until + procedure.duration)
    params["begins"] = [span.since for span in clock]
    params["offsets"] = [span.offset for span in clock]
    params["iso"] = [_iso_offset(span.offset) for span in clock]
    rows = _rows(FREE_TIMES_JSON, params, procedure, channel)
    return rows[0][0] if rows else "[]"


def _iso_offset(offset: timedelta) -> str:
    return datetime(2000, 1, 1, tzinfo=timezone(offset)).isoformat()[19:]


def earliest(
    procedure: AnyProcedure,
    channel: str,
    *,
    now: datetime,
    branches: Iterable[int] | None = None,
    since: Mapping[int, datetime] | None = None,
) -> dict[int, FreeTime]:
    """Return the first free time of each branch, by the branch's primary key. One query for any number of branches.

    `branches` are primary keys (None: all branches of the agency). `since` gives the earliest wanted time for some of
    them. Branches without a free time are left out.
    """
    params = _params(procedure, channel, now) | {"branches": None if branches is None else list(branches)}
    params |= {"later_branches": [*(since or {})], "later": [*(since or {}).values()]}
    return {
        branch: FreeTime(slot, branch, *times) for branch, slot, *times in _rows(EARLIEST, params, procedure, channel)
    }


def _params(procedure: AnyProcedure, channel: str, now: datetime) -> dict[str, Any]:
    return {
        "agency": procedure.agency_id,
        "live": [*Agency.LIVE],
        "procedure": procedure.pk,
        "channel": channel,
        "minutes": procedure.duration_minutes,
        "duration": procedure.duration,
        "now": now,
        "since": now + procedure.agency.notice,
    }


def _rows(
    sql: str, params: dict[str, Any], procedure: AnyProcedure, channel: str, *, assisted: bool = False
) -> list[tuple]:
    """Run the query, unless the service is not offered. Officers (`assisted`) also see services that only they book."""
    offered = procedure.is_offered or (assisted and procedure.by_referral)
    if not offered or channel not in procedure.channels:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


NEXT_FREE = f"""
SELECT slot.starts_at FROM agencies_openingrule rule CROSS JOIN LATERAL (
    SELECT starts_at FROM appointments_timeslot slot
    WHERE slot.rule_id = rule.id AND {HAS_DESK.format(slot="slot")} AND slot.starts_at >= %(now)s
    ORDER BY slot.starts_at LIMIT 1
) AS slot
WHERE rule.branch_id = %(branch)s
ORDER BY slot.starts_at LIMIT 1
"""


def next_free(branch: Branch, *, now: datetime) -> datetime | None:
    """Return when the branch next has a free desk, for any service: officers tell this to a citizen at the counter."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_FREE, {"branch": branch.pk, "now": now})
        row = cursor.fetchone()
    return row[0] if row else None
