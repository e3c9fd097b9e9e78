"""The text of mails and text messages: one template for each kind, in the language of the message."""

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import TypeVar

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.mails import marks
from agencies.accents import text_on
from agencies.models import Channel
from agencies.wallclock import all_zones
from appointments import facts, wording
from appointments.counter.line import TOLD_AFTER, delay_of
from appointments.messages import invitations, segments
from appointments.messages.texts import saying
from appointments.messages.texts.kinds import Key
from appointments.messages.texts.saying import Told
from appointments.models import Appointment, Notification, Offer, Status
from appointments.models.notification import TO_OTHERS

T = TypeVar("T")
logger = logging.getLogger(__name__)
Kind = Notification.Kind
# Signs in an SMS of what somebody has written at length.
LONGEST_REASON, LONGEST_NEWS = 80, 60
WITH_CALENDAR = (Kind.CONFIRMATION, Kind.MOVED, Kind.KEPT, Kind.CHANGED, Kind.CANCELLED)
MARKED_AS = "message"


def mail(message: Notification, *, now: datetime) -> EmailMultiAlternatives:
    """Return the mail. Sent again to the same address, it has the same Message-ID, by which mail programs
    recognise a repetition.

    To an address that is not proven it says nothing that was typed, in none of its parts. Nor to an earlier address, which
    may have been a wrong one.
    """
    proven = message.appointment.is_address_proven and message.kind not in TO_OTHERS
    appointment = message.appointment.as_told(proven=proven)
    with translation.override(message.language), timezone.override(appointment.branch.zone):
        told = context(appointment, message.language, **_of_message(message, appointment, now))
        told["party"] = getattr(message.appointment, "party", None) if proven else None
        subject, body, html = written(message, told)
        letter = EmailMultiAlternatives(
            subject=subject,
            body=body,
            to=[message.address],
            reply_to=[appointment.branch.email] if appointment.branch.email else None,
        )
        letter.attach_alternative(html, "text/html")
    marks.stamp(letter, MARKED_AS, message.pk)
    if message.kind in WITH_CALENDAR:
        _add_calendar(letter, appointment, now)
    return letter


def text(message: Notification, *, now: datetime) -> str:
    """Return the text of an SMS: time, place and reference. It takes two SMS at most; names are shortened for it.

    It never contains a link that signs in, because text messages can be read on locked screens, nor what was typed, because
    no telephone number is ever proved.
    """
    appointment = message.appointment.as_told(proven=False)
    with translation.override(message.language):
        return short(message, context(appointment, message.language, **_of_message(message, appointment, now)))


def written(message: Notification, told: Told) -> tuple[str, str, str]:
    """Return the subject, the plain text and the HTML of a mail, in the agency's words if it has any, else in ours."""
    if own := _own(message, lambda subject, body: saying.mail(subject, body, _key(message), told)):
        subject, body, html = own
    else:
        names = (f"emails/{message.kind}.{part}" for part in ("subject.txt", "txt", "html"))
        subject, body, html = (render_to_string(name, dict(told)) for name in names)
    return " ".join(subject.split()), paragraphs(body), html


def short(message: Notification, told: Told) -> str:
    """Return the text of an SMS, in the agency's words if it has any and they take no more SMS than ours may, else in ours."""
    own = segments.fitted(lambda most, _extras: own_sms(message, {**told, "most": most}))
    if own and segments.count(own) <= segments.MOST:
        return own
    return segments.fitted(
        lambda most, extras: render_to_string(
            f"sms/{message.kind}.txt", {**told, **_shorter(told, most), "extras": extras}
        )
    )


def own_sms(message: Notification, told: Told) -> str:
    """Return the text of an SMS in the agency's words, however many SMS it takes, or "" if the agency has none."""
    return _own(message, lambda _subject, body: saying.sms(body, _key(message), told)) or ""


def _shorter(context: Told, most: int | None) -> dict[str, object]:
    """Return what an SMS may shorten, with at most so many signs each. A long text that has changed is left to the page."""
    held, news = context.get("held"), context.get("news", [])
    return {
        "branch_name": segments.shortened(context["branch"].name, most),
        "held_name": segments.shortened(held.branch.name, most) if held and held.branch != context["branch"] else "",
        "reason": segments.shortened(context.get("reason", ""), most or LONGEST_REASON),
        "tight": segments.is_tight(most),  # then the mail alone says why, and how to answer
        "news": [(one.fact.label, one.now if _is_told_short(one, most or LONGEST_NEWS) else "") for one in news],
    }


def _is_told_short(one: facts.Changed, most: int) -> bool:
    return one.fact.whole or (not one.fact.lines and len(one.now) <= most)


def _own(message: Notification, say: Callable[[str, str], T]) -> T | None:
    """Return the message in the agency's words, or None if it has none, or if they can no longer be said.

    A message in our words is better than none: a later release may know another kind of placeholder.
    """
    own = message.own_text
    if not own or not own["body"]:
        return None
    try:
        return say(own["subject"], own["body"])
    except Exception:
        logger.exception("An agency's own text could not be said in message %s", message.pk)
        return None


def _key(message: Notification) -> Key:
    return Key(message.kind, message.medium, message.language)


class UnknownClock(Exception):
    """The time zone of the branch is not known. The message waits, because it would tell the time on a wrong clock."""


def context(appointment: Appointment, language: str, **of_kind: object) -> dict[str, object]:
    """Return what the templates use. `appointment` is the message's, as it may be told."""
    if appointment.branch.timezone not in all_zones():
        raise UnknownClock(appointment.branch.timezone)
    return {
        "language": language,
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
        "answers": bool(settings.SMS_HOOK_SECRET),
        "join_link": appointment.link("join") if appointment.channel == Channel.VIDEO else "",
        **of_kind,
    }


def _of_message(message: Notification, appointment: Appointment, now: datetime) -> dict[str, object]:
    """Return what the message says beyond its kind: what has changed, or what became of an SMS."""
    said: dict[str, object] = {}
    if message.kind == Kind.CHANGED:
        said["news"] = facts.news(message)
    if message.kind == Kind.REPLY:
        said["outcome"] = message.details.get("outcome", "")
    if message.kind == Kind.FOR_YOU:
        # Who has booked is told by name once that reader of mail is known, because anybody can type any name.
        booked = message.appointment
        said["booker"] = booked.name if booked.is_address_proven else ""
        said["is_cancelled"] = appointment.status == Status.CANCELLED
    return of_kind(message.kind, appointment, now) | said


def of_kind(kind: str, appointment: Appointment, now: datetime) -> dict[str, object]:
    """Return what only the templates of this kind of message need."""
    match kind:
        case Kind.VERIFY:
            assert appointment.expires_at is not None  # noqa: S101  a constraint says so
            return {
                "verify_link": appointment.link("verify"),
                "hold_until": wording.on_both_clocks(appointment.expires_at, appointment),
            }
        case Kind.CANCELLED:
            page = reverse(
                "appointments:procedure", args=[appointment.agency.platform_slug, appointment.procedure.code]
            )
            return {"again_link": settings.SITE_URL + page}
        case Kind.RATING:
            return {"rating_link": appointment.link("rate")}
        case Kind.OFFER:
            unsettled = appointment.offers.unsettled().select_related("disruption", "hold__branch")
            return offered(unsettled.latest("created_at"), appointment)
        case Kind.DELAYED:
            return delayed(delay_of(appointment, now=now) or TOLD_AFTER, appointment)
    latest = appointment.starts_at - timedelta(minutes=appointment.agency.change_minutes)
    return {
        "cancel_link": appointment.link("cancel"),
        "change_until": wording.on_both_clocks(latest, appointment) if latest > now else "",
    }


def delayed(delay: timedelta, appointment: Appointment) -> dict[str, object]:
    """Return the delay, and until when the citizen may come without losing the turn."""
    comes = appointment.channel == Channel.IN_PERSON and appointment.status == Status.BOOKED
    until = wording.clock(appointment.starts_at + TOLD_AFTER, appointment)
    return {"about": wording.about(delay), "come_until": until if comes else ""}


def offered(offer: Offer, appointment: Appointment) -> dict[str, object]:
    """Return the offer for the templates. `held` is None if no other time was found."""
    told: dict[str, object] = {
        "reason": offer.because,
        "fell_out": offer.is_of_disruption,
        "offer_link": appointment.link("offer") if offer.hold else "",
        "move_link": appointment.link("move"),
        "cancel_link": appointment.link("cancel"),
        "held": offer.hold,
    }
    if offer.hold and offer.deadline:
        held = offer.hold
        held.timezone = appointment.timezone  # the same citizen reads it
        told |= {
            "held_when": wording.when(held),
            "held_short_when": wording.short_when(held),
            "held_own_time": wording.own_time(held),
            "held_how": held.get_channel_display(),
            "held_place": held.branch.name if held.channel != Channel.IN_PERSON else wording.place(held),
            "held_until": wording.on_both_clocks(offer.deadline, appointment),
            "held_until_short": wording.short(offer.deadline, appointment),
        }
    return told


def paragraphs(text: str) -> str:
    """Remove the superfluous empty lines that templates leave."""
    return re.sub(r"\n\s*\n", "\n\n", text.strip()) + "\n"


def id_of(message: Notification) -> str:
    """Return the message's name in the world. It is the same at every attempt."""
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return f"message-{message.pk}@{address.rpartition('@')[2]}"


def _add_calendar(letter: EmailMultiAlternatives, appointment: Appointment, now: datetime) -> None:
    """Add the invitation twice, as usual: as a part that mail programs act on, and as a file to open by hand."""
    method, content = invitations.invitation(appointment, now=now)
    letter.attach_alternative(content.decode(), f"text/calendar; method={method}")
    letter.attach(f"{appointment.reference}.ics", content, "application/ics")
