"""The queue page of an officer: who is at the officer's desk, who waits, and who is still to come today.

The page works with plain forms (`presses.take` answers them). With JavaScript, the page asks for the board again every
few seconds. That is one query while nothing changes, and four when there is something new (six if there are video calls).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.people import signed_in
from accounts.sealing import random_key
from agencies import access
from agencies.models import Branch, Channel, Procedure, Role
from agencies.text import alphabetical
from appointments.admin.counter.drawn import TOKEN, line_in, state_at
from appointments.admin.forms import choice_of
from appointments.admin.live import live_key, opened
from appointments.admin.pages import chosen_branch, officers_page, own_branches, page
from appointments.calls.door import AtDoor, at_doors
from appointments.counter.line import TOLD_AFTER, Line, Seat, read_line
from appointments.counter.steps import UNDO
from appointments.counter.undoing import NEVER
from appointments.models import Appointment, Event, Status, Ticket
from appointments.models.slot import RUNNING

State = Ticket.State
# The page lists this many ended tickets. The others are only counted.
LATEST = 12

# SQL: the desks of the row `branch` with their officers, and how many desks the published times count on at `now`.
HALL = f"""(
    SELECT jsonb_build_object(
        'planned', (
            SELECT coalesce(sum(slot.desks), 0) FROM appointments_timeslot slot
            WHERE slot.branch_id = branch.id AND {RUNNING.format(now="%(now)s")}
        ),
        'desks', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', desk.id, 'name', desk.name, 'officer_id', desk.officer_id, 'seated_at', desk.seated_at,
                'paused_at', desk.paused_at, 'officer', person.name, 'email', person.email,
                'procedures', ARRAY(SELECT procedure_id FROM appointments_desk_procedures WHERE desk_id = desk.id)
            )), '[]')
            FROM appointments_desk desk LEFT JOIN accounts_user person ON person.id = desk.officer_id
            WHERE desk.branch_id = branch.id AND desk.is_used
        )
    )
)"""


@dataclass(frozen=True)
class Row:
    """One person in the line as officers see it.

    A citizen with an appointment by telephone or video has no ticket until an officer calls.
    """

    ticket: Ticket | None
    appointment: Appointment | None
    begins: datetime | None
    delay: timedelta | None
    waited: int
    is_mine: bool = True
    may_call: bool = False
    is_next: bool = False
    at: AtDoor | None = None

    @property
    def one(self) -> Ticket | Appointment:
        found = self.ticket or self.appointment
        assert found is not None  # noqa: S101  for the type checker: a row always has one of them
        return found

    @property
    def name(self) -> str:
        return self.appointment.name if self.appointment else self.one.name

    @property
    def remote(self) -> Appointment | None:
        return None if self.ticket else self.appointment

    @property
    def since(self) -> datetime:
        return self.ticket.arrived_at if self.ticket else self._appointed.starts_at

    @property
    def place(self) -> tuple[bool, datetime]:
        return (not (self.ticket and self.ticket.priority), self.ticket.due_at if self.ticket else self.since)

    @property
    def delay_minutes(self) -> int:
        return int(self.delay.total_seconds() // 60) if self.delay else 0

    @property
    def is_behind(self) -> bool:
        """Whether the delay is so long that citizens are told about it."""
        return self.delay is not None and self.delay > TOLD_AFTER

    @property
    def _appointed(self) -> Appointment:
        assert self.appointment is not None  # noqa: S101  for the type checker: the caller knows that there is no ticket
        return self.appointment


@dataclass(frozen=True)
class Board:
    """The line of one branch as one of its officers sees it."""

    line: Line
    planned: int
    officer_id: int
    doors: Mapping[int, AtDoor] = field(default_factory=dict)

    @property
    def desks(self) -> list[Seat]:
        return sorted(self.line.desks, key=lambda desk: (len(desk.name) if desk.name.isdigit() else 99, desk.name))

    @cached_property
    def mine(self) -> Seat | None:
        return next((desk for desk in self.line.desks if desk.officer_id == self.officer_id), None)

    @cached_property
    def here(self) -> Ticket | None:
        """The ticket at the officer's desk, or the ticket that an officer without a desk is serving."""
        if self.mine:
            return self.line.at_desks.get(self.mine.pk)
        mine = (one for one in self.line.having(State.SERVING) if one.officer_id == self.officer_id and not one.desk_id)
        return next(mine, None)

    @property
    def may_call(self) -> bool:
        return self.mine is not None and self.mine.paused_at is None and self.here is None

    @property
    def seated(self) -> int:
        return sum(desk.is_serving for desk in self.line.desks)

    @property
    def is_short(self) -> bool:
        return self.seated < self.planned

    @cached_property
    def waiting(self) -> list[Row]:
        """The waiting tickets, the next one first, and the appointments by telephone and video whose time has come."""
        rows = [self._row(ticket) for ticket in self.line.waiting]
        rows += [self._row(one) for one in self.line.expected_today if self._is_due(one)]
        rows.sort(key=lambda row: row.place)
        first = next((row for row in rows if row.is_mine), None) if self.mine else None
        return [replace(row, is_next=row is first) for row in rows]

    @property
    def next(self) -> Row | None:
        return next((row for row in self.waiting if row.is_next), None)

    @cached_property
    def coming(self) -> list[Row]:
        return [self._row(one) for one in self.line.expected_today if not self._is_due(one)]

    @property
    def hall(self) -> list[dict[str, Any]]:
        """Each desk with the ticket that is called or served there."""
        return [{"desk": desk, "ticket": self.line.at_desks.get(desk.pk)} for desk in self.desks]

    @property
    def unseated(self) -> list[Ticket]:
        """The tickets that officers without a desk are calling or serving."""
        return [ticket for ticket in self.line.having(*Ticket.AT_DESK) if not ticket.desk_id]

    @property
    def parked(self) -> list[Row]:
        return [self._row(ticket) for ticket in self.line.having(State.PARKED)]

    @property
    def ended(self) -> list[Ticket]:
        ended = self.line.having(State.DONE, State.GONE)
        return sorted(ended, key=lambda ticket: ticket.ended_at or ticket.arrived_at, reverse=True)

    @property
    def latest(self) -> list[Ticket]:
        return self.ended[:LATEST]

    @property
    def done(self) -> int:
        return len(self.line.having(State.DONE))

    @property
    def gone(self) -> int:
        return len(self.line.having(State.GONE))

    @property
    def missed(self) -> list[Ticket]:
        """The tickets of citizens who did not come or left, and may come back today; the latest first."""
        gone = [one for one in self.ended if one.state == State.GONE]
        return [one for one in gone if one.appointment is None or one.appointment.status == Status.NO_SHOW]

    @property
    def last_event(self) -> int:
        """The key of the last event of the day when this board was read, or 0."""
        return max((ticket.last_event or 0 for ticket in self.line.tickets), default=0)  # type: ignore[attr-defined]

    def _row(self, one: Ticket | Appointment) -> Row:
        ticket = one if isinstance(one, Ticket) else None
        appointment = one.appointment if isinstance(one, Ticket) else one
        since = one.arrived_at if isinstance(one, Ticket) else one.starts_at
        waited = max(int((self.line.now - since).total_seconds() // 60), 0)
        begins, delay = self.line.begins.get(one), self.line.delay(one)
        at = self._door_of(appointment)
        mine, may_call = self._is_for_me(one), self._may_call_this(ticket)
        return Row(ticket, appointment, begins, delay, waited, mine, may_call, at=at)

    def _door_of(self, appointment: Appointment | None) -> AtDoor | None:
        """Returns who stands at the door of the appointment's video call, if there is somebody to tell of."""
        at = self.doors.get(appointment.video_call_id or 0) if appointment else None
        return at if at and (at.waiting or at.call.is_by_phone) else None

    @property
    def doors_at_desks(self) -> list[tuple[Ticket, AtDoor]]:
        """The doors of those who are called or served, because a guest or the citizen may stand there again."""
        found = [(ticket, self._door_of(ticket.appointment)) for ticket in self.line.having(*Ticket.AT_DESK)]
        return [(ticket, at) for ticket, at in found if at]

    def _may_call_this(self, ticket: Ticket | None) -> bool:
        if self.mine is None or not self.may_call:
            return False
        return ticket is None or not self.line.is_kept_from(self.mine, ticket)

    def _is_for_me(self, one: Ticket | Appointment) -> bool:
        return self.mine is None or self.mine.may_call(one)

    def _is_due(self, one: Appointment) -> bool:
        return one.channel != Channel.IN_PERSON and one.starts_at <= self.line.now


def board_of(branch: Branch, officer_id: int, hall: str, now: datetime) -> Board:
    """Returns the branch's board for the officer, with two queries. `hall` is the JSON that HALL selects."""
    facts = json.loads(hall)
    line, doors = _line(branch, facts, now)
    return Board(line, facts["planned"], officer_id, doors)


def _line(branch: Branch, facts: dict[str, Any], now: datetime) -> tuple[Line, Mapping[int, AtDoor]]:
    """Returns the line, and who stands at the doors of its video calls. Two queries, and two more if there are calls."""
    line = read_line(branch, seats_in(facts), day=branch.today(now), now=now)
    open_tickets = [ticket.appointment for ticket in line.having(*Ticket.OPEN)]
    calls = [one.video_call_id for one in (*open_tickets, *line.expected_today) if one and one.video_call_id]
    return line, at_doors(calls, now=now)


def seats_in(facts: dict[str, Any]) -> list[Seat]:
    """Returns the desks in the JSON of HALL. `line.seats_of` reads the same through the models."""
    return [
        Seat(
            *(row["id"], row["name"], row["officer_id"], row["officer"] or row["email"] or ""),
            _moment(row["seated_at"]),
            _moment(row["paused_at"]),
            frozenset(row["procedures"]),
        )
        for row in facts["desks"]
    ]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def hall_of(branch: Branch, now: datetime) -> str:
    with connection.cursor() as cursor:
        sql = f"SELECT {HALL} FROM agencies_branch branch WHERE branch.id = %(branch)s"
        cursor.execute(sql, {"branch": branch.pk, "now": now})
        return cursor.fetchone()[0]


@officers_page
def queue(request: HttpRequest) -> HttpResponse:
    branches = own_branches(request)
    if not branches:
        return page(request, "no_branch.html", {"title": gettext("Queue")})
    branch, now, officer = chosen_branch(request, branches), timezone.now(), signed_in(request)
    supervised = access.branches(officer, Role.SUPERVISOR).filter(pk=branch.pk)
    context = {
        "title": branch.name,
        "choose": choice_of(branches, branch),
        "procedures": services_of(branch),
        "languages": settings.LANGUAGES,
        "new_code": random_key(),
        "supervises": supervised.exists(),
        "poll_key": live_key(request, branch),
        **shown(branch, officer.pk, hall_of(branch, now), now),
        **undoable(last_step(officer, branch, now), now),
    }
    return page(request, "counter/queue.html", context)


@require_safe
@never_cache
def poll(request: HttpRequest) -> HttpResponse:
    """Returns the board as HTML, or 204 if it has not changed since the state in `seen`.

    The state includes the clock, because expected times change even when nothing happens.
    """
    now, seen = timezone.now(), request.GET.get("seen", "")
    known = seen.rpartition("~")[0]
    live = opened(request, now=now, also=HALL, known=known if state_at(known, now) == seen else "")
    if live is None:
        return HttpResponseForbidden()
    state = state_at(live.state, now)
    if live.more is None:
        return HttpResponse(status=204)
    facts = json.loads(live.more)
    kept = line_in(live.branch_id, state, lambda: _line(Branch.objects.get(pk=live.branch_id), facts, now))
    board, token = Board(kept.line, facts["planned"], live.user_id, kept.doors), get_token(request)
    context: dict[str, Any] = {"branch": kept.line.branch, "board": board, "now": now}
    drawn = kept.rows(_kind(board), lambda: _draw(context | {"csrf_token": TOKEN}, "rows"), token)
    context |= {"csrf_token": token, "rows": mark_safe(drawn)}  # noqa: S308 (drawn by a template of ours)
    return HttpResponse(_draw(context, "board"), headers={"X-State": state})


def _draw(context: dict[str, Any], what: str) -> str:
    return render_to_string(f"admin/appointments/counter/_{what}.html", context)


def _kind(board: Board) -> tuple[object, ...]:
    """Returns the facts that decide which rows a desk sees. Desks with the same facts see the same rows."""
    mine = board.mine
    # A ticket that was sent on to one desk looks different there and at other desks.
    sent = mine.pk if mine and any(ticket.for_desk_id for ticket in board.line.tickets) else None
    own = tuple(sorted(mine.services)) if mine else None
    return (get_language(), board.planned, board.may_call, own, sent)


def queue_address(branch: Branch) -> str:
    return f"{reverse('admin:appointments_queue')}?{urlencode({'branch': branch.code})}"


def serving_address(ticket: Ticket) -> str:
    return reverse("admin:appointments_serving", args=[ticket.code])


def shown(branch: Branch, officer_id: int, hall: str, now: datetime) -> dict[str, Any]:
    """Returns the context of the board's template."""
    return {"branch": branch, "board": board_of(branch, officer_id, hall, now), "now": now}


def services_of(branch: Branch) -> list[Procedure]:
    """Returns the services that officers may choose for a walk-in or send a ticket on to, by their Greek names."""
    return list(Procedure.objects.for_officers().filter(agency=branch.agency_id).order_by(alphabetical("name_el")))


def last_step(officer: User, branch: Branch, now: datetime) -> Event | None:
    """Returns the officer's last step of today that can still be taken back, or None."""
    today = Event.objects.filter(
        ticket__branch=branch, ticket__day=branch.today(now), officer=officer, before__has_key="ticket"
    )
    recent = today.standing().filter(at__gt=now - UNDO).select_related("ticket__appointment")
    last = recent.order_by("-pk").first()
    return None if last is None or last.verb in NEVER else last


def undoable(step: Event | None, now: datetime) -> dict[str, Any]:
    """Returns the context of the bar with "Undo": the step and the seconds left. Empty if it is too late."""
    left = (step.at + UNDO - now).total_seconds() if step else 0
    return {"undo": step, "undo_seconds": round(left)} if step and left > 0 else {}
