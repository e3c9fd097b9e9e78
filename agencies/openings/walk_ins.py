"""Visits without an appointment, and giving some of a rule's desks another purpose."""

from collections.abc import Iterable
from datetime import datetime, time

from django.db import transaction
from django.db.models.query import RawQuerySet

from agencies.models import Branch, Channel, OpeningRule, Procedure
from agencies.models.channel import REMOTE
from agencies.models.opening import RULE_OPENS
from agencies.models.services import serves
from agencies.models.until import UNTIL, end_on
from agencies.openings.closing import CLOSED_DESKS, DESKS_LEFT
from agencies.text import alphabetical
from agencies.wallclock import instant

# A moment is an interval of one microsecond, the shortest in PostgreSQL.
OPEN_RULES = f"""
SELECT rule.* FROM unnest(%(branches)s::bigint[], %(locals)s::timestamp[]) AS clock (branch_id, local)
JOIN agencies_openingrule rule ON rule.branch_id = clock.branch_id
CROSS JOIN LATERAL (
    SELECT rule.id AS rule_id, rule.branch_id, rule.purpose, rule.desks, clock.local::date AS day,
        interval '1 microsecond' AS length, true AS has_closure
) AS opening
{CLOSED_DESKS}
WHERE rule.purpose = ANY(%(purposes)s) AND {RULE_OPENS.format(rule="rule", day="opening.day")}
    AND rule.opens_at <= local::time AND {UNTIL.format(until="rule.closes_at")} > local::time AND {DESKS_LEFT} > 0
ORDER BY rule.valid_from, rule.opens_at, rule.id
"""


def walk_in_rules(*branches: Branch, now: datetime) -> list[OpeningRule]:
    """Returns the rules that allow visits without an appointment at this moment. Closures count."""
    return list(_open_rules(branches, [OpeningRule.Purpose.WALK_IN], now).prefetch_related("procedures"))


def receives(branch: Branch, *, now: datetime) -> bool:
    """Returns whether anybody is served at the branch in person at this moment, with or without an appointment."""
    return any(Channel.IN_PERSON in rule.channels for rule in _open_rules([branch], [*OpeningRule.Purpose], now))


def _open_rules(branches: Iterable[Branch], purposes: list[str], now: datetime) -> RawQuerySet:
    clocks = {branch.pk: branch.local(now).replace(tzinfo=None) for branch in branches}
    params = {"branches": [*clocks], "locals": [*clocks.values()], "purposes": purposes}
    return OpeningRule.objects.raw(OPEN_RULES, params)


def walk_in_procedures(branch: Branch, *, now: datetime) -> list[Procedure]:
    """Returns the services that need no appointment at this moment, in the order of their names."""
    rules = [rule for rule in walk_in_rules(branch, now=now) if Channel.IN_PERSON in rule.channels]
    if not rules:
        return []
    offered = Procedure.objects.offered().filter(agency=branch.agency_id, channels__contains=[Channel.IN_PERSON])
    return [one for one in offered.order_by(alphabetical("name_el")) if any(_serves(rule, one) for rule in rules)]


def lines(procedure: Procedure, branches: Iterable[Branch], *, now: datetime) -> dict[tuple[int, str], datetime]:
    """Returns the lines of the service that people can join from home at this moment, with the time (UTC) they close.

    A line is a branch (its key) and a channel: the telephone or video.
    """
    there = {branch.pk: branch for branch in branches}
    found: dict[tuple[int, str], datetime] = {}
    for rule in walk_in_rules(*there.values(), now=now):
        if _serves(rule, procedure):
            branch = there[rule.branch_id]
            closes_at = instant(end_on(branch.today(now), rule.closes_at), branch.zone)
            for channel in REMOTE.intersection(rule.channels, procedure.channels):
                line = branch.pk, channel
                found[line] = max(closes_at, found.get(line, closes_at))
    return found


def _serves(rule: OpeningRule, procedure: Procedure) -> bool:
    return serves({one.pk for one in rule.procedures.all()}, procedure.pk)


@transaction.atomic
def split(rule: OpeningRule, *, desks: int, purpose: str, release_at: time | None = None) -> OpeningRule:
    """Moves some of the rule's desks to a new rule with the same hours, and returns the new rule.

    With `release_at`, its times become bookable at this local time on the day itself. Raises ValueError if the old rule
    would keep no desk.
    """
    rest = OpeningRule.objects.select_for_update().get(pk=rule.pk)
    if not 1 <= desks < rest.desks:
        raise ValueError(desks)
    values = {field.attname: getattr(rest, field.attname) for field in rest._meta.concrete_fields}
    values |= {"id": None, "desks": desks, "purpose": purpose}
    if release_at is not None:
        values |= {"release_days": 0, "release_at": release_at}
    rest.desks -= desks
    rest.save(update_fields=["desks"])
    sibling = OpeningRule.objects.create(**values)
    sibling.procedures.set(rule.procedures.all())
    return sibling
