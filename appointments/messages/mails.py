"""The text of mails and text messages: one template for each kind, in the language of the message."""

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.mails import marks
from agencies.accents import text_on
from agencies.models import Channel
from agencies.wallclock import all_zones
from appointments import wording
from appointments.counter.line import TOLD_AFTER, delay_of
from appointments.messages import invitations
from appointments.models import Appointment, Notification, Status

Kind = Notification.Kind
WITH_CALENDAR = (Kind.CONFIRMATION, Kind.MOVED, Kind.KEPT, Kind.CANCELLED)
MARKED_AS = "message"


def mail(message: Notification, *, now: datetime) -> EmailMultiAlternatives:
    """Return the mail. Sent again to the same address, it has the same Message-ID, by which mail programs
    recognise a repetition.

    To an address that is not proven it says nothing that was typed, in none of its parts.
    """
    appointment = message.appointment.as_told(proven=message.appointment.is_address_proven)
    with translation.override(message.language), timezone.override(appointment.branch.zone):
        context = _context(message, appointment, now)
        letter = EmailMultiAlternatives(
            subject=" ".join(render_to_string(f"emails/{message.kind}.subject.txt", context).split()),
            body=paragraphs(render_to_string(f"emails/{message.kind}.txt", context)),
            to=[appointment.email],
            reply_to=[appointment.branch.email] if appointment.branch.email else None,
        )
        letter.attach_alternative(render_to_string(f"emails/{message.kind}.html", context), "text/html")
    marks.stamp(letter, MARKED_AS, message.pk)
    if message.kind in WITH_CALENDAR:
        _add_calendar(letter, appointment, now)
    return letter


def text(message: Notification, *, now: datetime) -> str:
    """Return the text of an SMS: time, place and reference.

    It never contains a link that signs in, because text messages can be read on locked screens, nor what was typed, because
    no telephone number is ever proved.
    """
    appointment = message.appointment.as_told(proven=False)
    with translation.override(message.language):
        return " ".join(render_to_string(f"sms/{message.kind}.txt", _context(message, appointment, now)).split())


class UnknownClock(Exception):
    """The time zone of the branch is not known. The message waits, because it would tell the time on a wrong clock."""


def _context(message: Notification, appointment: Appointment, now: datetime) -> dict[str, object]:
    """Return what the templates use. `appointment` is the message's, as it may be told."""
    if appointment.branch.timezone not in all_zones():
        raise UnknownClock(appointment.branch.timezone)
    return {
        "language": message.language,
        "appointment": appointment,
        "agency": appointment.agency,
        "branch": appointment.branch,
        "procedure": appointment.procedure,
        "accent_text": text_on(appointment.agency.accent[1:]),
        "when": wording.when(appointment),
        "short_when": wording.short_when(appointment),
        "own_time": wording.own_time(appointment),
        "place": wording.place(appointment),
        "calls": wording.calls(appointment),
        "link": appointment.link(),
        "join_link": appointment.link("join") if appointment.channel == Channel.VIDEO else "",
        **_of_kind(message.kind, appointment, now),
    }


def _of_kind(kind: str, appointment: Appointment, now: datetime) -> dict[str, object]:
    """Return what only the templates of this kind of message need."""
    match kind:
        case Kind.VERIFY:
            assert appointment.expires_at is not None  # noqa: S101  a constraint says so
            until = wording.on_both_clocks(appointment.expires_at, appointment)
            return {"verify_link": appointment.link("verify"), "hold_until": until}
        case Kind.CANCELLED:
            page = reverse(
                "appointments:procedure", args=[appointment.agency.platform_slug, appointment.procedure.code]
            )
            return {"again_link": settings.SITE_URL + page}
        case Kind.RATING:
            return {"rating_link": appointment.link("rate")}
        case Kind.OFFER:
            return _offered(appointment)
        case Kind.DELAYED:
            return _delayed(appointment, now)
    latest = appointment.starts_at - timedelta(minutes=appointment.agency.change_minutes)
    return {
        "cancel_link": appointment.link("cancel"),
        "change_until": wording.on_both_clocks(latest, appointment) if latest > now else "",
    }


def _delayed(appointment: Appointment, now: datetime) -> dict[str, object]:
    """Return the delay that is expected now, and until when the citizen may come without losing the turn."""
    delay = delay_of(appointment, now=now) or TOLD_AFTER
    comes = appointment.channel == Channel.IN_PERSON and appointment.status == Status.BOOKED
    until = wording.clock(appointment.starts_at + TOLD_AFTER, appointment)
    return {"about": wording.about(delay), "come_until": until if comes else ""}


def _offered(appointment: Appointment) -> dict[str, object]:
    """Return the last unsettled offer for the templates. `held` is None if no other time was found."""
    unsettled = appointment.offers.unsettled().select_related("disruption", "hold__branch")
    offer = unsettled.latest("created_at")
    context: dict[str, object] = {
        "reason": offer.because,
        "fell_out": offer.is_of_disruption,
        "offer_link": appointment.link("offer"),
        "move_link": appointment.link("move"),
        "cancel_link": appointment.link("cancel"),
        "held": offer.hold,
    }
    if offer.hold and offer.deadline:
        held = offer.hold
        held.timezone = appointment.timezone  # the same citizen reads it
        context |= {
            "held_when": wording.when(held),
            "held_short_when": wording.short_when(held),
            "held_own_time": wording.own_time(held),
            "held_how": held.get_channel_display(),
            "held_place": held.branch.name if held.channel != Channel.IN_PERSON else wording.place(held),
            "held_until": wording.on_both_clocks(offer.deadline, appointment),
            "held_until_short": wording.short(offer.deadline, appointment),
        }
    return context


def paragraphs(text: str) -> str:
    """Remove the superfluous empty lines that templates leave."""
    return re.sub(r"\n\s*\n", "\n\n", text.strip()) + "\n"


def _add_calendar(letter: EmailMultiAlternatives, appointment: Appointment, now: datetime) -> None:
    """Add the invitation twice, as usual: as a part that mail programs act on, and as a file to open by hand."""
    method, content = invitations.invitation(appointment, now=now)
    letter.attach_alternative(content.decode(), f"text/calendar; method={method}")
    letter.attach(f"{appointment.reference}.ics", content, "application/ics")
