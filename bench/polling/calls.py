"""Measures what video calls cost the server: people at the door with the officers who see them wait, and browsers in rooms.

In the rooms, each browser says what the script of the page says (static/js/videocalls/line.js and peer.js): one of two
sends an offer, the other one an answer, and both send the addresses at which they can be reached. In the first run they
connect all the time: an attempt that fails is made anew after twelve seconds. In the second run they talk.
"""

import http.client
import json
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from typing import Any

from django.urls import reverse
from django.utils import timezone

from agencies.models import Agency, Branch, Channel
from appointments.calls import meeting
from appointments.history import Actor, By
from appointments.models import Appointment, Status
from bench.polling import asking, desks
from bench.results import Row
from bench.stack import web
from videocalls import passes, presence
from videocalls.models import Participant, VideoCall
from videocalls.passes import Holder
from videocalls.providers import Visitor

PEOPLE, BRANCHES = 300, 30  # who wait, and where: ten at each branch, which one officer serves
CALLS = 100
OFFER, ADDRESS, ADDRESSES = 6_000, 180, 6  # characters of an offer and of one address, and how many addresses
ANEW = 12.0  # seconds after which an attempt is made anew, as in static/js/videocalls/peer.js


class Door:
    """The page of somebody who waits for an officer."""

    interval = 4.0  # seconds, as in static/js/calls/join.js

    def __init__(self, connection: http.client.HTTPConnection, appointment: Appointment) -> None:
        self.connection = connection
        self.cookie = asking.cookie(asking.session(appointments=[appointment.opened_as]))
        self.address = reverse("appointments:join", args=[appointment.reference])
        self._show(asking.ask(connection, self.address, cookie=self.cookie)[1])

    def poll(self) -> None:
        answer, text = asking.ask(self.connection, f"{self.address}?seen={self.seen}", cookie=self.cookie)
        if answer.status == http.client.OK:
            self._show(text)

    def _show(self, page: str) -> None:
        found = re.search(r'data-state="open waiting"[^>]* data-seen="([^"]+)"', page)
        assert found, "Nobody waits at this door."
        self.seen = found[1]


@dataclass
class Browser:
    """A browser in a room: what it knows, what it has got, and what it is to say."""

    connection: http.client.HTTPConnection
    participant: Participant
    interval: float
    is_connecting: bool
    session: str = ""
    got: list[int] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0
    offered_at: float = -ANEW

    def __post_init__(self) -> None:
        room = self.participant.call.room
        self.cookie = f"seat-el={passes.cookie_for(Holder(room, self.participant.key, '/'))}"
        answer, _page = asking.ask(self.connection, reverse("videocalls:room", args=[room]), cookie=self.cookie)
        found = re.search(r"csrftoken=([^;]+)", answer.headers["Set-Cookie"])
        assert found, "The room gives its page no token."
        self.token, self.address = found[1], reverse("videocalls:sync", args=[room])
        self.cookie += f"; csrftoken={self.token}"

    def poll(self) -> None:
        """Asks, and asks once more at once if there is something to say now."""
        self._ask()
        if self.said:
            self._ask()

    def _ask(self) -> None:
        body = json.dumps({"session": self.session, "got": self.got, "signals": self.said})
        headers = {"cookie": self.cookie, "x_csrftoken": self.token, "content_type": "application/json"}
        answer = json.loads(asking.ask(self.connection, self.address, body=body, **headers)[1])
        assert answer["state"] == "inside", answer
        self.session, self.said = answer["session"], []
        self.got = [one["id"] for one in answer["signals"]]
        if self.is_connecting:
            self._connect(answer)

    def _connect(self, answer: dict[str, Any]) -> None:
        for one in answer["signals"]:
            if one["kind"] == "offer":
                self._say(one["from"], "answer")
        others = [one["session"] for one in answer["people"] if one["session"] > self.session]
        if others and time.perf_counter() - self.offered_at >= ANEW:
            self.offered_at = time.perf_counter()
            self._say(others[0], "offer")

    def _say(self, to: str, kind: str) -> None:
        for what, length in [(kind, OFFER)] + ADDRESSES * [("ice", ADDRESS)]:
            self.said.append({"to": to, "kind": what, "number": self.number, "data": length * "x"})
            self.number += 1


def measure(*, seconds: float) -> list[Row]:
    """Measures the share of one core that web server and database use."""
    waiting = [_arrived(appointment) for appointment in _appointments(PEOPLE)]
    officers = [desks.seat(branch, desks.DESKS + n)[1] for n, branch in enumerate(_branches())]
    pairs = [_inside(appointment) for appointment in _appointments(CALLS)]
    rows = []
    with web("mydesklive.asgi:application") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        doors = [Door(connection, one) for one in waiting]
        boards = [desks.Page(connection, officer) for officer in officers]
        rows.append(_row(f"{PEOPLE} people who wait, and {BRANCHES} desks", asking.share([*doors, *boards], seconds)))
        for what, interval, is_connecting in (("connect", 0.7, True), ("are connected", 2.2, False)):
            browsers = [Browser(connection, one, interval, is_connecting) for pair in pairs for one in pair]
            rows.append(_row(f"{CALLS} calls of two that {what}", asking.share(browsers, seconds)))
        connection.close()
    return rows


def _row(what: str, used: float) -> Row:
    return Row(f"{what}, polling", f"{used:.1%}", "of a core")


def _branches() -> list[Branch]:
    return list(Branch.objects.filter(agency__procedures__isnull=False).distinct().order_by("pk")[:BRANCHES])


def _appointments(number: int) -> list[Appointment]:
    """Makes video appointments of this moment, in turn at each of the branches, with rooms that are open."""
    Agency.objects.update(video_provider="room")
    now = timezone.now()
    begins, window = now - timedelta(minutes=1), timedelta(minutes=30)
    found = []
    for place, (branch, _one) in enumerate(zip(cycle(_branches()), range(number), strict=False)):
        call = VideoCall.objects.create(
            provider="room", state=VideoCall.State.READY, opens_at=now - window, closes_at=now + window
        )
        found.append(
            Appointment.objects.create(
                agency=branch.agency,
                branch=branch,
                procedure=branch.agency.procedures.earliest("pk"),
                channel=Channel.VIDEO,
                status=Status.BOOKED,
                slot_ids=[0],  # a time that was never published
                starts_at=begins,
                ends_at=now + window,
                name=f"Citizen {place}",
                video_call=call,
                created_at=now,
                booked_at=now,
            )
        )
    return found


def _arrived(appointment: Appointment) -> Appointment:
    """Lets the citizen wait at the door."""
    assert meeting.arrive(appointment, _citizen(appointment), by=Actor(By.GUEST), now=timezone.now())
    return appointment


def _inside(appointment: Appointment) -> list[Participant]:
    """Lets an officer and the citizen into the room."""
    call, now = appointment.video_call, timezone.now()
    assert call
    officer = presence.arrive(call, Visitor(key="officer-0", name="Officer", is_host=True), now=now)
    citizen = presence.arrive(call, _citizen(appointment), now=now)
    presence.admit(citizen, now=now)
    return [officer, citizen]


def _citizen(appointment: Appointment) -> Visitor:
    return Visitor(key="citizen", name=appointment.name)
