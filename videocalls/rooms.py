"""The verbs of video calls: prepare a room at its provider, and enter it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import leases
from accounts.leases import Work
from videocalls.models import VideoCall
from videocalls.providers import ProviderAway, ProviderError, ProviderRefused, Visitor, provider_of

State = VideoCall.State


def _failed(_now: datetime) -> dict[str, Any]:
    """Staff see it."""
    return {"state": State.FAILED, "retry_at": None}


LEASE = timedelta(minutes=2)
RETRIES = (1, 5, 15, 60, 240)
PREPARING = Work(VideoCall.objects, LEASE, RETRIES, due="retry_at", given_up=_failed)


def prepare(call: VideoCall, *, now: datetime) -> None:
    """Tell the provider of the room and its window, and store how that went; nothing if another worker is at it."""
    for waiting in _claim(call, now):
        try:
            provider_of(waiting).prepare(waiting)
        except ProviderRefused as error:
            PREPARING.settle([waiting], **_failed(now), last_error=leases.told(error))
        except ProviderAway as error:
            PREPARING.postpone([waiting], error, now=now)
        else:
            PREPARING.settle([waiting], state=State.READY, retry_at=None, last_error="")


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


@transaction.atomic
def _claim(call: VideoCall, now: datetime) -> list[VideoCall]:
    """The call as it is now, leased to the caller; or nothing."""
    waiting = leases.lock_first(VideoCall.objects.to_prepare(now=now).filter(pk=call.pk))
    return PREPARING.take([waiting], now=now) if waiting else []
