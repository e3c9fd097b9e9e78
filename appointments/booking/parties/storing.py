"""What a service allows and asks for when it is booked for somebody else, and writing that down with the appointment."""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agencies.facts import AnyProcedure
from agencies.models import Declaration, ForWhom
from appointments.booking.persons import Behalf, Contact
from appointments.errors import DeclarationMissing, NotBookedFor
from appointments.models import Acceptance, Appointment, Party

# What whoever books for another person agrees to, by version. Versions are only ever added: appointments keep their number.
CONSENTS: dict[int, str | Promise] = {
    1: _(
        "The person knows that I book for them and give their details here, and agrees to it, or I may act for them by law."
    ),
}
CONSENT = max(CONSENTS)


def require(procedure: AnyProcedure, contact: Contact) -> None:
    """Raise NotBookedFor or DeclarationMissing unless the service may be booked so. Pages, API and verbs ask here."""
    kind = contact.behalf.kind if contact.behalf else ForWhom.PERSON
    if kind not in procedure.booked_for:
        raise NotBookedFor
    if contact.declared != procedure.declaration_version:
        raise DeclarationMissing


def store(appointment: Appointment, contact: Contact, *, now: datetime) -> None:
    """Write down for whom the appointment is, and what was accepted. The appointment has been stored."""
    if behalf := contact.behalf:
        agreed = {"consent": behalf.consent, "consented_at": now if behalf.consent else None}
        given = {name: getattr(behalf, name) for name in ("kind", "name", "standing", "email", "phone")}
        appointment.party = Party(appointment=appointment, **given, **agreed)
        appointment.party.save(force_insert=True)
    if contact.declared:
        accepted = Declaration.objects.get(procedure=appointment.procedure_id, version=contact.declared)
        Acceptance.objects.create(appointment=appointment, declaration=accepted, accepted_at=now)


def behalf_of(appointment: Appointment) -> Behalf | None:
    """Return for whom this appointment is, for one that follows it. None if it is for whoever booked it."""
    party = getattr(appointment, "party", None)
    return Behalf(party.kind, party.name, party.standing, party.email, party.phone, party.consent) if party else None
