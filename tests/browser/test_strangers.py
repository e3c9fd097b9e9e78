"""What an officer of another branch finds in the browser: no page, no number and no name of this one."""

import re
from datetime import date
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from agencies.models import Branch, Role
from appointments import counter, disruptions
from appointments.models import (
    Appointment,
    Desk,
    Disruption,
    Event,
    Feed,
    Notification,
    Offer,
    Queue,
    Ticket,
    TimeSlot,
)
from appointments.tasks import look_after_disruptions
from tests.builders import GUEST, STAFF, an_officer, booked_at
from tests.pages import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
THURSDAY = date(2026, 3, 5)
APPOINTMENTS = "/admin/appointments/appointment/"
QUEUE = f"{APPOINTMENTS}queue/"
OWN_PAGES = (
    "queue/",
    "day/",
    "calendar/",
    "calendar/?view=list",
    "calendar/feeds/",
    "unplaced/",
    "?q=Μαρία",
    "?when=all",
)
NAMES = re.compile("Παπαδοπούλου|Ιωάννου|Χανίων")


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
def test_officer_of_another_branch_sees_nothing(
    page: Page, hall: Branch, rethymno: Branch, live_server: LiveServer, role: str
) -> None:
    today = booked_at(hall, 9, 0, 1, name="Μαρία Παπαδοπούλου")
    later = booked_at(hall, 9, 0, 2, day=THURSDAY, name="Νίκος Ιωάννου")
    ticket = counter.check_in(today, by=GUEST, now=timezone.now())
    strike = a_strike(hall)
    insider = Client()
    insider.force_login(an_officer(hall, Role.SUPERVISOR))
    kept = rows_everywhere()

    sign_in(page, an_officer(rethymno, role, "stranger@example.org"), live_server)
    for address, status in pages_of(hall, ticket, later, strike, key=key_of_the_poll(insider), role=role).items():
        assert (address, insider.get(address).status_code) == (address, 200)
        answer = page.request.get(address)
        assert (address, answer.status, NAMES.findall(answer.text())) == (address, status, [])
    for path in OWN_PAGES:
        answer = page.request.get(f"{APPOINTMENTS}{path}")
        assert (path, answer.status, NAMES.findall(answer.text())) == (path, 200, [])
    page.goto(QUEUE)
    expect(page.get_by_role("heading", level=1)).to_have_text("ΚΕΠ Ρεθύμνου")
    token = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    form: dict[str, str | float | bool] = {
        "csrfmiddlewaretoken": token,
        "ticket": ticket.code,
        "procedure": "kep-dilosi",
        "reason": "Δοκιμή",
    }
    for address in steps_at(hall, ticket, later):
        assert (address, page.request.post(address, form=form).status) == (address, 404)
    assert rows_everywhere() == kept


def a_strike(branch: Branch) -> Disruption:
    planned = Disruption(agency=branch.agency, from_date=THURSDAY, until_date=THURSDAY)
    planned.reason_el, planned.reason_en = "Απεργία", "Strike"
    started = disruptions.start(planned, [branch], by=STAFF, now=timezone.now())
    look_after_disruptions()
    return started


def pages_of(
    branch: Branch, ticket: Ticket, appointment: Appointment, strike: Disruption, *, key: str, role: str
) -> dict[str, int]:
    """Every page of the branch with what it answers who has the role elsewhere."""
    asked = f"?branch={branch.code}"
    pages = dict.fromkeys(
        (
            f"{QUEUE}{asked}",
            f"{QUEUE}tickets/{ticket.code}/",
            f"{QUEUE}tickets/{ticket.code}/follow-up/",
            f"{APPOINTMENTS}day/{asked}",
            f"{APPOINTMENTS}calendar/{asked}",
            f"{APPOINTMENTS}calendar/data/{asked}&view=day",
            f"{APPOINTMENTS}calendar/feeds/{asked}",
            f"{APPOINTMENTS}{appointment.reference}/change/",
            f"{APPOINTMENTS}{appointment.reference}/move/",
            f"{APPOINTMENTS}{appointment.reference}/cancel/",
        ),
        404,
    )
    supervised = (
        f"{APPOINTMENTS}screens/{asked}",
        f"/admin/appointments/disruption/{strike.pk}/change/",
        f"/admin/appointments/disruption/{strike.pk}/board/",
    )
    refused = 404 if role == Role.SUPERVISOR else 403  # who supervises nothing may not even ask
    return pages | dict.fromkeys(supervised, refused) | {f"{QUEUE}poll/?key={key}": 403}


def steps_at(branch: Branch, ticket: Ticket, appointment: Appointment) -> list[str]:
    """Where the buttons of those pages lead."""
    steps: list[tuple[str, ...]] = [
        ("queue_step", branch.code, step) for step in ("next", "walk-in", "done", "undo", "leave")
    ]
    steps += [(f"serving_{step}", ticket.code) for step in ("save", "complete")]
    names = ("move", "cancel", "miss", "calendar_move", "assign")
    steps += [(f"appointment_{name}", appointment.reference) for name in names]
    return [reverse(f"admin:appointments_{name}", args=args) for name, *args in steps]


def key_of_the_poll(officer: Client) -> str:
    """As it stands in the page of who works there."""
    return re.findall(r'data-poll="[^"]*key=([^"]+)"', officer.get(QUEUE).content.decode())[0]


def rows_everywhere() -> list[list[dict[str, Any]]]:
    """All that somebody could have changed."""
    models: tuple[type[Model], ...] = (Appointment, Ticket, Event, Desk, Offer, Queue, Feed, TimeSlot, Notification)
    return [list(model._default_manager.order_by("pk").values()) for model in models]
