"""Closed desks: the number that closures take from a branch, and the rules that lose them.

A closure counts its desks once for the branch, not once for each rule. Among rules that are open at the same time, the rule
with the most desks loses desks first, then the next one loses the rest. Among equals, rules for visits without an
appointment lose first, because these visits were promised no time.
"""

from agencies.models.opening import CLOSES_BRANCH, CLOSES_DURING, RULE_OPENS
from agencies.models.until import UNTIL

# The number that a closure of all desks takes away. No rule has as many.
ALL_DESKS = 32767

# SQL to join to rows of `opening` (rule_id, branch_id, purpose, desks, day, length, has_closure) and a `local` time. The
# opening lasts from `local` until `local + opening.length`, in the branch's local time. DESKS_LEFT is then the number of
# desks that the rule still has.
CLOSED_DESKS = f"""
    CROSS JOIN LATERAL (
        SELECT CASE WHEN opening.has_closure THEN (
            SELECT coalesce(sum(coalesce(closure.desks, {ALL_DESKS})), 0)
            FROM agencies_closure closure JOIN agencies_branch branch ON branch.id = opening.branch_id
            WHERE {CLOSES_BRANCH} AND {CLOSES_DURING.format(since="opening.day", until="opening.day")}
                AND (closure.from_time IS NULL OR (
                    local < opening.day + {UNTIL.format(until="closure.until_time")}
                    AND local + opening.length > opening.day + closure.from_time
                ))
        ) ELSE 0 END AS desks
    ) AS away
    CROSS JOIN LATERAL (
        SELECT CASE WHEN away.desks BETWEEN 1 AND {ALL_DESKS} - 1 THEN (
            SELECT coalesce(sum(other.desks), 0) FROM agencies_openingrule other
            WHERE other.branch_id = opening.branch_id
                AND (other.desks, other.purpose = 'walk_in', -other.id)
                    > (opening.desks, opening.purpose = 'walk_in', -opening.rule_id)
                AND opening.day + other.opens_at <= local
                AND opening.day + {UNTIL.format(until="other.closes_at")} >= local + opening.length
                AND {RULE_OPENS.format(rule="other", day="opening.day")}
        ) ELSE 0 END AS desks
    ) AS elsewhere
"""
DESKS_LEFT = "opening.desks - greatest(away.desks - elsewhere.desks, 0)"
