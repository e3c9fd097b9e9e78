"""What causes do: set moods, book, wait until something has been seen, kill."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Thread
from urllib.parse import urlsplit

import psutil
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Peer
from appointments.messages.delivery import LEASE
from appointments.models import Notification
from bench.soak.messages.booking import Citizen, book
from bench.soak.messages.ledger import persistent
from bench.soak.parts import is_over
from bench.soak.peers import moods_of
from bench.soak.stack import Stack, clock_file

Medium, State = Notification.Medium, Notification.State
MEDIA = {"mail": Medium.EMAIL, "sms": Medium.SMS}
URLS = {"mail": "EMAIL_URL", "sms": "SMS_URL"}
PATIENCE = 45  # seconds until what a cause waits for must have been seen
# Seconds after which a process that lives has ended a conversation with a peer that is well.
QUIET = 3.0


class NotSeenError(Exception):
    """What the cause waits for did not happen."""


@dataclass
class Stage:
    """One cause's view of the running product. `citizens` are those who were promised something meanwhile."""

    stack: Stack
    citizens: list[Citizen] = field(default_factory=list)
    killed: dict[str, datetime] = field(
        default_factory=dict
    )  # by medium: since when nobody works on what was leased before
    well_at: float = field(default_factory=time.monotonic)

    def book(self, number: int = 3) -> None:
        self.citizens += book(self.stack.port, number)

    @contextmanager
    def booking(self, number: int = 5) -> Iterator[None]:
        """Books in a thread while the block runs, which begins after the first booking."""
        self.book(1)
        booked: list[Citizen] = []
        thread = Thread(target=lambda: booked.extend(book(self.stack.port, number)), daemon=True)
        thread.start()
        yield
        thread.join(2 * PATIENCE)
        if len(booked) < number:
            raise NotSeenError(f"only {len(booked)} of {number} could book")
        self.citizens += booked

    @contextmanager
    def mood(self, peer: str, mood: str) -> Iterator[None]:
        file, deeds = moods_of(self.stack.folder / peer)
        deeds.write_text("")
        file.write_text(mood)
        time.sleep(0.2)  # until the peer has looked
        try:
            yield
        finally:
            file.unlink()
            time.sleep(0.1)
            self.well_at = time.monotonic()

    def sees(self, peer: str, deeds: int = 1) -> None:
        """Waits until the peer's mood has done something."""
        _mood, file = moods_of(self.stack.folder / peer)
        _wait(lambda: len(file.read_text()) >= deeds, f"{deeds} deeds of {peer}")

    def sees_away(self, peer: str) -> None:
        """Waits until the product leaves the peer alone."""
        name = {"mail": "mail server", "sms": "SMS gateway"}[peer]
        _wait(lambda: Peer.objects.filter(name=name).exists(), f"the {name} left alone")

    def sees_state(self, peer: str, *states: str) -> None:
        """Waits until all messages through this peer have one of the states."""
        mine = self._mine().filter(medium=MEDIA[peer])
        _wait(lambda: not mine.exclude(state__in=states).exists(), f"all messages by {peer} {states}")

    def kill(self, part: str) -> None:
        """Kills the main process of the part, and waits until another one has been started.

        Before that, the supervisor has ended what the killed one has left.
        """
        self._end(part, signal.SIGKILL)

    def kill_children(self, part: str) -> None:
        for one in self.stack.parts[part].tree()[1:]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.killed = dict.fromkeys(MEDIA.values(), timezone.now())

    def kill_talking(self, peer: str) -> None:
        """Kills the processes of the worker that talk to the peer."""
        port = urlsplit(self.stack.environment[URLS[peer]]).port
        talking = [one for one in self.stack.parts["worker"].tree()[1:] if _talks(one, port)]
        if not talking:
            raise NotSeenError(f"nobody talks to {peer}")
        for one in talking:
            one.kill()
        self.killed[MEDIA[peer]] = timezone.now()

    def restart(self, part: str) -> None:
        """Stops the part as service managers do. It is started again."""
        self._end(part, self.stack.parts[part].stop)

    def _end(self, part: str, how: signal.Signals) -> None:
        """Without the database, a worker that lives cannot note either what came of the messages in its hands."""
        old = self.stack.parts[part].tree()
        old[0].send_signal(how)
        if part in {"worker", "postgres"}:
            _wait(lambda: all(map(is_over, old)), f"the end of {part}")
            self.killed = dict.fromkeys(MEDIA.values(), timezone.now())  # the next one starts after a moment
        _wait(lambda: self.stack.parts[part].find(old) is not None, f"{part} started again")

    @contextmanager
    def hung(self, part: str) -> Iterator[None]:
        with self.stack.parts[part].suffering("hang"):
            yield

    @contextmanager
    def clock(self, part: str, seconds: int) -> Iterator[None]:
        """Has the clock of the part be wrong by so many seconds. The part is killed for that, before and after.

        Nobody waits until it runs again with the right clock.
        """
        file = clock_file(self.stack.folder, part)
        file.write_text(f"{seconds}")
        self.kill(part)
        try:
            yield
        finally:
            file.unlink()
            self.stack.parts[part].main().kill()

    def hurry(self) -> None:
        """Lets the minutes pass for the rows: leases of processes that were killed, and pauses until the next attempt."""
        now = timezone.now()
        self._mine().filter(state=State.PENDING, leased_until=None, attempts__gt=0).update(due_at=now)
        if time.monotonic() - self.well_at < QUIET:
            return
        for medium, killed in self.killed.items():
            left = self._mine().filter(medium=medium, leased_until__lte=killed + LEASE)
            left.filter(state__in=(State.PENDING, State.SENDING)).update(leased_until=now)
            Peer.objects.filter(quiet_until__gt=now + timedelta(seconds=61)).update(quiet_until=now)

    def _mine(self) -> QuerySet[Notification]:
        mine = Notification.objects.filter(appointment__email__in=[one.email for one in self.citizens])
        return mine.filter(kind=Notification.Kind.CONFIRMATION)


def _talks(process: psutil.Process, port: int | None) -> bool:
    with suppress(psutil.NoSuchProcess):
        return any(one.raddr and one.raddr.port == port for one in process.net_connections("tcp"))
    return False


def _wait(seen: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not persistent(seen):
        if time.monotonic() > until:
            raise NotSeenError(f"not seen within {PATIENCE} s: {what}")
        time.sleep(0.05)
