"""All that is known about a citizen, in one form for the page and for the file.

A `Part` has a key for programs and a title for people, and what is known as values of JSON. Times are in UTC in the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.identities.people import tax_number_of
from accounts.models import Identity, User
from appointments.booking.persons import decrypted
from appointments.history import readings, timeline
from appointments.messages import seen
from appointments.models import Acceptance, Appointment, IdentityCheck, Party, Ticket

Value = str | int | bool | date | datetime | None


@dataclass(frozen=True)
class Fact:
    key: str
    label: str
    value: Value


@dataclass(frozen=True)
class Part:
    """What is known of one thing, and of what belongs to it."""

    key: str
    title: str
    facts: list[Fact] = field(default_factory=list)
    lists: list["Part"] = field(default_factory=list)
    many: list["Part"] = field(default_factory=list)
    zone: str = settings.TIME_ZONE  # of the clock that the page shows

    @property
    def known(self) -> list[Fact]:
        """What there is to show; the file also names what is empty."""
        return [fact for fact in self.facts if fact.value not in ("", None)]


def as_json(part: Part) -> dict[str, Any]:
    """Return the values by their keys, for the file."""
    plain = {fact.key: fact.value.isoformat() if isinstance(fact.value, date) else fact.value for fact in part.facts}
    return plain | {one.key: [as_json(row) for row in one.many] for one in part.lists}


def of_account(user: User, appointments: Iterable[Appointment]) -> Part:
    """Return what is known of the account and its appointments."""
    facts = [
        Fact("email", _("E-mail address"), user.email),
        Fact("name", _("Full name"), user.name),
        Fact("phone", _("Telephone"), user.phone),
        Fact("language", _("Language"), user.get_language_display()),
        Fact("joined_at", _("Account since"), user.date_joined),
        Fact("last_sign_in_at", _("Last sign-in"), user.last_login),
        Fact("mail_returned_at", _("Mails come back since"), user.returned_at),
    ]
    facts += _told(user)
    rows = [of_appointment(one) for one in appointments]
    return Part("account", _("Your account"), facts, [Part("appointments", _("Your appointments"), many=rows)])


def _told(user: User) -> list[Fact]:
    """Return what a provider such as TAXISnet has said of the person."""
    identity = Identity.objects.filter(user=user).first()
    if identity is None:
        return []
    return [
        Fact("identity_source", _("Identified by"), identity.source),
        Fact("identity_kind", _("Kind of person"), identity.get_kind_display()),
        Fact("identity_level", _("Level of assurance"), identity.get_level_display()),
        Fact("identity_first_name", _("First name"), identity.first_name),
        Fact("identity_last_name", _("Last name or company"), identity.last_name),
        Fact("identity_tax_number", _("Tax number"), tax_number_of(identity)),
        Fact("identity_confirmed_at", _("Last confirmed"), identity.confirmed_at),
    ]


def of_appointment(appointment: Appointment) -> Part:
    """Return all that is known with the appointment: what was typed, what was written down, and what was done."""
    ticket = Ticket.objects.filter(appointment=appointment).first()
    identity = IdentityCheck.objects.filter(appointment=appointment).first()
    facts = [*_place(appointment), *_person(appointment), *(_visit(ticket) if ticket else ())]
    lists = [
        _list("history", _("What happened so far"), timeline.for_citizen(appointment)),
        _list("messages", _("What we have sent you"), seen.for_citizen(appointment)),
        Part(
            "looked_at",
            _("Who has looked at it"),
            many=[_moment(one.day, one.text) for one in readings.for_citizen(appointment)],
        ),
    ]
    facts += _identity(identity) if identity else []
    facts += [*_party(appointment), *_declared(appointment)]
    return Part("appointment", appointment.spoken_reference, facts, lists, zone=appointment.branch.timezone)


def _place(one: Appointment) -> list[Fact]:
    return [
        Fact("reference", _("Reference"), one.reference),
        Fact("agency", _("Agency"), one.agency.name),
        Fact("branch", _("Branch"), one.branch.name),
        Fact("service", _("Service"), one.procedure.name),
        Fact("channel", _("How"), one.get_channel_display()),
        Fact("status", _("Status"), one.get_status_display()),
        Fact("starts_at", _("Begins"), one.starts_at),
        Fact("ends_at", _("Ends"), one.ends_at),
        Fact("created_at", _("Booked on"), one.created_at),
        Fact("booked_through", _("Booked through"), one.get_source_display()),
    ]


def _person(one: Appointment) -> list[Fact]:
    return [
        Fact("name", _("Full name"), one.name),
        Fact("email", _("E-mail address"), one.email),
        Fact("phone", _("Telephone"), one.phone),
        Fact("language", _("Language"), one.get_language_display()),
        Fact("time_zone", _("Your time zone"), one.timezone),
        Fact("tax_number", _("Tax number"), decrypted(one.tax_number_encrypted)),
        Fact("notes", _("What you told us"), one.notes),
        Fact("cancel_reason", _("Why it was cancelled"), one.cancel_reason),
        Fact("address_confirmed_at", _("Address confirmed on"), one.address_proven_at),
        Fact("mails_return_from", _("Mails come back from"), one.returned_from),
    ]


def _party(one: Appointment) -> list[Fact]:
    party = Party.objects.filter(appointment=one).first()
    if party is None:
        return []
    return [
        Fact("for_whom", _("For whom"), party.get_kind_display()),
        Fact("for_whom_name", _("Name of the person or the business"), party.name),
        Fact("for_whom_standing", _("In what capacity"), party.get_standing_display()),
        Fact("for_whom_email", _("E-mail address of the person"), party.email),
        Fact("for_whom_phone", _("Telephone of the person"), party.phone),
        Fact("consented_at", _("Consent given on"), party.consented_at),
    ]


def _declared(one: Appointment) -> list[Fact]:
    accepted = Acceptance.objects.filter(appointment=one).select_related("declaration").first()
    if accepted is None:
        return []
    return [
        Fact("declared", _("Declared"), "\n".join(accepted.declaration.sentences)),
        Fact("declared_at", _("Declared on"), accepted.accepted_at),
    ]


def _visit(ticket: Ticket) -> list[Fact]:
    return [
        Fact("ticket_name", _("Name on the ticket"), ticket.name),
        Fact("ticket_phone", _("Telephone of the ticket"), ticket.phone),
        Fact("ticket", _("Number"), ticket.spoken_number),
        Fact("arrived_at", _("Arrived"), ticket.arrived_at),
        Fact("called_at", _("Called"), ticket.called_at),
        Fact("served_at", _("Service began"), ticket.serving_at),
        Fact("ended_at", _("Ended"), ticket.ended_at),
        Fact("priority", _("Priority"), ticket.priority),
        Fact("park_reason", _("Why you had to wait"), ticket.park_reason),
        Fact("documents_seen", _("Documents that were seen"), ", ".join(ticket.documents_seen)),
        Fact("outcome", _("Result"), ticket.get_outcome_display()),
        Fact("delivery", _("How you receive it"), ticket.get_delivery_display()),
        Fact("citizen_note", _("The officer wrote to you"), ticket.citizen_note),
        Fact("internal_note", _("The officer noted"), ticket.internal_note),
    ]


def _identity(check: IdentityCheck) -> list[Fact]:
    return [
        Fact("document_shown", _("Identity document shown on camera"), check.is_shown),
        Fact("document_same_face", _("The face was that of the document"), check.is_same_face),
        Fact("document_valid_until", _("The document is valid until"), check.valid_until),
        Fact("document_seen_at", _("Document seen on"), check.at),
    ]


def _list(key: str, title: str, rows: Iterable[Any]) -> Part:
    return Part(key, title, many=[_moment(one.at, one.text) for one in rows])


def _moment(at: date, text: str) -> Part:
    return Part("step", text, [Fact("at", _("When"), at), Fact("text", _("What"), str(text))])
