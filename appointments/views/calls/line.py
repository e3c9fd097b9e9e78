"""The first free officer now: joining the branch's line from home, and the way into its video call."""

from contextlib import suppress
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from accounts.models import User
from accounts.sealing import random_key
from agencies import access, offering
from agencies.models import Channel, Procedure
from agencies.models.channel import REMOTE
from appointments.calls.line import OpenLine, join, open_lines
from appointments.calls.roles import host_key
from appointments.counter.arrivals import walk_in_hours
from appointments.forms import LineForm
from appointments.models import Ticket
from appointments.views.acting import IN_LINE, device_of, visitor
from videocalls import presence, rooms
from videocalls.presence import RoomFull
from videocalls.providers import Visitor

# Places that one network may take in an hour. An office behind one address stays below.
PLACES = DatabaseLimit("places-in-lines", 6, 60 * 60)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def line(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    """Shows the lines that are open now with their waits, and gives a place in one. Whoever has a place is led to it."""
    now, offered = timezone.now(), offering.current()
    service = offered.services.get((platform_slug, code))
    branches = offered.with_line(service.agency_id) if service else []
    if service is None or not branches:
        raise Http404
    if place := _place(request, now):
        return redirect(place)
    lines = open_lines(service, branches, now=now)
    typed = request.POST if request.method == "POST" else None
    choices = [(one.key, str(one)) for one in lines]
    form = LineForm(choices, branches[0].country, typed, initial={"code": random_key()})
    if form.is_valid():
        chosen = next(one for one in lines if one.key == form.cleaned_data["line"])
        if place := _taken(request, form, chosen, service, now):
            return redirect(place)
        form.add_error(
            None, _("From your network too many places were taken in this hour. Please book an appointment.")
        )
    context = {
        "procedure": service,
        "agency": service.agency,
        "lines": lines,
        "form": form,
        "hours": [] if lines else [(one, walk_in_hours(one, REMOTE, now=now)) for one in branches],
    }
    return render(request, "appointments/calls/line.html", context)


@require_safe
@never_cache
def enter_line(request: HttpRequest, code: str) -> HttpResponse:
    """Redirects into the video room of a ticket: the officer at any time, the citizen once called."""
    related = Ticket.objects.filter(channel=Channel.VIDEO, appointment=None)
    ticket = get_object_or_404(related.select_related("branch__agency", "video_call"), code=code)
    now, user = timezone.now(), request.user
    is_host = isinstance(user, User) and user.is_officer and access.serves(user, ticket.branch)
    if ticket.video_call and (is_host or ticket.state in Ticket.AT_DESK):
        who, device = Visitor(key="citizen", name=ticket.name, back=ticket.get_absolute_url()), device_of(request)
        if is_host:
            desk = reverse("admin:appointments_serving", args=[ticket.code])
            who = Visitor(key=host_key(user.pk), name=str(user), is_host=True, back=desk)
        with suppress(RoomFull):
            presence.admit(presence.arrive(ticket.video_call, who, device=device, now=now), now=now)
            if address := rooms.enter(ticket.video_call, who, now=now):
                return redirect(address)
    return redirect(ticket)


def _place(request: HttpRequest, now: datetime) -> Ticket | None:
    """Returns the visitor's ticket of today if it is still good."""
    known = Ticket.objects.open().filter(code=request.session.get(IN_LINE, "")).select_related("branch")
    return next((one for one in known if one.day == one.branch.today(now)), None)


def _taken(request: HttpRequest, form: LineForm, chosen: OpenLine, service: Procedure, now: datetime) -> Ticket | None:
    """Takes a place and returns it. Returns None if too many were taken from the visitor's network."""
    if PLACES.passed(network_of(request), now=now):
        return None
    person = {name: form.cleaned_data[name] for name in ("name", "phone", "code")}
    by, language = visitor(request), get_language() or "el"
    place = join(chosen, service, by=by, now=now, language=language, told_at=form.told_at, **person)
    request.session[IN_LINE] = place.code
    return place
