"""The verbs of video calls: prepare a room at its provider, and enter it."""

from datetime import datetime, timedelta

from django.db.models import F

from videocalls.models import VideoCall
from videocalls.providers import ProviderAway, ProviderError, ProviderRefused, Visitor, provider_of

State = VideoCall.State

# Minutes until the next attempt after each failure; after the last one the call has failed and staff see it.
RETRIES = [1, 5, 15, 60, 240]
# While one worker asks the provider, no other does; one that dies meanwhile leaves the call to the next.
LEASE = timedelta(minutes=2)


def prepare(call: VideoCall, *, now: datetime) -> None:
    """Tell the provider of the room and its window, and store how that went; nothing if another worker is at it."""
    if not _claim(call, now):
        return
    try:
        provider_of(call).prepare(call)
    except ProviderRefused as error:
        _record(call, state=State.FAILED, retry_at=None, last_error=str(error)[:250])
    except ProviderAway as error:
        _postpone(call, error, now)
    else:
        _record(call, state=State.READY, retry_at=None, last_error="")


def enter(call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
    """The visitor's own address of the room; empty while it is closed, or where the call has none to go to."""
    if call.state != State.READY or not call.is_open(now):
        return ""
    try:
        return provider_of(call).address(call, visitor, now=now)
    except ProviderError:
        return ""


def is_hosted(call: VideoCall) -> bool:
    """Whether the call has a room to go to. Without one people talk by telephone."""
    try:
        return provider_of(call).is_hosted
    except ProviderRefused:
        return False


def _claim(call: VideoCall, now: datetime) -> bool:
    waiting = VideoCall.objects.to_prepare(now=now).filter(pk=call.pk)
    if not waiting.update(attempts=F("attempts") + 1, retry_at=now + LEASE):
        return False
    call.refresh_from_db()
    return True


def _postpone(call: VideoCall, error: ProviderAway, now: datetime) -> None:
    if call.attempts > len(RETRIES):
        _record(call, state=State.FAILED, retry_at=None, last_error=str(error)[:250])
    else:
        retry_at = now + timedelta(minutes=RETRIES[call.attempts - 1])
        _record(call, retry_at=retry_at, last_error=str(error)[:250])


def _record(call: VideoCall, **outcome: object) -> None:
    """Unless the window has moved meanwhile: then the provider has to hear of it anew."""
    asked = VideoCall.objects.filter(
        pk=call.pk, opens_at=call.opens_at, closes_at=call.closes_at, attempts=call.attempts
    )
    asked.update(**outcome)
