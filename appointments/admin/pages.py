"""What the officers' own pages share: who may open them, and how a page and an appointment are found."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.people import signed_in
from agencies import access
from agencies.models import Branch, Role
from appointments.history import Actor, By
from appointments.models import Appointment, Ticket

P = ParamSpec("P")
REMEMBERED = "staff_branch"


def acting(request: HttpRequest) -> Actor:
    """The officer who acts, on this page."""
    return Actor(By.OFFICER, signed_in(request), request.resolver_match.view_name if request.resolver_match else "")


def officers_page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page of the admin for who works at some branch."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not access.has_role(signed_in(request), Role.AGENT):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    # It answers what it was given: a view that asks for a sign-in first.
    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", admin.site.admin_view(guarded))


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    everywhere = admin.site.each_context(request)
    return TemplateResponse(request, f"admin/appointments/{template}", everywhere | context, status=status)


def find(request: HttpRequest, reference: str) -> Appointment:
    """The appointment, if it is at a branch of the officer's; times only held have no citizen yet and are not shown."""
    seen = Appointment.objects.seen_by(signed_in(request)).beyond_hold()
    return get_object_or_404(
        seen.select_related("agency", "branch", "procedure__agency", "officer", "video_call", "follows__branch"),
        reference=reference,
    )


def find_ticket(request: HttpRequest, code: str) -> Ticket:
    """The ticket with all that hangs on it, if it is of a branch of the officer's."""
    related = (
        "branch__agency",
        "procedure__agency",
        "appointment__procedure",
        "appointment__citizen",
        "desk",
        "officer",
    )
    found = Ticket.objects.with_last_event().select_related(*related)
    return get_object_or_404(found, branch__in=access.counters(signed_in(request)), code=code)


def chosen_branch(request: HttpRequest, branches: list[Branch]) -> Branch:
    """The branch that the address names (404 if it is not one's own), or the one looked at last, or the first."""
    if code := request.GET.get("branch"):
        branch = get_object_or_404(access.counters(signed_in(request)).select_related("agency"), code=code)
        if request.session.get(REMEMBERED) != code:
            request.session[REMEMBERED] = code
        return branch
    last = request.session.get(REMEMBERED)
    return next((branch for branch in branches if branch.code == last), branches[0])


def own_branches(request: HttpRequest) -> list[Branch]:
    return list(access.counters(signed_in(request)).select_related("agency"))


def only(branches: QuerySet[Branch]) -> str:
    """The code of the branch where there is no other to choose."""
    codes = list(branches.values_list("code", flat=True)[:2])
    return codes[0] if len(codes) == 1 else ""


def address(name: str, *args: str, **query: Any) -> str:
    """Address of one of the officers' pages; what is empty is left out of the query."""
    path = reverse(f"admin:appointments_appointment_{name}", args=args)
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def way_back(request: HttpRequest, appointment: Appointment) -> str:
    """Where the officer came from, if that is a page of ours; else the appointment."""
    came_from = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(came_from, allowed_hosts=None, require_https=request.is_secure()):
        return came_from
    return address("change", appointment.reference)


def told(appointment: Appointment) -> dict[str, str]:
    return {"name": appointment.name, "reference": appointment.spoken_reference}
