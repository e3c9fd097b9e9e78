"""The pages of the built-in room, and what their scripts ask for."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.limits import Limit
from accounts.limits.networks import network_of
from videocalls import passes, presence, relays, signalling
from videocalls.models import Participant
from videocalls.passes import Holder
from videocalls.signalling import Message, State

View = Callable[[HttpRequest, Participant, str], HttpResponse]
LARGEST = 1 << 18  # bytes of what a page says at once
# The credentials of the relay work for so long after the call: clocks differ, and calls last longer than planned.
SPARE = timedelta(hours=8)
TRIAL = timedelta(minutes=2)
# A page says something new about once a second while it connects to three others, and hardly anything after that.
SIGNALS = Limit("call-signals", 300, 60)
# Everybody may test, also strangers, and one network may be a whole office. The relay must not become theirs for other things.
TRIALS = Limit("call-trials", 60, 3600)


def for_participant(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Gives the view the participant whose cookie the browser has, and the path to go back to."""

    @wraps(view)
    def opened(request: HttpRequest, room: str) -> HttpResponse:
        holder = passes.read_cookie(request.COOKIES.get(_cookie_name(translation.get_language()), ""), room)
        if holder is None:
            return _outside(request)
        participants = Participant.objects.select_related("call").filter(call__room=room, key=holder.key)
        participant = participants.first()
        return view(request, participant, holder.back or "/") if participant else _outside(request)

    return never_cache(opened)


def _outside(request: HttpRequest) -> HttpResponse:
    return render(request, "videocalls/outside.html", status=404)


def _cookie_name(language: str | None) -> str:
    """Returns the name of the cookie for the pages in one language, which have a path of their own."""
    return f"seat-{language}"


@require_safe
@never_cache
def enter(request: HttpRequest, room: str) -> HttpResponse:
    """Changes a pass into a cookie, and leads to the room. An old pass leads back to where a new one is made."""
    holder, is_valid = passes.read_pass(request.GET.get("pass", ""), room, now=timezone.now())
    if holder is None:
        return _outside(request)
    if not is_valid:
        return redirect(holder.back or "/")
    response = redirect("videocalls:room", room)
    for language, _name in settings.LANGUAGES:
        _set_cookie(response, language, holder)
    return response


def _set_cookie(response: HttpResponse, language: str, holder: Holder) -> None:
    with translation.override(language):
        path = reverse("videocalls:room", args=[holder.room])
    text, secure = passes.cookie_for(holder), settings.SESSION_COOKIE_SECURE
    response.set_cookie(_cookie_name(language), text, path=path, secure=secure, httponly=True, samesite="Lax")


@require_safe
@for_participant
def room(request: HttpRequest, participant: Participant, back: str) -> HttpResponse:
    state = signalling.state_of(participant, now=timezone.now())
    if state == State.OVER:
        return render(request, "videocalls/over.html", {"back": back})
    if state == State.OUTSIDE:
        return redirect(back)
    return render(request, "videocalls/room.html", {"participant": participant, "back": back})


@require_POST
@for_participant
def sync(request: HttpRequest, participant: Participant, _back: str) -> HttpResponse:
    """Takes what a page says and answers with who is there and what is for it. A page without a session gets one."""
    now = timezone.now()
    message = _message(request)
    if message.signals and SIGNALS.passed(str(participant.pk), now=now):
        return JsonResponse({"state": State.INSIDE}, status=429)
    state = signalling.state_of(participant, now=now)
    if state != State.INSIDE:
        return JsonResponse({"state": state})
    if not message.session or not participant.session:
        return JsonResponse({"state": state, **signalling.begin(participant, now=now), **_ways(participant, now)})
    if message.session != participant.session:
        return JsonResponse({"state": State.ELSEWHERE})
    return JsonResponse({"state": state, **signalling.go_on(participant, message, now=now)})


def _message(request: HttpRequest) -> Message:
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            raise BadRequest
        return Message.read(json.loads(request.body))
    except (ValueError, RecursionError) as error:
        raise BadRequest from error


def _ways(participant: Participant, now: datetime) -> dict[str, object]:
    until = max(participant.call.closes_at, now) + SPARE
    return {"iceServers": relays.servers(until=until), "iceTransportPolicy": relays.policy()}


@require_POST
@for_participant
def bye(request: HttpRequest, participant: Participant, _back: str) -> HttpResponse:
    """Notes that a page was closed or reloaded. Browsers send it while they do that."""
    signalling.stop(participant, request.POST.get("session", ""))
    return HttpResponse(status=204)


@require_POST
@for_participant
def leave(request: HttpRequest, participant: Participant, back: str) -> HttpResponse:
    presence.leave(participant, now=timezone.now())
    return redirect(back)


@require_POST
@for_participant
def end(request: HttpRequest, participant: Participant, back: str) -> HttpResponse:
    """Ends the call for everybody. Only an officer who is inside can do that."""
    now = timezone.now()
    state = signalling.state_of(participant, now=now)
    if not participant.is_host or state == State.OUTSIDE:
        raise PermissionDenied
    if state == State.INSIDE:
        presence.end(participant.call, now=now)
    return redirect(back)


@require_safe
def test(request: HttpRequest) -> HttpResponse:
    """Lets anybody try camera, microphone, loudspeaker and connection before the call. `back` is a path of ours."""
    back = request.GET.get("back", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    context = {"back": back if is_ours else "", "has_relay": relays.has_relay()}
    return render(request, "videocalls/test.html", context)


@require_POST
@never_cache
def relay(request: HttpRequest) -> HttpResponse:
    """Lets a test reach the relay once, for two minutes."""
    now = timezone.now()
    if TRIALS.passed(network_of(request), now=now):
        return JsonResponse({}, status=429)
    return JsonResponse({"iceServers": relays.servers(until=now + TRIAL)})
