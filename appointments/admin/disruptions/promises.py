"""Promised times that a changed clock no longer shows: the list before anything happens, and the step that keeps them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from accounts.people import signed_in
from accounts.work.waking import ask_worker
from agencies import access
from agencies.models import Branch, Role
from agencies.models.branch import BranchQuerySet
from agencies.wallclock import ZONE_DATA
from appointments import disruptions
from appointments.admin.pages import acting, address, page
from appointments.disruptions import Kept
from appointments.models import Appointment
from appointments.times import promises
from appointments.times.previews import AT_ONCE, BusyError

# How many appointments of a branch are listed.
SHOWN = 100


@dataclass(frozen=True)
class Row:
    """One appointment: what was promised, what the branch's clock shows now (both naive), and whether it falls out.

    `is_seen` says whether the user may see who it is.
    """

    appointment: Appointment
    shows: datetime
    falls: bool
    is_seen: bool


@dataclass(frozen=True)
class Place:
    """The appointments of a branch. `known` says whether it was tried out who can be kept."""

    branch: Branch
    total: int
    falls: int
    rows: list[Row]
    known: bool = True

    @property
    def keeps(self) -> int:
        return self.total - self.falls

    @property
    def unseen(self) -> int:
        return self.total - len(self.rows)


def show(request: HttpRequest) -> HttpResponse:
    """Lists who is affected at the branches that the user supervises. After the confirmation, keeps the promises.

    Only who may correct a branch's time zone may confirm: operators and agency administrators. Others get 403.
    """
    user, now = signed_in(request), timezone.now()
    if not (access.administers(user) if request.method == "POST" else access.supervises(user)):
        raise PermissionDenied
    if request.method == "POST":
        own = access.branches(user, Role.AGENCY_ADMIN)
        _keep(request, own.filter(code__in=request.POST.getlist("branch")), now)
        return redirect(address("promises"))
    places, is_busy = [], False
    try:
        places = _places(request, now)
    except BusyError:
        is_busy = True
        messages.warning(
            request, gettext("Somebody else is changing the times of this branch right now. Try again in a moment.")
        )
    context = {
        "title": gettext("Promised times on changed clocks"),
        "places": places,
        "is_busy": is_busy,
        "zone_data": ZONE_DATA,
        "may_keep": access.administers(user),
    }
    return page(request, "disruptions/promises.html", context)


urls: list[URLPattern] = [path("promises/", admin.site.admin_view(show), name="appointments_appointment_promises")]


def waiting(request: HttpRequest, now: datetime) -> list[Appointment]:
    """Returns the appointments off the clock at the branches that the user supervises."""
    own = access.branches(signed_in(request), Role.SUPERVISOR)
    return promises.broken(now=now, branches=list(own.values_list("pk", flat=True)))


def place_of(request: HttpRequest, branch: Branch, found: Kept) -> Place:
    """Returns what would happen at the branch, as it was foreseen, for the page."""
    falls = {one.pk for one in found.fallen}
    both = sorted([*found.kept, *found.fallen], key=lambda one: (one.promised, one.pk))
    return Place(branch, len(both), len(falls), _rows(request, both, falls))


def tell(request: HttpRequest, found: Kept) -> None:
    """Shows what was done."""
    kept, fallen = len(found.kept), len(found.fallen)
    if kept:
        text = ngettext(
            "%d appointment keeps its promised time. The citizen is told.",
            "%d appointments keep their promised times. The citizens are told.",
            kept,
        )
        messages.success(request, text % kept)
    if fallen:
        text = ngettext(
            "%d appointment falls out and is offered another time.",
            "%d appointments fall out and are offered other times.",
            fallen,
        )
        messages.warning(request, text % fallen)


def _places(request: HttpRequest, now: datetime) -> list[Place]:
    """Returns the branches with affected appointments. Few are tried out, so that it is known who falls out."""
    found: dict[Branch, list[Appointment]] = {}
    for one in waiting(request, now):
        found.setdefault(one.branch, []).append(one)
    if len(found) <= AT_ONCE:
        tried = ((branch, disruptions.foresee(branch, by=acting(request), now=now)) for branch in found)
        return [place_of(request, branch, kept) for branch, kept in tried if kept != Kept()]
    return [Place(branch, len(them), 0, _rows(request, them, set()), known=False) for branch, them in found.items()]


def _rows(request: HttpRequest, appointments: Iterable[Appointment], falls: set[int]) -> list[Row]:
    shown = list(appointments)[:SHOWN]
    stored = Appointment.objects.filter(pk__in=[one.pk for one in shown])
    starts = dict(stored.values_list("pk", "starts_at"))
    seen = set(stored.seen_by(signed_in(request)).values_list("pk", flat=True))
    return [
        Row(one, one.branch.local(starts[one.pk]).replace(tzinfo=None), one.pk in falls, one.pk in seen)
        for one in shown
    ]


def _keep(request: HttpRequest, branches: BranchQuerySet, now: datetime) -> None:
    """Keeps the promises of a few branches at once, and leaves those of many to the worker."""
    chosen = list(branches)
    if len(chosen) > AT_ONCE:
        for branch in chosen:
            ask_worker("appointments.tasks.keep_promises", branch.pk)
        messages.info(request, gettext("The appointments of %d branches are being put right.") % len(chosen))
        return
    done = [disruptions.keep_promises(branch, by=acting(request), now=now) for branch in chosen]
    kept, fallen = ([one for part in done for one in getattr(part, name)] for name in ("kept", "fallen"))
    tell(request, Kept(tuple(kept), tuple(fallen)))
