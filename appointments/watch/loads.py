"""What supervisors watch: the load of each branch now, and what has to be done there.

It consists of numbers, and shows no citizens. The number of queries does not depend on the number of branches.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet, Sum

from agencies.models import Branch
from appointments.models import Alert, Appointment, Desk, Notification, Status, TimeSlot

# A branch is behind if somebody has been waiting longer than this.
LONG_WAIT = timedelta(minutes=20)
# Messages after the appointment: nobody has to call the citizen if one of these did not arrive.
AFTERWARDS = (Notification.Kind.RATING, Notification.Kind.SUMMARY)


@dataclass
class Load:
    """The load of one branch now.

    `planned` is how many desks the opening rules give at this moment, `seated` how many desks have an officer, and
    `paused` how many of those pause.
    """

    branch: Branch
    today: date
    coming: int = 0
    here: int = 0
    served: int = 0
    missed: int = 0
    cancelled: int = 0
    walk_ins: int = 0
    waiting: int = 0
    longest: timedelta = timedelta()
    planned: int = 0
    seated: int = 0
    paused: int = 0
    unconfirmed: int = 0
    unplaced: int = 0
    failed: int = 0
    without_times: list[Alert] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Appointments of today, cancelled ones left out."""
        return self.coming + self.here + self.served + self.missed

    @property
    def longest_minutes(self) -> int:
        return int(self.longest.total_seconds() // 60)

    @property
    def is_behind(self) -> bool:
        return self.longest > LONG_WAIT

    @property
    def is_unattended(self) -> bool:
        """Whether somebody waits although no officer is calling."""
        return self.waiting > 0 and self.seated == self.paused

    @property
    def problems(self) -> int:
        """How much there is to do, for sorting. Trouble for citizens who are at the branch now weighs most."""
        now = 1000 * self.is_unattended + 100 * self.is_behind
        return now + 10 * self.unplaced + 5 * self.failed + len(self.without_times) + self.unconfirmed


def loads(branches: QuerySet[Branch], *, now: datetime) -> list[Load]:
    """Return the load of each branch: those with most to do first, then by name. Eight queries."""
    found = {branch.pk: Load(branch, branch.today(now)) for branch in branches.select_related("agency")}
    if not found:
        return []
    for count in (_count_appointments, _count_tickets, _count_desks, _count_planned, _count_ahead, _count_failed):
        count(found, now)
    _add_alerts(found)
    for branch, number in unplaced_by_branch(now=now, branches=found).items():
        found[branch].unplaced = number
    return sorted(found.values(), key=lambda load: (-load.problems, load.branch.name_el))


def unplaced_by_branch(*, now: datetime, branches: Iterable[int] | None = None) -> dict[int, int]:
    """Return how many appointments no longer fit, by the key of the branch (None: all branches). Zeros are left out."""
    unplaced = Appointment.objects.unplaced(now=now, branches=branches).order_by()
    return dict(unplaced.values_list("branch").annotate(Count("pk")))


# Each function counts one thing at all branches

BY_STATUS = """
SELECT branch.id, appointment.status, count(*)
FROM unnest(%(branches)s::bigint[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS branch (id, begins, ends)
JOIN appointments_appointment appointment ON appointment.branch_id = branch.id
    AND appointment.starts_at >= branch.begins AND appointment.starts_at < branch.ends
GROUP BY branch.id, appointment.status
"""
COUNTED = {
    Status.BOOKED: "coming",
    Status.UNVERIFIED: "coming",
    Status.ARRIVED: "here",
    Status.SERVING: "here",
    Status.COMPLETED: "served",
    Status.NO_SHOW: "missed",
    Status.CANCELLED: "cancelled",
}


def _count_appointments(found: dict[int, Load], now: datetime) -> None:
    days = [load.branch.day_span(load.today) for load in found.values()]
    params = {"branches": [*found], "begins": [begin for begin, _end in days], "ends": [end for _begin, end in days]}
    for branch, status, number in _rows(BY_STATUS, params):
        if name := COUNTED.get(status):
            setattr(found[branch], name, getattr(found[branch], name) + number)


TICKETS = """
SELECT branch.id, count(*) FILTER (WHERE ticket.appointment_id IS NULL),
    count(*) FILTER (WHERE ticket.state = 'waiting'), min(ticket.arrived_at) FILTER (WHERE ticket.state = 'waiting')
FROM unnest(%(branches)s::bigint[], %(days)s::date[]) AS branch (id, day)
JOIN appointments_ticket ticket ON ticket.branch_id = branch.id AND ticket.day = branch.day
GROUP BY branch.id
"""


def _count_tickets(found: dict[int, Load], now: datetime) -> None:
    params = {"branches": [*found], "days": [load.today for load in found.values()]}
    for branch, walk_ins, waiting, since in _rows(TICKETS, params):
        load = found[branch]
        load.walk_ins, load.waiting = walk_ins, waiting
        load.longest = max(now - since, timedelta()) if since else timedelta()


def _count_desks(found: dict[int, Load], now: datetime) -> None:
    taken = Desk.objects.filter(branch__in=found, is_used=True, officer__isnull=False).order_by()
    for branch, seated, paused in taken.values_list("branch").annotate(Count("pk"), Count("paused_at")):
        found[branch].seated, found[branch].paused = seated, paused


def _count_planned(found: dict[int, Load], now: datetime) -> None:
    running = TimeSlot.objects.running(now=now).filter(branch__in=found).order_by()
    for branch, desks in running.values_list("branch").annotate(Sum("desks")):
        found[branch].planned = desks


def _count_ahead(found: dict[int, Load], now: datetime) -> None:
    """Count the guests who have not confirmed their address yet."""
    waiting = Appointment.objects.filter(status=Status.UNVERIFIED, expires_at__gt=now, branch__in=found).order_by()
    for branch, number in waiting.values_list("branch").annotate(Count("pk")):
        found[branch].unconfirmed = number


def _count_failed(found: dict[int, Load], now: datetime) -> None:
    """Count the appointments still ahead whose citizens have to be called, because a message did not arrive."""
    lost = Notification.objects.undelivered().exclude(kind__in=AFTERWARDS)
    lost = lost.filter(appointment__branch__in=found, appointment__ends_at__gt=now).order_by()
    people = Count("appointment", distinct=True)
    for branch, number in lost.values_list("appointment__branch").annotate(people):
        found[branch].failed = number


def _add_alerts(found: dict[int, Load]) -> None:
    raised = Alert.objects.open().filter(branch__in=found, kind=Alert.Kind.NO_FREE_TIME)
    for alert in raised.select_related("procedure").order_by("raised_at", "procedure"):
        found[alert.branch_id].without_times.append(alert)


def _rows(sql: str, params: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
