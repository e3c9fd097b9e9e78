"""A branch on the day of NOW, and the clock of that day: the pages read the same one."""

from collections.abc import Iterator

import pytest
import time_machine

from agencies.models import Branch, OpeningRule
from appointments.models import Desk, Queue
from appointments.times.publishing import publish
from tests.builders import NOW, a_branch, a_procedure, a_rule, an_agency, today_at


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Monday, half past seven, before the doors open; it goes on from there."""
    with time_machine.travel(today_at(7, 30), tick=True) as traveller:
        yield traveller


@pytest.fixture
def new_branch(clock: time_machine.Traveller) -> Branch:
    """ΚΕΠ Χανίων with one service, and nothing else yet."""
    agency = an_agency()
    a_procedure(agency)
    return a_branch(agency)


@pytest.fixture
def hall(new_branch: Branch) -> Branch:
    """The same branch on a working day: two desks for appointments, one for who comes without, kiosk and screen."""
    a_rule(new_branch, desks=2)
    a_rule(new_branch, purpose=OpeningRule.Purpose.WALK_IN)
    publish([new_branch.pk], now=NOW)
    Queue.objects.create(branch=new_branch)
    Desk.objects.bulk_create(Desk(branch=new_branch, name=name) for name in ("1", "2", "3"))
    return new_branch


@pytest.fixture
def rethymno(new_branch: Branch) -> Branch:
    """Another branch of the agency, open for everybody and for follow-ups of others."""
    agency = new_branch.agency
    other = a_branch(agency, "kep-rethymno", name_el="ΚΕΠ Ρεθύμνου", city_el="Ρέθυμνο", takes_referrals=True)
    a_rule(other)
    publish([other.pk], now=NOW)
    return other
