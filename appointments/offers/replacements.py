"""Replacements: free times that may be offered in place of an appointment's own.

The time nearest to the appointment's own wins, before or after it. A time at a branch near by has to be days nearer
than one at the citizen's own branch, because the citizen has to travel there. A video call has to be nearer still.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt

from agencies.models import Branch, Channel, Procedure
from appointments.models import Appointment
from appointments.models.disruption import Way
from appointments.times.availability import FreeTime, free_times

# No time is offered sooner than this, because nobody can be expected to come so soon after a message.
NOTICE = timedelta(days=1)
# How much nearer in time another branch or another channel has to be.
DETOURS = {Way.SAME: timedelta(), Way.NEAR: timedelta(days=3), Way.VIDEO: timedelta(days=7)}
NEAR_BRANCHES = 5
NEAR_KM = 50
EARTH_KM = 6371


@dataclass(frozen=True, slots=True)
class Candidate:
    slot: int
    channel: str
    pool: "Pool"


@dataclass
class Pool:
    """The free times of a service in one channel at one branch, in order. Times that are given out are removed."""

    times: list[FreeTime]
    channel: str
    starts: list[datetime] = field(init=False)
    gone: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.starts = [time.starts_at for time in self.times]

    def nearest(self, to: datetime, given: Counter[int]) -> FreeTime | None:
        """Return the free time nearest to `to`, or None. Removes the times around it that are no longer free.

        `given` is how many desks of each slot have been given out since the times were read.
        """
        place = bisect_left(self.starts, to)
        while place < len(self.times) and not self._is_left(self.times[place], given):
            self._forget(place)
        while place > 0 and not self._is_left(self.times[place - 1], given):
            place -= 1
            self._forget(place)
        around = self.times[max(place - 1, 0) : place + 1]
        return min(around, key=lambda time: abs(time.starts_at - to), default=None)

    def _is_left(self, time: FreeTime, given: Counter[int]) -> bool:
        return time.slot not in self.gone and given[time.slot] < time.free

    def _forget(self, place: int) -> None:
        del self.times[place], self.starts[place]


@dataclass(frozen=True)
class Closed:
    """A closed time at a branch (UTC). Nothing in it is offered, though its slots may not be withdrawn yet."""

    branch_id: int
    begins: datetime
    ends: datetime


class Replacements:
    """Finds free times for appointments that need another one. Each list of free times is read only once.

    `ways` says what may be offered. That somebody else has taken a time meanwhile is noticed only when it is tried.
    """

    def __init__(self, ways: Iterable[str], closed: Iterable[Closed] = (), *, now: datetime) -> None:
        self._ways, self._now = frozenset(ways), now
        self._closed: dict[int, list[Closed]] = {}
        for one in closed:
            self._closed.setdefault(one.branch_id, []).append(one)
        self._pools: dict[tuple[int, str, int], Pool] = {}
        self._near: dict[tuple[int, str, int], list[Branch]] = {}
        self._given: Counter[int] = Counter()

    def candidates(self, appointment: Appointment) -> Iterator[Candidate]:
        """Yield the times that may be offered, the best first. Asking for the next one says that the last is gone."""
        while best := self._best(appointment):
            yield best
            best.pool.gone.add(best.slot)

    def gave(self, slots: Iterable[int]) -> None:
        """Note that a desk in each of these slots has been given to an offer."""
        self._given.update(slots)

    def _best(self, appointment: Appointment) -> Candidate | None:
        best, best_cost = None, timedelta.max
        for way in Way:
            detour = DETOURS[way]
            if way not in self._ways or detour >= best_cost:
                continue
            for pool in self._pools_of(appointment, way):
                time = pool.nearest(appointment.starts_at, self._given)
                if time and (cost := abs(time.starts_at - appointment.starts_at) + detour) < best_cost:
                    best, best_cost = Candidate(time.slot, pool.channel, pool), cost
        return best

    def _pools_of(self, appointment: Appointment, way: Way) -> Iterator[Pool]:
        procedure, branch, channel = appointment.procedure, appointment.branch, appointment.channel
        if way == Way.SAME:
            yield self._pool(procedure, branch, channel)
        elif way == Way.NEAR:
            for other in self._near_branches(procedure, branch, channel):
                yield self._pool(procedure, other, channel)
        elif _can_join(appointment):
            yield self._pool(procedure, branch, Channel.VIDEO)

    def _pool(self, procedure: Procedure, branch: Branch, channel: str) -> Pool:
        key = procedure.pk, channel, branch.pk
        if key not in self._pools:
            self._pools[key] = Pool(self._read(procedure, branch, channel), channel)
        return self._pools[key]

    def _read(self, procedure: Procedure, branch: Branch, channel: str) -> list[FreeTime]:
        """Read the public's free times from NOTICE on, up to the agency's horizon.

        Times in closed hours are left out, because the worker may not have withdrawn them yet.
        """
        until = self._now + timedelta(days=procedure.agency.horizon_days + 1)
        found = free_times(procedure, branch, channel, now=self._now, since=self._now + NOTICE, until=until)
        duration = timedelta(minutes=procedure.duration_minutes)
        closed = self._closed.get(branch.pk, [])
        return [
            time
            for time in found
            if not any(one.begins < time.starts_at + duration and time.starts_at < one.ends for one in closed)
        ]

    def _near_branches(self, procedure: Procedure, branch: Branch, channel: str) -> list[Branch]:
        key = procedure.pk, channel, branch.pk
        if key not in self._near:
            self._near[key] = near_branches(branch, Branch.objects.serving(procedure, channel))
        return self._near[key]


def near_branches(branch: Branch, others: Iterable[Branch]) -> list[Branch]:
    """Return up to NEAR_BRANCHES of the others: same city first, then same region, each by distance.

    Branches that are known to be more than NEAR_KM away are left out.
    """
    ranked = []
    for other in others:
        is_in_city = (other.country, other.city_el) == (branch.country, branch.city_el)
        is_in_region = bool(branch.region_el) and (other.country, other.region_el) == (branch.country, branch.region_el)
        far = distance_km(branch, other)
        if other.pk != branch.pk and (is_in_city or is_in_region) and (far is None or far <= NEAR_KM):
            ranked.append((not is_in_city, NEAR_KM if far is None else far, other.pk, other))
    return [other for *_rank, other in sorted(ranked, key=lambda one: one[:3])[:NEAR_BRANCHES]]


def distance_km(one: Branch, other: Branch) -> float | None:
    """Return the distance in a straight line, or None if one of the positions is not known."""
    if None in (one.latitude, one.longitude, other.latitude, other.longitude):
        return None
    north, east = (radians(float(value or 0)) for value in (one.latitude, one.longitude))
    north_2, east_2 = (radians(float(value or 0)) for value in (other.latitude, other.longitude))
    half = sin((north_2 - north) / 2) ** 2 + cos(north) * cos(north_2) * sin((east_2 - east) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


def _can_join(appointment: Appointment) -> bool:
    """Return whether a video call may replace an appointment in person: needs a video service and an e-mail address."""
    by_video = Channel.VIDEO in appointment.procedure.channels and appointment.channel == Channel.IN_PERSON
    return by_video and bool(appointment.email)
