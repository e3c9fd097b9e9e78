"""What the browsers in a room tell each other through us, until they are connected, and who is there.

Each page that is opened is a session of its participant, and the newest one counts. Browsers address each other by session,
so nothing reaches a page that is no longer there. A browser asks every few seconds. It tells what it has got, and only
then is it forgotten here: an answer that is lost on the way loses nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from accounts.sealing import random_key
from accounts.typed import UNREADABLE
from videocalls import presence
from videocalls.models import Participant, Signal

KINDS = frozenset({"offer", "answer", "ice", "again"})
LONGEST = 40_000  # characters of one signal; an offer has about 8,000
MOST = 50  # signals in one request
KEPT = 200  # signals of one sender that nobody has fetched yet


class State(StrEnum):
    """What a page is to show."""

    INSIDE = "inside"
    OUTSIDE = "outside"  # not let in (any more), or too early
    OVER = "over"
    ELSEWHERE = "elsewhere"  # the same person has opened the room in another page since


@dataclass(frozen=True)
class Outgoing:
    to: str  # a session
    kind: str
    number: int  # counts the sender's signals, so that one sent twice is read once
    data: str  # JSON that only browsers read

    @classmethod
    def read(cls, sent: Any) -> "Outgoing":
        """Raises ValueError or TypeError if it is none."""
        found = cls(sent["to"], sent["kind"], sent["number"], sent["data"])
        texts = (found.to, found.kind, found.data)
        if not all(isinstance(text, str) for text in texts) or not _is_count(found.number):
            raise TypeError
        if found.kind not in KINDS or len(found.data) > LONGEST or any(map(UNREADABLE.search, texts)):
            raise ValueError
        return found


@dataclass(frozen=True)
class Message:
    """What a browser says when it asks: its session, which signals it has got, and its own."""

    session: str
    got: list[int]
    signals: list[Outgoing]

    @classmethod
    def read(cls, sent: Any) -> "Message":
        """Raises ValueError if it cannot be read."""
        try:
            session, got = str(sent["session"]), [number for number in sent["got"] if _is_count(number)]
            signals = [Outgoing.read(one) for one in sent["signals"]]
        except (KeyError, TypeError) as error:
            raise ValueError from error
        if len(got) > 4 * KEPT or len(signals) > MOST:
            raise ValueError
        return cls(session, got, signals)


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < 1 << 62


def state_of(participant: Participant, *, now: datetime) -> State:
    call = participant.call
    if call.ended_at or now >= call.closes_at:
        return State.OVER
    if not participant.is_inside or now < call.opens_at:
        return State.OUTSIDE
    return State.INSIDE


def begin(participant: Participant, *, now: datetime) -> dict[str, Any]:
    """Makes the page that asks the participant's only one, and returns who is there. Others connect to it anew."""
    participant.session = random_key()
    Participant.objects.filter(pk=participant.pk).update(session=participant.session)
    own = Signal.objects.filter(call=participant.call_id)
    (own.filter(sender=participant) | own.filter(receiver=participant)).delete()
    presence.keep_alive(participant, now=now)
    return {**_present(participant, _others(participant), now), "signals": []}


def go_on(participant: Participant, message: Message, *, now: datetime) -> dict[str, Any]:
    """Takes what the page says, and returns who is there and what is for it."""
    presence.keep_alive(participant, now=now)
    if message.got:
        Signal.objects.filter(receiver=participant, pk__in=message.got).delete()
    others = _others(participant)
    if message.signals:
        _send(participant, others, message.signals)
    inbox = Signal.objects.filter(receiver=participant).order_by("pk")
    signals = [{"id": pk, **payload} for pk, payload in inbox.values_list("pk", "payload")]
    return {**_present(participant, others, now), "signals": signals}


def stop(participant: Participant, session: str) -> None:
    """Notes that the page with this session is closed. The seat stays: it may only be reloaded, or open anew soon."""
    Participant.objects.filter(pk=participant.pk, session=session).update(session="")


def _present(participant: Participant, others: list[Participant], now: datetime) -> dict[str, Any]:
    """Returns who is inside. A host also learns who stands at the door: nobody else may know it."""
    inside = [one for one in others if one.is_inside]
    found = {"session": participant.session, "people": [_shown(one, now) for one in inside]}
    if participant.is_host:
        waiting = [one for one in others if not one.is_inside]
        found["waiting"] = [one.name for one in waiting if presence.is_here(one, now=now)]
    return found


def _others(participant: Participant) -> list[Participant]:
    """Returns the others who are inside, by their seats, and then who waits, in the order in which they came."""
    others = Participant.objects.filter(call=participant.call_id).exclude(pk=participant.pk)
    return list(others.inside_or_waiting())


def _shown(other: Participant, now: datetime) -> dict[str, Any]:
    return {
        "seat": other.seat,
        "session": other.session,
        "name": other.name,
        "role": other.get_role_display(),
        "isHere": presence.is_here(other, now=now),
    }


def _send(sender: Participant, others: list[Participant], signals: list[Outgoing]) -> None:
    """Keeps the signals for those who are inside. An offer begins anew, so what was sent before it is void."""
    receivers = {other.session: other for other in others if other.session and other.is_inside}
    known = [(receivers[one.to], one) for one in signals if one.to in receivers]
    sent = Signal.objects.filter(call=sender.call_id, sender=sender)
    if void := {receiver.pk for receiver, one in known if one.kind == "offer"}:
        sent.filter(receiver__in=void).delete()
    free = max(KEPT - sent.count(), 0)
    Signal.objects.bulk_create(
        Signal(call_id=sender.call_id, sender=sender, receiver=receiver, kind=one.kind, payload=_payload(sender, one))
        for receiver, one in known[:free]
    )


def _payload(sender: Participant, signal: Outgoing) -> dict[str, Any]:
    """Returns what the receiver reads. The sender's session is ours to say, so nobody speaks for somebody else."""
    own = {"from": sender.session, "to": signal.to}
    return own | {"kind": signal.kind, "number": signal.number, "data": signal.data}
