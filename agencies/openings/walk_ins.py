"""What opening rules give besides appointments: visits without one; and how a rule's desks are shared out."""

from datetime import datetime, time

from django.db import transaction
from django.db.models import Q

from agencies.models import Branch, Channel, Closure, OpeningRule, Procedure

Purpose = OpeningRule.Purpose


def walk_in_rules(branch: Branch, *, now: datetime) -> list[OpeningRule]:
    """The rules under which visits without an appointment are taken at this moment, closures considered."""
    local = branch.local(now).replace(tzinfo=None)
    at_time = branch.opening_rules.filter(opens_at__lte=local.time(), closes_at__gt=local.time())
    together = [rule for rule in at_time.prefetch_related("procedures") if rule.is_on(local.date())]
    if not any(rule.purpose == Purpose.WALK_IN for rule in together):
        return []
    left = _desks_left(together, _desks_away(branch, local))
    return [rule for rule in together if rule.purpose == Purpose.WALK_IN and left[rule.pk] > 0]


def _desks_left(together: list[OpeningRule], away: int | None) -> dict[int, int]:
    """Desks of each rule, by key, after some of the branch's are away: in the order in which publishing takes them."""
    if away is None:
        return {rule.pk: 0 for rule in together}
    left = {}
    for rule in sorted(together, key=lambda rule: (-rule.desks, rule.purpose != Purpose.WALK_IN, rule.pk)):
        taken = min(away, rule.desks)
        left[rule.pk], away = rule.desks - taken, away - taken
    return left


def walk_in_procedures(branch: Branch, *, now: datetime) -> list[Procedure]:
    """The services for which one may come without an appointment at this moment, by name."""
    rules = [rule for rule in walk_in_rules(branch, now=now) if Channel.IN_PERSON in rule.channels]
    if not rules:
        return []
    offered = Procedure.objects.offered().filter(agency=branch.agency_id, channels__contains=[Channel.IN_PERSON])
    limits = [{procedure.pk for procedure in rule.procedures.all()} for rule in rules]
    if all(limits):
        offered = offered.filter(pk__in=set().union(*limits))
    return list(offered.order_by("name_el"))


def _desks_away(branch: Branch, local: datetime) -> int | None:
    """Desks that closures take at this wall-clock time; None for all of them."""
    here = Q(branch=None, agency=branch.agency_id) | Q(branch=branch)
    on_day = Closure.objects.filter(here, from_date__lte=local.date(), until_date__gte=local.date())
    at_time = on_day.filter(Q(from_time=None) | Q(from_time__lte=local.time(), until_time__gt=local.time()))
    away = list(at_time.values_list("desks", flat=True))
    return None if None in away else sum(desks for desks in away if desks)


@transaction.atomic
def split(rule: OpeningRule, *, desks: int, purpose: str, release_at: time | None = None) -> OpeningRule:
    """Give some of the rule's desks a rule of their own over the same hours; released on the day itself, if told when.

    Raises ValueError if no desk would be left: the caller asks for fewer.
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
