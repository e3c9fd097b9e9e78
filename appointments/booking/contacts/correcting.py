"""The verb that corrects the e-mail address and the telephone number of an appointment.

An address that was not proved is a stranger's until its reader opens a link of ours. So the new one starts unproven, links
that were sent to the earlier one open nothing any more, and the earlier one is told, in case that somebody else did it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts.limits import DatabaseLimit
from agencies.models import Channel
from appointments import claims, history
from appointments.booking import owed
from appointments.booking.allowance import rules
from appointments.booking.contacts.owing import owe_anew, reach_of
from appointments.booking.locking import locked, refusals
from appointments.booking.persons import counted_as, decrypted, others_of, person_keys
from appointments.booking.taking import limit_place
from appointments.errors import (
    AddressRefused,
    EmailToProve,
    LinkUnsendable,
    LinkUnsendableBySms,
    TooLate,
    TooManyCorrections,
    WrongStatus,
)
from appointments.history import Actor
from appointments.models import Appointment, Event, Status

# Corrections of one appointment by its citizen in a day: each may send something to somebody who has never heard of us.
CORRECTIONS = DatabaseLimit("corrections", 5, 24 * 3600)


@dataclass(frozen=True)
class NewContact:
    """The address and the number as they shall be. Empty: none."""

    email: str
    phone: str


def correct(
    booked: Appointment, to: NewContact, *, by: Actor, now: datetime, revision: int | None = None
) -> Appointment:
    """Change the address and the number, and owe there what is still owed. Does nothing if both are the same already.

    Raises TooManyCorrections or TooLate for citizens; WrongStatus (also if the appointment has got another `revision` than
    the one that was seen); LimitReached if the person of the new address has too many open appointments; AddressRefused; or
    LinkUnsendable if the link of a video call could no longer be sent.
    """
    if not by.is_for_agency and not _is_same(booked, to) and CORRECTIONS.passed(booked.reference, now=now):
        raise TooManyCorrections
    with refusals(), locked(booked) as appointment:
        if revision not in (None, appointment.revision):
            raise WrongStatus
        if not _is_same(appointment, to):
            _correct(appointment, to, by, now)
    return appointment


def _is_same(appointment: Appointment, to: NewContact) -> bool:
    return (appointment.email, appointment.phone) == (to.email, to.phone)


def _correct(appointment: Appointment, to: NewContact, by: Actor, now: datetime) -> None:
    _require_correctable(appointment, to, by, now)
    before, earlier = reach_of(appointment), appointment.email
    is_other = earlier.lower() != to.email.lower()
    details = {"email": _change(earlier, to.email), "phone": _change(appointment.phone, to.phone)}
    appointment.email, appointment.phone = to.email, to.phone
    if appointment.channel == Channel.VIDEO and not owed.is_reachable(appointment):
        raise LinkUnsendableBySms if settings.SMS_URL else LinkUnsendable
    if is_other:
        _start_anew(appointment, by, now)
    appointment.index_contact(*others_of(getattr(appointment, "party", None)))
    appointment.revision += 1
    appointment.save()
    dropped = owe_anew(appointment, before, now=now)
    if is_other and earlier and appointment.status != Status.UNVERIFIED:
        owed.owe_notice(appointment, earlier, now=now)
    history.note(
        Event.Verb.CORRECT, by=by, now=now, appointment=appointment, before={"messages": dropped}, details=details
    )


def _require_correctable(appointment: Appointment, to: NewContact, by: Actor, now: datetime) -> None:
    if not by.is_for_agency and not appointment.may_correct(now):
        raise TooLate
    # An unverified booking is confirmed by mail, so it needs an address.
    if not appointment.may_be_corrected(now) or (appointment.status == Status.UNVERIFIED and not to.email):
        raise WrongStatus


def _change(was: str, now: str) -> str:
    """Return in a word what became of it. The history never holds the address itself."""
    if was == now:
        return ""
    if not (was and now):
        return "added" if now else "removed"
    return "changed"


def _start_anew(appointment: Appointment, by: Actor, now: datetime) -> None:
    """Take what the earlier address has proved from the new one: whose it is, what its links open, and who counts."""
    is_first = not appointment.address_changes
    appointment.address_changes += 1
    appointment.address_proven_at = None
    patience = None
    if appointment.citizen_id is None and appointment.email:
        try:
            patience = claims.proof_within(appointment, appointment.email, now=now)
        except EmailToProve as error:
            raise AddressRefused from error
    _count_person(appointment, by, now)
    if appointment.status == Status.UNVERIFIED and is_first:
        _restart(appointment, patience, now)


def _restart(appointment: Appointment, by_crowd: timedelta | None, now: datetime) -> None:
    """Give the guest once the whole time again, as for a new booking. Further corrections would keep the time for ever."""
    assert appointment.expires_at is not None  # noqa: S101 (a constraint says so)
    by_agency = timedelta(minutes=appointment.agency.verify_minutes) or None
    patience = min(filter(None, (by_agency, by_crowd)), default=claims.PROVE_WITHIN)
    appointment.expires_at = max(appointment.expires_at, min(now + patience, appointment.starts_at))


def _count_person(appointment: Appointment, by: Actor, now: datetime) -> None:
    """Count the appointment as the person's whose address it is now. A tax number, or an account, stays the same person.

    So does one for whom somebody else has booked.

    An appointment that is no longer counted stays so.
    """
    if hasattr(appointment, "party"):
        return
    citizen = appointment.citizen
    tax_number = decrypted(appointment.tax_number_encrypted)
    keys = person_keys(tax_number=tax_number, email=citizen.email if citizen else appointment.email)
    if appointment.person_key in keys or not (keys or appointment.person_key):
        return
    was_counted = appointment.limit_place is not None or not appointment.person_key
    appointment.person_key = counted_as(keys)
    if was_counted and appointment.is_open and not by.is_for_agency:
        day = appointment.branch.local(appointment.starts_at).date()
        rules.require_allowed(appointment, appointment.procedure, day, now=now)
    appointment.limit_place = limit_place(appointment) if was_counted and appointment.is_open else None
