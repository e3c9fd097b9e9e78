"""The door of a video appointment: whether one can join now and how, and who stands at it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from math import ceil

from appointments.calls.provision import ON_THE_DAY
from appointments.models import Appointment, Status
from videocalls import presence, rooms
from videocalls.models import Participant, VideoCall

Role = Participant.Role


@dataclass(frozen=True)
class Door:
    """Whether and how people can join now.

    `state` is one of cancelled, unverified, over, early, open. `opens_at` is in UTC. `by_phone` says that they talk by
    telephone instead: `failed` that this was not planned, `phone_by` who wished it (a `Participant.Role`, or "").
    """

    state: str
    opens_at: datetime
    now: datetime
    by_phone: bool
    failed: bool = False
    phone_by: str = ""

    @property
    def wait(self) -> timedelta:
        return max(self.opens_at - self.now, timedelta())

    @property
    def wait_seconds(self) -> int:
        return ceil(self.wait.total_seconds())

    @property
    def wait_minutes(self) -> int:
        return ceil(self.wait / timedelta(minutes=1))

    @property
    def takes_number(self) -> bool:
        """Returns whether the citizen can still correct the telephone number, or wish to be called."""
        return self.state in ("early", "open")

    @property
    def has_room(self) -> bool:
        return self.state == "open" and not self.by_phone


def digest(*facts: object) -> str:
    """Returns a short name for what a page shows. It stands in addresses, which are logged, so it tells nothing."""
    return sha256(repr(facts).encode()).hexdigest()[:20]


def door_of(appointment: Appointment, *, now: datetime) -> Door:
    call = appointment.video_call
    opens_at, _closes_at = appointment.call_window
    state = _state(appointment, call, now)
    # Before the room opens, the call may still be made or tried again. So nothing has failed yet.
    failed = state == "open" and (call is None or call.state != call.State.READY)
    by_phone = failed or (call is not None and (call.is_by_phone or not rooms.is_hosted(call)))
    return Door(state, opens_at, now, by_phone, failed, call.phone_by if call else "")


def _state(appointment: Appointment, call: VideoCall | None, now: datetime) -> str:
    opens_at, closes_at = appointment.call_window
    # While people are inside, the room closes later.
    latest = max(closes_at, call.closes_at) if call else closes_at
    if appointment.status == Status.CANCELLED:
        return "cancelled"
    if appointment.status == Status.UNVERIFIED:
        return "unverified"
    if appointment.status not in ON_THE_DAY or now >= latest or (call and call.ended_at):
        return "over"
    return "early" if now < opens_at else "open"


@dataclass(frozen=True)
class AtDoor:
    """Who stands at the door of a call, is inside, or has a link, at `now`, as officers see it."""

    call: VideoCall
    people: list[Participant]
    now: datetime

    @cached_property
    def waiting(self) -> list["Person"]:
        """Those who have come and are not let in, in the order in which they came."""
        there = [one for one in self.people if one.waiting_from and not one.is_inside and one.left_at is None]
        return [self._person(one) for one in sorted(there, key=lambda one: (one.waiting_from, one.pk))]

    @cached_property
    def inside(self) -> list["Person"]:
        return [self._person(one) for one in self.people if one.is_inside]

    @property
    def guests(self) -> list[Participant]:
        """The guests with a link that is good."""
        return [one for one in self.people if one.role == Role.GUEST and one.token]

    @property
    def may_invite(self) -> bool:
        return len(self.guests) < presence.GUESTS

    @property
    def since(self) -> datetime | None:
        return min((one.since for one in self.waiting if one.since), default=None)

    @property
    def phone_wished(self) -> bool:
        """Returns whether the citizen asks to be called."""
        return self.call.phone_by == Role.VISITOR

    @property
    def unheard(self) -> list["Person"]:
        """Those who wait at their page now, and to whom nobody has said anything yet."""
        return [one for one in self.waiting if one.is_here and not one.told]

    @property
    def alarm(self) -> str:
        """Returns what the officers' page rings for, or "". It rings again when this changes."""
        rings = [one.key for one in self.unheard] + (["phone"] if self.phone_wished else [])
        return f"{self.call.pk}:{','.join(rings)}" if rings else ""

    @property
    def state(self) -> str:
        """Returns what a page about the door shows. While it stays the same, the page need not be drawn anew."""
        people = [(one.key, one.name, one.since, one.told, one.is_here, one.participant.is_inside) for one in self._all]
        links = [one.token for one in self.guests]
        return digest(self.call.state, self.call.phone_by, self.call.ended_at, people, links)

    @property
    def _all(self) -> list["Person"]:
        return [*self.waiting, *self.inside]

    def _person(self, participant: Participant) -> "Person":
        return Person(participant, presence.is_here(participant, now=self.now))


@dataclass(frozen=True)
class Person:
    participant: Participant
    is_here: bool

    @property
    def key(self) -> str:
        return self.participant.key

    @property
    def name(self) -> str:
        return self.participant.name

    @property
    def role(self) -> str:
        return self.participant.role

    @property
    def is_citizen(self) -> bool:
        return self.participant.role == Role.VISITOR

    @property
    def since(self) -> datetime | None:
        return self.participant.admitted_at if self.participant.is_inside else self.participant.waiting_from

    @property
    def seen_at(self) -> datetime | None:
        return self.participant.seen_at

    @property
    def told(self) -> str:
        return self.participant.told


def at_door(call: VideoCall, *, now: datetime) -> AtDoor:
    return AtDoor(call, list(call.participants.order_by("pk")), now)


def at_doors(calls: Iterable[int], *, now: datetime) -> dict[int, AtDoor]:
    """Returns who stands at the doors of the calls with these keys, by key. Two queries, or none without calls."""
    pks = [*calls]
    if not pks:
        return {}
    found = VideoCall.objects.filter(pk__in=pks).prefetch_related("participants")
    return {call.pk: AtDoor(call, list(call.participants.all()), now) for call in found}
