"""The page of one disruption: how the citizens have answered, who still has no new time, and what officers can do."""

from collections import Counter
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Case, Exists, IntegerField, OuterRef, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.people import signed_in
from agencies import access
from agencies.models import Role
from appointments import offers
from appointments.admin.pages import acting, page, told
from appointments.disruptions import affected, replacements_for
from appointments.errors import BookingError
from appointments.forms import revision_seen
from appointments.models import Appointment, Disruption, Notification, Offer
from appointments.models.notification import NotificationQuerySet

State = Offer.State
PER_PAGE = 50
UNREACHED = "unreached"
# The tiles of the page: first the offers that still need work, then the outcomes.
TILES: dict[str, str | Promise] = {
    State.OPEN: _("Waiting for the answer"),
    State.LAPSED: _("No answer in time"),
    State.NONE_FOUND: _("No other time found"),
    State.ACCEPTED: _("Accepted"),
    State.CHANGED: _("Chose another time"),
    State.CANCELLED: _("Cancelled"),
    State.KEPT: _("Served after all"),
}
# Citizens that officers have to telephone come first.
URGENCY = Case(
    When(state=State.NONE_FOUND, then=Value(0)),
    When(state=State.LAPSED, then=Value(1)),
    When(reached=False, then=Value(2)),
    default=Value(3),
    output_field=IntegerField(),
)


def address(disruption: Disruption) -> str:
    return reverse("admin:appointments_disruption_change", args=[disruption.pk])


def show(request: HttpRequest, disruption: Disruption) -> HttpResponse:
    content, seen = _content(request, disruption, timezone.now())
    context = {
        "title": disruption.reason,
        "disruption": disruption,
        "content": content,
        "seen": seen,
        "query": _query(request),
    }
    return page(request, "disruptions/answers.html", context)


def show_again(request: HttpRequest, disruption: Disruption) -> HttpResponse:
    """Returns the live part of the page, or 204 if nothing has changed since the state in `seen`."""
    content, seen = _content(request, disruption, timezone.now())
    if seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return HttpResponse(content, headers={"X-Seen": seen, "Cache-Control": "no-store"})


@require_POST
def accept(request: HttpRequest, disruption: Disruption, reference: str) -> HttpResponse:
    """Accepts the offer for a citizen who has said yes on the telephone."""
    offer = _find(request, disruption, reference)
    try:
        offers.accept(offer, by=acting(request), now=timezone.now(), revision=revision_seen(request.POST))
    except BookingError as error:
        messages.error(request, f"{offer.appointment.spoken_reference}: {error}")
    else:
        messages.success(request, gettext("Moved: %(name)s, %(reference)s.") % told(offer.appointment))
    return _back(request, disruption)


@require_POST
def again(request: HttpRequest, disruption: Disruption, reference: str) -> HttpResponse:
    """Offers another time to a citizen who did not answer, or for whom no time was found before."""
    offer, now = _find(request, disruption, reference), timezone.now()
    source = replacements_for(disruption, list(disruption.branches.all()), now=now)
    try:
        offer = offers.again(offer, source, by=acting(request), now=now)
    except BookingError as error:
        messages.error(request, f"{offer.appointment.spoken_reference}: {error}")
    else:
        found = gettext("Another time is offered: %(name)s, %(reference)s.")
        none = gettext("Still no other time is free: %(name)s, %(reference)s.")
        messages.success(request, (found if offer.hold else none) % told(offer.appointment))
    return _back(request, disruption)


def _find(request: HttpRequest, disruption: Disruption, reference: str) -> Offer:
    """Returns the offer for this appointment. Raises Http404 if the officer does not serve citizens at its branch."""
    mine = Appointment.objects.seen_by(signed_in(request))
    own = _own(request, disruption).filter(appointment__in=mine)
    return get_object_or_404(own.select_related("appointment"), appointment__reference=reference)


def _own(request: HttpRequest, disruption: Disruption) -> QuerySet[Offer]:
    """Returns the offers for appointments that fell out at branches of this supervisor. Others get PermissionDenied."""
    branches = access.branches(signed_in(request), Role.SUPERVISOR)
    if not access.supervises(signed_in(request)):
        raise PermissionDenied
    return disruption.offers.filter(was_branch__in=branches.values("pk"))


def _back(request: HttpRequest, disruption: Disruption) -> HttpResponse:
    query = _query(request)
    return redirect(f"{address(disruption)}?{query}" if query else address(disruption))


def _query(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("seen", None)
    return query.urlencode()


# The live part of the page


def _content(request: HttpRequest, disruption: Disruption, now: datetime) -> tuple[str, str]:
    """Returns the live part of the page as HTML, and a fingerprint of the facts in it."""
    context = _context(request, disruption, now)
    facts = [disruption.state, context["left"], context["counts"]]
    facts += [(offer.pk, offer.state, offer.deadline, offer.reached) for offer in context["part"]]
    seen = sha256(repr(facts).encode()).hexdigest()[:16]
    return render_to_string("admin/appointments/disruptions/_answers.html", context, request), seen


def _context(request: HttpRequest, disruption: Disruption, now: datetime) -> dict[str, Any]:
    own = _own(request, disruption).annotate(reached=_reached())
    states = list(own.values_list("state", "reached"))
    counts = Counter(state for state, _reached in states)
    hanging = sum(counts[state] for state in Offer.UNSETTLED)
    unreached = sum(state in Offer.UNSETTLED and not reached for state, reached in states)
    show = request.GET.get("show", "")
    rows = _shown(own, show).filter(appointment__in=Appointment.objects.seen_by(signed_in(request)))
    left = (
        affected(disruption, disruption.branches.all()).count() if disruption.state == Disruption.State.PREPARING else 0
    )
    return {
        "disruption": disruption,
        "counts": [*_tiles(counts, show), _tile(UNREACHED, _("Message not delivered"), unreached, show)],
        "bar": _bar(counts),
        "total": len(states),
        "hanging": hanging,
        "answered": len(states) - hanging,
        "left": left,
        "is_settled": not hanging and not left,
        "part": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "sees_names": access.has_role(signed_in(request), Role.AGENT),
        "here": _here(request, disruption),
        "query": _query(request),
    }


def _here(request: HttpRequest, disruption: Disruption) -> str:
    query = _query(request)
    return f"{address(disruption)}?{query}" if query else address(disruption)


def _shown(own: QuerySet, show: str) -> QuerySet:
    found = own.select_related(
        "appointment__branch", "appointment__procedure", "was_branch", "hold__branch", "disruption"
    ).order_by(URGENCY, "was_starts_at", "pk")
    if show == UNREACHED:
        return found.filter(state__in=Offer.UNSETTLED, reached=False)
    return found.filter(state__in=[show] if show in TILES else Offer.UNSETTLED)


def _reached() -> Exists:
    """Whether the message about the offer has been sent or will still be sent."""
    messages: NotificationQuerySet = Notification.objects.filter(
        appointment=OuterRef("appointment"),
        kind=Notification.Kind.OFFER,
        revision=OuterRef("appointment__revision"),
        state__in=(Notification.State.PENDING, Notification.State.SENDING, Notification.State.SENT),
    )
    return Exists(messages)


def _tiles(counts: Counter[str], show: str) -> list[dict[str, Any]]:
    return [
        _tile(state, label, counts[state], show)
        for state, label in TILES.items()
        if counts[state] or state != State.KEPT
    ]


def _tile(name: str, label: str | Promise, number: int, show: str) -> dict[str, Any]:
    chosen = show == name
    return {"name": name, "label": str(label), "number": number, "chosen": chosen, "query": "" if chosen else name}


def _bar(counts: Counter[str]) -> list[dict[str, Any]]:
    """Returns the states as parts of a bar that is 100 long."""
    total = sum(counts.values())
    parts, begins = [], 0.0
    for state in (
        State.ACCEPTED,
        State.CHANGED,
        State.KEPT,
        State.CANCELLED,
        State.OPEN,
        State.LAPSED,
        State.NONE_FOUND,
    ):
        if counts[state]:
            length = 100 * counts[state] / total
            parts.append({"state": str(state), "x": f"{begins:.2f}", "width": f"{length:.2f}"})
            begins += length
    return parts
