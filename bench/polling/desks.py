"""Measures what the polling of sixty desks costs the server, when all keep the queue page of one branch open.

Each desk asks every five seconds, as the page does. In the first run only the clock changes. In the second run a citizen is
called every four seconds, and each desk gets the whole board anew.
"""

import html
import http.client
import re
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import cycle

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from agencies.models import Branch, Membership, Procedure, Role
from appointments import counter
from appointments.counter import desks
from appointments.history import Actor, By
from appointments.models import Desk, Ticket
from bench import world
from bench.polling import asking
from bench.results import Row
from bench.stack import web

DESKS = 60
WAITING = 40
CALL_EVERY = 4.0  # seconds
GOAL = 0.05

Seat = tuple[Desk, User]


class Page:
    """An open queue page, with the requests that it sends and the state that it knows."""

    interval = 5.0  # seconds, as in static/js/counter/queue.js

    def __init__(self, connection: http.client.HTTPConnection, officer: User) -> None:
        self.connection, self.cookie = connection, asking.cookie(session_of(officer))
        self.seen = ""
        found = re.search(r'data-poll="([^"]+)"', self._get(reverse("admin:appointments_queue")))
        assert found, "The queue page has no address to poll."
        self.address = html.unescape(found[1])

    def poll(self) -> None:
        self._get(f"{self.address}&seen={self.seen}")

    def _get(self, address: str) -> str:
        answer, text = asking.ask(self.connection, address, cookie=self.cookie)
        self.seen = answer.headers.get("X-State") or self.seen
        return text


def measure(*, seconds: float) -> list[Row]:
    """Measures the share of one core that web server and database use."""
    branch, procedure = world.places()
    seats = [seat(branch, number) for number in range(DESKS)]
    _line_up(branch, procedure)
    with web("mydesklive.asgi:application") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        pages = [Page(connection, officer) for _desk, officer in seats]
        quiet = asking.share(pages, seconds)
        busy = asking.share(pages, seconds, _calling(seats))
        connection.close()
    return [
        Row(f"{DESKS} desks polling, nobody called", f"{quiet:.1%}", "of a core", None, "< 5 %", quiet < GOAL),
        Row(f"{DESKS} desks polling, a call each {CALL_EVERY:g} s", f"{busy:.1%}", "of a core"),
    ]


def seat(branch: Branch, number: int) -> Seat:
    """Seats a new officer at a new desk. Numbers tell the officers apart."""
    officer = User.objects.create(email=f"desk{number}@example.org", name=f"Officer {number}", is_invited=True)
    Membership.objects.create(user=officer, agency=branch.agency, branch=branch, role=Role.AGENT)
    desk = Desk.objects.create(branch=branch, name=str(number + 1))
    return desks.sit(desk, by=Actor(By.OFFICER, officer), now=timezone.now()), officer


def session_of(officer: User) -> str:
    """Returns the key of a session in which the officer has signed in."""
    backend, digest = settings.AUTHENTICATION_BACKENDS[0], officer.get_session_auth_hash()
    return asking.session(**{SESSION_KEY: str(officer.pk), BACKEND_SESSION_KEY: backend, HASH_SESSION_KEY: digest})


def _line_up(branch: Branch, procedure: Procedure) -> None:
    now = timezone.now()
    for number in range(WAITING):
        counter.take_ticket(branch, procedure, by=Actor(By.GUEST), now=now - timedelta(minutes=number))


def _calling(seats: list[Seat]) -> Callable[[], None]:
    """Returns what calls a citizen to one desk after the other, when it is time for the next call."""
    turns, next_call = cycle(seats), time.perf_counter()

    def call() -> None:
        nonlocal next_call
        if time.perf_counter() >= next_call:
            _call(*next(turns))
            next_call += CALL_EVERY

    return call


def _call(desk: Desk, officer: User) -> None:
    ticket = counter.call_next(desk, by=Actor(By.OFFICER, officer), now=timezone.now())
    counter.put_back(Ticket.objects.get(pk=ticket.pk), by=Actor(By.OFFICER, officer), now=timezone.now())
