"""After a change of opening times, publishes the times at once or leaves them to the worker, and tells the officer."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.people import signed_in
from accounts.work.waking import ask_worker
from agencies import access
from agencies.models import Branch
from appointments.admin.pages import address
from appointments.models import Appointment
from appointments.times.previews import AT_ONCE
from appointments.times.publishing import Published, publish


def publish_and_tell(request: HttpRequest, branches: Iterable[Branch]) -> None:
    """Publishes the branches' times after a saved change, and shows the officer the result.

    Only appointments that fitted until this change are told: publishing brings the change into the slots.

    For more than AT_ONCE branches, the worker publishes the times later.
    """
    chosen = list(branches)
    if len(chosen) > AT_ONCE:
        leave_to_worker(request, chosen)
        return
    pks = [branch.pk for branch in chosen]
    now = timezone.now()
    before = _unplaced(pks, now)
    messages.success(request, _told(publish(pks, now=now)))
    if displaced := _unplaced(pks, now) - before:
        messages.warning(request, _warning(request, chosen, len(displaced)))


def leave_to_worker(request: HttpRequest, branches: list[Branch]) -> None:
    for agency in {branch.agency_id for branch in branches}:
        ask_worker("appointments.tasks.publish_agency", agency)
    messages.info(request, _("The times of %d branches are being published.") % len(branches))


def _told(published: Published) -> str:
    if not (published.added or published.removed or published.changed or published.kept):
        return _("Published: no time has changed.")
    counts = {"added": published.added, "changed": published.changed, "removed": published.removed + published.kept}
    return _("Published. Times added: %(added)d, changed: %(changed)d, withdrawn: %(removed)d.") % counts


def _unplaced(branches: list[int], now: datetime) -> set[int]:
    return set(Appointment.objects.unplaced(now=now, branches=branches).values_list("pk", flat=True))


def _warning(request: HttpRequest, branches: list[Branch], count: int) -> str:
    """Returns the warning, with a link to the appointments if the user serves one of the branches."""
    text = ngettext("%d appointment no longer fits.", "%d appointments no longer fit.", count) % count
    if not access.counters(signed_in(request)).filter(pk__in=[branch.pk for branch in branches]).exists():
        return text
    code = branches[0].code if len(branches) == 1 else ""
    return format_html(
        '{} <a href="{}">{}</a>', text, address("unplaced", branch=code), _("See which, move or cancel them")
    )
