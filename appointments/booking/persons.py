"""Storing who an appointment belongs to: a keyed hash of the person for the limit, and the encrypted tax number."""

import json
import re
from dataclasses import asdict, dataclass

from stdnum.gr import vat

from accounts.models import User
from accounts.sealing import fingerprint, opened, sealed
from agencies.models import ForWhom, Procedure
from agencies.text import search_key
from appointments.models import Appointment, Party, Status

_NINE_DIGITS = re.compile("[0-9]{9}")
_SEPARATORS = re.compile(r"[\s.-]")
# The country code before the number: EL in the European Union, GR elsewhere, or ΕΛ in Greek letters.
_COUNTRY = re.compile(r"^(EL|GR|ΕΛ)", re.IGNORECASE)
SEALED_AS = "tax number"


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


def clean_tax_number(text: str) -> str:
    """Return the nine digits of a Greek tax number (AFM) as people write it: "EL 090 000 045", "090000045".

    Raises ValueError unless there are nine digits, not all zeros, of which the last is the right check digit.
    """
    number = _COUNTRY.sub("", _SEPARATORS.sub("", text))
    if not _NINE_DIGITS.fullmatch(number) or not vat.is_valid(number) or number == "000000000":
        raise ValueError(text)
    return number


def person_key(*, tax_number: str = "", email: str = "", phone: str = "") -> str:
    """Return the key by which a person's open appointments are counted: a hash of the tax number, the e-mail or the number.

    The key is empty if neither is known. Such appointments, which officers make for callers, are not counted.
    """
    if tax_number:
        return _keyed(f"afm:{tax_number}")
    if email:
        return _keyed(f"email:{email.strip().lower()}")
    return _keyed(f"phone:{phone}") if phone else ""


def _keyed(text: str) -> str:
    return fingerprint(text, "person")


def digest_of(asked: object) -> str:
    """Return a keyed hash of what somebody asks for. It tells repeated requests from others, and nothing about people.

    `asked` is anything that JSON can hold; other values count as their text. The order of a dictionary does not matter.
    """
    text = json.dumps(asked, sort_keys=True, default=str)
    return fingerprint(text, "request")


def encrypted(tax_number: str) -> bytes | None:
    return sealed(tax_number, SEALED_AS) if tax_number else None


def decrypted(token: bytes | memoryview | None) -> str:
    return opened(token, SEALED_AS) if token else ""


def sign(appointment: Appointment, contact: Contact) -> None:
    """Copy the contact to the appointment, and set the key of the person. The caller saves it."""
    appointment.name, appointment.email, appointment.phone = contact.name, contact.email, contact.phone
    appointment.language, appointment.timezone = contact.language, contact.timezone
    appointment.notes = contact.notes
    appointment.index_contact(*others_of(contact.behalf))
    appointment.tax_number_encrypted = encrypted(contact.tax_number)
    appointment.person_key = key_of(contact, appointment.citizen)


def others_of(behalf: "Behalf | Party | None") -> tuple[str, ...]:
    """Return what else the appointment is found by: the one for whom it is."""
    return (behalf.name, behalf.email, behalf.phone) if behalf else ()


def key_of(contact: Contact, citizen: User | None) -> str:
    """Return the key of the person for whom this contact books, signed in as this citizen or as a guest.

    A business, and a person for whom somebody else books, are counted as such, whoever books.
    """
    if contact.behalf:
        return person_key(tax_number=contact.tax_number, email=contact.behalf.email, phone=contact.behalf.phone)
    return person_key(tax_number=contact.tax_number, email=citizen.email if citizen else contact.email)


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
