"""The forecast of a line: who is told what, in which order, and what it learns from the day."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Branch, Procedure
from appointments.counter.expectation import OVERRUN, Turn, expected, free_at
from appointments.counter.line import Line, Seat
from appointments.counter.pace import Pace, pace_of
from appointments.models import Appointment, Ticket
from tests.builders import at, minutes

NOW = at(9)
State = Ticket.State


def a_turn(key: str, due: int, *, ready: int = 0, length: int = 10, priority: bool = False) -> Turn:
    """Minutes from nine o'clock."""
    return Turn(key, NOW + minutes(due), NOW + minutes(ready), minutes(length), priority)


def after(turns: list[Turn], *desks: int) -> dict[object, int]:
    begins = expected(turns, [NOW + minutes(free) for free in desks], now=NOW)
    return {key: (begun - NOW) // timedelta(minutes=1) for key, begun in begins.items()}


def test_two_desks_share_the_line() -> None:
    turns = [a_turn("a", -3), a_turn("b", -2), a_turn("c", -1, length=20), a_turn("d", 0)]
    assert after(turns, 0, 5) == {"a": 0, "b": 5, "c": 10, "d": 15}


def test_priority_goes_first() -> None:
    assert after([a_turn("a", -3), a_turn("b", 0, priority=True)], 0) == {"b": 0, "a": 10}


def test_no_desk_waits_for_who_is_still_to_come() -> None:
    assert after([a_turn("soon", 5, ready=5), a_turn("here", 30)], 0) == {"here": 0, "soon": 10}


def test_desk_idles_until_the_next_one_comes() -> None:
    assert after([a_turn("later", 40, ready=40)], 0) == {"later": 40}


def test_without_desks_nothing_can_be_told() -> None:
    assert after([a_turn("a", 0)]) == {}


def test_people_with_the_same_turn_are_told_the_order_of_the_line() -> None:
    assert after([a_turn("a", 0), a_turn("b", 0), a_turn("c", 0, length=5)], 0) == {"a": 0, "b": 10, "c": 20}


PLACES = st.tuples(st.integers(0, 3), st.integers(-3, 3), st.integers(1, 30), st.booleans())


@given(people=st.lists(PLACES, max_size=12), desks=st.lists(st.integers(-5, 20), min_size=1, max_size=4))
def test_forecast_has_the_order_of_the_line(people: list[tuple[int, int, int, bool]], desks: list[int]) -> None:
    """Whoever stands before others in the line is never told a later time, however many have the same turn."""
    turns = [
        a_turn(str(number), due, ready=-ready, length=length, priority=priority)
        for number, (ready, due, length, priority) in enumerate(people)
    ]
    told = after(turns, *desks)
    in_line = [told[turn.key] for turn in sorted(turns, key=lambda turn: turn.place)]
    assert in_line == sorted(in_line)
    assert len(told) == len(people)


def test_free_at_counts_the_planned_time_and_some_when_it_is_overrun() -> None:
    assert free_at(busy_since=NOW - minutes(4), length=minutes(10), now=NOW) == NOW + minutes(6)
    assert free_at(busy_since=NOW - minutes(30), length=minutes(10), now=NOW) == NOW + OVERRUN


# The pace of a day


@dataclass
class Person:
    """Somebody of a simulated day: when they come, if they do, and how long they really take."""

    appointment: Appointment
    comes_at: datetime
    comes: bool
    takes: timedelta
    ticket: Ticket | None = None


class Day:
    """Three hours at a branch, in memory: every ten minutes there are `booked` appointments, for ten minutes each.

    Citizens come up to twenty minutes early. `slower` is how much longer than planned they take on average, and `away`
    which share of them does not come. Each minute, everybody who waits or comes within the hour is told a time.
    """

    def __init__(self, seed: int, *, booked: int, desks: int, slower: float, away: float) -> None:
        self.chance = random.Random(seed)
        self.procedure = Procedure(pk=1, duration_minutes=10)
        self.people = [self._person(number, number // booked, slower, away) for number in range(18 * booked)]
        self.desks: list[Person | None] = [None] * desks
        self.told: list[tuple[Person, datetime, datetime]] = []

    def _person(self, number: int, time: int, slower: float, away: float) -> Person:
        starts_at = NOW + minutes(10 * time)
        booked = Appointment(
            pk=number + 1, starts_at=starts_at, channel="in_person", status="booked", procedure=self.procedure
        )
        early, comes = minutes(self.chance.randint(-3, 20)), self.chance.random() >= away
        return Person(booked, starts_at - early, comes, minutes(10) * slower * self.chance.uniform(0.6, 1.4))

    def bias(self) -> float:
        """Return how many minutes later people were told to be called, on average, than they really were."""
        now = NOW - minutes(20)
        while any(one.comes and (one.ticket is None or one.ticket.state != State.DONE) for one in self.people):
            self._pass(now)
            now += timedelta(seconds=30)
        return fmean((told - self._really(one, earliest)).total_seconds() / 60 for one, earliest, told in self.told)

    def _really(self, one: Person, earliest: datetime) -> datetime:
        assert one.ticket is not None
        assert one.ticket.called_at is not None
        return max(one.ticket.called_at, earliest)

    def _pass(self, now: datetime) -> None:
        for number, one in enumerate(self.people):
            if one.comes and one.ticket is None and one.comes_at <= now:
                one.ticket = Ticket(
                    pk=number + 1, number=number + 1, appointment=one.appointment, procedure=self.procedure,
                    state=State.WAITING, due_at=one.appointment.starts_at, arrived_at=now,
                )  # fmt: skip
        for desk, served in enumerate(self.desks):
            if served and served.ticket and served.ticket.called_at and served.ticket.called_at + served.takes <= now:
                served.ticket.state, served.ticket.ended_at, served.ticket.desk_id = State.DONE, now, None
                self.desks[desk] = None
            if self.desks[desk] is None and now >= NOW:
                self._call(desk, now)
        if now >= NOW + minutes(60) and now.second == 0 and now.minute % 5 == 0:
            self._tell(now)

    def _call(self, desk: int, now: datetime) -> None:
        waiting = self._line(now).waiting
        if waiting:
            first = waiting[0]
            first.state, first.called_at, first.desk_id = State.CALLED, now, desk + 1
            self.desks[desk] = self.people[first.pk - 1]

    def _tell(self, now: datetime) -> None:
        line = self._line(now)
        for one in self.people:
            soon = one.comes and now <= one.appointment.starts_at <= now + minutes(60)
            if told := line.begins.get(one.ticket or one.appointment) if one.ticket or soon else None:
                # Somebody who is still to come is told a delay, which is never less than none.
                self.told.append((one, now if one.ticket else one.appointment.starts_at, told))

    def _line(self, now: datetime) -> Line:
        tickets = [one.ticket for one in self.people if one.ticket]
        expected_today = [one.appointment for one in self.people if one.ticket is None]
        seats = [Seat(desk, str(desk), desk, "", NOW, None, frozenset()) for desk in range(1, len(self.desks) + 1)]
        return Line(Branch(), NOW.date(), now, tickets, expected_today, [], seats)


def bias_of(*, booked: int = 2, desks: int = 2, slower: float = 1.0, away: float = 0.0) -> float:
    """Return the mean of ten simulated days, in minutes."""
    return fmean(Day(seed, booked=booked, desks=desks, slower=slower, away=away).bias() for seed in range(10))


def test_forecast_of_a_day_that_goes_to_plan_keeps_to_the_plan() -> None:
    assert abs(bias_of()) <= 1
    assert abs(bias_of(booked=4, desks=4)) <= 1


def test_forecast_learns_that_service_takes_a_fifth_longer_than_planned() -> None:
    """By the plan alone, people would be told to be called nine minutes too early."""
    assert abs(bias_of(slower=1.2)) <= 3


def test_forecast_learns_that_a_quarter_stays_away() -> None:
    """By the plan alone, people would be told to be called ten minutes too late, where as many desks serve as are needed."""
    assert abs(bias_of(booked=4, desks=3, away=0.25)) <= 3
    assert abs(bias_of(booked=3, desks=2, away=0.25)) <= 4  # a line that grows all day


def a_visit(*, called: int, ended: int, number: int = 1, length: int = 10, came: int = 0) -> Ticket:
    """A completed ticket. Minutes from nine o'clock, when its appointment was."""
    booked = Appointment(pk=number, starts_at=NOW, channel="in_person")
    times = {"arrived_at": NOW + minutes(came), "called_at": NOW + minutes(called), "ended_at": NOW + minutes(ended)}
    procedure = Procedure(duration_minutes=length)
    return Ticket(appointment=booked, procedure=procedure, state=State.DONE, **times)


def test_pace_is_the_plan_before_anybody_was_served() -> None:
    assert pace_of([], [], due_before=NOW) == Pace()
    assert Pace().coming(minutes(5)) == 1


def test_pace_of_service_counts_from_the_call_and_no_visit_without_measure() -> None:
    exact = a_visit(called=0, ended=10)
    assert pace_of([exact], [], due_before=NOW).service == 1
    slow = a_visit(called=0, ended=20)
    assert pace_of([exact, slow], [], due_before=NOW).service == 50 / 40
    forgotten = a_visit(called=0, ended=300)
    assert pace_of([forgotten], [], due_before=NOW).service == 50 / 30


def test_share_that_comes_falls_while_somebody_is_not_there() -> None:
    """Two came before their time, one five minutes late, and one did not come. Two more are imagined: one on time, one late."""
    came = [a_visit(called=0, ended=10, number=number, came=come) for number, come in enumerate([-10, -1, 5])]
    absent = [Appointment(pk=9, starts_at=NOW, channel="in_person"), Appointment(pk=10, starts_at=NOW, channel="phone")]
    pace = pace_of(came, absent, due_before=NOW + minutes(10))
    assert pace.coming(minutes(-30)) == 5 / 6
    assert pace.coming(minutes(0)) == 2 / 3
    assert pace.coming(minutes(6)) == 1 / 2
    assert pace_of(came, absent, due_before=NOW).missing == 0
