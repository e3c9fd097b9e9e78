"""Whom a desk may call: the queryset and the board's own rule agree."""

import json
from operator import attrgetter
from random import Random

import pytest

from appointments import counter
from appointments.admin.counter.board import hall_of, seats_in
from appointments.counter import desks
from appointments.counter.line import seats_of
from appointments.models import Desk, Ticket
from tests.builders import GUEST, NOW, a_branch, a_desk, a_procedure, an_agency, an_officer, at, by

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(3))
def test_desk_may_call_whom_the_queryset_finds(seed: int) -> None:
    random, branch = Random(seed), a_branch(an_agency())
    procedures = [a_procedure(branch.agency, f"kep-service-{number}") for number in range(3)]
    every = [a_desk(branch, name=str(number)) for number in range(4)]
    for desk in every[1:]:
        desk.procedures.set(random.sample(procedures, random.choice((1, 2))))
    tickets = [counter.take_ticket(branch, random.choice(procedures), by=GUEST, now=at(9)) for _number in range(12)]
    for ticket in random.sample(tickets, 5):
        ticket.for_desk = random.choice(every)
        ticket.save()
    for desk in every:
        named = {procedure.pk for procedure in desk.procedures.all()}
        seat = next(one for one in seats_of(branch) if one.pk == desk.pk)
        assert seat.services == named
        found = set(Ticket.objects.for_desk(desk))
        assert found == {ticket for ticket in tickets if seat.may_call(ticket)}
        assert found == {
            ticket
            for ticket in tickets
            if ticket.for_desk == desk or (ticket.for_desk is None and (not named or ticket.procedure_id in named))
        }


def test_polls_read_the_desks_that_the_models_give() -> None:
    branch = a_branch(an_agency())
    officer = an_officer(branch)
    desks_of_branch = [a_desk(branch, name=str(number)) for number in range(3)]
    desks_of_branch[1].procedures.set([a_procedure(branch.agency)])
    desks.sit(desks_of_branch[0], by=by(officer), now=NOW)
    desks.pause(desks_of_branch[0], by=by(officer), now=NOW)
    Desk.objects.filter(pk=desks_of_branch[2].pk).update(is_used=False)
    key = attrgetter("pk")
    assert sorted(seats_in(json.loads(hall_of(branch, NOW))), key=key) == sorted(seats_of(branch), key=key)
    assert {seat.officer for seat in seats_of(branch)} == {"Άννα Υπαλλήλου", ""}
