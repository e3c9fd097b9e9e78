"""The page of a room at a LiveKit server. It is ours, and the browser connects from it with a token made for the visitor.

Whoever comes has a pass (`videocalls.providers.livekit`), which stays in the session. So a reload makes a new token, and no
address that could be passed on opens the room.
"""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from videocalls.models import VideoCall
from videocalls.providers import Visitor
from videocalls.providers.livekit import address_of, opened_pass, pass_for, token


@never_cache
@require_safe
def enter(request: HttpRequest, room: str) -> HttpResponse:
    """Takes the pass out of the address, then shows the room while it is open. Otherwise leads back to our own page."""
    now = timezone.now()
    key = f"livekit:{room}"
    call = VideoCall.objects.filter(room=room).first()
    if call is None:
        raise Http404
    if "pass" in request.GET:
        if visitor := opened_pass(request.GET["pass"], call, now=now):
            request.session[key] = pass_for(call, visitor, until=call.closes_at)
        return redirect("livekit:room", room)
    visitor = opened_pass(request.session.get(key, ""), call, now=now)
    if visitor is None:
        raise Http404
    if not _is_here(call, now):
        return redirect(visitor.back or "/")
    return _shown(request, call, visitor, now)


def _is_here(call: VideoCall, now: datetime) -> bool:
    """Returns whether the call is open, and at this provider: it can end early, or move to the second one."""
    is_ready = call.state == VideoCall.State.READY and call.ended_at is None
    return is_ready and call.provider == "livekit" and call.is_open(now)


def _shown(request: HttpRequest, call: VideoCall, visitor: Visitor, now: datetime) -> HttpResponse:
    server = address_of("wss")
    context = {
        "visitor": visitor,
        "back": visitor.back or "/",
        "server": server,
        "token": token(call, visitor, now=now),
    }
    answer = render(request, "videocalls/livekit.html", context)
    # The page speaks to this one other server, as its client does: first by https, then by a websocket.
    answer._csp_update = {"connect-src": [server, address_of("https")], "media-src": ["blob:"]}  # type: ignore[attr-defined]  # noqa: SLF001 (django-csp's name)
    return answer


app_name = "livekit"
urlpatterns = [path("<slug:room>/", enter, name="room")]
