"""Starting a disruption: close times of branches. No appointment is cancelled; the worker then makes the offers."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.work.waking import wake_worker
from agencies.models import Branch, Closure
from appointments import history
from appointments.history import Actor
from appointments.models import Disruption, Event
from appointments.times.publishing import publish

# The times of up to this many branches are withdrawn while the officer waits; those of more are left to the worker.
AT_ONCE = 5


def start(planned: Disruption, branches: Sequence[Branch], *, by: Actor, now: datetime) -> Disruption:
    """Store the disruption, close the branches in its range, and have the worker offer other times."""
    with transaction.atomic():
        planned.state, planned.created_at = Disruption.State.PREPARING, now
        planned.save()
        planned.branches.set(branches)
        Closure.objects.bulk_create(_closure(planned, branch) for branch in branches)
        if len(branches) <= AT_ONCE:
            publish([branch.pk for branch in branches], now=now)
        details = {"branches": [branch.code for branch in branches]}
        history.note(Event.Verb.DISRUPT, by=by, now=now, disruption=planned, details=details)
        wake_worker("appointments.tasks.look_after_disruptions")
    return planned


def _closure(disruption: Disruption, branch: Branch) -> Closure:
    return Closure(
        agency=disruption.agency,
        branch=branch,
        kind=Closure.Kind.CLOSED,
        from_date=disruption.from_date,
        until_date=disruption.until_date,
        from_time=disruption.from_time,
        until_time=disruption.until_time,
        reason_el=disruption.reason_el,
        reason_en=disruption.reason_en,
    )
