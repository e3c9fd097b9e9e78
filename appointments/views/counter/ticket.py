"""The page of a ticket on the citizen's phone: its place in the queue now. Anybody who knows the code can open it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from appointments import counter
from appointments.counter import arrivals
from appointments.errors import WrongStatus
from appointments.models import Ticket
from appointments.views import changes
from appointments.views.acting import visitor


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def ticket(request: HttpRequest, code: str) -> HttpResponse:
    now = timezone.now()
    if request.method == "POST":
        return _give_up(request, code)
    state = changes.of_ticket(code, now=now)
    if state is None:
        raise Http404
    if changes.is_unchanged(request, state):
        return HttpResponse(status=204)
    related = Ticket.objects.select_related("branch__agency", "desk", "procedure", "appointment")
    found = get_object_or_404(related, code=code)
    place = arrivals.place_of(found, now=now)
    context = {
        "ticket": place.ticket,
        "place": place,
        "state": state,
        "is_over": found.day != found.branch.today(now),
        "branch": found.branch,
        "agency": found.branch.agency,
    }
    return render(
        request, f"appointments/counter/{'_ticket.html' if 'seen' in request.GET else 'ticket.html'}", context
    )


def _give_up(request: HttpRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Ticket.objects.select_related("branch"), code=code)
    try:
        counter.give_up(found, by=visitor(request), now=timezone.now())
    except WrongStatus:
        messages.info(request, _("This has changed in the meantime. Please look again."))
    return redirect(found)
