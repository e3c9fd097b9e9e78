"""Whom a desk may call: the queryset and the board's own rule agree. And who may sit there."""

import json
from collections.abc import Callable
from operator import attrgetter
from random import Random

import pytest

from accounts.models import User
from agencies.models import Branch
from appointments import counter
from appointments.admin.counter.board import hall_of, seats_in
from appointments.counter import desks
from appointments.counter.line import seats_of
from appointments.errors import NotOfBranch, TicketAtDesk, WrongStatus
from appointments.models import Desk, Ticket
from tests.builders import (
    GUEST,
    NOW,
    WORKER,
    a_branch,
    a_desk,
    a_procedure,
    a_walk_in,
    an_agency,
    an_officer,
    at,
    booked_at,
    by,
    minutes,
    today_at,
)

pytestmark = pytest.mark.django_db
State = Ticket.State


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


# Who came back, and who has gone


def test_missed_walk_in_comes_back_with_the_same_number_and_a_new_turn(
    branch: Branch, desk: Desk, officer: User
) -> None:
    ticket = a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    missed = counter.miss(ticket, by=by(officer), now=today_at(8, 35))
    back = counter.put_back(missed, by=by(officer), now=today_at(9))
    turn = today_at(9) + minutes(branch.agency.walk_in_minutes)
    assert (back.state, back.number, back.due_at, back.ended_at) == (State.WAITING, ticket.number, turn, None)
    assert counter.undo(back, by=by(officer), now=today_at(9)).ended_at == today_at(8, 35)
    counter.put_back(missed, by=by(officer), now=today_at(9, 1))
    assert counter.call_next(desk, by=by(officer), now=today_at(9, 2)) == ticket


def test_walk_in_of_yesterday_and_missed_appointment_are_not_put_back(branch: Branch, officer: User) -> None:
    """A missed citizen with an appointment is checked in again."""
    old = counter.miss(a_walk_in(branch, today_at(8)), by=by(officer), now=today_at(9))
    with pytest.raises(WrongStatus):
        counter.put_back(old, by=by(officer), now=at(9))
    ticket = counter.check_in(booked_at(branch, 9), by=GUEST, now=today_at(9))
    missed = counter.miss(ticket, by=by(officer), now=today_at(9, 10))
    with pytest.raises(WrongStatus):
        counter.put_back(missed, by=by(officer), now=today_at(9, 20))


def test_colleagues_desk_is_freed_once_nobody_is_there(branch: Branch, desk: Desk, officer: User) -> None:
    colleague = an_officer(branch, email="colleague@example.org")
    ticket = a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    with pytest.raises(TicketAtDesk, match=ticket.spoken_number):
        desks.free(desk, by=by(colleague), now=today_at(9))
    counter.put_back(ticket, by=by(colleague), now=today_at(9))
    desks.free(desk, by=by(colleague), now=today_at(9))
    desk.refresh_from_db()
    assert (desk.officer, desk.events.latest("pk").officer) == (None, colleague)
    assert desks.sit(desk, by=by(colleague), now=today_at(9)).officer == colleague


def lose_role(officer: User) -> None:
    officer.memberships.all().delete()


def deactivate(officer: User) -> None:
    User.objects.filter(pk=officer.pk).update(is_active=False)


def change_branch(officer: User) -> None:
    agency = an_agency("dypa")
    officer.memberships.update(agency=agency, branch=a_branch(agency, "dypa-chania"))


@pytest.mark.parametrize("go", [lose_role, deactivate, change_branch])
def test_who_may_no_longer_serve_calls_nobody_and_is_unseated(
    branch: Branch, desk: Desk, officer: User, go: Callable[[User], None]
) -> None:
    ticket = a_walk_in(branch, today_at(8))
    go(officer)
    stranger = User.objects.get(pk=officer.pk)
    with pytest.raises(NotOfBranch):
        counter.call_next(desk, by=by(stranger), now=today_at(9))
    with pytest.raises(NotOfBranch):
        counter.call(ticket, desk, by=by(stranger), now=today_at(9))
    assert desks.free_of_strangers(by=WORKER, now=today_at(9)) == 1
    desk.refresh_from_db()
    assert desk.officer is None
    with pytest.raises(NotOfBranch):
        desks.sit(desk, by=by(stranger), now=today_at(9))
    assert desks.free_of_strangers(by=WORKER, now=today_at(9)) == 0


def test_desk_of_a_stranger_is_freed_when_the_person_there_has_been_served(
    branch: Branch, desk: Desk, officer: User
) -> None:
    colleague = an_officer(branch, email="colleague@example.org")
    ticket = a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    lose_role(officer)
    assert desks.free_of_strangers(by=WORKER, now=today_at(9)) == 0
    counter.complete(ticket, by=by(colleague), now=today_at(9))
    assert desks.free_of_strangers(by=WORKER, now=today_at(9, 1)) == 1


def test_officers_of_the_branch_and_of_its_agency_stay_seated(branch: Branch, desk: Desk) -> None:
    other = a_desk(branch, an_officer(branch.agency, email="agency@example.org"), name="2")
    assert desks.free_of_strangers(by=WORKER, now=today_at(9)) == 0
    assert Desk.objects.filter(pk__in=[desk.pk, other.pk], officer__isnull=False).count() == 2
