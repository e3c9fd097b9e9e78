"""The contents of a branch's calendar: its appointments, the free places of each hour, and the closures.

It takes a constant number of queries. All times are on the branch's wall clock, wherever the reader is.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from math import gcd
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import get_language, gettext, ngettext

from agencies.models import Branch, Channel, Closure
from agencies.models.opening import CLOSES_BRANCH, CLOSES_DURING
from agencies.models.until import minutes_until
from appointments import sight
from appointments.models import Appointment, Status, TimeSlot
from appointments.models.appointment import AppointmentQuerySet

DAY = 24 * 60  # minutes
HOUR = 60
# The hours and the step (minutes) of the drawn grid when the slots do not decide them. A step of 30 is easy to hit.
OFFICE_HOURS = (8 * HOUR, 15 * HOUR)
STEP = 30
SHORTEST_STEP = 5


@dataclass(frozen=True)
class Days:
    """The branch's local days from `since` until before `until`."""

    branch: Branch
    since: date
    until: date

    @property
    def last(self) -> date:
        return self.until - timedelta(days=1)

    @property
    def begin(self) -> datetime:
        return self.branch.midnight(self.since)

    @property
    def end(self) -> datetime:
        return self.branch.midnight(self.until)

    def minute(self, moment: datetime) -> int:
        """Returns the minutes on the branch's wall clock since the first midnight.

        Where the clock is changed, they follow what the clock shows, so they can differ from the time that has passed.
        """
        local = self.branch.local(moment).replace(tzinfo=None)
        return int((local - datetime.combine(self.since, time())).total_seconds()) // 60


@dataclass(frozen=True)
class Wish:
    """The appointments that an officer wants to see. An empty field means all."""

    procedure: str = ""
    channel: str = ""
    officer: str = ""

    NOBODY = "none"

    def of(self, appointments: AppointmentQuerySet) -> AppointmentQuerySet:
        asked = {"procedure__code": self.procedure}
        asked |= {"channel": self.channel if self.channel in Channel else ""}
        asked |= {"officer": self.officer if self.officer.isascii() and self.officer.isdigit() else ""}
        found = appointments.filter(**{name: value for name, value in asked.items() if value})
        return found.filter(officer__isnull=True) if self.officer == self.NOBODY else found


class Entry(NamedTuple):
    """An appointment as the calendar draws it."""

    reference: str
    starts_at: datetime
    ends_at: datetime
    status: str
    channel: str
    name: str
    procedure: str
    officer: str
    desk: int | None


class Hour(NamedTuple):
    """One hour of the calendar.

    `begins` is its first minute. `places` are those whose slot begins in the hour, and `free` of them are free.
    """

    begins: int
    free: int
    places: int

    @property
    def clock(self) -> str:
        return f"{self.begins % DAY // HOUR:02}:00"


class Closed(NamedTuple):
    begins: int
    ends: int
    reason: str
    desks: int | None


@dataclass
class Opening:
    """What the slots of some days say: free places by hour, desks at each time, and the hours and step to draw."""

    hours: dict[int, Hour] = field(default_factory=dict)
    changes: Counter[int] = field(default_factory=Counter)
    opens: int = DAY
    closes: int = 0
    step: int = 0

    def add(self, begins: int, ends: int, capacity: int, free: int) -> None:
        self.widen(begins, ends)
        self.step = gcd(self.step, begins % DAY, ends - begins)
        self.changes[begins] += capacity
        self.changes[ends] -= capacity
        hour = self.hours.setdefault(begins // HOUR, Hour(begins // HOUR * HOUR, 0, 0))
        self.hours[begins // HOUR] = hour._replace(free=hour.free + free, places=hour.places + capacity)

    def widen(self, begins: int, ends: int) -> None:
        """Extends the drawn hours of a day so that they include this time (minutes since the first midnight)."""
        midnight = begins // DAY * DAY
        self.opens = min(self.opens, (begins - midnight) // HOUR * HOUR)
        self.closes = min(DAY, max(self.closes, -((midnight - ends) // HOUR) * HOUR))

    @property
    def shown(self) -> tuple[int, int]:
        return (self.opens, self.closes) if self.opens < self.closes else OFFICE_HOURS

    @property
    def desks(self) -> list[tuple[int, int, int]]:
        """The planned desks as (first minute, end minute, number), where there are any."""
        found, level, since = [], 0, 0
        for minute in sorted(minute for minute, change in self.changes.items() if change):
            if level:
                found.append((since, minute, level))
            level, since = level + self.changes[minute], minute
        return found


def appointments(days: Days, wish: Wish) -> AppointmentQuerySet:
    """Returns the appointments to draw, in the order of their times."""
    found = Appointment.objects.filter(branch=days.branch, starts_at__gte=days.begin, starts_at__lt=days.end)
    return wish.of(found.in_calendar()).order_by("starts_at", "pk")


def entries(days: Days, wish: Wish) -> list[Entry]:
    """Returns the appointments as plain rows with one query. A large branch has thousands of them on one page."""
    rows = appointments(days, wish).values_list(
        "pk",
        "citizen",
        "reference",
        "starts_at",
        "ends_at",
        "status",
        "channel",
        "name",
        f"procedure__name_{(get_language() or 'el')[:2]}",
        "procedure__name_el",
        "officer__name",
        "officer__email",
        "ticket__desk",
    )
    sight.note({pk: citizen for pk, citizen, *_rest in rows})
    return [
        Entry(reference, starts_at, ends_at, status, channel, name, localized or greek, officer or email or "", desk)
        for _pk, _citizen, reference, starts_at, ends_at, status, channel, name, localized, greek, officer, email, desk in rows
    ]


def opening(days: Days, now: datetime) -> Opening:
    """Returns what the slots of these days say, with one query. A slot that has begun has no free places."""
    slots = TimeSlot.objects.filter(branch=days.branch, starts_at__gte=days.begin, starts_at__lt=days.end)
    found = Opening()
    for starts_at, ends_at, capacity, taken in slots.values_list("starts_at", "ends_at", "capacity", "taken"):
        begins = days.minute(starts_at)
        length = int((ends_at - starts_at).total_seconds()) // 60
        found.add(begins, begins + length, capacity, capacity - taken if starts_at > now else 0)
    return found


def closed(days: Days) -> list[Closed]:
    """Returns the closures of the branch and of its agency, day by day, with one query."""
    found = Closure.objects.of(days.branch).during(days.since, days.last).select_related("officer")
    return sorted(one for closure in found for one in _by_day(closure, days))


def _by_day(closure: Closure, days: Days) -> Iterator[Closed]:
    begins = closure.from_time.hour * HOUR + closure.from_time.minute if closure.from_time else 0
    ends = minutes_until(closure.until_time) if closure.until_time else DAY
    day = max(closure.from_date, days.since)
    while day <= closure.until_date and day < days.until:
        midnight = (day - days.since).days * DAY
        yield Closed(midnight + begins, midnight + ends, _reason(closure), closure.desks)
        day += timedelta(days=1)


def _reason(closure: Closure) -> str:
    who = str(closure.officer) if closure.officer else ""
    told = ": ".join(filter(None, (closure.reason or str(closure.get_kind_display()), who)))
    if closure.desks is None:
        return told
    away = ngettext("%d desk away", "%d desks away", closure.desks) % closure.desks
    return f"{told} ({away})"


# `xmin` is the transaction that last wrote a row, so these sums differ after any change. Desks are compared by their
# names.
STATE = f"""
SELECT (
    SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM appointments_appointment
    WHERE branch_id = %(branch)s AND starts_at >= %(begin)s AND starts_at < %(end)s
), (
    SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM appointments_timeslot
    WHERE branch_id = %(branch)s AND starts_at >= %(begin)s AND starts_at < %(end)s
), (
    SELECT count(*) || '.' || coalesce(sum(closure.xmin::text::bigint), 0)
    FROM agencies_closure closure JOIN agencies_branch branch ON branch.id = %(branch)s
    WHERE {CLOSES_BRANCH} AND {CLOSES_DURING.format(since="%(since)s", until="%(last)s")}
), (
    SELECT coalesce(json_agg(json_build_array(id, name) ORDER BY length(name), name), '[]') FROM appointments_desk
    WHERE branch_id = %(branch)s AND is_used
)
"""


class State(NamedTuple):
    """A fingerprint of all that the calendar shows of these days, and the desks of the branch as (key, name)."""

    seen: str
    desks: list[tuple[int, str]]


def state(days: Days) -> State:
    """Returns the state with one query of a millisecond or two, for pages that ask whether anything has changed."""
    params: dict[str, Any] = {"branch": days.branch.pk, "begin": days.begin, "end": days.end}
    with connection.cursor() as cursor:
        cursor.execute(STATE, params | {"since": days.since, "last": days.last})
        *sums, desks = cursor.fetchone()
    seen = f"{zlib.crc32(repr(desks).encode()):x}"
    return State("-".join([*sums, seen]), [(pk, name) for pk, name in desks])


@dataclass(eq=False)
class Lane:
    """A column of the view by desks: a real desk, or a further place that is planned."""

    name: str
    desk: int | None = None
    taken: list[tuple[datetime, datetime]] = field(default_factory=list)

    def is_free(self, entry: Entry) -> bool:
        return all(entry.ends_at <= begins or entry.starts_at >= ends for begins, ends in self.taken)

    def take(self, entry: Entry) -> None:
        self.taken.append((entry.starts_at, entry.ends_at))


def lanes(shown: list[Entry], desks: Iterable[tuple[int, str]], places: int) -> tuple[list[str], list[int]]:
    """Returns the names of the columns, and the column of each appointment (in the given order).

    An appointment that is or was served stands at the desk where that happened. The others stand where there is room,
    because they get their desks on the day. Of these others, two that overlap never share a column.
    """
    columns = [Lane(gettext("Desk %s") % name, desk) for desk, name in desks]
    while len(columns) < max(places, 1):
        columns.append(_another(columns))
    of_desk = {lane.desk: lane for lane in columns if lane.desk is not None}
    found: dict[str, Lane] = {}
    for entry in shown:
        if entry.status in (Status.SERVING, Status.COMPLETED) and entry.desk in of_desk:
            found[entry.reference] = of_desk[entry.desk]
            of_desk[entry.desk].take(entry)
    for entry in shown:
        if entry.reference not in found:
            found[entry.reference] = _first_free(columns, entry)
    return [lane.name for lane in columns], [columns.index(found[entry.reference]) for entry in shown]


def _first_free(columns: list[Lane], entry: Entry) -> Lane:
    lane = next((lane for lane in columns if lane.is_free(entry)), None)
    if lane is None:
        columns.append(lane := _another(columns))
    lane.take(entry)
    return lane


def _another(columns: list[Lane]) -> Lane:
    return Lane(gettext("Place %d") % (len(columns) + 1))
