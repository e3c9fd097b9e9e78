"""Storing who an appointment belongs to: a keyed hash of the person for the limit, and the encrypted tax number."""

import json
from dataclasses import asdict, dataclass, replace

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.identities.people import tax_number_of as tax_number_told
from accounts.models import Identity, User
from accounts.sealing import fingerprints, opened, sealed
from accounts.typed.mailboxes import counted
from agencies.models import ForWhom, Procedure
from agencies.text import search_key
from appointments import sight
from appointments.models import Appointment, Party, Status
from appointments.models.appointment import OPEN, TAX_NUMBER

PERSON = "person"
BATCH = 500


@dataclass(frozen=True)
class Behalf:
    """The business or the person for whom somebody books. `consent` is the version of the text that was agreed to."""

    kind: str
    name: str
    standing: str
    email: str = ""
    phone: str = ""
    consent: int = 0


@dataclass(frozen=True)
class Contact:
    """Whoever books, and how to reach them. `timezone` is the citizen's IANA zone, empty if not known.

    The tax number is that of `behalf`, if it is booked for somebody else. `declared` is the version that was accepted.
    """

    name: str
    email: str = ""
    phone: str = ""
    language: str = "el"
    timezone: str = ""
    tax_number: str = ""
    notes: str = ""
    behalf: Behalf | None = None
    declared: int = 0

    def said(self) -> dict[str, object]:
        """Return all of it, without what is new and empty: a repeated request of the release before has the same digest."""
        told = asdict(self)
        return {name: value for name, value in told.items() if value or name not in ("behalf", "declared")}


def identified(contact: Contact, identity: Identity) -> Contact:
    """Return the contact with the name, and the tax number if there is one, that a provider has told.

    They are those of whoever books. A business that has signed in itself is the business that it books for.
    """
    told = replace(contact, name=identity.name)
    number = tax_number_told(identity) or contact.tax_number
    if contact.behalf is None:
        return replace(told, tax_number=number)
    if identity.kind != Identity.Kind.BUSINESS:
        return told
    if contact.behalf.kind != ForWhom.BUSINESS:
        return contact
    return replace(contact, tax_number=number, behalf=replace(contact.behalf, name=identity.name))


def person_key(*, tax_number: str = "", email: str = "", phone: str = "") -> str:
    """Return the key by which a person's open appointments are counted: a hash of the tax number, the e-mail or the number.

    The key is empty if neither is known. Such appointments, which officers make for callers, are not counted.
    """
    return next(iter(person_keys(tax_number=tax_number, email=email, phone=phone)), "")


def person_keys(*, tax_number: str = "", email: str = "", phone: str = "") -> list[str]:
    """Return all keys by which the person's appointments may have been counted, that of today first."""
    if tax_number:
        return fingerprints(f"afm:{tax_number}", PERSON)
    if email:
        return fingerprints(f"email:{counted(email)}", PERSON)
    return fingerprints(f"phone:{phone}", PERSON) if phone else []


def digest_of(asked: object) -> str:
    return digests_of(asked)[0]


def digests_of(asked: object) -> list[str]:
    """Return keyed hashes of what somebody asks for, that of today first, and those of earlier data keys.

    They tell repeated requests from others, and nothing about people. `asked` is anything that JSON can hold; other values
    count as their text. The order of a dictionary does not matter.
    """
    text = json.dumps(asked, sort_keys=True, default=str)
    return fingerprints(text, "request")


def encrypted(tax_number: str) -> bytes | None:
    return sealed(tax_number, TAX_NUMBER) if tax_number else None


def decrypted(token: bytes | memoryview | None) -> str:
    return opened(token, TAX_NUMBER) if token else ""


def sign(appointment: Appointment, contact: Contact) -> None:
    """Copy the contact to the appointment, and set the key of the person. The caller saves it."""
    appointment.name, appointment.email, appointment.phone = contact.name, contact.email, contact.phone
    appointment.language, appointment.timezone = contact.language, contact.timezone
    appointment.notes = contact.notes
    appointment.index_contact(*others_of(contact.behalf))
    appointment.tax_number_encrypted = encrypted(contact.tax_number)
    appointment.person_key = counted_as(keys_of(contact, appointment.citizen))


def others_of(behalf: "Behalf | Party | None") -> tuple[str, ...]:
    """Return what else the appointment is found by: the one for whom it is."""
    return (behalf.name, behalf.email, behalf.phone) if behalf else ()


def keys_of(contact: Contact, citizen: User | None) -> list[str]:
    """Return the keys of the person for whom this contact books, signed in as this citizen or as a guest.

    A business, and a person for whom somebody else books, are counted as such, whoever books.
    """
    if contact.behalf:
        return person_keys(tax_number=contact.tax_number, email=contact.behalf.email, phone=contact.behalf.phone)
    return person_keys(tax_number=contact.tax_number, email=citizen.email if citizen else contact.email)


def counted_as(keys: list[str]) -> str:
    """Return the key by which the person is counted from now on, and count the open appointments by it, too.

    Without this, who has appointments from before a change of DATA_KEY would get as many again.
    """
    today, *older = keys or [""]
    if older:
        _rekey(Appointment.objects.filter(person_key__in=older, status__in=OPEN).exclude(person_key=""), today)
    return today


def _rekey(rows: QuerySet[Appointment], key: str) -> int:
    """Count these by the key. Not if the person has the same place by both keys already: that ends with one of the two.

    It happens if a process with the old key has booked after one with the new key.
    """
    try:
        with transaction.atomic():
            return rows.update(person_key=key)
    except IntegrityError:
        return 0


def recounted(appointment: Appointment) -> str | None:
    """Return today's key of the person, by what the stored key was made of. None if that is not known any more."""
    citizen, party = appointment.citizen, getattr(appointment, "party", None)
    made_of = [{"tax_number": decrypted(appointment.tax_number_encrypted)}, {"email": appointment.email}]
    if citizen:
        made_of.append({"email": citizen.email})
    if party:
        made_of += [{"email": party.email}, {"phone": party.phone}]
    known = [keys for keys in (person_keys(**one) for one in made_of) if appointment.person_key in keys]
    return known[0][0] if known else None


def recount() -> int:
    """Give today's key to all persons who are counted by an older one; return the number of appointments."""
    rows = Appointment.objects.exclude(person_key="").select_related("citizen", "party").order_by("pk")
    renewed, last = 0, 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        for one in batch:
            key = recounted(one)
            if key and key != one.person_key:
                renewed += _rekey(Appointment.objects.filter(pk=one.pk, person_key=one.person_key), key)
        last = batch[-1].pk
    return renewed


def completed_before(appointment: Appointment) -> list[Appointment]:
    """Returns the completed appointments of the same person for the same service, the latest first.

    The person's key and name both have to be the same: families share an e-mail address, and whoever types the address
    of somebody else should not make an officer speak of that person's visits.
    """
    if not (appointment.person_key and appointment.name):
        return []
    known = Appointment.objects.matching(appointment.name).filter(
        person_key=appointment.person_key,
        procedure=appointment.procedure_id,
        status=Status.COMPLETED,
        starts_at__lt=appointment.starts_at,
    )
    with sight.aside():
        return [one for one in known.order_by("-starts_at", "-pk") if _spoken(one.name) == _spoken(appointment.name)]


def _spoken(name: str) -> list[str]:
    """Returns the words of the name as the search spells them, whatever their order."""
    return sorted(search_key(name).split())


def tax_number_of(appointment: Appointment | None) -> str:
    """Returns the citizen's tax number, by which officers find the citizen's file.

    It is empty if the service does not ask for it, and for citizens without an appointment.
    """
    if appointment is None:
        return ""
    asks = appointment.procedure.identification == Procedure.Identification.TAX_NUMBER
    if not asks and appointment.for_whom != ForWhom.BUSINESS:
        return ""
    return decrypted(appointment.tax_number_encrypted)
