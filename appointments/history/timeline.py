"""The history of one appointment, told from its own times, the events, what officers clicked, and the messages.

A step that stands in several of these places is told once, with the officer that any of them names.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from agencies.models import Branch, Procedure
from appointments import wording
from appointments.models import Appointment, Event, Notification, Offer, Status
from videocalls.models import VideoCall

Verb, Source, State = Event.Verb, Appointment.Source, Notification.State
BOOKED, CANCELLED = "booked", "cancelled"

# What officers' clicks are called in the log, and the step that each of them is.
CLICKS = {
    "Booked": BOOKED,
    "Arrived": Verb.CHECK_IN,
    "Service begun": Verb.SERVE,
    "Completed": Verb.COMPLETE,
    "Did not come": Verb.MISS,
    "Moved": Verb.MOVE,
    "Cancelled": CANCELLED,
}
ICONS = {
    BOOKED: "event_available",
    CANCELLED: "event_busy",
    Verb.CHECK_IN: "how_to_reg",
    Verb.CALL: "campaign",
    Verb.CALL_AGAIN: "campaign",
    Verb.SERVE: "record_voice_over",
    Verb.PARK: "pause_circle",
    Verb.RETURN: "undo",
    Verb.FORWARD: "arrow_forward",
    Verb.COMPLETE: "check_circle",
    Verb.MISS: "person_off",
    Verb.MOVE: "event_repeat",
    Verb.ASSIGN: "badge",
}
# A click is logged right after the step it led to.
SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened; `step` tells what it was where several records may tell of it."""

    at: datetime
    text: str
    step: str = ""
    by: str = ""
    note: str = ""
    icon: str = "circle"
    is_undone: bool = False
    is_problem: bool = False

    def is_same_as(self, other: "Entry") -> bool:
        return bool(self.step) and self.step == other.step and abs(self.at - other.at) <= SOON


@dataclass(frozen=True)
class Move:
    """A change of time, and of branch where `branches` differ. `by` is who asked for it, as in `CancelledBy`."""

    event: Event
    branches: tuple[Branch, Branch]

    @property
    def at(self) -> datetime:
        return self.event.at

    @property
    def by(self) -> str:
        return self.event.details.get("by", "")

    @cached_property
    def was(self) -> str:
        return self._told("from", self.branches[0])

    @cached_property
    def became(self) -> str:
        return self._told("to", self.branches[1])

    def _told(self, end: str, branch: Branch) -> str:
        time = wording.moment(datetime.fromisoformat(self.event.details[end]), branch.zone)
        return time if self.branches[0] == self.branches[1] else f"{time}, {branch.name}"


def of(appointment: Appointment) -> list[Entry]:
    """Everything that happened to it, from the first on. A constant number of queries."""
    events = list(appointment.events.select_related("officer").order_by("at", "pk"))
    messages = list(appointment.notifications.filter(state__in=(State.SENT, State.FAILED, State.DROPPED)))
    told = [*_from_events(appointment, events)]
    own = [entry for entry in _from_row(appointment, messages) if not _is_told(entry, told)]
    steps = _with_clicks(appointment, [*own, *told])
    steps += [*_from_messages(messages), *_from_offers(appointment), *_from_call(appointment.video_call)]
    steps += _from_followers(appointment)
    return sorted(steps, key=lambda entry: entry.at)


def moves(appointment: Appointment) -> list[Move]:
    """Every change of its time, from the first on."""
    found = appointment.events.filter(verb=Verb.MOVE, is_undone=False).order_by("at", "pk")
    return _moves(appointment, list(found))


def _moves(appointment: Appointment, events: list[Event]) -> list[Move]:
    """With the branches where one moved to another; those are read only then."""
    codes = {event.details[end] for event in events for end in ("from_branch", "to_branch") if end in event.details}
    named = {branch.code: branch for branch in Branch.objects.filter(code__in=codes)} if codes else {}

    def branch(event: Event, end: str) -> Branch:
        return named.get(event.details.get(end, ""), appointment.branch)

    return [Move(event, (branch(event, "from_branch"), branch(event, "to_branch"))) for event in events]


# Where it is read from


def _from_events(appointment: Appointment, events: list[Event]) -> Iterator[Entry]:
    moved = {move.event.pk: move for move in _moves(appointment, [one for one in events if one.verb == Verb.MOVE])}
    codes = {code for event in events if (code := event.details.get("procedure"))}
    services = {one.code: one.name for one in Procedure.objects.filter(code__in=codes)} if codes else {}
    for event in events:
        move = moved.get(event.pk)
        yield Entry(
            event.at,
            _("Moved from %(was)s to %(now)s") % {"was": move.was, "now": move.became} if move else _told(event),
            step=event.verb,
            by=str(event.officer or (_who(move.by) if move else "")),
            note=_details(event.details, services),
            icon=ICONS.get(event.verb, "circle"),
            is_undone=event.is_undone,
        )


def _told(event: Event) -> str:
    desk = event.details.get("desk")
    if event.verb == Verb.CALL and desk:
        return _("Called to desk %(desk)s") % {"desk": desk}
    if event.verb == Verb.FORWARD and desk:
        return _("Forwarded to desk %(desk)s") % {"desk": desk}
    return event.get_verb_display()


def _details(details: dict[str, Any], services: dict[str, str]) -> str:
    service = services.get(details.get("procedure", ""), "")
    return ", ".join(text for text in (service, details.get("reason", ""), details.get("note", "")) if text)


def _from_row(appointment: Appointment, messages: list[Notification]) -> Iterator[Entry]:
    """The times that the appointment itself keeps."""
    asked_to_verify = any(message.kind == Notification.Kind.VERIFY for message in messages)
    yield from _beginning(appointment, asked_to_verify or appointment.booked_at is None)
    times = (
        (Verb.MOVE, appointment.moved_at, _("Moved"), ""),
        (Verb.CHECK_IN, appointment.arrived_at, _("Arrived"), ""),
        (Verb.SERVE, appointment.serving_at, _("Service begun"), str(appointment.officer or "")),
        (Verb.COMPLETE, appointment.completed_at, _("Completed"), str(appointment.officer or "")),
    )
    for verb, at, text, by in times:
        if at:
            yield Entry(at, text, step=verb, by=by, icon=ICONS[verb])
    if appointment.ended_at:
        yield _end(appointment, appointment.ended_at)
    if appointment.rated_at:
        yield Entry(appointment.rated_at, _("The citizen rated the service"), icon="star")


def _beginning(appointment: Appointment, had_to_verify: bool) -> Iterator[Entry]:
    through = {
        Source.WEB: _("Booked on the website"),
        Source.STAFF: _("Booked by an officer"),
        Source.SYSTEM: _("Booked by the agency's system"),
    }
    text, icon = through[Source(appointment.source)], ICONS[BOOKED]
    if had_to_verify:
        yield Entry(appointment.created_at, _("Requested on the website"), icon="hourglass_empty")
        text = _("E-mail address confirmed: booked")
    if appointment.booked_at:
        yield Entry(appointment.booked_at, text, step=BOOKED, icon=icon)


def _end(appointment: Appointment, at: datetime) -> Entry:
    if appointment.status == Status.NO_SHOW:
        return Entry(at, _("Did not come"), step=Verb.MISS, icon=ICONS[Verb.MISS])
    if appointment.status == Status.EXPIRED:
        return Entry(at, _("Expired: not confirmed in time"), icon="timer_off")
    who, why = _who(appointment.cancelled_by), appointment.cancel_reason
    return Entry(at, _("Cancelled"), step=CANCELLED, by=who, note=why, icon=ICONS[CANCELLED])


def _who(by: str) -> str:
    """Who changed it, where it was no officer; as the one who does something (Greek has a case for that)."""
    whos: dict[str, str] = {
        Appointment.CancelledBy.CITIZEN: pgettext("who", "the citizen"),
        Appointment.CancelledBy.AGENCY: pgettext("who", "the agency"),
    }
    return whos.get(by, "")


def _is_told(own: Entry, steps: Iterable[Entry]) -> bool:
    return any(own.is_same_as(step) and not step.is_undone for step in steps)


def _with_clicks(appointment: Appointment, steps: list[Entry]) -> list[Entry]:
    """The steps with the officers whose clicks are in the log; a click whose step is not known stands for itself."""
    content_type = ContentType.objects.get_for_model(Appointment)
    log = LogEntry.objects.filter(content_type=content_type, object_id=str(appointment.pk)).select_related("user")
    for entry in log.exclude(change_message="").order_by("action_time", "pk"):
        step = CLICKS.get(entry.change_message, "")
        click = Entry(entry.action_time, _(entry.change_message), step=step, by=str(entry.user))
        same = next((number for number, one in enumerate(steps) if one.is_same_as(click)), None)
        if same is None:
            steps.append(replace(click, icon=ICONS.get(step, "circle")))
        elif steps[same].by in ("", *map(_who, Appointment.CancelledBy)):
            steps[same] = replace(steps[same], by=click.by)
    return steps


def _from_messages(messages: list[Notification]) -> Iterator[Entry]:
    for message in messages:
        what = {"kind": message.get_kind_display(), "medium": message.get_medium_display()}
        if message.state == State.SENT and message.sent_at:
            yield Entry(message.sent_at, _("Message sent: %(kind)s (%(medium)s)") % what, icon="mail")
        elif message.state == State.FAILED:
            text = _("Message did not arrive: %(kind)s (%(medium)s)") % what
            # A message that gave up keeps the time of its last attempt.
            yield Entry(message.due_at, text, note=message.last_error, icon="unsubscribe", is_problem=True)


def _from_offers(appointment: Appointment) -> Iterator[Entry]:
    for offer in appointment.offers.select_related("disruption", "was_branch", "hold__branch"):
        when = wording.moment(offer.was_starts_at, offer.was_branch.zone)
        fell_out = {"was": when, "reason": offer.disruption.reason}
        yield Entry(
            offer.created_at, _("%(was)s falls out: %(reason)s") % fell_out, note=_offered(offer), icon="warning"
        )
        if offer.answered_at:
            answer = {"state": offer.get_state_display()}
            yield Entry(offer.answered_at, _("Answer to the offer: %(state)s") % answer, icon="reply")
        elif offer.state == Offer.State.LAPSED and offer.deadline:
            yield Entry(offer.deadline, _("No answer in time"), icon="timer_off", is_problem=True)


def _offered(offer: Offer) -> str:
    if offer.hold is None:
        return _("No other time found") if offer.state == Offer.State.NONE_FOUND else ""
    place = offer.hold.branch
    return _("Offered: %(when)s") % {"when": f"{wording.moment(offer.hold.starts_at, place.zone)}, {place.name}"}


def _from_call(call: VideoCall | None) -> Iterator[Entry]:
    if call and call.state == VideoCall.State.FAILED:
        text = _("The room of the video call could not be made")
        yield Entry(call.created_at, text, note=call.last_error, icon="videocam_off", is_problem=True)
    elif call:
        yield Entry(call.created_at, _("Room of the video call made"), icon="videocam")


def _from_followers(appointment: Appointment) -> Iterator[Entry]:
    for later in appointment.followers.exclude(status=Status.HELD).select_related("branch", "procedure"):
        when = wording.moment(later.starts_at, later.branch.zone)
        note = f"{later.spoken_reference}, {later.procedure.name}: {when}, {later.branch.name}"
        yield Entry(later.created_at, _("Follow-up booked"), note=note, icon="event_available")
