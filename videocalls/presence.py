"""Who waits at a room, who is inside, and who has left."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from videocalls.models import SEATS, Participant, VideoCall
from videocalls.providers.base import Visitor

Role = Participant.Role

# A page asks every few seconds. Whoever has not asked for so long is away: the network, a closed page, a locked telephone.
AWAY = timedelta(seconds=15)
# A seat of somebody who is away for so long goes to the next one, if there is no free one.
LOST = timedelta(seconds=60)


class RoomFull(Exception):
    """All seats are taken by people who are here."""


def is_here(participant: Participant, *, now: datetime) -> bool:
    return participant.left_at is None and participant.seen_at is not None and now - participant.seen_at < AWAY


@transaction.atomic
def arrive(call: VideoCall, visitor: Visitor, *, now: datetime) -> Participant:
    """Notes that the visitor stands at the door, and returns the participant.

    Whoever comes back after leaving waits again, and keeps the time of the first coming. A host is let in at once, if
    there is a free seat. Repeating it is harmless.
    """
    _locked(call)
    role = Role.HOST if visitor.is_host else Role.VISITOR
    participant, _is_new = Participant.objects.get_or_create(call=call, key=visitor.key, defaults={"role": role})
    participant.name, participant.left_at, participant.seen_at = visitor.name[:150], None, now
    participant.waiting_from = participant.waiting_from or now
    participant.save(update_fields=["name", "left_at", "seen_at", "waiting_from"])
    if participant.is_host and not participant.is_inside:
        _seat(participant, now)
    return participant


@transaction.atomic
def admit(participant: Participant, *, now: datetime) -> None:
    """Lets the participant in. Does nothing if that has happened already. Raises RoomFull."""
    _locked(participant.call)
    participant.refresh_from_db()
    if not participant.is_inside:
        _seat(participant, now)


def leave(participant: Participant, *, now: datetime) -> None:
    """Notes that the participant has left, and frees the seat. The first leaving counts until the person comes back."""
    gone = Participant.objects.filter(pk=participant.pk, left_at__isnull=True)
    gone.update(left_at=now, seat=None, told="")


def keep_alive(participant: Participant, *, now: datetime) -> None:
    """Notes that the participant's page has asked. Writes at most every third of AWAY, so that polling stays cheap."""
    if participant.seen_at is None or now - participant.seen_at >= AWAY / 3:
        participant.seen_at = now
        Participant.objects.filter(pk=participant.pk).update(seen_at=now)


def end(call: VideoCall, *, now: datetime) -> None:
    """Ends the call for everybody who is inside or waits."""
    VideoCall.objects.filter(pk=call.pk, ended_at__isnull=True).update(ended_at=now)
    call.participants.filter(waiting_from__isnull=False, left_at__isnull=True).update(left_at=now, seat=None)


def _locked(call: VideoCall) -> VideoCall:
    return VideoCall.objects.select_for_update(no_key=True).get(pk=call.pk)


def _seat(participant: Participant, now: datetime) -> None:
    """Gives the participant the first free seat. The caller has locked the call."""
    inside = Participant.objects.filter(call=participant.call_id).inside()
    taken = {one.seat for one in inside}
    seat = next((number for number in range(1, SEATS + 1) if number not in taken), None)
    if seat is None:
        seat = _given_up(participant.call_id, now)
    participant.seat, participant.left_at, participant.told = seat, None, ""
    participant.admitted_at = participant.admitted_at or now
    participant.save(update_fields=["seat", "admitted_at", "left_at", "told"])


def _given_up(call_pk: int, now: datetime) -> int:
    """Takes the seat of the person who has been away longest. Raises RoomFull if nobody has been away for LOST."""
    inside = Participant.objects.filter(call=call_pk).inside()
    away = inside.filter(seen_at__lte=now - LOST).order_by(F("seen_at").asc()).first()
    if away is None or away.seat is None:
        raise RoomFull
    Participant.objects.filter(pk=away.pk).update(seat=None, left_at=away.seen_at)
    return away.seat
