"""Keeping promised wall-clock times when a country changes its clock law, or when a branch's time zone is corrected.

Each appointment follows its promise to the slot at the same wall-clock time, which is another moment now. Whoever cannot
be kept, because the new clock leaves that time out or the branch does not open then, falls out: a disruption names them,
and the worker makes the offers. A branch is one transaction, so a crash leaves whole branches, and a repetition does the
rest.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.work.waking import wake_worker
from agencies.models import Branch
from agencies.models.services import serving
from appointments import booking, history
from appointments.booking import taking
from appointments.errors import SlotTaken
from appointments.history import Actor
from appointments.models import Appointment, Disruption, Event, Status, TimeSlot
from appointments.times import promises
from appointments.times.previews import undone
from appointments.times.publishing import publish

REASON_EL = "Άλλαξε η ώρα στον τόπο του σημείου εξυπηρέτησης"
REASON_EN = "The clock has changed where the branch is"


@dataclass(frozen=True)
class Kept:
    """The appointments that keep their promised time, and those that fall out. Times that are only held are left out."""

    kept: tuple[Appointment, ...] = ()
    fallen: tuple[Appointment, ...] = ()


class _NotAll(Exception):
    """Some of the appointments have no place at their promised time, so that the attempt has to be undone."""

    def __init__(self, failed: set[int]) -> None:
        self.failed = failed


def foresee(branch: Branch, *, by: Actor, now: datetime, change: Callable[[], object] = lambda: None) -> Kept:
    """Return what `keep_promises` would do after the change, and do none of it. Raises BusyError as previews do."""
    with undone():
        change()
        return keep_promises(branch, by=by, now=now)


@transaction.atomic
def keep_promises(branch: Branch, *, by: Actor, now: datetime) -> Kept:
    """Put the branch's coming appointments back on their promised wall-clock times. Does nothing if all are on them."""
    # The branch is locked first, as in publishing, so that two of these do not run at once.
    branch = Branch.objects.select_for_update(no_key=True).get(pk=branch.pk)
    found = [one.pk for one in promises.broken(now=now, branches=[branch.pk])]
    if not found:
        return Kept()
    _lock(branch, found, now)
    able = {one.pk for one in promises.still_broken(found, now=now) if _exists(one)}
    while able:
        try:
            _place(branch, able, by, now)
            break
        except _NotAll as error:
            able -= error.failed
    fallen = promises.still_broken(found, now=now)
    if fallen:
        _drop(branch, fallen, by, now)
    kept = Appointment.objects.filter(pk__in=able).select_related("agency", "branch", "procedure").order_by("starts_at")
    return Kept(_told(kept), _told(fallen))


def _lock(branch: Branch, appointments: list[int], now: datetime) -> None:
    """Lock the appointments, and all slots that may change, each in the order of keys as bookings do."""
    slots = TimeSlot.objects.filter(branch=branch, starts_at__gt=now - promises.APART)
    for rows in (Appointment.objects.filter(pk__in=appointments), slots):
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _told(appointments: Iterable[Appointment]) -> tuple[Appointment, ...]:
    return tuple(one for one in appointments if one.status != Status.HELD)


def _exists(appointment: Appointment) -> bool:
    """Return whether the branch's clock shows the promised time at all, and does not jump over it."""
    return appointment.branch.local(appointment.promised_at).replace(tzinfo=None) == appointment.promised


@transaction.atomic
def _place(branch: Branch, pks: set[int], by: Actor, now: datetime) -> None:
    """Take these appointments off their slots, publish the new ones, and place all of them. Raises _NotAll.

    All give back first, because one may need the slot that another one holds.
    """
    appointments = promises.still_broken(pks, now=now)
    held = TimeSlot.objects.filter(pk__in=[one.slot_ids[0] for one in appointments])
    rules = dict(held.values_list("pk", "rule"))
    own = {one.pk: rules.get(one.slot_ids[0]) for one in appointments}
    taking.give_back(*appointments)
    publish([branch.pk], now=now, freed=pks)
    if failed := {one.pk for one in appointments if not _has_moved(one, own[one.pk], by, now)}:
        raise _NotAll(failed)


def _has_moved(appointment: Appointment, rule: int | None, by: Actor, now: datetime) -> bool:
    try:
        booking.keep(appointment, _times(appointment, rule), by=by, now=now)
    except SlotTaken:
        return False
    return True


def _times(appointment: Appointment, rule: int | None) -> list[TimeSlot]:
    """Return the times at which the promised one begins: that of the appointment's own rule, then those of others."""
    others = serving(appointment.procedure_id, by="rule__") & Q(rule__channels__contains=[appointment.channel])
    begin = TimeSlot.objects.filter(branch=appointment.branch_id, starts_at=appointment.promised_at)
    found = begin.filter(Q(rule=rule) | others).distinct().order_by("pk")
    return sorted(found, key=lambda time: time.rule_id != rule)


def _drop(branch: Branch, fallen: list[Appointment], by: Actor, now: datetime) -> None:
    """Start a disruption for those that cannot be kept. It closes no hours."""
    days = [one.promised.date() for one in fallen]
    disruption = Disruption.objects.create(
        agency_id=branch.agency_id,
        from_date=min(days),
        until_date=max(days),
        reason_el=REASON_EL,
        reason_en=REASON_EN,
        fallen=[one.pk for one in fallen],
        created_at=now,
        created_by=by.officer,
    )
    disruption.branches.set([branch])
    details = {"branches": [branch.code]}
    history.note(Event.Verb.DISRUPT, by=by, now=now, disruption=disruption, details=details)
    wake_worker("appointments.tasks.look_after_disruptions")
