"""The page of a service: what it is for, what to bring, and its earliest times."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.finding.places import Row
from agencies.models import Branch, Procedure
from appointments.times.availability import earliest

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
    offered = Procedure.objects.offered().select_related("agency")
    service = get_object_or_404(offered, agency__platform_slug=platform_slug, code=code)
    branches = {branch.pk: branch for branch in service.agency.branches.open()}
    chosen = next((branch for branch in branches.values() if branch.code == request.GET.get("branch")), None)
    context = {
        "agency": service.agency,
        "procedure": service,
        "branch": chosen or (next(iter(branches.values())) if len(branches) == 1 else None),
        "chosen": chosen,
        "branches": len(branches),
        "earliest": _earliest(service, {chosen.pk: chosen} if chosen else branches, timezone.now()),
    }
    return render(request, "appointments/times/procedure.html", context)


def _earliest(procedure: Procedure, branches: dict[int, Branch], now: datetime) -> list[Earliest]:
    """Returns the earliest times in each channel of the service, with one query for each channel."""
    found = []
    for channel, label in procedure.channel_choices:
        times = earliest(procedure, channel, now=now, branches=branches)
        soonest = sorted(times.values(), key=lambda time: time.starts_at)[:SHOWN]
        found.append(Earliest(channel, label, [Row(branches[time.branch], time.starts_at) for time in soonest]))
    return found
