"""Whom a desk may call: the queryset and the board's own rule agree."""

from random import Random

import pytest

from appointments import counter
from appointments.models import Ticket
from tests.builders import GUEST, a_branch, a_desk, a_procedure, an_agency, at

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(3))
def test_desk_may_call_whom_the_queryset_finds(seed: int) -> None:
    random, branch = Random(seed), a_branch(an_agency())
    procedures = [a_procedure(branch.agency, f"kep-service-{number}") for number in range(3)]
    desks = [a_desk(branch, name=str(number)) for number in range(4)]
    for desk in desks[1:]:
        desk.procedures.set(random.sample(procedures, random.choice((1, 2))))
    tickets = [counter.take_ticket(branch, random.choice(procedures), by=GUEST, now=at(9)) for _number in range(12)]
    for ticket in random.sample(tickets, 5):
        ticket.for_desk = random.choice(desks)
        ticket.save()
    for desk in desks:
        named = [procedure.pk for procedure in desk.procedures.all()]
        found = set(Ticket.objects.for_desk(desk))
        assert found == {ticket for ticket in tickets if desk.may_call(ticket, named)}
        assert found == {
            ticket
            for ticket in tickets
            if ticket.for_desk == desk or (ticket.for_desk is None and (not named or ticket.procedure_id in named))
        }
