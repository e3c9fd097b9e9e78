"""Previews of a change of openings or closures.

The change is made, published, counted, and rolled back, so that the preview is what would really happen.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from psycopg.errors import DeadlockDetected, LockNotAvailable

from agencies.models import Branch, Closure, OpeningRule
from agencies.models.until import UNTIL
from agencies.wallclock import midnight, spans
from appointments.models import Appointment, TimeSlot
from appointments.models.appointment import PROMISED
from appointments.times.publishing import publish

# The times of up to this many branches are published while the officer waits; those of more are left to the worker.
AT_ONCE = 5
FOUR_WEEKS = timedelta(days=28)
# How long a preview waits for locks. Two previews of one branch wait for each other, but neither is worth a long wait.
PATIENCE = "2s"

Change = Callable[[], Iterable[OpeningRule]]


class BusyError(Exception):
    """Somebody else is changing the same branch at this moment."""


@dataclass(frozen=True)
class Preview:
    """What a change would bring. Times are counted as desks times slots, within the time `within` from now.

    `rule_times` counts those of the rules that the change is about. `displaced` are the keys of the appointments that
    would no longer fit, `placed_again` is the number of those that would fit again.
    """

    before: int
    after: int
    within: timedelta = FOUR_WEEKS
    rules: list[OpeningRule] = field(default_factory=list)
    rule_times: int = 0
    displaced: frozenset[int] = frozenset()
    placed_again: int = 0
    # The number of branches if they are too many to count their times for a preview, or else 0.
    branches: int = 0

    @property
    def more(self) -> int:
        return max(self.after - self.before, 0)

    @property
    def fewer(self) -> int:
        return max(self.before - self.after, 0)


def preview(branches: Iterable[Branch], change: Change, *, now: datetime, within: timedelta = FOUR_WEEKS) -> Preview:
    """Return what the change would bring to the branches, and roll it back.

    `change` makes the change and returns the rules that it is about. Raises BusyError if somebody else is publishing
    one of the branches.
    """
    pks = [branch.pk for branch in branches]
    until = now + within
    with undone():
        publish(pks, now=now)
        before, unplaced_before = _times(pks, now, until), _unplaced(pks, now)
    with undone():
        rules = list(change())
        publish(pks, now=now)
        after, unplaced = _times(pks, now, until), _unplaced(pks, now)
        own = _sum(
            TimeSlot.objects.filter(rule__in=[rule.pk for rule in rules], starts_at__gt=now, starts_at__lte=until)
        )
    return Preview(
        before=before,
        after=after,
        within=within,
        rules=rules,
        rule_times=own,
        displaced=frozenset(unplaced - unplaced_before),
        placed_again=len(unplaced_before - unplaced),
    )


@contextmanager
def undone() -> Iterator[None]:
    """Run the block in a transaction that is rolled back at the end. Raises BusyError after PATIENCE."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            yield
            transaction.set_rollback(True)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise BusyError from error
        raise


def _times(branches: list[int], now: datetime, until: datetime) -> int:
    return _sum(TimeSlot.objects.filter(branch__in=branches, starts_at__gt=now, starts_at__lte=until))


def _sum(slots: QuerySet[TimeSlot]) -> int:
    return slots.aggregate(times=Coalesce(Sum("desks"), 0))["times"]


def _unplaced(branches: list[int], now: datetime) -> set[int]:
    return set(Appointment.objects.unplaced(now=now, branches=branches).values_list("pk", flat=True))


# Many branches are not published for a preview. Their affected appointments follow from the closed hours alone, on each
# branch's clock.
WITHIN_CLOSED_HOURS = f"""
SELECT appointment.id
FROM appointments_appointment appointment
JOIN agencies_branch branch ON branch.id = appointment.branch_id
JOIN unnest(%(zones)s::text[], %(begins)s::timestamp[], %(ends)s::timestamp[], %(offsets)s::interval[])
    AS span (zone, begins, ends, utc_offset) ON span.zone = branch.timezone
CROSS JOIN LATERAL (SELECT appointment.starts_at AT TIME ZONE 'UTC' + span.utc_offset AS local) AS clock
WHERE branch.id = ANY(%(branches)s) AND appointment.status = ANY(%(promised)s)
    AND appointment.starts_at > %(now)s AND appointment.starts_at >= %(since)s AND appointment.starts_at < %(until)s
    AND local >= span.begins AND local < span.ends
    AND local::date BETWEEN %(from_date)s AND %(until_date)s
    AND (%(from_time)s::time IS NULL OR (
        local < local::date + {UNTIL.format(until="%(until_time)s::time")}
        AND local + (appointment.ends_at - appointment.starts_at) > local::date + %(from_time)s::time
    ))
"""
DAY = timedelta(days=1)


def preview_of_many(branches: Iterable[Branch], closure: Closure, *, now: datetime) -> Preview:
    """Return a preview with the appointments in the closed hours. One query.

    If only some desks close, no appointment is counted, because most of them still fit.
    """
    chosen = list(branches)
    displaced = frozenset() if closure.desks else frozenset(_within(chosen, closure, now))
    return Preview(before=0, after=0, displaced=displaced, branches=len(chosen))


def _within(branches: list[Branch], closure: Closure, now: datetime) -> list[int]:
    since, until = midnight(closure.from_date, UTC) - DAY, midnight(closure.until_date, UTC) + 2 * DAY
    clocks = [
        span for zone in {branch.timezone for branch in branches} for span in spans(zone, since - DAY, until + DAY)
    ]
    params = {
        "zones": [span.zone for span in clocks],
        "begins": [span.begins for span in clocks],
        "ends": [span.ends for span in clocks],
        "offsets": [span.offset for span in clocks],
        "branches": [branch.pk for branch in branches],
        "promised": [*PROMISED],
        "now": now,
        "since": since,
        "until": until,
        **{name: getattr(closure, name) for name in ("from_date", "until_date", "from_time", "until_time")},
    }
    with connection.cursor() as cursor:
        cursor.execute(WITHIN_CLOSED_HOURS, params)
        return [pk for (pk,) in cursor.fetchall()]
