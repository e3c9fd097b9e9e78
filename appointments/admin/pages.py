"""What the officers' own pages share: the check of who may open them, and the search for a branch or an appointment."""

from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.people import signed_in
from agencies import access
from agencies.models import Branch, Role
from appointments import sight
from appointments.booking.persons import completed_before
from appointments.errors import SlotNotFound
from appointments.history import Actor, By
from appointments.models import Appointment, Ticket, TimeSlot

P = ParamSpec("P")
REMEMBERED = "staff_branch"
# So many earlier visits of a person are shown with an appointment.
LATEST = 3


def acting(request: HttpRequest) -> Actor:
    """Returns the signed-in officer as the actor of a step, with the name of the page."""
    return Actor(By.OFFICER, signed_in(request), request.resolver_match.view_name if request.resolver_match else "")


def officers_page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Makes the view a page of the admin. A signed-in person without a role at any branch gets 403."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not access.has_role(signed_in(request), Role.AGENT):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    # `admin_view` keeps the signature of the view, but its type does not say so.
    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", admin.site.admin_view(guarded))


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    everywhere = admin.site.each_context(request)
    return TemplateResponse(request, f"admin/appointments/{template}", everywhere | context, status=status)


def find(request: HttpRequest, reference: str) -> Appointment:
    """Returns the appointment with this reference. Raises Http404 if it is not at one of the officer's branches.

    A time that is only held has no citizen yet, so it raises Http404 too.
    """
    related = ("agency", "branch", "procedure__agency", "officer", "video_call", "follows__branch", "party")
    declared = "acceptance__declaration"
    seen = Appointment.objects.seen_by(signed_in(request)).beyond_hold()
    return get_object_or_404(
        seen.select_related(*related, declared),
        reference=reference,
    )


def find_ticket(request: HttpRequest, code: str) -> Ticket:
    """Returns the ticket with its related rows. Raises Http404 if it is not of one of the officer's branches."""
    related = (
        "branch__agency",
        "procedure__agency",
        "appointment__procedure",
        "appointment__citizen",
        "appointment__party",
        "appointment__agency",
        "appointment__branch",
        "appointment__video_call",
        "desk",
        "officer",
    )
    found = Ticket.objects.with_last_event().select_related(*related)
    return get_object_or_404(found, branch__in=access.counters(signed_in(request)), code=code)


def visits_of(request: HttpRequest, *appointments: int) -> list[Ticket]:
    """Returns the completed tickets, with what was written down, of those of the appointments that the officer may see."""
    return _shown(_completed(request, appointments))


def _completed(request: HttpRequest, appointments: Collection[int]) -> list[Ticket]:
    seen = Appointment.objects.seen_by(signed_in(request)).filter(pk__in=appointments)
    told = Ticket.objects.filter(appointment__in=seen, state=Ticket.State.DONE)
    return list(told.select_related("appointment", "branch", "officer"))


def _shown(tickets: list[Ticket]) -> list[Ticket]:
    """Notes that the records are shown: what is written on a ticket tells of the citizen, too."""
    sight.note({one.appointment.pk: one.appointment.citizen_id for one in tickets if one.appointment})
    return tickets


def visits_before(request: HttpRequest, appointment: Appointment) -> list[Ticket]:
    """Returns the completed tickets of earlier visits with what was written down, the latest first.

    They are the visit that this appointment follows, and those of the same person for the same service, as far as the
    officer may see them.
    """
    others = [one.pk for one in completed_before(appointment)]
    followed = [appointment.follows_id] if appointment.follows_id else []
    found = _completed(request, [*followed, *others])
    return _shown(sorted(found, key=lambda one: one.arrived_at, reverse=True)[:LATEST])


def chosen_branch(request: HttpRequest, branches: list[Branch]) -> Branch:
    """Returns the branch in the address, or else the branch opened last, or else the first one.

    `branches` are those among which the person may choose. Raises Http404 if the one in the address is not among them.
    """
    found = {branch.code: branch for branch in branches}
    if code := request.GET.get("branch"):
        if code not in found:
            raise Http404
        if request.session.get(REMEMBERED) != code:
            request.session[REMEMBERED] = code
    return found.get(code or request.session.get(REMEMBERED, ""), branches[0])


def require_slot(slot: int, branches: Iterable[Branch]) -> None:
    """Raises SlotNotFound if the slot with this key, which a page sent, is at none of these branches."""
    if not TimeSlot.objects.filter(pk=slot, branch__in=branches).exists():
        raise SlotNotFound


def own_branches(request: HttpRequest) -> list[Branch]:
    return list(access.counters(signed_in(request)).in_order().select_related("agency"))


def only(branches: QuerySet[Branch]) -> str:
    """Returns the code of the branch if there is exactly one, otherwise an empty string."""
    codes = list(branches.values_list("code", flat=True)[:2])
    return codes[0] if len(codes) == 1 else ""


def address(name: str, *args: str, **query: Any) -> str:
    """Returns the address of an officers' page. Empty values are left out of the query."""
    path = reverse(f"admin:appointments_appointment_{name}", args=args)
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def way_back(request: HttpRequest, appointment: Appointment) -> str:
    """Returns the address in `next` if it is on this site, otherwise the address of the appointment's page."""
    came_from = request.POST.get("next") or request.GET.get("next") or ""
    is_path = came_from.startswith("/")  # `redirect` would take other text for the name of a page
    if is_path and url_has_allowed_host_and_scheme(came_from, allowed_hosts=None, require_https=request.is_secure()):
        return came_from
    return address("change", appointment.reference)


def told(appointment: Appointment) -> dict[str, str]:
    return {"name": appointment.name, "reference": appointment.spoken_reference}
