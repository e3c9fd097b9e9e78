"""The history of one appointment in words, from its events alone: every step for officers, fewer for the citizen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from agencies.models import Branch, Procedure
from appointments import wording
from appointments.facts import LABELS
from appointments.models import Appointment, Event, Notice, Notification, Offer
from appointments.models.event import EventQuerySet
from videocalls.models import Participant

Verb, By = Event.Verb, Event.By
# Steps that are not shown. Everybody who books on the website holds the time first, so they tell nothing.
UNTOLD = (Verb.HOLD, Verb.RELEASE)
MOVES = (Verb.MOVE, Verb.ACCEPT)
PROBLEMS = (Verb.LAPSE, Verb.FAIL, Verb.DOUBT, Verb.NO_ROOM, Verb.OTHER_ROOM)
KINDS = dict([*Notification.Kind.choices, *Notice.Kind.choices])  # what messages are about
BY_SMS = "sms-replies"  # the page of steps that a citizen takes by sending an SMS
ICONS = {
    Verb.REQUEST: "hourglass_empty",
    Verb.BOOK: "event_available",
    Verb.VERIFY: "event_available",
    Verb.CANCEL: "event_busy",
    Verb.EXPIRE: "timer_off",
    Verb.CHECK_IN: "how_to_reg",
    Verb.ADMIT: "group_add",
    Verb.CALL: "campaign",
    Verb.CALL_AGAIN: "campaign",
    Verb.SERVE: "record_voice_over",
    Verb.INTERRUPT: "stop_circle",
    Verb.PARK: "pause_circle",
    Verb.RETURN: "undo",
    Verb.FORWARD: "arrow_forward",
    Verb.COMPLETE: "check_circle",
    Verb.MISS: "person_off",
    Verb.GIVE_UP: "directions_walk",
    Verb.CLOSE: "bedtime",
    Verb.MOVE: "event_repeat",
    Verb.ACCEPT: "event_repeat",
    Verb.ASSIGN: "badge",
    Verb.KEEP: "update",
    Verb.CHANGE: "edit_note",
    Verb.CONFIRM: "thumb_up",
    Verb.OFFER: "warning",
    Verb.SETTLE: "reply",
    Verb.LAPSE: "timer_off",
    Verb.ROOM: "videocam",
    Verb.NO_ROOM: "videocam_off",
    Verb.OTHER_ROOM: "switch_video",
    Verb.LET_IN: "meeting_room",
    Verb.PHONE: "call",
    Verb.VIDEO: "videocam",
    Verb.IDENTIFY: "badge",
    Verb.TELL: "mail",
    Verb.FAIL: "unsubscribe",
    Verb.RESEND: "forward_to_inbox",
    Verb.CORRECT: "contact_mail",
    Verb.ERASE: "no_accounts",
    Verb.DOUBT: "help",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One step as officers read it."""

    at: datetime
    text: str
    by: str = ""
    note: str = ""
    icon: str = "circle"
    is_undone: bool = False
    is_problem: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One step as the citizen reads it."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Words:
    """The branches and services whose codes are in the details of events, read once for all events."""

    appointment: Appointment
    branches: dict[str, Branch]
    services: dict[str, str]

    def time(self, event: Event, end: str) -> str:
        """Return the event's time `end` ("from", "to" or "was") on its branch's clock, with the branch if named."""
        branch = self.branches.get(event.details.get(f"{end}_branch", ""), self.appointment.branch)
        told = wording.moment(datetime.fromisoformat(event.details[end]), branch.zone)
        return f"{told}, {branch.name}" if f"{end}_branch" in event.details else told

    def move(self, event: Event, told: str) -> str:
        if "from" not in event.details:  # an old event, from before moves kept their times
            return event.get_verb_display()
        return told % {"was": self.time(event, "from"), "now": self.time(event, "to")}


# For officers


def of(appointment: Appointment) -> list[Entry]:
    """Return all that happened to the appointment, and its follow-ups, in order. A constant number of queries."""
    found = Event.objects.filter(Q(appointment=appointment) | Q(appointment__follows=appointment, verb=Verb.BOOK))
    related = found.select_related("officer", "disruption", "appointment__branch", "appointment__procedure")
    events = list(related.exclude(verb__in=UNTOLD).in_order())
    words = _words(appointment, events)
    return [entry for event in events for entry in _entries(event, words)]


def _entries(event: Event, words: Words) -> Iterator[Entry]:
    if event.verb == Verb.PAST:
        yield from _folded(event)
        return
    yield Entry(
        event.at,
        _text(event, words),
        by=_who(event),
        note=_note(event, words),
        icon=ICONS.get(Verb(event.verb), "circle"),
        is_undone=event.is_undone,
        is_problem=event.verb in PROBLEMS,
    )


def _folded(event: Event) -> Iterator[Entry]:
    """Yield the steps that retention has folded into one row."""
    for verb, at in event.details["steps"]:
        if verb not in UNTOLD:
            yield Entry(datetime.fromisoformat(at), str(Verb(verb).label), icon=ICONS.get(Verb(verb), "circle"))


def _text(event: Event, words: Words) -> str:
    if event.appointment_id != words.appointment.pk:
        return _("Follow-up booked")
    special = TEXTS.get(Verb(event.verb))
    return special(event, words) if special else str(PLAIN.get(Verb(event.verb), event.get_verb_display()))


def _booked(event: Event, words: Words) -> str:
    through = {By.OFFICER: _("Booked by an officer"), By.SYSTEM: _("Booked by the agency's system")}
    return through.get(By(event.by), _("Booked on the website")) if event.by else event.get_verb_display()


def _to_desk(event: Event, words: Words) -> str:
    desk = event.details.get("desk")
    told = _("Called to desk %(desk)s") if event.verb == Verb.CALL else _("Forwarded to desk %(desk)s")
    return told % {"desk": desk} if desk else event.get_verb_display()


def _moved(event: Event, words: Words) -> str:
    return words.move(event, _("Moved from %(was)s to %(now)s"))


def _kept(event: Event, words: Words) -> str:
    return _("The clock has changed, and the time stays: %(when)s") % {"when": words.time(event, "to")}


def _changed(event: Event, words: Words) -> str:
    labels = [f"{LABELS[name]}" for name in event.details["facts"] if name in LABELS]
    return _("Changed at the agency: %(what)s") % {"what": ", ".join(labels)}


def _settled(event: Event, words: Words) -> str:
    return _answer(event)


def _fell_out(event: Event, words: Words) -> str:
    if event.disruption is None:
        return event.get_verb_display()
    return _("%(was)s falls out: %(reason)s") % {"was": words.time(event, "was"), "reason": event.disruption.reason}


def _told(event: Event, words: Words) -> str:
    what = {"kind": KINDS[event.details["kind"]]}
    what["medium"] = Notification.Medium(event.details["medium"]).label
    texts = {
        Verb.TELL: _("Message sent: %(kind)s (%(medium)s)"),
        Verb.FAIL: _("Message did not arrive: %(kind)s (%(medium)s)"),
        Verb.RESEND: _("Message sent again: %(kind)s (%(medium)s)"),
        Verb.DOUBT: _("Message perhaps sent, nobody knows: %(kind)s (%(medium)s)"),
    }
    return texts[Verb(event.verb)] % what


def _corrected(event: Event, words: Words) -> str:
    """Return what was changed. The history does not hold the address or the number itself."""
    texts = {
        ("email", "changed"): _("E-mail address changed"),
        ("email", "added"): _("E-mail address added"),
        ("email", "removed"): _("E-mail address removed"),
        ("phone", "changed"): _("Telephone changed"),
        ("phone", "added"): _("Telephone added"),
        ("phone", "removed"): _("Telephone removed"),
    }
    return ", ".join(texts[one] for one in event.details.items() if one in texts)


TEXTS: dict[Event.Verb, Callable[[Event, Words], str]] = {
    Verb.BOOK: _booked,
    Verb.MOVE: _moved,
    Verb.ACCEPT: _moved,
    Verb.KEEP: _kept,
    Verb.CHANGE: _changed,
    Verb.CALL: _to_desk,
    Verb.FORWARD: _to_desk,
    Verb.OFFER: _fell_out,
    Verb.SETTLE: _settled,
    Verb.TELL: _told,
    Verb.FAIL: _told,
    Verb.RESEND: _told,
    Verb.CORRECT: _corrected,
    Verb.DOUBT: _told,
}
# The text of verbs whose label says too little.
PLAIN = {
    Verb.REQUEST: gettext_lazy("Requested on the website"),
    Verb.EXPIRE: gettext_lazy("Expired: not confirmed in time"),
}


def _answer(event: Event) -> str:
    """Return what became of an offer by this step, or "" if the step was not about an offer."""
    state = event.details.get("offer_state")
    return _("Answer to the offer: %(state)s") % {"state": Offer.State(state).label} if state else ""


def _note(event: Event, words: Words) -> str:
    """Return what stands below the text of a step."""
    if event.appointment_id != words.appointment.pk and event.appointment:
        return _follow_up(event.appointment)
    if event.verb == Verb.CANCEL:
        return ". ".join(filter(None, (words.appointment.cancel_reason, _answer(event))))
    if event.verb == Verb.OFFER:
        none, to = _("No other time found"), event.details.get("to")
        return _("Offered: %(when)s") % {"when": words.time(event, "to")} if to else none
    if event.verb in MOVES:
        return _answer(event)
    if event.verb in CALLS:
        return CALLS[Verb(event.verb)](event)
    return words.services.get(event.details.get("procedure", ""), "")


def _let_in(event: Event) -> str:
    return str(Participant.Role(event.details["who"]).label)


def _identified(event: Event) -> str:
    """Return what the officer ticked."""
    seen = {"is_shown": _("a document was shown"), "is_same_face": _("the face is that of the document")}
    return ", ".join(text for name, text in seen.items() if event.details.get(name)) or _("nothing was seen")


# What stands below the steps of a video call.
CALLS: dict[Event.Verb, Callable[[Event], str]] = {Verb.LET_IN: _let_in, Verb.IDENTIFY: _identified}


def _follow_up(later: Appointment) -> str:
    when = wording.moment(later.starts_at, later.branch.zone)
    return f"{later.spoken_reference}, {later.procedure.name}: {when}, {later.branch.name}"


def _who(event: Event) -> str:
    """Return the officer's name, or the actor's role.

    The context "who" of the role's translation asks for the grammatical case that Greek has for the actor.
    """
    if event.officer:
        return str(event.officer)
    if event.verb in (Verb.BOOK, Verb.REQUEST, Verb.VERIFY):  # their text says who acted
        return ""
    citizen, agency = pgettext("who", "the citizen"), pgettext("who", "the agency")
    roles = {By.CITIZEN: citizen, By.GUEST: citizen, By.SYSTEM: agency, By.OFFICER: agency}
    role = roles.get(By(event.by), "") if event.by else ""
    return f"{role} (SMS)" if event.page == BY_SMS else role


def _words(appointment: Appointment, events: Iterable[Event]) -> Words:
    """Read the branches and services that the events name. No query for what none of them names."""
    details: list[dict[str, Any]] = [event.details for event in events]
    places = {one[name] for one in details for name in ("from_branch", "to_branch", "was_branch") if one.get(name)}
    codes = {one["procedure"] for one in details if one.get("procedure")}
    branches = {branch.code: branch for branch in Branch.objects.filter(code__in=places)} if places else {}
    services = {one.code: one.name for one in Procedure.objects.filter(code__in=codes)} if codes else {}
    return Words(appointment, branches, services)


# For the citizen


def for_citizen(appointment: Appointment) -> list[Told]:
    """Return what happened to the appointment so far, in order, without steps that were taken back."""
    events = list(_standing(appointment).in_order())
    words = _words(appointment, events)
    told = [Told(event.at, _to_citizen(event, words)) for event in events]
    return [one for one in told if one.text]


def _standing(appointment: Appointment) -> EventQuerySet:
    return appointment.events.standing()


def _to_citizen(event: Event, words: Words) -> str:
    by_citizen = event.by in (By.CITIZEN, By.GUEST)
    if event.verb in MOVES:
        you, agency = _("You moved it from %(was)s to %(now)s"), _("The agency moved it from %(was)s to %(now)s")
        return words.move(event, you if by_citizen else agency)
    if event.verb == Verb.KEEP:
        return _kept(event, words)
    if event.verb == Verb.CORRECT:
        return _corrected(event, words)
    if event.verb == Verb.CHANGE:
        return _changed(event, words)
    if event.verb == Verb.CANCEL:
        return _("Cancelled by you") if by_citizen else _("Cancelled by the agency")
    texts: dict[str, str] = {
        Verb.REQUEST: _("Requested"),
        Verb.BOOK: _("Booked"),
        Verb.VERIFY: _("Booked"),
        Verb.CHECK_IN: _("You arrived"),
        Verb.CONFIRM: _("You confirmed that you come"),
        Verb.SERVE: _("The officer began"),
        Verb.LET_IN: _("The officer let you in to the video call") if event.details.get("who") == "visitor" else "",
        Verb.PHONE: _("By telephone instead of video"),
        Verb.VIDEO: _("By video again"),
        Verb.IDENTIFY: _("You showed your identity document to the camera") if event.details.get("is_shown") else "",
        Verb.COMPLETE: _("Completed"),
        Verb.MISS: _("Marked as missed"),
        Verb.EXPIRE: _("Not confirmed in time"),
        Verb.ERASE: _("Your data was erased"),
    }
    return texts.get(event.verb, "")
