"""How often a person may have a service, and how many open appointments of a category.

Whoever books or moves is locked as a person first, so requests of one moment do not count past each other. Most services
have no such rule, and cost nothing. What counts is the day on the branch's clock. Officers are bound like citizens when they
book, but not when they move an appointment, or give a citizen whom they serve the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

from agencies.facts import AnyProcedure
from agencies.models import Category
from agencies.wallclock import zone_of
from appointments.errors import TooManyInPeriod, TooManyOfCategory, TooSoonAfter
from appointments.models import Appointment, Status
from appointments.models.appointment import OPEN, PROMISED

# What a person has had or will have. A time that is only held was taken by somebody who has not said who they are.
COUNTED = (*PROMISED, Status.COMPLETED, Status.NO_SHOW)

AHEAD = timedelta(days=3660)  # nobody publishes times as far ahead

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))"
OF_SERVICE = """
SELECT appointment.id, appointment.promised_day, appointment.starts_at, branch.timezone
FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = appointment.branch_id
WHERE appointment.person_key = %(person)s AND appointment.procedure_id = %(procedure)s AND appointment.status = ANY(%(counted)s)
    AND appointment.starts_at BETWEEN %(first)s AND %(last)s AND appointment.id IS DISTINCT FROM %(own)s
"""
OF_CATEGORY = """
SELECT appointment.id, appointment.promised_day, appointment.starts_at, branch.timezone
FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = appointment.branch_id
JOIN agencies_procedure procedure ON procedure.id = appointment.procedure_id
WHERE appointment.person_key = %(person)s AND procedure.category_id = %(category)s AND appointment.status = ANY(%(open)s)
    AND appointment.ends_at > %(now)s AND appointment.id IS DISTINCT FROM %(own)s
ORDER BY appointment.ends_at
"""


@dataclass(frozen=True)
class Frequency:
    """At most `most` appointments in any `period` days (None: any number), and `gap` days from one to the next."""

    most: int | None
    period: int
    gap: int

    @property
    def reach(self) -> int:
        """The days around an appointment in which others matter."""
        return max(self.period if self.most else 0, self.gap)

    def first(self, wanted: date, taken: Sequence[date]) -> date:
        """Return the first day from the wanted one on that the rule allows, besides the taken days."""
        day = wanted
        while not (self.keeps_gap(day, taken) and self.keeps_period(day, taken)):
            day += timedelta(days=1)
        return day

    def keeps_gap(self, day: date, taken: Sequence[date]) -> bool:
        return all(abs((day - other).days) >= self.gap for other in taken)

    def keeps_period(self, day: date, taken: Sequence[date]) -> bool:
        """Look at the periods that begin with an appointment: any other has no more of them."""
        if self.most is None:
            return True
        first = day - timedelta(days=self.period - 1)
        beginnings = {day, *(other for other in taken if first <= other <= day)}
        return all(
            sum(0 <= (one - begin).days < self.period for one in (day, *taken)) <= self.most for begin in beginnings
        )


def are_there(procedure: AnyProcedure) -> bool:
    """Return whether the service has such a rule."""
    return bool(procedure.category_id or procedure.period_limit or procedure.days_between)


def require_allowed(appointment: Appointment, procedure: AnyProcedure, wanted: date, *, now: datetime) -> None:
    """Raise a CountedLimit if the person may not have the service on the wanted day. Ask in the transaction that books.

    The appointment itself does not count, nor does one without a known person.
    """
    require_frequency(appointment, procedure, wanted)
    if appointment.person_key and procedure.category_id:
        _lock(appointment, procedure)
        _require_category(appointment, procedure.category_id, now)


def require_frequency(appointment: Appointment, procedure: AnyProcedure, wanted: date) -> None:
    """Do the same for the rule about days alone."""
    rule = Frequency(procedure.period_limit, procedure.period_days, procedure.days_between)
    if not (appointment.person_key and rule.reach):
        return
    _lock(appointment, procedure)
    begin = datetime.combine(wanted, time(), UTC)
    found = _found(
        OF_SERVICE,
        appointment,
        procedure=procedure.pk,
        counted=[*COUNTED],
        # Everything that can matter for the first day that is allowed again, however far that is.
        first=begin - timedelta(days=rule.reach + 1),
        last=begin + AHEAD,
    )
    keys, taken = [pk for pk, _day in found], [day for _pk, day in found]
    if not rule.keeps_gap(wanted, taken):
        raise TooSoonAfter(rule.gap, rule.first(wanted, taken), keys)
    if rule.most and not rule.keeps_period(wanted, taken):
        raise TooManyInPeriod(rule.most, rule.first(wanted, taken), keys, rule.period)


def _lock(appointment: Appointment, procedure: AnyProcedure) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [appointment.person_key, -procedure.agency_id])


def _require_category(appointment: Appointment, category: int, now: datetime) -> None:
    found = _found(OF_CATEGORY, appointment, category=category, open=[*OPEN], now=now)
    shared = Category.objects.get(pk=category)
    if len(found) >= shared.open_limit:
        raise TooManyOfCategory(shared.open_limit, found[0][1], [pk for pk, _day in found], shared.name)


def _found(sql: str, appointment: Appointment, **params: Any) -> list[tuple[int, date]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"person": appointment.person_key, "own": appointment.pk, **params})
        rows = cursor.fetchall()
    return [(pk, promised or begins.astimezone(zone_of(zone)).date()) for pk, promised, begins, zone in rows]
