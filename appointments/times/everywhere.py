"""The first free times of all services at once, as the public is shown them.

Statistics read this once a day for each branch. `availability.earliest` says the same of one service.
"""

from agencies.models.services import RULE_SERVES
from appointments.times.slots import FREE, IN_RUN, NEEDED

_NEXT_IN_RUN = IN_RUN.format(
    slot="next", rule="offer.rule_id", begins="slot.starts_at", ends="slot.starts_at + offer.duration"
)
# For each branch of %(branches)s, service and channel that the public can book there: the first and the third free time (UTC)
# and the last time that is open for booking, free or not. Each is NULL if there is none. Several rules with the same time give
# one time, so the first three times of each rule are enough.
FIRST_TIMES = f"""
WITH offer AS MATERIALIZED (
    SELECT rule.id AS rule_id, branch.agency_id, branch.id AS branch_id, procedure.id AS procedure_id, channel,
        rule.purpose = 'public' AS is_public, make_interval(mins => procedure.duration_minutes) AS duration,
        {NEEDED.format(minutes="procedure.duration_minutes", slot_minutes="rule.slot_minutes")} AS needed,
        %(now)s::timestamptz + make_interval(mins => agency.lead_minutes) AS since
    FROM agencies_openingrule rule
    JOIN agencies_branch branch ON branch.id = rule.branch_id AND branch.is_open AND branch.id = ANY(%(branches)s)
    JOIN agencies_agency agency ON agency.id = branch.agency_id AND agency.stage = ANY(%(live)s)
    JOIN agencies_procedure procedure ON procedure.agency_id = agency.id AND procedure.is_offered
        AND {RULE_SERVES.format(procedure="procedure.id")}
    CROSS JOIN LATERAL unnest(rule.channels) AS channel
    WHERE channel = ANY(procedure.channels)
), reach AS MATERIALIZED (
    SELECT rule.rule_id, slot.starts_at FROM (SELECT DISTINCT rule_id FROM offer) AS rule CROSS JOIN LATERAL (
        SELECT slot.starts_at FROM appointments_timeslot slot
        WHERE slot.rule_id = rule.rule_id AND slot.starts_at >= %(now)s AND slot.desks > 0
            AND (slot.bookable_from IS NULL OR slot.bookable_from <= %(now)s)
        ORDER BY slot.starts_at DESC LIMIT 1
    ) AS slot
), found AS (
    SELECT agency_id, branch_id, procedure_id, channel, bool_or(is_public) AS is_public,
        array_agg(DISTINCT first.starts_at ORDER BY first.starts_at) FILTER (WHERE first.starts_at IS NOT NULL) AS times,
        max(reach.starts_at) AS last
    FROM offer LEFT JOIN reach USING (rule_id) LEFT JOIN LATERAL (
        SELECT slot.starts_at FROM appointments_timeslot slot CROSS JOIN LATERAL (
            SELECT count(*) AS slots FROM appointments_timeslot next WHERE {_NEXT_IN_RUN} AND {FREE.format(slot="next")}
        ) AS run
        WHERE slot.rule_id = offer.rule_id AND slot.starts_at >= offer.since AND {FREE.format(slot="slot")}
            AND run.slots = offer.needed
        ORDER BY slot.starts_at LIMIT 3
    ) AS first ON true
    GROUP BY agency_id, branch_id, procedure_id, channel
)
SELECT agency_id, branch_id, procedure_id, channel, times[1] AS first, times[3] AS third, last FROM found WHERE is_public
"""
