"""Measures what the polling of sixty desks costs the server, when all keep the queue page of one branch open.

Each desk asks every five seconds, as the page does. In the first run only the clock changes. In the second run a citizen is
called every four seconds, and each desk gets the whole board anew.
"""

import html
import http.client
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle

import psutil
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from agencies.models import Branch, Membership, Procedure, Role
from appointments import counter
from appointments.counter import desks
from appointments.history import Actor, By
from appointments.models import Desk, Ticket
from bench import world
from bench.results import Row
from bench.stack import web

DESKS = 60
INTERVAL = 5.0  # seconds between two polls of a page, as in static/js/counter/queue.js
WAITING = 40
CALL_EVERY = 4.0  # seconds
GOAL = 0.05

Seat = tuple[Desk, User]


class Page:
    """An open queue page, with the requests that it sends and the state that it knows."""

    def __init__(self, connection: http.client.HTTPConnection, officer: User) -> None:
        self.connection = connection
        self.headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_of(officer)}"}
        self.seen = ""
        found = re.search(r'data-poll="([^"]+)"', self._get(reverse("admin:appointments_queue"))[1])
        assert found, "The queue page has no address to poll."
        self.address = html.unescape(found[1])

    def poll(self) -> int:
        status, _body = self._get(f"{self.address}&seen={self.seen}")
        return status

    def _get(self, address: str) -> tuple[int, str]:
        self.connection.request("GET", address, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status in (200, 204), (address, answer.status)
        self.seen = answer.headers.get("X-State") or self.seen
        return answer.status, body.decode(errors="replace")


def polling(*, seconds: float) -> list[Row]:
    """Measures the share of one core that web server and database use."""
    branch, procedure = world.places()
    seats = [seat(branch, number) for number in range(DESKS)]
    _line_up(branch, procedure)
    with web("mydesklive.asgi:application") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        pages = [Page(connection, officer) for _desk, officer in seats]
        quiet = _share(pages, seconds, iter(()))
        busy = _share(pages, seconds, cycle(seats))
        connection.close()
    return [
        Row(f"{DESKS} desks polling, nobody called", f"{quiet:.1%}", "of a core", None, "< 5 %", quiet < GOAL),
        Row(f"{DESKS} desks polling, a call each {CALL_EVERY:g} s", f"{busy:.1%}", "of a core"),
    ]


def seat(branch: Branch, number: int) -> Seat:
    officer = User.objects.create(email=f"desk{number}@example.org", name=f"Officer {number}", is_invited=True)
    Membership.objects.create(user=officer, agency=branch.agency, branch=branch, role=Role.AGENT)
    desk = Desk.objects.create(branch=branch, name=str(number + 1))
    return desks.sit(desk, by=Actor(By.OFFICER, officer), now=timezone.now()), officer


def _line_up(branch: Branch, procedure: Procedure) -> None:
    now = timezone.now()
    for number in range(WAITING):
        counter.take_ticket(branch, procedure, by=Actor(By.GUEST), now=now - timedelta(minutes=number))


def session_of(officer: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(officer.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = officer.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def _share(pages: list[Page], seconds: float, seats: Iterator[Seat]) -> float:
    """Returns the processor time of web server and database divided by the elapsed time, while the pages take turns."""
    for page in pages:
        page.poll()
    started, used = time.perf_counter(), _processor_time()
    next_call = started
    for number in range(round(seconds / INTERVAL * DESKS)):
        time.sleep(max(started + number * INTERVAL / DESKS - time.perf_counter(), 0))
        if time.perf_counter() >= next_call and (seat := next(seats, None)):
            _call(*seat)
            next_call += CALL_EVERY
        pages[number % DESKS].poll()
    return (_processor_time() - used) / (time.perf_counter() - started)


def _call(desk: Desk, officer: User) -> None:
    ticket = counter.call_next(desk, by=Actor(By.OFFICER, officer), now=timezone.now())
    counter.put_back(Ticket.objects.get(pk=ticket.pk), by=Actor(By.OFFICER, officer), now=timezone.now())


def _processor_time() -> float:
    """Returns the seconds that web server and database have used. The database's housekeeping after loading does not count."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        if "autovacuum" not in " ".join(process.cmdline()):
            times = process.cpu_times()
            total += times.user + times.system
    return total
