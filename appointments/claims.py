"""How many times visitors of the website may take: one program must not take all of them away from people.

Whoever signs in has proved an address, and is counted as one account. A guest has proved nothing, so what counts is the
session, the network (`accounts.limits.networks`) and the typed address. A guest's booking counts like an open hold until the
address is confirmed, or for an hour.

How many times a network may take depends on how crowded the day is. Many people share the address of an office or of a
mobile provider, so a network may take many while most times of a day are left. Once guests have taken a QUARTER of the
desks of a day, each network may have one of the branch, and each guest's browser works for it (`accounts.limits.work`).
Nobody is locked out: who signs in is not counted by network, and does not work.

Locks are taken before those of the verbs, in the order of their keys. So requests of one moment do not count past each
other.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import connection

from accounts.limits import keyed
from accounts.models import User
from accounts.typed.mailboxes import counted
from agencies.facts import BranchFacts
from agencies.models import Branch
from appointments.errors import EmailToProve, TooManyHolds, TooManyOpen, WorkToDo
from appointments.models import Appointment, Claim, TimeSlot
from appointments.models.appointment import PROMISED
from appointments.times.asking import AskedTime

# Open times of one network: at one branch, there on a crowded day, and at all branches. An office stays below.
AT_BRANCH, AT_CROWDED_BRANCH, IN_ALL = 10, 1, 30
# A day is crowded if guests have taken a quarter of its desks, but never by fewer than so many times.
QUARTER, FEWEST = 4, 3
# Unproven bookings of one typed address, and of one session in an hour.
OF_EMAIL, OF_SESSION = 3, 5
# Open appointments of one account, over all services, and of one that was made within a day: whoever has a mail domain can
# invent addresses. An accountant who books for others has fewer at a time.
OF_ACCOUNT, OF_NEW_ACCOUNT, NEW = 20, 5, timedelta(days=1)
# Until when a guest confirms the address where the day is crowded, although the agency does not ask for it.
PROVE_WITHIN = timedelta(minutes=15)
KEPT = timedelta(days=1)

LOCK = "SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::integer[]) AS key"
NAMESPACE = 0x636C  # of the locks, among all locks of the database

CLAIMED = "appointments_claim claim JOIN appointments_appointment appointment ON appointment.id = claim.appointment_id"
# Times that a guest keeps from others without having proved an address.
WAITS = "appointment.status IN ('held', 'unverified') AND appointment.expires_at > %(now)s"
BOOKED = "appointment.status = 'booked' AND claim.created_at > %(now)s - interval '{time}'"
UNPROVEN_OF_DAY = f"appointment.citizen_id IS NULL AND (({WAITS}) OR ({BOOKED.format(time='1 day')}))"

# The times that the visitor holds, or has held lately: what has run out is given back together with the others, and does
# not stand in the way of who comes back to it.
# Times that an offer holds for a citizen have no claim. The one that the session knows may be from before the claims.
MINE = f"""
WITH mine AS (
    SELECT appointment_id AS id FROM appointments_claim WHERE session = %(session)s AND session <> ''
    UNION SELECT appointment.id FROM {CLAIMED} WHERE appointment.citizen_id = %(citizen)s AND appointment.status = 'held'
    UNION SELECT id FROM appointments_appointment WHERE reference = %(held)s
)
SELECT appointment.id, coalesce(claim.slot, 0), appointment.procedure_id, appointment.channel,
    appointment.status = 'held' AND appointment.expires_at > %(now)s
FROM mine JOIN appointments_appointment appointment ON appointment.id = mine.id
LEFT JOIN appointments_claim claim ON claim.appointment_id = appointment.id
WHERE appointment.status = 'held' OR (
    appointment.status = 'expired' AND claim.appointment_id IS NOT NULL
    AND appointment.expires_at > %(now)s - interval '15 minutes'
)
"""
# What has run out counts a while longer, so that whoever comes back to it finds no neighbour in its place.
ENDS = """CASE appointment.status WHEN 'booked' THEN claim.created_at + interval '1 hour'
    ELSE appointment.expires_at + interval '15 minutes' END"""
OF_NETWORK = f"""
SELECT count(*), count(*) FILTER (WHERE appointment.branch_id = %(branch)s), min({ENDS})
FROM {CLAIMED}
WHERE claim.network = %(network)s AND claim.network <> '' AND appointment.id <> ALL(%(instead)s)
    AND appointment.citizen_id IS NULL AND appointment.status IN ('held', 'unverified', 'expired', 'booked') AND {ENDS} > %(now)s
"""
# Desks of the rule's coming slots of the day: all, those still free, those that guests have taken in the last hour, and
# those that they have taken in the last day.
OF_DAY = f"""
WITH coming AS (
    SELECT array_agg(id) AS ids, sum(desks) AS desks, sum(greatest(capacity - taken, 0)) AS free
    FROM appointments_timeslot
    WHERE rule_id = %(rule)s AND starts_at >= %(begins)s AND starts_at < %(ends)s AND starts_at > %(now)s
), taken AS (
    SELECT cardinality(appointment.slot_ids) AS desks, ({WAITS}) OR ({BOOKED.format(time="1 hour")}) AS lately
    FROM coming, {CLAIMED}
    WHERE appointment.branch_id = %(branch)s AND appointment.starts_at >= %(begins)s AND appointment.starts_at < %(ends)s
        AND appointment.slot_ids && coming.ids AND appointment.id <> ALL(%(instead)s)
        AND {UNPROVEN_OF_DAY}
)
SELECT coalesce(coming.desks, 0), coalesce(coming.free, 0),
    coalesce((SELECT sum(desks) FROM taken WHERE lately), 0), coalesce((SELECT sum(desks) FROM taken), 0)
FROM coming
"""
ROOM = f"SELECT * FROM ({OF_NETWORK}) AS network, ({OF_DAY}) AS day"

TYPED = """
UPDATE appointments_claim claim SET email = %(email)s WHERE appointment_id = %(appointment)s
RETURNING session, (SELECT rule_id FROM appointments_timeslot WHERE id = claim.slot)
"""
BOOKINGS = f"""
SELECT count(*) FROM {CLAIMED}
WHERE claim.{{of}} = %(who)s AND claim.{{of}} <> '' AND claim.created_at > %(since)s
    AND appointment.id <> %(appointment)s AND appointment.status <> 'held' AND {UNPROVEN_OF_DAY}
"""


@dataclass(frozen=True)
class Visitor:
    """Who chooses a time on the website: the session and the network, and the reference of the time held before.

    `has_worked` says whether the browser has solved the puzzle for the time, which a guest needs on a crowded day.
    """

    session: str
    network: str
    held: str = ""
    has_worked: bool = True


@dataclass(frozen=True)
class Held:
    """A time that the visitor holds or has held: its appointment, what was asked for, and whether it is still held."""

    pk: int
    slot: int
    procedure: int
    channel: str
    in_time: bool


@dataclass(frozen=True)
class Day:
    """The desks of a day: all, those that are free, and those that guests have taken in the last hour and day."""

    desks: int
    free: int
    lately: int
    today: int

    @property
    def is_crowded(self) -> bool:
        return self.lately >= max(FEWEST, self.desks // QUARTER)

    @property
    def is_guests_own(self) -> bool:
        """Whether guests who have proved nothing keep two thirds of what others have left. The rest is for accounts."""
        return self.is_crowded and self.lately >= 2 * self.free

    @property
    def asks_for_proof(self) -> bool:
        """Whether guests have to confirm the address: the day is crowded, or half of it was booked so within a day."""
        return self.is_crowded or self.today >= max(FEWEST, self.desks // 2)


def held_by(visitor: Visitor, citizen: User | None, asked: AskedTime, *, now: datetime) -> list[Held]:
    """Lock the visitor, a guest's network and day too, until the transaction ends; return the times that are held."""
    who = [f"session {visitor.session}"] if visitor.session else []
    if citizen:
        who += [f"account {citizen.pk}"]
    else:
        who += [f"network {visitor.network}", f"day {asked.rule_id} {asked.branch.local(asked.starts_at).date()}"]
    _lock(who)
    params: dict[str, Any] = {"session": session_hash(visitor.session), "held": visitor.held, "now": now}
    params["citizen"] = citizen.pk if citizen else None
    with connection.cursor() as cursor:
        cursor.execute(MINE, params)
        return [Held(*row) for row in cursor.fetchall()]


def require_room(visitor: Visitor, asked: AskedTime, *, instead: list[Held], now: datetime) -> None:
    """Raise TooManyHolds if the guest's network has too many times, and WorkToDo if the browser has to work for one.

    Times that this one replaces do not count.

    A time that the guest has had until now or lately goes on (`instead` is of the same slot). It has been counted meanwhile,
    so the network gets no more by it.
    """
    if any(one.slot == asked.pk for one in instead):
        return
    params = _of_day(asked.rule_id, asked.branch, asked.starts_at, [one.pk for one in instead], now)
    with connection.cursor() as cursor:
        cursor.execute(ROOM, params | {"network": _hashed("network", visitor.network)})
        in_all, at_branch, frees_at, *day = cursor.fetchone()
    at_day = Day(*map(int, day))
    if at_day.is_guests_own:
        raise TooManyHolds(asked.procedure.agency.hold_minutes)
    if in_all >= IN_ALL or at_branch >= (AT_CROWDED_BRANCH if at_day.is_crowded else AT_BRANCH):
        raise TooManyHolds(max(math.ceil((frees_at - now) / timedelta(minutes=1)), 1))
    if at_day.is_crowded and not (visitor.has_worked or _changes_place(instead, params)):
        raise WorkToDo


def _changes_place(instead: list[Held], day: dict[str, Any]) -> bool:
    """Return whether the guest gives another time of the same day back for it, and so takes none away from people."""
    given_back = [one.slot for one in instead if one.in_time]
    of_day = {"rule": day["rule"], "starts_at__gte": day["begins"], "starts_at__lt": day["ends"]}
    return TimeSlot.objects.filter(pk__in=given_back, **of_day).exists()


def keep(appointment: Appointment, slot: int, visitor: Visitor, *, instead: list[int], now: datetime) -> None:
    """Store who has taken the time instead of others. A signed-in citizen's network does not count, so it is not kept."""
    if instead:
        drop(*instead)
    network = "" if appointment.citizen_id else _hashed("network", visitor.network)
    session = session_hash(visitor.session)
    row = Claim(appointment=appointment, slot=slot, session=session, network=network, created_at=now)
    Claim.objects.bulk_create([row])


def proof_within(held: Appointment, email: str, *, now: datetime) -> timedelta | None:
    """Return within which time the guest has to confirm the address because many guests take times, or None.

    `held` is locked. Raises EmailToProve if the typed address, or the session, has too many bookings already of which
    nobody has proved the address.
    """
    _lock([f"email {counted(email)}"])
    address = _hashed("email", counted(email))
    appointment: dict[str, Any] = {"appointment": held.pk, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(TYPED, appointment | {"email": address})
        claim = cursor.fetchone()
        if claim is None:  # not taken on the website
            return None
        session, rule = claim
        for of, who, since, most in (
            ("email", address, KEPT, OF_EMAIL),
            ("session", session, timedelta(hours=1), OF_SESSION),
        ):
            cursor.execute(BOOKINGS.format(of=of), appointment | {"who": who, "since": now - since})
            if cursor.fetchone()[0] >= most:
                raise EmailToProve
        cursor.execute(OF_DAY, _of_day(rule, held.branch, held.starts_at, [held.pk], now))
        day = Day(*map(int, cursor.fetchone()))
    return PROVE_WITHIN if day.asks_for_proof else None


def drop(*appointments: int) -> None:
    """Stop counting these, because the guest has proved the address, or because they have ended."""
    Claim.objects.filter(pk__in=appointments).delete()


def require_account_room(citizen: User, *, now: datetime) -> None:
    """Raise TooManyOpen if the account has too many open appointments. Ask in the transaction that books."""
    _lock([f"bookings {citizen.pk}"])
    ahead = Appointment.objects.filter(citizen=citizen, status__in=PROMISED, ends_at__gt=now)
    if ahead.count() >= (OF_NEW_ACCOUNT if citizen.date_joined > now - NEW else OF_ACCOUNT):
        raise TooManyOpen


def forget_old(*, now: datetime) -> int:
    """Delete what is known about who took times more than a day ago; return how many rows."""
    return Claim.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _of_day(
    rule: int | None, branch: Branch | BranchFacts, moment: datetime, instead: list[int], now: datetime
) -> dict[str, Any]:
    day = branch.local(moment).date()
    span = {"begins": branch.midnight(day), "ends": branch.midnight(day + timedelta(days=1))}
    return {"rule": rule, "branch": branch.pk, "instead": instead, "now": now, **span}


def _lock(who: list[str]) -> None:
    """Lock these until the transaction ends, always in the same order."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [NAMESPACE, sorted(map(_key, who))])


def _key(who: str) -> int:
    return int.from_bytes(sha256(who.encode()).digest()[:4], signed=True)


def session_hash(session: str) -> str:
    return _hashed("session", session)


def _hashed(kind: str, who: str) -> str:
    return keyed(f"{kind} {who}") if who else ""
