"""Prepares video rooms at their provider, lets people enter them, and takes the agency's second provider if the first fails.

A call falls back once, under the lock of its row, and never returns. So whoever enters after that is in the same room.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.work import leases
from accounts.work.leases import Work
from videocalls.models import Meeting, Participant, Signal, VideoCall, VideoCallQuerySet
from videocalls.providers import ProviderAway, ProviderError, ProviderRefused, Visitor, provider_of
from videocalls.providers.asking import talking

State = VideoCall.State
logger = logging.getLogger(__name__)


def _failed(_now: datetime) -> dict[str, Any]:
    """Returns the fields that end a call in the failed state, which staff see."""
    return {"state": State.FAILED, "retry_at": None}


LEASE = timedelta(minutes=2)
# How long after a room has closed it is known who was in it.
KEPT = timedelta(hours=1)
_NOBODY = {"name": "", "token": "", "told": "", "session": "", "device": ""}
RETRIES = (1, 5, 15, 60, 240)
PREPARING = Work(VideoCall.objects, LEASE, RETRIES, due="retry_at", given_up=_failed)


def prepare(call: VideoCall, *, now: datetime) -> None:
    """Prepares the room at its provider and stores the outcome. Does nothing if another worker has leased the call."""
    for waiting in _claim(call, now):
        try:
            with talking(waiting.provider, now=now):
                _make(waiting, now)
        except ProviderError as error:
            _not_made(waiting, error, now)
        else:
            PREPARING.settle([waiting], state=State.READY, retry_at=None, last_error="")


def enter(call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
    """Returns the visitor's own address of the room. It is empty while the room is closed, or if there is no hosted room.

    If the provider does not answer or refuses, the call moves to the second one, for everybody.
    """
    while call.state == State.READY and call.is_open(now):
        try:
            address = _address(call, visitor, now)
        except ProviderError as error:
            if not _leave(call, error, now):
                return ""
        else:
            if _is_kept(call, now):
                return address
        call.refresh_from_db()
    return ""


def forget(*, now: datetime) -> int:
    """Forgets what is personal in rooms that closed KEPT ago: names, links, what was said, and what browsers exchanged.

    When people waited, were let in and left stays, for statistics. Returns how many participants are forgotten.
    """
    Signal.objects.filter(call__closes_at__lte=now - KEPT).delete()
    known = Participant.objects.known().filter(call__closes_at__lte=now - KEPT)
    return known.update(**_NOBODY, seat=None)


def is_hosted(call: VideoCall) -> bool:
    """Returns whether the call has a hosted room. Without one, people talk by telephone."""
    try:
        return provider_of(call).is_hosted
    except ProviderRefused:
        return False


def drop(calls: VideoCallQuerySet) -> int:
    """Ends calls that nobody needs any more. Returns how many. `reopen` brings a call back."""
    return calls.exclude(state=State.DROPPED).update(state=State.DROPPED, leased_until=None, retry_at=None)


def _make(call: VideoCall, now: datetime) -> None:
    """Has the provider make or move what it keeps for the call, outside of any transaction."""
    provider = provider_of(call)
    provider.prepare(call)
    if not provider.keeps_meetings:
        return
    meeting = _needed(call, now)
    meeting.details = {**meeting.details, **provider.make(call, meeting.details, now=now)}
    Meeting.objects.filter(pk=meeting.pk).update(sealed=meeting.sealed)


@transaction.atomic
def _needed(call: VideoCall, now: datetime) -> Meeting:
    """Returns the meeting of the call at its provider, which nobody removes from now on, and notes where it may be."""
    meeting, _is_new = Meeting.objects.select_for_update().get_or_create(call=call, provider=call.provider)
    if meeting.leased_until and meeting.leased_until > now:
        raise ProviderAway("the old meeting is being removed")
    since, until = meeting.details.get("span") or (call.opens_at.isoformat(), call.closes_at.isoformat())
    span = [min(since, call.opens_at.isoformat()), max(until, call.closes_at.isoformat())]
    meeting.details = {**meeting.details, "span": span}
    meeting.unneeded_at = meeting.given_up_at = None
    meeting.attempts = 0
    meeting.save()
    return meeting


def _not_made(call: VideoCall, error: ProviderError, now: datetime) -> None:
    """Tries again later, or at the second provider if that would be too late."""
    if call.fallback and (isinstance(error, ProviderRefused) or _is_too_late(call, now)):
        if PREPARING.settle([call], **_at_second(call, error, now)):
            prepare(call, now=now)
    elif isinstance(error, ProviderRefused):
        PREPARING.settle([call], **_failed(now), last_error=leases.told(error))
    else:
        PREPARING.postpone([call], error, now=now)


def _is_too_late(call: VideoCall, now: datetime) -> bool:
    """Returns whether there is no further attempt before the room opens."""
    if call.attempts > len(RETRIES):
        return True
    return now + timedelta(minutes=RETRIES[call.attempts - 1]) >= call.opens_at


def _at_second(call: VideoCall, why: Exception, now: datetime) -> dict[str, Any]:
    """Returns the fields with which the call goes on at its second provider."""
    logger.warning("A call falls back from %s to %s: %s", call.provider, call.fallback, leases.told(why))
    return {
        "provider": call.fallback,
        "fallback": "",
        "fell_back_at": now,
        "entered_at": None,
        "state": State.PENDING,
        "attempts": 0,
        "retry_at": None,
        "last_error": leases.told(why),
    }


def _address(call: VideoCall, visitor: Visitor, now: datetime) -> str:
    """Asks the provider, twice if somebody may be inside already: a hiccup must not part people who are to meet."""
    try:
        return _asked(call, visitor, now)
    except ProviderAway:
        if not call.entered_at:
            raise
        return _asked(call, visitor, now)


def _asked(call: VideoCall, visitor: Visitor, now: datetime) -> str:
    """Asks also a server that did not answer others lately, if there is no choice or somebody may be inside already."""
    provider = provider_of(call)
    with talking(call.provider, now=now, insists=bool(call.entered_at) or not call.fallback):
        if call.fallback:  # otherwise there is no choice, and asking would only take time
            provider.reach(call, visitor, now=now)
        return provider.address(call, visitor, now=now)


@transaction.atomic
def _is_kept(call: VideoCall, now: datetime) -> bool:
    """Notes that somebody enters. Returns False if the call has fallen back while the provider was asked."""
    if not call.fallback:
        return True
    current = _locked(call)
    if current.provider == call.provider and not current.entered_at:
        VideoCall.objects.filter(pk=call.pk).update(entered_at=now)
    return current.provider == call.provider


def _leave(call: VideoCall, why: ProviderError, now: datetime) -> bool:
    """Moves the call to its second provider, unless somebody else has done so. Returns False if there is none."""
    with transaction.atomic():
        current = _locked(call)
        if current.provider == call.provider:
            if not current.fallback:
                return False
            VideoCall.objects.filter(pk=call.pk).update(leased_until=None, **_at_second(current, why, now))
    prepare(call, now=now)
    return True


def _locked(call: VideoCall) -> VideoCall:
    return VideoCall.objects.select_for_update(no_key=True).get(pk=call.pk)


@transaction.atomic
def _claim(call: VideoCall, now: datetime) -> list[VideoCall]:
    """Returns the call as it is now, leased to the caller, or an empty list."""
    waiting = leases.lock_first(VideoCall.objects.to_prepare(now=now).filter(pk=call.pk))
    if waiting and waiting.fallback and waiting.attempts > len(RETRIES):
        for name, value in _at_second(waiting, ProviderAway("the worker died at every attempt"), now).items():
            setattr(waiting, name, value)
        waiting.save()
    return PREPARING.take([waiting], now=now) if waiting else []
