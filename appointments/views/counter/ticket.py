"""The page of a ticket on the citizen's phone: its place in the queue now. Anybody who knows the code can open it."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from agencies.models import Channel
from appointments import counter, wording
from appointments.counter import arrivals
from appointments.errors import WrongStatus
from appointments.models import Notice, Ticket
from appointments.views import changes
from appointments.views.acting import IN_LINE, device_of, visitor
from videocalls import presence
from videocalls.models import Participant

# Ends what a page sends back if whoever waits is told about the turn. So only these pages have it noted that they ask.
TOLD = "-told"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def ticket(request: HttpRequest, code: str) -> HttpResponse:
    now = timezone.now()
    if request.method == "POST":
        return _give_up(request, code)
    seen, state = request.GET.get("seen", ""), changes.of_ticket(code, now=now)
    if state is None:
        raise Http404
    if seen.endswith(TOLD):
        _look(code, now)
    if seen.removesuffix(TOLD) == state:
        return HttpResponse(status=204)
    related = Ticket.objects.select_related("branch__agency", "desk", "procedure", "appointment")
    found = get_object_or_404(related, code=code)
    if not seen and _comes_from_call(request, found, now):
        return redirect("appointments:rate_visit", code)
    told_at = _told_at(found) if found.is_remote and found.is_walk_in else []
    if told_at and not seen:
        _look(code, now)
    place = arrivals.place_of(found, now=now)
    context = {
        "ticket": place.ticket,
        "place": place,
        "number": wording.hidden(found.phone),
        "told_at": told_at,
        "is_elsewhere": _is_elsewhere(request, place.ticket),
        "state": f"{state}{TOLD}" if told_at else state,
        "may_rate": place.ticket.may_be_rated(now),
        "is_over": found.day != found.branch.today(now),
        "branch": found.branch,
        "agency": found.branch.agency,
    }
    return render(
        request, f"appointments/counter/{'_ticket.html' if 'seen' in request.GET else 'ticket.html'}", context
    )


def _comes_from_call(request: HttpRequest, ticket: Ticket, now: datetime) -> bool:
    """Returns whether the visitor who took this place comes from its video call, and has not been asked about it yet."""
    is_own = request.session.get(IN_LINE) == ticket.code
    return is_own and ticket.channel == Channel.VIDEO and ticket.may_be_rated(now)


def _is_elsewhere(request: HttpRequest, ticket: Ticket) -> bool:
    """Returns whether the person of this place is in its video call with another device."""
    if ticket.state not in Ticket.AT_DESK or not ticket.is_walk_in or ticket.video_call_id is None:
        return False
    inside = Participant.objects.filter(call=ticket.video_call_id, role=Participant.Role.VISITOR).inside().first()
    return inside is not None and presence.is_elsewhere(inside, device_of(request))


def _told_at(ticket: Ticket) -> list[str]:
    """Returns where whoever waits is told about the turn. Addresses are hidden in part, because anybody may see the page."""
    addresses = ticket.notices.open().order_by("medium").values_list("address", flat=True)
    return [wording.hidden(one) for one in dict.fromkeys(addresses)]


def _look(code: str, now: datetime) -> None:
    """Notes that the page is looked at, so that nobody is sent what the page shows. Writes once in five seconds at most."""
    before = Q(looked_at=None) | Q(looked_at__lte=now - presence.AWAY / 3)
    Notice.objects.of_call().open().filter(before, ticket__code=code).update(looked_at=now)


def _give_up(request: HttpRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Ticket.objects.select_related("branch"), code=code)
    try:
        counter.give_up(found, by=visitor(request), now=timezone.now())
    except WrongStatus:
        messages.info(request, _("This has changed in the meantime. Please look again."))
    return redirect(found)
