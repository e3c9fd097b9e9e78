"""What a message would say, for whoever writes its text: a real appointment of the agency, and an invented person.

Nothing of the citizen is in it: the branch, the service and the time are real, the person and the reference are not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models.functions import Length
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agencies.models import Agency, Channel
from agencies.wallclock import all_zones
from appointments.counter.line import TOLD_AFTER
from appointments.messages import mails, segments
from appointments.messages.texts import checking, kinds
from appointments.messages.texts.kinds import Key, Kind, Medium
from appointments.models import Appointment, Disruption, Notification, Offer, Status, Ticket
from appointments.models.appointment import PROMISED

# Has letters that no reference has, so it is nobody's.
REFERENCE = "AB1CD0EF1G"


@dataclass(frozen=True)
class Preview:
    subject: str
    text: str
    html: str = ""
    parts: int = 0  # of an SMS

    @property
    def is_too_long(self) -> bool:
        return self.parts > segments.MOST


def checked(agency: Agency, key: Key, subject: str, body: str, *, now: datetime) -> Preview | None:
    """Return the preview of a text, or None if the agency has nothing to show it with.

    Raises ValidationError if the text may not be saved, or if it would take too many SMS at the longest branch name.
    """
    checking.check(key, subject, body)
    if key.medium == Medium.SMS:
        longest = preview(agency, key, subject, body, now=now, at_longest_name=True)
        if longest and longest.is_too_long:
            raise ValidationError({"body": _too_long(longest)})
    return preview(agency, key, subject, body, now=now)


def with_everything(agency: Agency, key: Key, *, now: datetime) -> Preview | None:
    """Return the preview of a text with all that a text can have: each placeholder alone, in a line and in a list."""
    body = "\n\n".join(f"{{{name}}}\n\n**a** {{{name}}}\n\n- {{{name}}}" for name in kinds.allowed(key))
    return preview(agency, key, "", body, now=now)


def _too_long(longest: Preview) -> str:
    told = ngettext(
        "It would take %(number)d SMS, and may take %(most)d at most: “%(text)s”",
        "It would take %(number)d SMS, and may take %(most)d at most: “%(text)s”",
        longest.parts,
    )
    return told % {"number": longest.parts, "most": segments.MOST, "text": longest.text}


def preview(
    agency: Agency, key: Key, subject: str, body: str, *, now: datetime, at_longest_name: bool = False
) -> Preview | None:
    """Return what the message says with these words, or in ours if `body` is empty.

    None if the agency has no branch or service yet, or if the clock of its branch is not known.
    """
    found = sample(agency, now=now)
    if found is None or found.branch.timezone not in all_zones():
        return None
    if at_longest_name:
        _lengthen(found, key.language)
    message = Notification(kind=key.kind, medium=key.medium, language=key.language, appointment=found)
    message.own_text = {"subject": subject, "body": body}
    found.language = key.language
    with translation.override(key.language), timezone.override(found.branch.zone):
        told = mails.context(found, key.language, **_of_kind(key.kind, found, now))
        if key.medium == Medium.SMS:
            text = mails.own_sms(message, told) or mails.short(message, told)
            return Preview("", text, parts=segments.count(text))
        return Preview(*mails.written(message, told))


def _lengthen(found: Appointment, language: str) -> None:
    """Move the appointment to the agency's branch and service with the longest names."""
    longest = Length(f"name_{language}").desc()
    found.branch = found.agency.branches.order_by(longest, "pk")[0]
    found.procedure = found.agency.procedures.order_by(longest, "pk")[0]
    found.procedure.agency = found.branch.agency = found.agency


def sample(agency: Agency, *, now: datetime) -> Appointment | None:
    """Return an appointment like the agency's latest one, of a person who does not exist. It is never saved."""
    real = agency.appointments.filter(status__in=PROMISED).select_related("branch", "procedure").order_by("-pk").first()
    branch = real.branch if real else agency.branches.order_by("pk").first()
    procedure = real.procedure if real else agency.procedures.order_by("pk").first()
    if branch is None or procedure is None:
        return None
    channel = real.channel if real else next(iter(procedure.channels), Channel.IN_PERSON)
    starts_at = real.starts_at if real else now + timedelta(days=1)
    procedure.agency = branch.agency = agency
    found = Appointment(
        agency=agency,
        branch=branch,
        procedure=procedure,
        channel=channel,
        reference=REFERENCE,
        status=Status.BOOKED,
        name=_("Maria Papadopoulou"),
        phone="+306900000000",
        email="maria@example.org",
        address_proven_at=now,
        expires_at=now + timedelta(minutes=30),
        cancelled_by=Appointment.CancelledBy.AGENCY,
        cancel_reason=_("A strike"),
    )
    found.promise(starts_at, starts_at + timedelta(minutes=procedure.duration_minutes), branch.zone)
    return found


def _of_kind(kind: str, found: Appointment, now: datetime) -> dict[str, object]:
    """Return what the templates of this kind need, of an offer, a delay or a result that are invented."""
    match kind:
        case Kind.OFFER:
            return mails.offered(_offer(found, now), found)
        case Kind.DELAYED:
            return mails.delayed(TOLD_AFTER + timedelta(minutes=10), found)
        case Kind.SUMMARY:
            note = _("Your certificate is ready.")
            found.ticket = Ticket(outcome=Ticket.Outcome.DONE, delivery=Ticket.Delivery.AT_DESK, citizen_note=note)
    return mails.of_kind(kind, found, now)


def _offer(found: Appointment, now: datetime) -> Offer:
    held = Appointment(agency=found.agency, branch=found.branch, procedure=found.procedure, channel=found.channel)
    later = found.starts_at + timedelta(days=1)
    held.promise(later, later + (found.ends_at - found.starts_at), found.branch.zone)
    strike = Disruption(agency=found.agency, reason_el="Απεργία", reason_en="Strike")
    offer = Offer(reason=Offer.Reason.DISRUPTION, deadline=now + timedelta(hours=12))
    offer.disruption, offer.hold = strike, held
    return offer
