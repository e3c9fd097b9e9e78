"""Prepares video rooms at their provider, and lets people enter them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.work import leases
from accounts.work.leases import Work
from videocalls.models import Participant, Signal, VideoCall
from videocalls.providers import ProviderAway, ProviderError, ProviderRefused, Visitor, provider_of

State = VideoCall.State


def _failed(_now: datetime) -> dict[str, Any]:
    """Returns the fields that end a call in the failed state, which staff see."""
    return {"state": State.FAILED, "retry_at": None}


LEASE = timedelta(minutes=2)
RETRIES = (1, 5, 15, 60, 240)
# How long after a room has closed it is known who was in it.
KEPT = timedelta(hours=1)
_NOBODY = {"name": "", "token": "", "told": "", "session": ""}
PREPARING = Work(VideoCall.objects, LEASE, RETRIES, due="retry_at", given_up=_failed)


def prepare(call: VideoCall, *, now: datetime) -> None:
    """Prepares the room at its provider and stores the outcome. Does nothing if another worker has leased the call."""
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
    """Returns the visitor's own address of the room. It is empty while the room is closed, or if there is no hosted room."""
    if call.state != State.READY or not call.is_open(now):
        return ""
    try:
        return provider_of(call).address(call, visitor, now=now)
    except ProviderError:
        return ""


def is_hosted(call: VideoCall) -> bool:
    """Returns whether the call has a hosted room. Without one, people talk by telephone."""
    try:
        return provider_of(call).is_hosted
    except ProviderRefused:
        return False


def forget(*, now: datetime) -> int:
    """Forgets what is personal in rooms that closed KEPT ago: names, links, what was said, and what browsers exchanged.

    When people waited, were let in and left stays, for statistics. Returns how many participants are forgotten.
    """
    over = VideoCall.objects.filter(closes_at__lte=now - KEPT)
    Signal.objects.filter(call__in=over).delete()
    known = Participant.objects.filter(call__in=over).exclude(**_NOBODY)
    return known.update(**_NOBODY, seat=None)


@transaction.atomic
def _claim(call: VideoCall, now: datetime) -> list[VideoCall]:
    """Returns the call as it is now, leased to the caller, or an empty list."""
    waiting = leases.lock_first(VideoCall.objects.to_prepare(now=now).filter(pk=call.pk))
    return PREPARING.take([waiting], now=now) if waiting else []
