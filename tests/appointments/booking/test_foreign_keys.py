"""Officers' pages take keys of slots, branches, services, desks, officers, tickets and appointments.

A key of a branch where the officer does not serve changes nothing, wherever it is sent.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from accounts.models import User
from agencies.models import Branch, Role
from appointments import counter
from appointments.models import Appointment, Desk, Event, Feed, Notification, Queue, Ticket, TimeSlot
from tests.builders import (
    EVERY_DAY,
    NOON,
    STAFF,
    a_branch,
    a_desk,
    a_procedure,
    a_rule,
    a_strike,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    by,
    slot_at,
    slots_of,
    today_at,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
TABLES = (Appointment, TimeSlot, Ticket, Desk, Event, Feed, Notification, Queue)


@dataclass
class World:
    """The keys, as pages send them, of what a supervisor of ΚΕΠ Χανίων finds there, and of what is at ΚΕΠ Άνδρου."""

    officer: int
    foreign_officer: int
    slot: int
    foreign_slot: int
    booked: str
    foreign_booked: str
    ticket: str
    foreign_ticket: str
    foreign_message: int


@pytest.fixture
def world() -> World:
    own = an_open_branch(desks=3, weekdays=EVERY_DAY)
    foreign = a_branch(own.agency, "kep-andros", name_el="ΚΕΠ Άνδρου", name_en="KEP Andros", takes_referrals=False)
    other_agency = a_branch(an_agency("ypex"), "ypex-athens")
    a_procedure(other_agency.agency, "ypex-one")
    a_rule(foreign, desks=3, weekdays=EVERY_DAY)
    slots_of(foreign)
    officer = an_officer(own, Role.SUPERVISOR)
    colleague = an_officer(foreign, Role.SUPERVISOR, "andros@example.org")
    desk, foreign_desk = a_desk(own, officer), a_desk(foreign, colleague, "9")
    here, there = (an_appointment(slot_at(today_at(12, 30), place), n) for n, place in ((1, own), (2, foreign)))
    tickets = [counter.check_in(one, by=STAFF, now=NOON) for one in (here, there)]
    for ticket, at_desk, who in ((tickets[0], desk, officer), (tickets[1], foreign_desk, colleague)):
        counter.serve(counter.call(ticket, at_desk, by=by(who), now=NOON), by=by(who), now=NOON)
    booked = [an_appointment(slot_at(at(9), place), n) for n, place in ((3, own), (4, foreign))]
    message = booked[1].notifications.filter(kind=Notification.Kind.CONFIRMATION)
    message.update(state=Notification.State.FAILED)
    return World(
        *(officer.pk, colleague.pk),
        *(slot_at(at(10), place).pk for place in (own, foreign)),
        *(one.reference for one in booked),
        *(ticket.code for ticket in tickets),
        message.get().pk,
    )


def state() -> list[Any]:
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


CALLER = {"name": "Ελένη Καλούσα", "phone": "6912345678", "email": "", "language": "el", "notes": "", "key": "k1"}
Fields = dict[str, str]
Row = tuple[str, list[str], Fields, Fields]


def wish(branch: str, procedure: str = "kep-dilosi") -> Fields:
    return {"procedure": procedure, "channel": "in_person", "branch": branch}


def call(slot: str) -> Fields:
    return CALLER | {"slot": slot}


def step(name: str, **form: str) -> Row:
    """A step at the own counter, with foreign keys in the form."""
    return "queue_step", ["kep-chania", name], {}, form | {"seen": "999999"}


HERE, ANDROS, ATHENS = wish("kep-chania"), wish("kep-andros"), wish("ypex-athens", "ypex-one")
# The address, its arguments, its query, and the form. What is in braces is an attribute of World.
FOREIGN: dict[str, Row] = {
    "move to a foreign slot": ("appointment_move", ["{booked}"], {}, {"slot": "{foreign_slot}"}),
    "drop on a foreign slot": (
        "appointment_calendar_move", ["{booked}"], {}, {"slot": "{foreign_slot}", "revision": "0"},
    ),
    "book a foreign slot": ("appointment_book", [], HERE, call("{foreign_slot}")),
    "book at a foreign branch": ("appointment_book", [], ANDROS, call("{foreign_slot}")),
    "book a foreign service": ("appointment_book", [], wish("kep-chania", "ypex-one"), call("{slot}")),
    "follow-up at a foreign slot": ("follow_up", ["{ticket}"], HERE, call("{foreign_slot}")),
    "follow-up at a branch without referrals": ("follow_up", ["{ticket}"], ANDROS, call("{foreign_slot}")),
    "follow-up at another agency": ("follow_up", ["{ticket}"], ATHENS, call("{slot}")),
    "follow-up of a foreign ticket": ("follow_up", ["{foreign_ticket}"], HERE, call("{slot}")),
    "assign a foreign officer": ("appointment_assign", ["{booked}"], {}, {"officer": "{foreign_officer}"}),
    "feed of a foreign branch": ("appointment_feeds_new", [], {}, {"branch": "kep-andros"}),
    "screens of a foreign branch": ("appointment_screens", [], {"branch": "kep-andros"}, {"renew": "kiosk"}),
    "keep the promises of a foreign branch": ("appointment_promises", [], {}, {"branch": "kep-andros"}),
    "save a foreign ticket": ("serving_save", ["{foreign_ticket}"], {}, {}),
    "complete a foreign ticket": ("serving_complete", ["{foreign_ticket}"], {}, {}),
    **{
        f"{name} a foreign appointment": (
            f"appointment_{name}", ["{foreign_booked}"], {},
            {"slot": "{slot}", "officer": "{officer}", "reason": "x", "revision": "0", "email": "x@example.org"},
        )
        for name in ("move", "calendar_move", "cancel", "contact", "assign", "arrive", "serve", "complete", "miss", "booked")
    },
    "send a message of a foreign appointment again": (
        "appointment_again", ["{foreign_booked}", "{foreign_message}"], {}, {"sure": "1"},
    ),
    "send a foreign message again, from an own page": (
        "appointment_again", ["{booked}", "{foreign_message}"], {}, {"sure": "1"},
    ),
    **{
        f"step {name} at a foreign counter": ("queue_step", ["kep-andros", name], {}, {})
        for name in ("next", "sit", "pause", "resume", "leave", "set-up")
    },
    **{
        f"step {name} with a foreign ticket": step(name, ticket="{foreign_ticket}")
        for name in ("call", "again", "begin", "done", "park", "back", "forward", "miss", "undo")
    },
    "call a foreign appointment": step("call", appointment="{foreign_booked}"),
    "check a foreign appointment in": step("check-in", appointment="{foreign_booked}"),
    "sit at a foreign desk": step("sit", desk="9"),
    "forward to a foreign desk": step("forward", ticket="{ticket}", desk="9"),
    "forward for a foreign service": step("forward", ticket="{ticket}", procedure="ypex-one"),
    "words of a foreign agency": (
        "appointment_text",
        ["ypex", "confirmation", "email", "el"],
        {},
        {"do": "save", "subject": "{{when}}", "body": "{{when}} {{reference}} {{link}}", "since": "0"},
    ),
    "walk in for a foreign service": step("walk-in", procedure="ypex-one"),
}  # fmt: skip


def filled(fields: Fields, world: World) -> Fields:
    return {name: value.format(**vars(world)) for name, value in fields.items()}


def send(client: Client, world: World, case: str, **other: object) -> Any:
    name, args, query, form = FOREIGN[case]
    address = reverse(f"admin:appointments_{name}", args=[one.format(**vars(world)) for one in args])
    return client.post(address, filled(form, world) | other, query_params=query)


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_key_changes_nothing(client: Client, world: World, case: str) -> None:
    client.force_login(User.objects.get(pk=world.officer))
    before = state()
    response = send(client, world, case)
    assert response.status_code in {200, 302, 403, 404, 409}
    assert state() == before


@pytest.mark.parametrize(
    "case", ["move to a foreign slot", "drop on a foreign slot", "book a foreign slot", "follow-up at a foreign slot"]
)
def test_own_key_in_the_same_place_is_taken(client: Client, world: World, case: str) -> None:
    client.force_login(User.objects.get(pk=world.officer))
    send(client, world, case, slot=world.slot)
    assert TimeSlot.objects.get(pk=world.slot).taken == 1


def test_follow_up_goes_to_a_branch_that_takes_referrals(client: Client, world: World) -> None:
    Branch.objects.filter(code="kep-andros").update(takes_referrals=True)
    client.force_login(User.objects.get(pk=world.officer))
    send(client, world, "follow-up at a branch without referrals")
    assert TimeSlot.objects.get(pk=world.foreign_slot).taken == 1


def test_answer_to_a_foreign_offer_changes_nothing(client: Client, world: World) -> None:
    strike = a_strike(*Branch.objects.filter(agency__slug="kep").select_related("agency"))
    client.force_login(User.objects.get(pk=world.officer))
    for name in ("accept", "again"):
        args = [strike.pk, world.foreign_booked]
        before = state()
        response = client.post(reverse(f"admin:appointments_disruption_{name}", args=args))
        assert (response.status_code, state()) == (404, before)


# Pages that change nothing.
SHOWN_ONLY = {
    "appointment_day", "appointment_unplaced", "queue", "queue_poll", "serving", "appointment_watch",
    "appointment_watch_again", "appointment_watch_messages", "appointment_calendar", "appointment_calendar_data",
    "appointment_feeds", "appointment_changelist", "appointment_history", "appointment_change",
    "appointment_letter", "appointment_slip", "appointment_texts", "appointment_text_preview",
}  # fmt: skip


def test_every_officers_page_is_in_the_table() -> None:
    """A new page has to be added to the table, or named as one that changes nothing."""
    tested = {row[0] for row in FOREIGN.values()}
    missing = {
        name for name in _names_of(get_resolver()) if name.startswith(("appointment_", "queue", "serving", "follow"))
    } - tested
    assert missing - SHOWN_ONLY == {"appointment_add", "appointment_delete"}, "neither is possible for anybody"


def _names_of(resolver: Any) -> set[str]:
    found: set[str] = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name and pattern.name.startswith("appointments_"):
                found.add(pattern.name.removeprefix("appointments_"))
        else:
            found |= _names_of(pattern)
    return found
