"""Visitors of a service that is being upgraded. Each request goes to one of the addresses that serve at that moment."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urljoin, urlsplit

import requests

from tests.pages import hidden_of

BOOK = "/en/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
PAGES = ("/", "/en/", "/en/mykeplive/", "/en/mykeplive/kep-dilosi/", "/en/?q=kep", TIMES, "/health/live")
QUEUE = "/admin/appointments/appointment/queue/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
STATIC = re.compile(r'(?:src|href)="(/static/[^"?#]+)')
SLOT = re.compile(r'name="slot" value="(\d+)"')
BOOKED = re.compile(r"/appointments/(\w{10})/")


@dataclass(frozen=True)
class Entry:
    """A line of the ledger. `status` is 0 if nobody answered."""

    at: float
    visitor: str
    front: str
    method: str
    path: str
    status: int
    told: str = ""

    def __str__(self) -> str:
        return f"{self.at:7.3f} {self.visitor:<10} {self.front:<4} {self.method:<4} {self.status:>3} {self.path} {self.told}"


Comes = Callable[["Traffic"], None]  # what a visitor does, again and again


class Traffic:
    """The visitors, the ledger of what they were answered, and what they believe to have booked."""

    def __init__(self) -> None:
        self.ledger: list[Entry] = []
        self.booked: list[str] = []
        self.static: set[tuple[str, str]] = set()  # the front whose page names the file, and the file
        self.broken: list[str] = []
        self.mixed = 0  # bookings whose steps were answered by both releases
        self._fronts: dict[str, str] = {}
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._began = time.monotonic()
        self._numbers = iter(range(1, 1_000_000))

    # The load balancer

    def open(self, name: str, address: str) -> None:
        with self._lock:
            self._fronts[name] = address

    def drain(self, name: str) -> None:
        """Sends nobody there any more, and waits for what is under way."""
        with self._lock:
            del self._fronts[name]
        deadline = time.monotonic() + 20
        while self._under_way[name] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not self._under_way[name]

    @contextmanager
    def _some_front(self, only: str | None) -> Iterator[tuple[str, str]]:
        with self._lock:
            name = only if only in self._fronts else random.choice(list(self._fronts))
            address = self._fronts[name]
            self._under_way[name] += 1
        try:
            yield name, address
        finally:
            with self._lock:
                self._under_way[name] -= 1

    # The visitors

    @contextmanager
    def running(self, *visitors: Comes) -> Iterator[None]:
        threads = [threading.Thread(target=self._come_again, args=(visitor,)) for visitor in visitors]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)

    def _come_again(self, visitor: Comes) -> None:
        while not self._over.is_set():
            try:
                visitor(self)
            except Exception as error:  # noqa: BLE001 (the test names all of them at its end)
                self.broken.append(f"{visitor}: {error!r}")
            self._over.wait(0.02)

    def refused(self) -> list[Entry]:
        """Returns the requests that nobody answered, or with an error of the server, and those for pages that are missing."""
        return [entry for entry in self.ledger if entry.status in (0, 404) or entry.status >= 500]

    def __str__(self) -> str:
        """Returns the ledger: how many requests had which answer, and every line that went wrong."""
        counts = Counter((entry.front, entry.visitor, entry.status) for entry in self.ledger)
        lines = [
            f"{count:>5} {front:<4} {visitor:<10} {status}"
            for (front, visitor, status), count in sorted(counts.items())
        ]
        return "\n".join(["", *lines, *map(str, self.refused()), *self.broken])

    def number(self) -> int:
        with self._lock:
            return next(self._numbers)

    def note(self, entry: Entry) -> None:
        with self._lock:
            self.ledger.append(entry)


class Visitor:
    """A browser or program with cookies and an address of its own. It follows redirects, to whichever address serves."""

    def __init__(self, traffic: Traffic, name: str, session: str = "", **headers: str) -> None:
        self.traffic, self.name = traffic, name
        self.number = traffic.number()
        self.fronts: set[str] = set()  # those that answered
        self.web = requests.Session()
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        self.web.headers.update({"X-Forwarded-For": address, "Connection": "close"} | headers)
        if session:
            self.web.cookies.set("sessionid", session)

    def get(self, path: str, *, only: str | None = None) -> requests.Response:
        return self._ask("GET", path, only=only)

    def post(self, path: str, page: requests.Response, **data: str) -> requests.Response:
        """Sends the form of the page: its token, its hidden fields and the data."""
        token = TOKEN.search(page.text)
        assert token, f"{path}: no form on {page.url}: {page.status_code}"
        return self._ask("POST", path, data=hidden_of(page.text) | {"csrfmiddlewaretoken": token[1]} | data)

    def send(self, path: str, **asked: object) -> requests.Response:
        return self._ask("POST", path, json=asked)

    def _ask(self, method: str, path: str, *, only: str | None = None, **body: object) -> requests.Response:
        for _step in range(6):
            answer = self._once(method, path, only, body)
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            method, body = "GET", {}
            path = self._path(urljoin(answer.url, answer.headers["Location"]))
        raise AssertionError(f"{path} leads to itself")

    @staticmethod
    def _path(address: str) -> str:
        parts = urlsplit(address)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _once(self, method: str, path: str, only: str | None, body: dict[str, object]) -> requests.Response:
        with self.traffic._some_front(only) as (front, address):
            status, told = 0, ""
            try:
                answer = self.web.request(method, address + path, allow_redirects=False, timeout=30, **body)  # type: ignore[arg-type]
                status = answer.status_code
                told = "" if status < 500 else answer.text[:300]
            except requests.RequestException as error:
                told = repr(error)
                raise
            finally:
                at = time.monotonic() - self.traffic._began
                self.traffic.note(Entry(at, self.name, front, method, path, status, told))
        self.fronts.add(front)
        if status == 200 and "text/html" in answer.headers.get("Content-Type", ""):
            self.traffic.static |= {(front, name) for name in STATIC.findall(answer.text)}
        return answer


# What visitors do


def look_around(traffic: Traffic) -> None:
    visitor = Visitor(traffic, "reader")
    for path in PAGES:
        visitor.get(path)


def book(traffic: Traffic) -> None:
    """Goes from the free times to the appointment, through four pages and two forms, with a held time between them."""
    guest = Visitor(traffic, "guest")
    times = guest.get(f"{TIMES}&day={_some_day()}")
    slots = SLOT.findall(times.text)
    assert slots, f"no times: {times.status_code} {times.url}"
    details = guest.post(TIMES, times, slot=random.choice(slots))
    person = {"name": "Μαρία Παπαδάκη", "email": f"person{guest.number}@example.org", "phone": "6912345678"}
    check = guest.post(f"{BOOK}details/", details, **person, language="en")
    done = guest.post(f"{BOOK}check/", check)
    reference = BOOKED.search(done.url)
    assert reference, f"not booked: {done.status_code} {done.url}"
    traffic.booked.append(reference[1])
    traffic.mixed += len(guest.fronts) > 1


def book_by_program(traffic: Traffic, token: str) -> None:
    """Books through the API, and repeats the request as if the first answer had been lost."""
    program = Visitor(traffic, "program", Authorization=f"Bearer {token}")
    program.web.headers["Idempotency-Key"] = f"key-{program.number}"
    day = _some_day()
    found = program.get(f"/api/v1/slots/?procedure=kep-dilosi&branch=kep-chania&channel=in_person&from={day}&to={day}")
    slot = random.choice(found.json())["id"]
    person = {"name": "Ελένη Παπαδάκη", "email": f"program{program.number}@example.org", "phone": "6912345678"}
    asked = {"slot": slot, "procedure": "kep-dilosi", "channel": "in_person", "language": "el"} | person
    first, again = (program.send("/api/v1/appointments/", **asked).json()["reference"] for _time in range(2))
    assert first == again, "booked twice"
    traffic.booked.append(first)


def watch(traffic: Traffic, session: str, path: str, shows: str) -> None:
    """Looks at a page that only who is signed in may see."""
    page = Visitor(traffic, "signed in", session).get(path)
    assert shows in page.text, f"signed out: {page.status_code} {page.url}"


def _some_day() -> date:
    return date.today() + timedelta(days=random.randint(1, 9))  # noqa: DTZ011
