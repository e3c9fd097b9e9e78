"""The screen in a branch's hall. It needs no sign-in, and shows only numbers and desks, in both languages at once."""

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agencies.models import Branch, Channel
from appointments.models import Queue, Ticket
from appointments.views import changes

SHOWN = 6


@dataclass(frozen=True)
class Screen:
    """What the screen shows: the latest call in large type, and the calls before it."""

    branch: Branch
    state: str
    calls: list[Ticket]

    @property
    def latest(self) -> Ticket | None:
        return self.calls[0] if self.calls else None

    @property
    def earlier(self) -> list[Ticket]:
        return self.calls[1:]


@require_safe
@never_cache
def display(request: HttpRequest, key: str) -> HttpResponse:
    now = timezone.now()
    state = changes.of_screen(key, now=now)
    if state is None:
        raise Http404
    if changes.is_unchanged(request, state):
        return HttpResponse(status=204)
    branch = get_object_or_404(Queue.objects.select_related("branch__agency"), display_key=key).branch
    template = "_display_calls.html" if "seen" in request.GET else "display.html"
    context = {"screen": Screen(branch, state, _calls(branch, now)), "branch": branch, "now": now}
    return render(request, f"appointments/counter/{template}", context | {"agency": branch.agency})


def _calls(branch: Branch, now: datetime) -> list[Ticket]:
    """Returns the tickets that are called or served at a desk of the hall, the latest call first."""
    called = Ticket.objects.of_day(branch, branch.today(now)).filter(state__in=Ticket.AT_DESK, desk__isnull=False)
    return list(called.filter(channel=Channel.IN_PERSON).select_related("desk").order_by("-called_at", "-pk")[:SHOWN])
