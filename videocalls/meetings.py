"""Removes what providers keep for calls that nobody needs any more."""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from accounts.work import leases
from accounts.work.leases import Work
from videocalls.models import Meeting, VideoCall
from videocalls.providers import ProviderError, provider_named
from videocalls.providers.asking import talking
from videocalls.rooms import LEASE

logger = logging.getLogger(__name__)


def _given_up(now: datetime) -> dict[str, Any]:
    return {"given_up_at": now}


RETRIES = (5, 30, 2 * 60, 12 * 60, 24 * 60, 24 * 60)
REMOVING = Work(Meeting.objects, LEASE, RETRIES, due="unneeded_at", given_up=_given_up)


def find_unneeded(*, now: datetime) -> int:
    """Notes which meetings nobody needs: the call has moved to another provider, was dropped, or is over. Returns how many.

    They are removed a little later, when no worker can still be making them.
    """
    found = Meeting.objects.filter(_is_unneeded(now), unneeded_at__isnull=True, given_up_at__isnull=True)
    return Meeting.objects.filter(pk__in=found.values("pk")).update(unneeded_at=now + LEASE, attempts=0)


def remove(meeting: Meeting, *, now: datetime) -> None:
    """Removes the meeting at its provider, and then our row. Does nothing if another worker does it, or if it is needed."""
    for ours in _claim(meeting, now):
        try:
            with talking(ours.provider, now=now):
                provider_named(ours.provider).remove(ours.call, ours.details)
        except ProviderError as error:
            REMOVING.postpone([ours], error, now=now)
            if ours.attempts > len(RETRIES):
                logger.warning("A meeting at %s could not be removed: %s", ours.provider, leases.told(error))
        else:
            Meeting.objects.filter(pk=ours.pk, leased_until=ours.leased_until).delete()


def _is_unneeded(now: datetime) -> Q:
    over = Q(call__state=VideoCall.State.DROPPED) | Q(call__closes_at__lte=now)
    return over | ~Q(call__provider=F("provider"))


@transaction.atomic
def _claim(meeting: Meeting, now: datetime) -> list[Meeting]:
    """Returns the meeting leased to the caller, or an empty list. A call that came back keeps its meeting."""
    rows = Meeting.objects.to_remove(now=now).filter(_is_unneeded(now), pk=meeting.pk).select_related("call")
    unneeded = leases.lock_first(rows)
    return REMOVING.take([unneeded], now=now) if unneeded else []
