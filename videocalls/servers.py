"""Looks whether the servers of video providers work, so that pages tell it before people stand at a door."""

import logging
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import Peer
from videocalls.models import VideoCall
from videocalls.providers import ProviderError, provider_of
from videocalls.providers.asking import OF_VIDEO, talking

State = VideoCall.State
logger = logging.getLogger(__name__)

# How long before a room opens its server is looked at for the first time.
SOON = timedelta(minutes=10)
# A server that nobody could ask for so long, because no call needs it any more, counts as unknown.
KEPT = timedelta(days=1)


def to_look_at(*, now: datetime) -> list[VideoCall]:
    """Returns one call for each server: of rooms that are open or open soon, and of servers that did not work."""
    away = Peer.objects.filter(name__startswith=OF_VIDEO).values_list("name", flat=True)
    kinds = {name.removeprefix(OF_VIDEO).partition(" ")[0] for name in away}
    calls = VideoCall.objects.filter(closes_at__gt=now, state__in=(State.READY, State.PENDING))
    needed = calls.filter(Q(opens_at__lte=now + SOON) | Q(provider__in=kinds))
    by_server: dict[tuple[str, str], VideoCall] = {}
    for call in needed.order_by("provider", "link", "opens_at", "pk").distinct("provider", "link"):
        if host := _host(call):
            by_server.setdefault((call.provider, host), call)
    return [*by_server.values()]


def _host(call: VideoCall) -> str:
    try:
        return provider_of(call).host(call)
    except ProviderError:  # there is no such provider any more
        return ""


def look(call: VideoCall, *, now: datetime) -> None:
    """Asks the server of this call, unless it is left alone."""
    try:
        with talking(call.provider, now=now):
            provider_of(call).look(call, now=now)
    except ProviderError as error:
        logger.info("A server of %s does not work: %s", call.provider, error)


def forget(*, now: datetime) -> None:
    """Forgets servers that did not work and that no call needs any more."""
    Peer.objects.filter(name__startswith=OF_VIDEO, quiet_until__lt=now - KEPT).delete()
