"""The page of a service: what it is for, what to bring, and its earliest times."""

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies import offering
from agencies.finding.places import Row
from agencies.models import Branch, Procedure
from agencies.models.channel import REMOTE
from appointments.times import glance

SHOWN = 3  # branches with the earliest times, for each channel


@dataclass(frozen=True, slots=True)
class Earliest:
    """A channel, and the branches with the earliest times in it."""

    channel: str
    label: str
    rows: list[Row]


@require_safe
def procedure(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    if platform_slug != platform_slug.lower():
        return redirect("appointments:procedure", platform_slug.lower(), code, permanent=True)
    offered = offering.current()
    service = offered.services.get((platform_slug, code))
    if service is None:
        raise Http404
    branches = {branch.pk: branch for branch in offered.branches.get(service.agency_id, [])}
    chosen = next((branch for branch in branches.values() if branch.code == request.GET.get("branch")), None)
    context = {
        "agency": service.agency,
        "procedure": service,
        "branch": chosen or (next(iter(branches.values())) if len(branches) == 1 else None),
        "chosen": chosen,
        "branches": len(branches),
        "has_line": bool(REMOTE.intersection(service.channels) and offered.with_line(service.agency_id)),
        "earliest": _earliest(service, {chosen.pk: chosen} if chosen else branches, offered, timezone.now()),
    }
    return render(request, "appointments/times/procedure.html", context)


def _earliest(
    procedure: Procedure, branches: dict[int, Branch], offered: offering.Offering, now: datetime
) -> list[Earliest]:
    """Returns the earliest times in each channel of the service."""
    found = []
    times = glance.earliest_in(procedure.channels, procedure, offered, now=now)
    for channel, label in procedure.channel_choices:
        at_branches = [time for time in times[channel].values() if time.branch in branches]
        soonest = sorted(at_branches, key=lambda time: time.starts_at)[:SHOWN]
        found.append(Earliest(channel, label, [Row(branches[time.branch], time.starts_at) for time in soonest]))
    return found
