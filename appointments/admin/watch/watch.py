"""The supervisors' view of their branches: the load now, and what somebody has to do, with links to the right pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from hashlib import sha256
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.people import signed_in
from accounts.work.due import lanes, late
from agencies import access
from agencies.finding import search
from agencies.models import Branch, Role
from agencies.wallclock import ZONE_DATA, is_old
from appointments.admin.counter.board import queue_address
from appointments.admin.disruptions import promises
from appointments.admin.pages import address, page
from appointments.models import Alert
from appointments.watch.loads import Load, loads
from appointments.watch.sending import away, unreachable

# With more branches than this, the page first shows only those with something to do.
FEW = 20
PER_PAGE = 50
ALL, TODO = "all", "todo"


@dataclass(frozen=True)
class Todo:
    """A task at a branch. It has no address if the user does not serve the branch, and so sees only numbers."""

    text: str
    icon: str
    url: str = ""
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True)
class Row:
    load: Load
    todo: list[Todo]
    urls: dict[str, str]


def supervisors_page(view: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Makes the view a page of the admin for supervisors, agency administrators and operators. Others get 403."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        user = signed_in(request)
        if not access.supervises(user):
            raise PermissionDenied
        return view(request)

    return admin.site.admin_view(guarded)


@supervisors_page
def watch(request: HttpRequest) -> HttpResponse:
    content, seen, total = _content(request, timezone.now())
    context = {
        "title": gettext("Watch"),
        "content": content,
        "seen": seen,
        "asked": {"q": request.GET.get("q", ""), "show": request.GET.get("show", "")},
        "query": request.GET.urlencode(),
        "many": total > 1 or bool(request.GET.get("q")),
        "unreachable": unreachable(signed_in(request)),
        "off_clock": len(promises.waiting(request, timezone.now())),
    }
    if access.is_operator(signed_in(request)):
        context |= {
            "zone_data": ZONE_DATA,
            "zone_data_is_old": is_old(ZONE_DATA, timezone.localdate()),
            "away": away(),
            "late": late(lanes(), now=timezone.now()),
        }
    return page(request, "watch/watch.html", context)


@supervisors_page
@never_cache
def watch_again(request: HttpRequest) -> HttpResponse:
    """Returns the live part of the page, or 204 if nothing has changed since the state in `seen`."""
    content, seen, _total = _content(request, timezone.now())
    if seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return HttpResponse(content, headers={"X-Seen": seen})


urls: list[URLPattern] = [
    path("watch/", watch, name="appointments_appointment_watch"),
    path("watch/again/", watch_again, name="appointments_appointment_watch_again"),
]


def _content(request: HttpRequest, now: datetime) -> tuple[str, str, int]:
    """Returns the live part of the page as HTML, a fingerprint of it, and how many branches were found."""
    context = _context(request, now)
    html = render_to_string("admin/appointments/watch/_watch.html", context, request)
    return html, sha256(html.encode()).hexdigest()[:16], context["total"]


def _context(request: HttpRequest, now: datetime) -> dict[str, Any]:
    user = signed_in(request)
    own = access.branches(user, Role.SUPERVISOR)
    found = loads(search.within(own, request.GET.get("q", "")), now=now)
    show = request.GET.get("show") or (TODO if len(found) > FEW and not request.GET.get("q") else ALL)
    shown = [load for load in found if load.problems] if show == TODO else found
    part: Page[Load] = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    served = served_by(user)
    return {
        "rows": [_row(load, linked=served(load.branch)) for load in part],
        "part": part,
        "show": show,
        "total": len(found),
        "many_agencies": len({load.branch.agency_id for load in found}) > 1,
        "sums": _sums(found),
        "query": _without_page(request),
    }


def _without_page(request: HttpRequest) -> str:
    query = request.GET.copy()
    for name in ("page", "seen"):
        query.pop(name, None)
    return query.urlencode()


def served_by(user: User) -> Callable[[Branch], bool]:
    """Returns a function that tells whether the user serves a branch, and so may open its pages.

    Operators serve none.
    """
    agency_ids, branch_ids = access.served_places(user)
    return lambda branch: branch.agency_id in agency_ids or branch.pk in branch_ids


def _sums(found: list[Load]) -> list[tuple[str, str]]:
    """Returns the sums over all branches, as labels and numbers."""
    longest = max((load.longest_minutes for load in found), default=0)
    sums: list[tuple[str, int | str]] = [
        (gettext("Appointments today"), sum(load.total for load in found)),
        (gettext("Waiting now"), sum(load.waiting for load in found)),
        (gettext("Longest wait"), gettext("%d min") % longest),
        (gettext("Without free time"), sum(len(load.without_times) for load in found)),
        (gettext("No longer fit"), sum(load.unplaced for load in found)),
        (gettext("Not confirmed"), sum(load.unconfirmed for load in found)),
        (gettext("Messages failed"), sum(load.failed for load in found)),
    ]
    return [(label, one if isinstance(one, str) else number_format(one, force_grouping=True)) for label, one in sums]


def _row(load: Load, *, linked: bool) -> Row:
    code = load.branch.code
    urls = {
        "day": address("day", branch=code),
        "coming": address("day", branch=code, state="waiting"),
        "here": address("day", branch=code, state="arrived"),
        "waiting": queue_address(load.branch),
        "served": address("day", branch=code, state="completed"),
        "missed": address("day", branch=code, state="no_show"),
        "cancelled": address("day", branch=code, state="cancelled"),
    }
    todo = [*_todo(load)]
    if linked:
        return Row(load, todo, urls)
    return Row(load, [Todo(one.text, one.icon, alerts=one.alerts) for one in todo], {})


def _todo(load: Load) -> Iterator[Todo]:
    """Yields what somebody has to do at the branch, the most urgent first."""
    code = load.branch.code
    if load.is_unattended:
        yield Todo(gettext("Somebody waits and no desk calls"), "person_alert", queue_address(load.branch))
    if load.unplaced:
        text = ngettext("%d appointment no longer fits", "%d appointments no longer fit", load.unplaced)
        yield Todo(text % load.unplaced, "event_busy", address("unplaced", branch=code))
    if load.failed:
        text = ngettext("%d citizen to call: a message failed", "%d citizens to call: a message failed", load.failed)
        yield Todo(text % load.failed, "unsubscribe", address("changelist", branch=code, undelivered="yes"))
    if load.without_times:
        days, number = load.without_times[0].number, len(load.without_times)
        text = ngettext(
            "%(number)d service without free time for %(days)d days",
            "%(number)d services without free time for %(days)d days",
            number,
        )
        text %= {"number": number, "days": days}
        yield Todo(text, "event_upcoming", address("calendar", branch=code), tuple(load.without_times))
    if load.unconfirmed:
        text = ngettext("%d appointment not confirmed yet", "%d appointments not confirmed yet", load.unconfirmed)
        url = address("changelist", branch=code, status__exact="unverified")
        yield Todo(text % load.unconfirmed, "hourglass_empty", url)
