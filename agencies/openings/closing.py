"""Desks that close: how many closures take from a branch, and which of its rules lose them.

Desks that close are the branch's, not each rule's. Of the rules that are open together the one with most desks loses them
first (among equals visits without an appointment, where nobody was promised anything), the next one what is left.
"""

from agencies.models.opening import CLOSES_BRANCH, CLOSES_DURING, RULE_OPENS

# More than any rule has: what a closure of all desks takes away.
ALL_DESKS = 32767

# To be joined to rows of `opening` (rule_id, branch_id, purpose, desks, day, length, has_closure) and a `local` time at
# which it is open until `local + opening.length`, all on the branch's wall clock. Then DESKS_LEFT tells what the rule
# still has.
CLOSED_DESKS = f"""
    CROSS JOIN LATERAL (
        SELECT CASE WHEN opening.has_closure THEN (
            SELECT coalesce(sum(coalesce(closure.desks, {ALL_DESKS})), 0)
            FROM agencies_closure closure JOIN agencies_branch branch ON branch.id = opening.branch_id
            WHERE {CLOSES_BRANCH} AND {CLOSES_DURING.format(since="opening.day", until="opening.day")}
                AND (closure.from_time IS NULL OR (
                    local < opening.day + closure.until_time AND local + opening.length > opening.day + closure.from_time
                ))
        ) ELSE 0 END AS desks
    ) AS away
    CROSS JOIN LATERAL (
        SELECT CASE WHEN away.desks BETWEEN 1 AND {ALL_DESKS} - 1 THEN (
            SELECT coalesce(sum(other.desks), 0) FROM agencies_openingrule other
            WHERE other.branch_id = opening.branch_id
                AND (other.desks, other.purpose = 'walk_in', -other.id)
                    > (opening.desks, opening.purpose = 'walk_in', -opening.rule_id)
                AND other.opens_at <= local::time AND other.closes_at >= (local + opening.length)::time
                AND {RULE_OPENS.format(rule="other", day="opening.day")}
        ) ELSE 0 END AS desks
    ) AS elsewhere
"""
DESKS_LEFT = "opening.desks - greatest(away.desks - elsewhere.desks, 0)"
