"""The people of the soak: visitors, an agency's system, officers, a kiosk, somebody who only looks, and two kinds of strangers.

Each is a loop in a thread of its own, until the soak is over.
"""

import json
import random
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from itertools import count
from threading import Event

from bench import world
from bench.soak.browser import Browser, Form, GoneHome, Page
from bench.soak.ledger import BUSY, NO_ANSWER, Ledger, Promise

SERVICE = f"/mykeplive/{world.PROCEDURE}/"
TIMES = f"{SERVICE}book/time/?channel=in_person&branch={world.BRANCH}"
LOOKED_AT = ("/health/live", "/", SERVICE, TIMES, "/reports/agencies/")
SOON, LATER = range(1, 4), range(4, 25)  # days from today
THINKS = 0.3  # seconds between two pages
RESERVED = "203.0.113."  # a network for documentation (RFC 5737): the greedy ones
_persons = count(1)


class Person:
    def __init__(self, port: int, ledger: Ledger, over: Event) -> None:
        self.port, self.ledger, self.over = port, ledger, over

    def live(self) -> None:
        with suppress(GoneHome):
            while not self.over.is_set():
                self.act()

    def act(self) -> None:
        raise NotImplementedError

    def browser(self, who: str, address: str = "", cookies: dict[str, str] | None = None) -> Browser:
        person = next(_persons)
        own = f"10.{person >> 16 & 255}.{person >> 8 & 255}.{person & 255}"
        return Browser(self.port, who, address or own, self.ledger, self.over, cookies=cookies or {})

    def think(self) -> None:
        self.over.wait(THINKS)


class Visitor(Person):
    """Books one appointment after the other, each time as a new person. `soon` chooses a time within three days."""

    def __init__(self, port: int, ledger: Ledger, over: Event, name: str, *, soon: bool = False) -> None:
        super().__init__(port, ledger, over)
        self.name, self.soon = name, soon

    def act(self) -> None:
        person, browser = next(_persons), self.browser(self.name)
        browser.get(SERVICE)
        self.think()
        day = date.today() + timedelta(days=random.choice(SOON if self.soon else LATER))  # noqa: S311, DTZ011 - any day will do
        page = browser.get(f"{TIMES}&day={day}")
        form = page.form(choice="slot")
        if form is None or not form.choices["slot"]:
            self.ledger.fault(f"{self.name} saw no free time")
            return
        slot = random.choice(form.choices["slot"])  # noqa: S311 - no secret
        page = browser.send(TIMES, form.fields | {"slot": slot})
        if "/details/" not in page.address:  # somebody was faster, or too many are held
            self.think()
            return
        self.think()
        email = f"soak-{person}@example.org"
        typed = {"name": "Ελένη Παπαδάκη", "email": email, "phone": "6912345678", "language": "el", "notes": ""}
        page = browser.send(page.address, _form_of(page, "name").fields | typed)
        if "/check/" not in page.address:
            self.ledger.fault(f"{self.name} could not go on from the details: {page.address}")
            return
        self.think()
        page = browser.send(
            page.address, page.forms[-1].fields if not page.form(choice="hold") else _form_of(page, "hold").fields
        )
        found = re.search(r"/appointments/(\w+)/done/", page.address)
        if found is None:
            self.ledger.fault(f"{self.name} was not led to the last page: {page.status} {page.address}")
            return
        self.ledger.promise(Promise(found[1], email, self.name, self.ledger.now))
        browser.close()


class System(Person):
    """An agency's system. It sends a request again with the same key until it has an answer."""

    def act(self) -> None:
        person, browser = next(_persons), self.browser("system")
        slot = self._free_slot(browser)
        email = f"soak-{person}@example.org"
        wanted = {
            "slot": slot, "procedure": world.PROCEDURE, "channel": "in_person",
            "name": "Ελένη Παπαδάκη", "email": email, "phone": "6912345678", "language": "el",
        }  # fmt: skip
        head = {"authorization": f"Bearer {world.token('kep', 0)}", "idempotency_key": f"soak-{person}"}
        while not self.over.is_set():
            page = browser.ask_once(
                "POST", "/api/v1/appointments/", json.dumps(wanted).encode(), content_type="application/json", **head
            )
            if page.status == 201:
                reference = json.loads(page.text)["reference"]
                self.ledger.promise(Promise(reference, email, "system", self.ledger.now))
                break
            if page.status == 409:
                break
            if page.status not in BUSY | {NO_ANSWER}:
                self.ledger.fault(f"the API answered {page.status}: {page.text[:200]}")
                break
            if page.status in BUSY:
                self._check_form(page)
            self.over.wait(1)
        browser.close()
        self.think()

    def _free_slot(self, browser: Browser) -> int:
        query = f"procedure={world.PROCEDURE}&branch={world.BRANCH}&channel=in_person"
        while not self.over.is_set():
            page = browser.ask_once("GET", f"/api/v1/slots/?{query}")
            if page.status == 200 and (slots := json.loads(page.text)):
                return int(random.choice(slots)["id"])  # noqa: S311 - no secret
            self.over.wait(1)
        raise GoneHome

    def _check_form(self, page: Page) -> None:
        is_own = page.headers.get("content-type", "").startswith("application/json")
        if not is_own or "retry-after" not in page.headers:
            self.ledger.fault(f"the API was busy, but not in its own form: {page.headers}")


class Officer(Person):
    """Serves at a desk: looks at the queue every second, calls the next citizen and completes the visit."""

    def __init__(self, port: int, ledger: Ledger, over: Event, name: str, cookies: dict[str, str]) -> None:
        super().__init__(port, ledger, over)
        self.desk = self.browser(name, cookies=cookies)

    def act(self) -> None:
        page = self.desk.get(f"/admin/appointments/appointment/queue/?branch={world.BRANCH}")
        for step in ("done", "begin", "next"):
            form = page.form(step=step)
            if form is not None and (step != "next" or "ticket" not in form.fields):
                self.desk.send(form.action, form.fields)
                break
        self.over.wait(1)


class Kiosk(Person):
    """Citizens who take numbers."""

    def __init__(self, port: int, ledger: Ledger, over: Event, key: str) -> None:
        super().__init__(port, ledger, over)
        self.address, self.screen = f"/kiosk/{key}/walk-in/", self.browser("kiosk")

    def act(self) -> None:
        page = self.screen.get(self.address)
        form = page.form(choice="procedure")
        if form is None:
            self.ledger.fault("the kiosk offers no number")
        else:
            taken = self.screen.send(self.address, form.fields | {"procedure": form.choices["procedure"][0]})
            if "/tickets/" not in taken.address:
                self.ledger.fault(f"the kiosk gave no number: {taken.status} {taken.address}")
        self.over.wait(4)


class Onlooker(Person):
    """Asks for the same page again and again, so that one sees when it is away and when it comes back."""

    def __init__(self, port: int, ledger: Ledger, over: Event, path: str) -> None:
        super().__init__(port, ledger, over)
        self.path, self.window = path, self.browser(f"looks at {path.split('?', maxsplit=1)[0]}")

    def act(self) -> None:
        self.window.ask_once("GET", self.path)
        self.over.wait(0.5)


class Watchman(Person):
    """Asks every second how old the oldest due work is. Its questions are not those of a visitor."""

    def act(self) -> None:
        page = self.browser("watchman").ask_once("GET", "/health/work")
        with suppress(ValueError, KeyError):
            lanes = json.loads(page.text)["lanes"]
            self.ledger.due.append((self.ledger.now, {name: lane["age"] for name, lane in lanes.items()}))
        self.over.wait(1)


class Sluggard(Person):
    """Announces a long form, sends a few bytes of it, and then only a byte now and then."""

    CONNECTIONS = 100

    def act(self) -> None:
        lines = [f"POST {TIMES} HTTP/1.1", "Host: localhost", "Content-Length: 100000"]
        head = "\r\n".join([*lines, "Content-Type: application/x-www-form-urlencoded", "", "slot=1"]).encode()
        held: list[socket.socket] = []
        for _ in range(self.CONNECTIONS):
            with suppress(OSError):
                one = socket.create_connection(("127.0.0.1", self.port), 2)
                one.sendall(head)
                held.append(one)
        for _ in range(15):
            self.over.wait(1)
            for one in held:
                with suppress(OSError):
                    one.sendall(b"0")
        for one in held:
            one.close()


class Greedy(Person):
    """Holds one time after the other from five network addresses, and drops its cookies each time."""

    def __init__(self, port: int, ledger: Ledger, over: Event, number: int) -> None:
        super().__init__(port, ledger, over)
        self._addresses = [f"{RESERVED}{5 * number + one}" for one in range(1, 6)]

    def act(self) -> None:
        for address in self._addresses:
            browser = self.browser("greedy", address)
            day = date.today() + timedelta(days=random.choice(SOON))  # noqa: S311, DTZ011 - any day will do
            page = browser.ask_once("GET", f"{TIMES}&day={day}")
            form = page.form(choice="slot")
            if form is not None and form.choices.get("slot"):
                slot = random.choice(form.choices["slot"][:40])  # noqa: S311 - no secret
                sent = "&".join(f"{name}={value}" for name, value in (form.fields | {"slot": slot}).items())
                browser.ask_once("POST", TIMES, sent.encode(), content_type="application/x-www-form-urlencoded")
            browser.close()


def _form_of(page: Page, choice: str) -> Form:
    form = page.form(choice=choice)
    assert form is not None, (page.status, page.address)
    return form


def crowd(
    port: int, ledger: Ledger, over: Event, *, officers: dict[str, dict[str, str]], kiosk: str
) -> Iterator[Callable[[], None]]:
    """Returns the loop of each person."""
    people: list[Person] = [Visitor(port, ledger, over, f"visitor {number}") for number in (1, 2)]
    people += [Visitor(port, ledger, over, "visitor in a hurry", soon=True), System(port, ledger, over)]
    people += [Officer(port, ledger, over, name, cookies) for name, cookies in officers.items()]
    people += [Onlooker(port, ledger, over, path) for path in LOOKED_AT]
    people += [Kiosk(port, ledger, over, kiosk), Sluggard(port, ledger, over), Watchman(port, ledger, over)]
    return (person.live for person in people)
