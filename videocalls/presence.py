"""Who waits at a room, who is inside, and who has left."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from accounts.sealing import random_key
from videocalls.models import SEATS, Participant, VideoCall
from videocalls.providers.base import Visitor

Role = Participant.Role

# The citizen and an officer need a seat each. The others are for guests.
GUESTS = SEATS - 2
# A page asks every few seconds. Whoever has not asked for so long is away: the network, a closed page, a locked telephone.
AWAY = timedelta(seconds=15)
# A seat of somebody who is away for so long goes to the next one, if there is no free one.
LOST = timedelta(seconds=60)
# A room does not close over people who talk: while an officer and somebody else are inside, it closes later, step by step.
LAST_MINUTES = timedelta(minutes=3)
LONGER = timedelta(minutes=10)
LONGEST = timedelta(hours=8)


class RoomFull(Exception):
    """All seats are taken by people who are here."""


def is_here(participant: Participant, *, now: datetime) -> bool:
    return participant.left_at is None and participant.seen_at is not None and now - participant.seen_at < AWAY


@transaction.atomic
def arrive(call: VideoCall, visitor: Visitor, *, device: str = "", now: datetime) -> Participant:
    """Notes that the visitor stands at the door, and returns the participant.

    Whoever comes back after leaving waits again, and keeps the time of the first coming. Whoever comes with another `device`
    goes on there, and is still one person with one place. It is "" of people who can come with one alone. A host is let in
    at once, if there is a free seat. Repeating it is harmless.
    """
    _locked(call)
    role = Role.HOST if visitor.is_host else Role.VISITOR
    participant, _is_new = Participant.objects.get_or_create(call=call, key=visitor.key, defaults={"role": role})
    participant.name, participant.left_at, participant.seen_at = visitor.name[:150], None, now
    participant.waiting_from = participant.waiting_from or now
    participant.device = device
    participant.save(update_fields=["name", "left_at", "seen_at", "waiting_from", "device"])
    if participant.is_host and not participant.is_inside:
        _seat(participant, now)
    return participant


def is_elsewhere(participant: Participant, device: str) -> bool:
    """Returns whether the person has come with another device than this one."""
    return bool(participant.device) and participant.device != device


def go_on_at(participant: Participant, device: str) -> None:
    """Notes that the person goes on at this device."""
    Participant.objects.filter(pk=participant.pk).exclude(device=device).update(device=device)


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
    """Notes that the participant's page has asked. Writes at most every third of AWAY, so that polling stays cheap.

    While a host is inside with somebody else, the room does not close.
    """
    if participant.seen_at is None or now - participant.seen_at >= AWAY / 3:
        participant.seen_at = now
        Participant.objects.filter(pk=participant.pk).update(seen_at=now)
        if participant.is_host and participant.is_inside and participant.call.closes_at - now < LAST_MINUTES:
            _stay_open(participant, now)


def _stay_open(host: Participant, now: datetime) -> None:
    """Lets the room close later, if somebody else is inside, so that nobody is thrown out in the middle of a sentence."""
    others = Participant.objects.filter(call=host.call_id, seen_at__gt=now - LOST).inside().exclude(pk=host.pk)
    call = VideoCall.objects.filter(pk=host.call_id, ended_at__isnull=True, closes_at__gt=now)
    if others.exists() and call.filter(opens_at__gt=now - LONGEST).update(closes_at=now + LONGER):
        host.call.closes_at = now + LONGER


def tell(participant: Participant, text: str) -> None:
    """Shows the text to the participant for as long as the person waits. The last one counts."""
    told = " ".join(text.split())[: Participant._meta.get_field("told").max_length]
    Participant.objects.filter(pk=participant.pk, seat__isnull=True).update(told=told)


def end(call: VideoCall, *, now: datetime) -> None:
    """Ends the call for everybody who is inside or waits."""
    VideoCall.objects.filter(pk=call.pk, ended_at__isnull=True).update(ended_at=now)
    call.participants.filter(waiting_from__isnull=False, left_at__isnull=True).update(left_at=now, seat=None, told="")


def go_on(call: VideoCall) -> None:
    """Takes the end of the call back. Whoever comes waits again."""
    VideoCall.objects.filter(pk=call.pk).update(ended_at=None)


def begin_anew(call: VideoCall) -> None:
    """Forgets who came and when, because the call takes place at another time now. Links of guests stay good."""
    VideoCall.objects.filter(pk=call.pk).update(ended_at=None, phone_from=None, phone_by="")
    unset = dict.fromkeys(("waiting_from", "admitted_at", "left_at", "seen_at", "seat"))
    call.participants.filter(waiting_from__isnull=False).update(**unset, told="")


def has_come(call: VideoCall) -> bool:
    """Returns whether the citizen has stood at the door, or has asked to be called instead."""
    came = call.participants.filter(role=Role.VISITOR, waiting_from__isnull=False)
    return call.phone_by == Role.VISITOR or came.exists()


def take_phone(call: VideoCall, role: str, *, now: datetime) -> bool:
    """Notes that somebody in this role wishes to talk by telephone instead. Returns False if that was so already."""
    without = VideoCall.objects.filter(pk=call.pk, phone_from__isnull=True)
    return bool(without.update(phone_from=now, phone_by=role))


def leave_phone(call: VideoCall) -> bool:
    """Notes that people try the video again. Returns False if they had not gone to the telephone."""
    return bool(VideoCall.objects.filter(pk=call.pk, phone_from__isnull=False).update(phone_from=None, phone_by=""))


# Guests


@transaction.atomic
def invite(call: VideoCall) -> Participant | None:
    """Makes a link for one more guest. Returns None if there are as many links as seats for guests."""
    _locked(call)
    if call.participants.filter(role=Role.GUEST).exclude(token="").count() >= GUESTS:
        return None
    return call.participants.create(role=Role.GUEST, key=f"guest-{random_key()}", token=random_key())


@transaction.atomic
def claim(guest: Participant, name: str, *, now: datetime) -> Participant | None:
    """Lets the guest who gave this name wait at the door, and returns the participant with a new key.

    Whoever has used the link before loses the seat with the key: the officer looks again who it is. Returns None while
    somebody else uses the link, or if it was taken back.
    """
    _locked(guest.call)
    current = Participant.objects.filter(pk=guest.pk).exclude(token="").first()
    if current is None or is_here(current, now=now):
        return None
    key = f"guest-{random_key()}"
    Participant.objects.filter(pk=guest.pk).update(key=key, seat=None, told="")
    return arrive(guest.call, Visitor(key=key, name=name), now=now)


@transaction.atomic
def withdraw(guest: Participant, *, now: datetime) -> None:
    """Takes the guest's link back. A guest who is inside has to leave; one who never came is forgotten."""
    _locked(guest.call)
    Participant.objects.filter(pk=guest.pk, waiting_from__isnull=True).delete()
    Participant.objects.filter(pk=guest.pk).update(token="", seat=None, left_at=now, told="")


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
