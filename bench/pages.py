"""Measures the pages that people wait for, each beside a lean view of the same template, and whole bookings by a browser."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import count, repeat
from statistics import median
from types import MappingProxyType
from urllib.parse import urlencode

from bench import load, world
from bench.results import Row, rate
from bench.stack import web

_SERVICE = f"/mykeplive/{world.PROCEDURE}/"
_ANSWERS = f"channel=in_person&branch={world.BRANCH}"
PAGES = MappingProxyType(
    {
        "service": _SERVICE,
        "branch": f"{_SERVICE}book/branch/?channel=in_person",
        "times": f"{_SERVICE}book/time/?{_ANSWERS}",
        "figures": "/reports/agencies/",
    }
)
CALLED = MappingProxyType(
    {
        "service": "The page of a service",
        "branch": "The choice among 249 branches",
        "times": "The times of a branch",
        "figures": "The published table",
    }
)
FASTEST = MappingProxyType({"service": 150, "branch": 150, "times": 120, "figures": 150})  # goals, pages a second
SHARE = 0.5  # goal: of the lean view's rate
JOURNEYS = 20  # goal: bookings a second
DAYS = 50  # days that the browsers ask for in turn
_persons = count()


def measure(past: str, *, seconds: float, rounds: int) -> list[Row]:
    """Measures each page with 16 clients, in turn with its lean view, and then whole bookings."""
    rates: dict[tuple[str, str], list[float]] = {}
    with web("mydesklive.asgi:application") as product, web("bench.lean_pages:served") as lean:
        for turn in range(rounds + 1):
            for name, address in PAGES.items():
                for server, port, asked in (("here", product, address), ("lean", lean, f"/lean/{name}/")):
                    streams: list[Iterator[bytes]] = [repeat(_get(asked)) for _client in range(world.CLIENTS)]
                    found = load.run(port, streams, seconds if turn else 1)
                    assert found.statuses.keys() == {200}, (asked, found.statuses)
                    if turn:  # the first run only warms up
                        rates.setdefault((name, server), []).append(found.rate(200))
        booked = median(_journeys(product, seconds) for _turn in range(rounds))
    world.half_book()
    rows = [row for name in PAGES for row in _rows(name, past, *(median(rates[name, one]) for one in ("here", "lean")))]
    what = f"Whole bookings by a browser, eight requests each, {past}"
    return [*rows, Row(what, rate(booked), "", None, f"≥ {JOURNEYS}/s", booked >= JOURNEYS)]


def _rows(name: str, past: str, here: float, lean: float) -> list[Row]:
    what, goal = f"{CALLED[name]}, {past}", FASTEST[name]
    return [
        Row(what, rate(here), f"{rate(lean)} lean view", here / lean, f"≥ {SHARE}", here / lean >= SHARE),
        Row(what, rate(here), "", None, f"≥ {goal}/s", here >= goal),
    ]


def _get(address: str) -> bytes:
    return load.request("GET", address, accept_language="el")


def _journeys(port: int, seconds: float) -> float:
    """Returns how many appointments a second the clients book from the service's page to the last one."""
    clients = [Journey() for _client in range(world.CLIENTS)]
    found = load.run(port, clients, seconds)
    assert found.statuses.keys() == {200, 302}, found.statuses
    return sum(client.booked for client in clients) / found.seconds


@dataclass
class Form:
    """What a page's form sends besides the answers: the hidden fields."""

    hidden: dict[str, str]

    @classmethod
    def of(cls, page: str) -> "Form":
        fields = re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page)
        return cls({name: unescape(value) for name, value in fields})

    def filled(self, **answers: str) -> bytes:
        return urlencode(self.hidden | answers).encode()


class Journey:
    """A browser that books one appointment after the other, each for a new person from a new network address."""

    def __init__(self) -> None:
        self.booked = 0
        self._cookies: dict[str, str] = {}
        self._address = ""
        self._page = self._moved_to = ""
        self._steps = self._walk()

    def __iter__(self) -> "Journey":
        return self

    def __next__(self) -> bytes:
        return next(self._steps)

    def heard(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        for name, value in re.findall(rb"(?i)^set-cookie: ([^=]+)=([^;\r]*)", head, re.MULTILINE):
            self._cookies[name.decode()] = value.decode()
        moved = re.search(rb"(?i)^location: (\S+)", head, re.MULTILINE)
        self._moved_to, self._page = moved[1].decode() if moved else "", body.decode()

    def _walk(self) -> Iterator[bytes]:
        while True:
            person = next(_persons)
            self._cookies = {}
            self._address = f"10.{person >> 16 & 255}.{person >> 8 & 255}.{person & 255}"
            yield self._request("GET", PAGES["service"])
            # People ask for many days. So many for one would soon have to prove their addresses (`appointments.claims`).
            day = datetime.now(UTC).date() + timedelta(days=1 + person % DAYS)
            yield self._request("GET", f"{PAGES['times']}&day={day}")
            slots = re.findall(r'name="slot" value="(\d+)"', self._page)
            yield self._request("POST", PAGES["times"], Form.of(self._page).filled(slot=slots[person % len(slots)]))
            if "/details/" not in self._moved_to:  # another client was faster
                continue
            details = self._moved_to
            yield self._request("GET", details)
            answers = {
                "name": "Ελένη Παπαδάκη",
                "email": f"browser{os.getpid()}-{person}@example.org",
                "phone": "6912345678",
            }
            yield self._request("POST", details, Form.of(self._page).filled(**answers, language="el", notes=""))
            check = self._moved_to
            yield self._request("GET", check)
            yield self._request("POST", check, Form.of(self._page).filled())
            assert "/done/" in self._moved_to, self._page
            yield self._request("GET", self._moved_to)
            self.booked += 1

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"accept_language": "el", "x_forwarded_for": self._address}
        headers |= {"cookie": cookies} if cookies else {}
        headers |= {"content_type": "application/x-www-form-urlencoded"} if body else {}
        return load.request(method, path, body, **headers)
