"""Which rules lose the desks that close: slots and visits without an appointment agree with the plain way."""

from datetime import time
from itertools import pairwise
from random import Random

import pytest

from agencies.models import Branch, Closure, OpeningRule
from agencies.openings.walk_ins import walk_in_rules
from tests.builders import NOW, TUESDAY, a_branch, a_rule, an_agency, at, slots_of

pytestmark = pytest.mark.django_db
HALVES = [time(hour, minute) for hour in range(8, 13) for minute in (0, 30)]


def desks_left(branch: Branch, begins: time, ends: time) -> dict[int, int]:
    """Desks of each rule that is open all this time, one desk after the other taken away."""
    open_then = branch.opening_rules.filter(opens_at__lte=begins, closes_at__gte=ends)
    together = sorted(
        (rule for rule in open_then if rule.is_on(TUESDAY)),
        key=lambda rule: (-rule.desks, rule.purpose != OpeningRule.Purpose.WALK_IN, rule.pk),
    )
    closed = [
        closure.desks
        for closure in Closure.objects.of(branch).during(TUESDAY, TUESDAY)
        if closure.from_time is None or (closure.from_time < ends and closure.until_time > begins)
    ]
    if None in closed:
        return {rule.pk: 0 for rule in together}
    away, left = sum(closed), {}
    for rule in together:
        taken = min(away, rule.desks)
        left[rule.pk], away = rule.desks - taken, away - taken
    return left


def a_random_day(random: Random) -> Branch:
    branch = a_branch(an_agency())
    for _number in range(random.randint(2, 5)):
        opens_at, closes_at = sorted(random.sample(HALVES, 2))
        purpose = random.choice(("public", "assisted", "walk_in", "walk_in"))
        weekdays = random.choice(([2], [2], [3], [1, 2]))
        fields = {"opens_at": opens_at, "closes_at": closes_at, "slot_minutes": 30, "desks": random.randint(1, 3)}
        a_rule(branch, purpose=purpose, weekdays=weekdays, **fields)
    for _number in range(random.randint(0, 3)):
        times = dict(zip(("from_time", "until_time"), sorted(random.sample(HALVES, 2)), strict=True))
        Closure.objects.create(
            agency=branch.agency,
            branch=random.choice((branch, branch, None)),
            from_date=TUESDAY,
            until_date=TUESDAY,
            desks=random.choice((1, 1, 2, 3, 4, None)),
            **random.choice((times, times, {})),
        )
    return branch


@pytest.mark.parametrize("seed", range(30))
def test_closed_desks_are_taken_as_the_plain_way_takes_them(seed: int) -> None:
    branch = a_random_day(Random(seed))
    published = {
        (slot.rule_id, branch.local(slot.starts_at).time()): slot.desks
        for slot in slots_of(branch, NOW)
        if branch.local(slot.starts_at).date() == TUESDAY
    }
    walk_ins = set(branch.opening_rules.filter(purpose="walk_in").values_list("pk", flat=True))
    for begins, ends in pairwise(HALVES):
        left = {rule: desks for rule, desks in desks_left(branch, begins, ends).items() if desks}
        given = {rule: desks for (rule, clock), desks in published.items() if clock == begins}
        assert given == {rule: desks for rule, desks in left.items() if rule not in walk_ins}
        for minute in (begins.minute, begins.minute + 29):
            taken = {rule.pk for rule in walk_in_rules(branch, now=at(begins.hour, minute, day=TUESDAY))}
            assert taken == walk_ins & left.keys()
