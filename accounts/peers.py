"""Servers of others that do not work: a mail server or a gateway that hangs is waited for once, and then left alone.

All processes of all workers share one row for each such peer. When a pause is over, one process asks again, with work that
is due, and the others go on leaving the peer alone until it has told what it heard. A process that dies while it asks holds
up the others for `probe`. The first answer deletes the row.

pybreaker and circuitbreaker keep their state in the process or in Redis. Ours has to outlive both, and pages show it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

from django.db import transaction

from accounts import models
from accounts.work.leases import told

logger = logging.getLogger(__name__)
Clock = Callable[[], datetime]


class Dealt(NamedTuple):
    """How many rows were dealt with, and about how many of them the peer has said something."""

    rows: int
    answered: int


class PeerAway(Exception):
    """The peer takes nothing from anybody at the moment. `pause` is how long it has asked to be left alone, if it has."""

    pause: timedelta | None = None


@dataclass(frozen=True)
class Peer:
    """A peer by name. `pauses` are seconds, after the first failure, the second, and so on."""

    name: str
    pauses: tuple[float, ...]
    probe: timedelta  # longer than one conversation with it

    def work(self, step: Callable[[bool], Dealt], *, clock: Clock, seconds: float) -> None:
        """Does the step again and again, until there is nothing more to do, the peer is away, or so many seconds are over.

        The step is told whether the peer has answered in this run. Until it has, the step should deal with one row only.
        Nothing is done while the peer is left alone.
        """
        ask = self.ask(now=clock())
        if ask is None:
            return
        until, works = monotonic() + seconds, False
        try:
            while monotonic() < until and (dealt := step(works)).rows:
                if dealt.answered and not works:
                    works = True
                    ask.answered()
        except PeerAway as error:
            ask.failed(error, now=clock())
        else:
            if not works:
                ask.passed_up(now=clock())

    def ask(self, *, now: datetime) -> "Ask | None":
        """Returns the right to ask the peer, or None if it is left alone at the moment."""
        row = models.Peer.objects.filter(name=self.name)
        if not row.exists():
            return Ask(self)
        until = now + self.probe
        return Ask(self, until) if row.filter(quiet_until__lte=now).update(quiet_until=until) else None


@dataclass(frozen=True)
class Ask:
    """The right to ask. `until` is when it ends, if the peer did not work before and nobody else may ask it meanwhile."""

    peer: Peer
    until: datetime | None = None

    def answered(self) -> None:
        """Lets all others ask the peer, because it works."""
        if models.Peer.objects.filter(name=self.peer.name).delete()[0]:
            logger.warning("The %s works again", self.peer.name)

    def passed_up(self, *, now: datetime) -> None:
        """Lets others ask, because there was nothing to ask."""
        if self.until:
            models.Peer.objects.filter(name=self.peer.name, quiet_until=self.until).update(quiet_until=now)

    @transaction.atomic
    def failed(self, error: PeerAway, *, now: datetime) -> None:
        """Has the peer left alone for a while: longer after each failure, and as long as it has asked for at least."""
        new = {"since": now, "failures": 0, "quiet_until": now}
        row, is_new = models.Peer.objects.select_for_update(no_key=True).get_or_create(
            name=self.peer.name, defaults=new
        )
        pause = timedelta(seconds=self.peer.pauses[min(row.failures, len(self.peer.pauses) - 1)])
        # Of those who were waiting together, the first one decides.
        if is_new or self.until:
            row.failures += 1
            row.quiet_until = now + pause
        row.quiet_until = max(row.quiet_until, now + (error.pause or timedelta()))
        row.last_error = told(error)
        row.save()
        if is_new:
            logger.warning("The %s does not work, and is left alone for a while: %s", self.peer.name, row.last_error)
