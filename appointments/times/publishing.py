"""Publishing: turning opening rules, holidays and closures into slots, up to each agency's booking horizon.

It is set-based and idempotent: a second run changes nothing. Opening rules for walk-ins give no slots, and slots for
assisted booking are never released to the public. A slot that an appointment holds is never removed, and its capacity
never falls below what is taken. `AppointmentQuerySet.unplaced` finds the appointments that no longer fit the rules;
officers deal with them. Where a clock has changed under an appointment, a desk is left for it at its promised time, so
that nobody takes that time before the appointment has followed.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max

from accounts.work.sweeps import each
from agencies.models import Agency, Branch
from agencies.models.opening import CLOSES_BRANCH, CLOSES_DURING, RULE_OPENS
from agencies.models.until import UNTIL
from agencies.openings.closing import CLOSED_DESKS, DESKS_LEFT
from agencies.wallclock import known, spans
from appointments.models.appointment import LONGEST_APPOINTMENT
from appointments.times.promises import broken, remember

logger = logging.getLogger(__name__)
# Branches per transaction: few enough to keep locks short, and enough to work on sets.
BATCH = 40
# After this many new slots the planner's statistics are wrong, and the next batch would get a slow plan.
MANY = 10_000
# The `bookable_from` of times that only officers book. (A Python datetime cannot hold PostgreSQL's infinity.)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
# Rules are expanded by local dates. One more day at each end covers every time zone.
MARGIN = timedelta(days=1)


@dataclass(frozen=True)
class Published:
    """How many slots a run added, changed, removed, and kept only because appointments hold them."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    kept: int = 0

    def __add__(self, other: "Published") -> "Published":
        return Published(
            self.added + other.added,
            self.changed + other.changed,
            self.removed + other.removed,
            self.kept + other.kept,
        )


def publish(branches: Iterable[int], *, now: datetime, freed: Collection[int] | None = None) -> Published:
    """Bring the future slots of these branches (primary keys) in line with their rules and closures.

    `freed` are appointments that the caller has taken off their slots and is about to place again: no desk is left for
    them. Without it, a desk is left for each appointment whose moment has still to follow a changed clock.
    """
    pks = sorted(branches)
    total = Published()
    for first in range(0, len(pks), BATCH):
        batch = _publish_batch(pks[first : first + BATCH], now, freed)
        if batch.added >= MANY:
            _run("ANALYZE appointments_timeslot", {})
        total += batch
    return total


def publish_each(branches: Iterable[int], *, now: datetime) -> Published:
    """Do what `publish` does. Branches that fail are logged and left out, so that the others are published."""
    pks, total = sorted(branches), Published()
    for first in range(0, len(pks), BATCH):
        batch = pks[first : first + BATCH]
        try:
            total += publish(batch, now=now)
        except Exception:
            logger.exception("Branches could not be published together")
            total = sum(each(batch, lambda pk: publish([pk], now=now), doing="publishing the branch"), total)
    return total


def publish_all(*, now: datetime) -> Published:
    """Publish every branch, and delete past slots that nobody took."""
    remember(now=now)
    # The planner does not know rules and holidays that were loaded a moment ago, and would take three times as long.
    _run("ANALYZE agencies_branch, agencies_openingrule, agencies_closure", {})
    total = publish_each(Branch.objects.values_list("pk", flat=True), now=now)
    _run(FORGET_PAST, {"before": now - MARGIN})
    return total


@transaction.atomic
def _publish_batch(pks: list[int], now: datetime, freed: Collection[int] | None) -> Published:
    """Publish the branches at once. A branch whose time zone is not known keeps its slots as they are."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_BRANCHES, {"branches": pks})
        zone_of = dict(cursor.fetchall())
        zones = known(zone_of.values())
        pks = [pk for pk, zone in zone_of.items() if zone in zones]
        cursor.execute(WANTED, {"branches": pks, "now": now, "never": NEVER, **_spans(zones, now)})
    _run("ANALYZE wanted_slot", {})
    waiting = broken(now=now, branches=pks) if freed is None else []
    moving = [one.pk for one in waiting] if freed is None else [*freed]
    if waiting:
        places = sorted({one.branch.code for one in waiting})
        logger.warning("%d appointments are off the changed clocks of %s", len(waiting), ", ".join(places))
        _run(LEAVE_ROOM_FOR_PROMISED, {"waiting": moving, "begins": [one.promised_at for one in waiting]})
    _run(LOCK_CHANGING, {"branches": pks, "now": now})
    _run(LEAVE_ROOM_FOR_KEPT, {"branches": pks, "now": now, "moving": moving})
    removed = _run(REMOVE, {"branches": pks, "now": now})
    kept = _run(KEEP_TAKEN, {"branches": pks, "now": now})
    changed = _run(CHANGE, {"branches": pks})
    added = _run(ADD, {})
    _run("DROP TABLE wanted_slot", {})
    return Published(added=added, changed=changed, removed=removed, kept=kept)


def _spans(zones: set[str], now: datetime) -> dict[str, Any]:
    """Return the zones' offsets from UTC over the longest horizon, and their dates now, as parallel arrays for `unnest`."""
    horizon = Agency.objects.aggregate(longest=Max("horizon_days"))["longest"] or 0
    until = now + timedelta(days=horizon) + 3 * MARGIN
    found = [span for zone in sorted(zones) for span in spans(zone, now - 3 * MARGIN, until)]
    return {
        "clocks": sorted(zones),
        "dates": [now.astimezone(ZoneInfo(zone)).date() for zone in sorted(zones)],
        "zones": [span.zone for span in found],
        "begins": [span.begins for span in found],
        "ends": [span.ends for span in found],
        "offsets": [span.offset for span in found],
        "since": now.date() - MARGIN,
        "until": until.date(),
    }


def _run(sql: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


# One publisher at a time per branch. FOR UPDATE would make bookings wait, because they refer to the branch.
LOCK_BRANCHES = """
SELECT id, timezone FROM agencies_branch WHERE id = ANY(%(branches)s) ORDER BY id FOR NO KEY UPDATE
"""

# The slots that rules and closures give: first days, then times of each day on the local clock, then UTC by the offset.
# `missing_since` is the end of the span before: local times from then until `begins` are in a missing hour. A release in
# a missing hour is at the first moment after it, the same as `wallclock.instant`.
WANTED = f"""
CREATE TEMPORARY TABLE wanted_slot ON COMMIT DROP AS
WITH span AS MATERIALIZED (
    SELECT *, lag(ends, 1, begins) OVER (PARTITION BY zone ORDER BY begins) AS missing_since
    FROM unnest(%(zones)s::text[], %(begins)s::timestamp[], %(ends)s::timestamp[], %(offsets)s::interval[])
        AS span (zone, begins, ends, utc_offset)
), opening AS MATERIALIZED (
    SELECT rule.id AS rule_id, rule.branch_id, rule.purpose, rule.opens_at, {UNTIL.format(until="rule.closes_at")} AS closes,
        rule.desks, branch.timezone AS zone,
        day::date AS day, make_interval(mins => rule.slot_minutes) AS length,
        day::date - rule.release_days + rule.release_at AS released,
        EXISTS (
            SELECT FROM agencies_closure closure
            WHERE {CLOSES_BRANCH} AND {CLOSES_DURING.format(since="day::date", until="day::date")}
        ) AS has_closure
    FROM agencies_openingrule rule
    JOIN agencies_branch branch ON branch.id = rule.branch_id
    JOIN agencies_agency agency ON agency.id = branch.agency_id
    JOIN unnest(%(clocks)s::text[], %(dates)s::date[]) AS today (zone, date) ON today.zone = branch.timezone
    CROSS JOIN LATERAL generate_series(
        greatest(rule.valid_from, %(since)s::date)::timestamp,
        least(rule.valid_until, %(until)s::date, today.date + agency.horizon_days)::timestamp,
        '1 day'
    ) AS day
    WHERE rule.branch_id = ANY(%(branches)s) AND rule.purpose <> 'walk_in'
        AND {RULE_OPENS.format(rule="rule", day="day::date")}
), timed AS (
    SELECT opening.rule_id, opening.branch_id, local - span.utc_offset AS utc, opening.length,
        {DESKS_LEFT} AS desks,
        CASE opening.purpose WHEN 'assisted' THEN %(never)s::timestamptz AT TIME ZONE 'UTC'
            ELSE greatest(released, released_in.begins) - released_in.utc_offset END AS released_utc
    FROM opening
    CROSS JOIN LATERAL generate_series(
        opening.day + opening.opens_at, opening.day + opening.closes - opening.length, opening.length
    ) AS local
    JOIN span ON span.zone = opening.zone AND local >= span.begins AND local + opening.length <= span.ends
    LEFT JOIN span released_in ON released_in.zone = opening.zone
        AND released >= released_in.missing_since AND released < released_in.ends
    {CLOSED_DESKS}
)
SELECT rule_id, branch_id, utc AT TIME ZONE 'UTC' AS starts_at, (utc + length) AT TIME ZONE 'UTC' AS ends_at, desks::int,
    released_utc AT TIME ZONE 'UTC' AS bookable_from
FROM timed
WHERE desks > 0 AND utc AT TIME ZONE 'UTC' > %(now)s
"""

MATCHES = """wanted.rule_id = slot.rule_id AND wanted.starts_at = slot.starts_at AND wanted.ends_at = slot.ends_at"""

# Locks each row that a later statement may write, in the order of keys as bookings do, so that the two cannot deadlock.
LOCK_CHANGING = f"""
SELECT slot.id FROM appointments_timeslot slot LEFT JOIN wanted_slot wanted ON {MATCHES}
WHERE slot.branch_id = ANY(%(branches)s) AND slot.starts_at > %(now)s AND (
    (wanted.rule_id IS NULL AND (slot.desks > 0 OR slot.taken = 0))
    OR slot.desks <> wanted.desks
    OR slot.bookable_from IS DISTINCT FROM wanted.bookable_from
    OR slot.rule_id IN (
        SELECT stray.rule_id FROM appointments_timeslot stray
        WHERE stray.branch_id = ANY(%(branches)s) AND stray.starts_at > %(now)s AND stray.taken > stray.desks
    )
)
ORDER BY slot.id FOR NO KEY UPDATE OF slot
"""

# A taken slot from before the rule was changed still needs its desks, so new slots over the same time get fewer.
LEAVE_ROOM_FOR_KEPT = f"""
UPDATE wanted_slot SET desks = wanted_slot.desks - crossing.desks
FROM (
    SELECT wanted_over.ctid AS row, count(DISTINCT appointment.id) AS desks
    FROM appointments_timeslot slot
    LEFT JOIN wanted_slot wanted ON {MATCHES}
    JOIN wanted_slot wanted_over ON wanted_over.rule_id = slot.rule_id
        AND wanted_over.starts_at < slot.ends_at AND wanted_over.ends_at > slot.starts_at
    JOIN appointments_appointment appointment ON appointment.branch_id = slot.branch_id
        AND appointment.starts_at BETWEEN slot.starts_at - {LONGEST_APPOINTMENT} AND slot.starts_at
        AND slot.id = ANY(appointment.slot_ids) AND appointment.id <> ALL(%(moving)s::bigint[])
    WHERE slot.branch_id = ANY(%(branches)s) AND slot.starts_at > %(now)s AND slot.taken > 0 AND wanted.rule_id IS NULL
    GROUP BY wanted_over.ctid
) crossing
WHERE wanted_slot.ctid = crossing.row
"""

# An appointment that a changed clock has put on another time needs a desk at the promised one, where it will follow.
LEAVE_ROOM_FOR_PROMISED = """
UPDATE wanted_slot SET desks = wanted_slot.desks - promised.desks
FROM (
    SELECT wanted.ctid AS row, count(DISTINCT appointment.id) AS desks
    FROM unnest(%(waiting)s::bigint[], %(begins)s::timestamptz[]) AS waiting (id, begins)
    JOIN appointments_appointment appointment ON appointment.id = waiting.id
    JOIN appointments_timeslot slot ON slot.id = ANY(appointment.slot_ids)
    JOIN wanted_slot wanted ON wanted.rule_id = slot.rule_id AND wanted.ends_at > waiting.begins
        AND wanted.starts_at < waiting.begins + (appointment.ends_at - appointment.starts_at)
    GROUP BY wanted.ctid
) promised
WHERE wanted_slot.ctid = promised.row
"""

REMOVE = f"""
DELETE FROM appointments_timeslot slot
WHERE slot.branch_id = ANY(%(branches)s) AND slot.starts_at > %(now)s AND slot.taken = 0
    AND NOT EXISTS (SELECT FROM wanted_slot wanted WHERE {MATCHES} AND wanted.desks > 0)
"""

KEEP_TAKEN = f"""
UPDATE appointments_timeslot slot SET desks = 0, capacity = slot.taken
WHERE slot.branch_id = ANY(%(branches)s) AND slot.starts_at > %(now)s AND slot.desks > 0
    AND NOT EXISTS (SELECT FROM wanted_slot wanted WHERE {MATCHES} AND wanted.desks > 0)
"""

CHANGE = f"""
UPDATE appointments_timeslot slot
SET desks = wanted.desks, capacity = greatest(wanted.desks, slot.taken), bookable_from = wanted.bookable_from
FROM wanted_slot wanted
WHERE slot.branch_id = ANY(%(branches)s) AND {MATCHES} AND wanted.desks > 0
    AND (slot.desks <> wanted.desks OR slot.bookable_from IS DISTINCT FROM wanted.bookable_from)
"""

ADD = f"""
INSERT INTO appointments_timeslot (branch_id, rule_id, starts_at, ends_at, desks, capacity, taken, bookable_from)
SELECT branch_id, rule_id, starts_at, ends_at, desks, desks, 0, bookable_from FROM wanted_slot wanted
WHERE wanted.desks > 0 AND NOT EXISTS (SELECT FROM appointments_timeslot slot WHERE {MATCHES})
ORDER BY rule_id, starts_at
"""

FORGET_PAST = """
DELETE FROM appointments_timeslot WHERE taken = 0 AND starts_at < %(before)s
"""
