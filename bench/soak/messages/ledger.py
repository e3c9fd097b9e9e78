"""What was owed to whom, what has arrived, and what the product says of it: one line for each cause."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from appointments.models import Notification
from bench.soak.messages.booking import Citizen

Medium, State = Notification.Medium, Notification.State
UNDER_WAY = (State.PENDING, State.SENDING)
HEADS = ("cause", "owed", "mails", "SMS", "perhaps", "failed", "doubled", "seconds")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Message:
    """A confirmation that is owed. `arrived` are the ids under which the peer has taken it, one for each time."""

    to: str
    medium: str
    state: str
    arrived: tuple[str, ...]

    @property
    def wrong(self) -> str:
        """Returns what is wrong, in words, or ""."""
        ids = {*self.arrived}
        sayings = {
            "never sent": self.state in UNDER_WAY,
            "noted as sent, and did not arrive": self.state == State.SENT and not ids,
            "noted as failed, and arrived": self.state == State.FAILED and bool(ids),
            f"became {self.state}": self.state not in {*UNDER_WAY, State.SENT, State.FAILED, State.UNSURE},
            f"arrived under {len(ids)} ids": len(ids) > 1,
            f"sent {len(self.arrived)} times": self.medium == Medium.SMS and len(self.arrived) > 1,
        }
        return ", ".join(f"{self}: {text}" for text, is_so in sayings.items() if is_so)

    def __str__(self) -> str:
        return f"{self.medium} to {self.to}"


@dataclass(frozen=True)
class Line:
    """What came of one cause. `must` are the columns that it must have filled, `may` those that it may have filled."""

    cause: str
    must: frozenset[str]
    may: frozenset[str]
    messages: list[Message]
    missing: int  # messages that nobody has written down
    seconds: float
    faults: list[str] = field(default_factory=list)

    def number(self, medium: str) -> int:
        return sum(one.medium == medium and bool(one.arrived) for one in self.messages)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "perhaps": sum(one.state == State.UNSURE for one in self.messages),
            "failed": sum(one.state == State.FAILED for one in self.messages),
            "doubled": sum(len(one.arrived) > 1 for one in self.messages),
        }

    @property
    def wrong(self) -> list[str]:
        found = [*self.faults, *filter(None, (one.wrong for one in self.messages))]
        if self.missing:
            found.append(f"{self.missing} messages were never owed")
        for column, number in self.counts.items():
            if number and column not in self.must | self.may:
                found.append(f"{number} {column}")
            if not number and column in self.must:
                found.append(f"none {column}: the cause did not bite")
        return [f"{self.cause}: {text}" for text in found]

    def told(self) -> str:
        counts = self.counts
        numbers = [
            len(self.messages) + self.missing,
            self.number(Medium.EMAIL),
            self.number(Medium.SMS),
            *counts.values(),
        ]
        return _row(self.cause, *map(str, numbers), f"{self.seconds:.1f}")


def table(lines: Iterable[Line]) -> str:
    return "\n".join([_row(*HEADS), *(line.told() for line in lines)])


def _row(cause: str, *cells: str) -> str:
    return f"{cause:<58}" + "".join(f"{cell:>9}" for cell in cells)


def messages_of(citizens: Iterable[Citizen], mails: Path, sms: Path) -> list[Message]:
    """Returns what each citizen is owed, with what has arrived."""
    taken = {Medium.EMAIL: _taken(mails), Medium.SMS: _taken(sms)}
    by_mail = {one.email: one for one in citizens}
    owed = Notification.objects.filter(appointment__email__in=by_mail, kind=Notification.Kind.CONFIRMATION)
    rows = persistent(lambda: [*owed.order_by("pk").values_list("appointment__email", "medium", "state")])
    found = []
    for email, medium, state in rows:
        to = email if medium == Medium.EMAIL else by_mail[email].phone
        found.append(Message(to, medium, state, tuple(taken[Medium(medium)][to])))
    return found


def settle(citizens: list[Citizen], patience: float, hurry: Callable[[], None]) -> None:
    """Waits until nothing is under way for them any more, or so many seconds are over."""
    until = time.monotonic() + patience
    under_way = Notification.objects.filter(
        appointment__email__in=[one.email for one in citizens],
        kind=Notification.Kind.CONFIRMATION,
        state__in=UNDER_WAY,
    )
    while persistent(under_way.exists) and time.monotonic() < until:
        persistent(hurry)
        time.sleep(0.2)


def persistent(ask: Callable[[], Result]) -> Result:
    """Asks the database, again and again while it is away."""
    until = time.monotonic() + 30
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _taken(file: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    if file.exists():
        for line in file.read_text().splitlines():
            told = json.loads(line)
            for to in told["to"]:
                found[to].append(str(told["id"]))
    return found
