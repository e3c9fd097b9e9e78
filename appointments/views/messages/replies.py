"""The hook to which an SMS gateway tells what citizens send. It signs each message with SMS_HOOK_SECRET."""

import hmac
import json
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from appointments.messages import replies

# How far the gateway's clock may be off. What was overheard is worth nothing afterwards, and before that it is a repetition.
WINDOW = timedelta(minutes=5)
LONGEST_BODY, LONGEST_TIME = 4096, 12  # bytes, digits
LONGEST = {"id": 200, "from": 30, "text": 1600}


@csrf_exempt
@never_cache
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Takes {"id": …, "from": …, "text": …}. Without a secret there is no such page."""
    if not settings.SMS_HOOK_SECRET:
        raise Http404
    now = timezone.now()
    if _is_long(request):
        return _refused("too long", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if not _is_signed(request, now):
        return _refused("not signed, or not now", HTTPStatus.FORBIDDEN)
    message = _read(request.body)
    if message is None:
        return _refused("not a message", HTTPStatus.BAD_REQUEST)
    return JsonResponse({"outcome": replies.receive(message["id"], message["from"], message["text"], now=now)})


def _is_long(request: HttpRequest) -> bool:
    """Returns whether the body is too long, without reading it if it says so itself."""
    told = request.headers.get("Content-Length") or "0"
    return not told.isdecimal() or int(told) > LONGEST_BODY or len(request.body) > LONGEST_BODY


def _is_signed(request: HttpRequest, now: datetime) -> bool:
    """Returns whether the signature is that of the time (seconds since 1970 in UTC), a point, and the body."""
    sent = request.headers.get("X-MyDesk-Timestamp", "")
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= LONGEST_TIME):
        return False
    signed = hmac.new(settings.SMS_HOOK_SECRET.encode(), f"{sent}.".encode() + request.body, "sha256").hexdigest()
    is_now = abs(now.timestamp() - int(sent)) <= WINDOW.total_seconds()
    return constant_time_compare(request.headers.get("X-MyDesk-Signature", ""), f"sha256={signed}") and is_now


def _read(body: bytes) -> dict[str, str] | None:
    """Returns the three texts, or None if they are not there, too long, or hold half of a letter."""
    try:
        given = json.loads(body)
        found = {name: given[name] for name in LONGEST}
        signs = {name: len(text.encode().decode()) for name, text in found.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if found["id"] and all(signs[name] <= most for name, most in LONGEST.items()) else None


def _refused(why: str, status: HTTPStatus) -> JsonResponse:
    return JsonResponse({"error": why}, status=status)
