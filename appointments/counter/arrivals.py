"""Check-in by the citizen, at the kiosk or by link: where and when it is possible, and what to do where it is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from agencies.models import Branch, Channel, OpeningRule
from appointments import wording
from appointments.counter import tickets
from appointments.counter.line import Line, line_of
from appointments.errors import WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Status, Ticket

# How long before the appointment check-in begins. Earlier, the hall would fill with people whose turn is far away.
EARLIEST = timedelta(minutes=60)


class Answer(StrEnum):
    IN_TIME = "in_time"
    LATE = "late"
    MISSED = "missed"
    HERE = "here"
    UNKNOWN = "unknown"
    EARLY = "early"
    OTHER_DAY = "other_day"
    PAST_DAY = "past_day"
    OTHER_BRANCH = "other_branch"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"
    VIDEO = "video"
    PHONE = "phone"
    SERVED = "served"


# The appointment is over: the citizen needs a new one, or a ticket.
TO_BOOK_AGAIN = (Answer.PAST_DAY, Answer.CANCELLED, Answer.UNCONFIRMED)


@dataclass(frozen=True)
class Arrival:
    """The answer to a citizen who checks in: a ticket, or what to do instead. Its texts contain no names of people."""

    answer: Answer
    appointment: Appointment | None = None
    ticket: Ticket | None = None

    @property
    def title(self) -> str:
        return _titles()[self.answer]

    @property
    def text(self) -> str:
        return _texts(self.appointment)[self.answer] if self.appointment else unknown_text()

    @property
    def books_again(self) -> bool:
        return self.answer in TO_BOOK_AGAIN


@dataclass(frozen=True)
class Place:
    """The place of a ticket in the queue. `wait` is the time until its turn, or None if that cannot be told."""

    ticket: Ticket
    ahead: int = 0
    wait: timedelta | None = None

    @property
    def is_soon(self) -> bool:
        return self.wait is not None and self.wait < wording.STEP

    @property
    def about(self) -> str:
        return wording.about(self.wait) if self.wait is not None else ""


@dataclass(frozen=True)
class Visit:
    """What the citizen's page shows on the day: the place in the queue, or before check-in the expected delay."""

    place: Place | None
    may_check_in: bool
    delay: timedelta | None = None

    @property
    def is_punctual(self) -> bool:
        return self.delay is not None and self.delay < wording.STEP

    @property
    def about(self) -> str:
        return wording.about(self.delay) if self.delay is not None else ""


# Checking in


def by_reference(reference: str, branch: Branch, *, by: Actor, now: datetime) -> Arrival:
    """Check in the appointment whose reference was typed or scanned at the branch, or say why that is not possible."""
    known = Appointment.objects.select_related("agency", "branch__agency", "procedure__agency")
    appointment = known.with_reference(reference).beyond_hold().first()
    if appointment is None or (appointment.status == Status.EXPIRED and not appointment.name):  # was only a hold
        return Arrival(Answer.UNKNOWN)
    return check_in(appointment, branch, by=by, now=now)


def check_in(appointment: Appointment, branch: Branch, *, by: Actor, now: datetime) -> Arrival:
    """Check in the appointment at the branch, or say why that is not possible. Repeating it returns the same ticket.

    The answer is about the appointment that is checked in: a newer one if the citizen missed this one and booked again.
    """
    appointment = tickets.to_check_in(appointment, now)
    if refusal := _refusal(appointment, branch, now):
        return Arrival(refusal, appointment)
    if here := open_ticket(appointment, now=now):
        return Arrival(Answer.HERE, appointment, here)
    was_missed = appointment.status == Status.NO_SHOW
    try:
        ticket = tickets.check_in(appointment, by=by, now=now)
    except WrongStatus:  # cancelled or served a moment ago
        appointment.refresh_from_db()
        return Arrival(_refusal(appointment, branch, now) or Answer.SERVED, appointment)
    in_time = Answer.IN_TIME if ticket.due_at == appointment.starts_at else Answer.LATE
    return Arrival(Answer.MISSED if was_missed else in_time, appointment, ticket)


def check_in_remotely(appointment: Appointment, *, by: Actor, now: datetime) -> Ticket | None:
    """Check in a citizen who enters the video call, so that officers see it. None if there is no call to enter."""
    if appointment.channel != Channel.VIDEO or appointment.status not in (Status.BOOKED, Status.ARRIVED):
        return None
    return tickets.check_in(appointment, by=by, now=now)


def open_ticket(appointment: Appointment, *, now: datetime) -> Ticket | None:
    return Ticket.objects.open().filter(appointment=appointment, day=appointment.branch.today(now)).first()


def _refusal(appointment: Appointment, branch: Branch, now: datetime) -> Answer | None:
    """Return why the appointment cannot check in here and now, or None. The most helpful reason comes first."""
    ended = {
        Status.CANCELLED: Answer.CANCELLED,
        Status.EXPIRED: Answer.UNCONFIRMED,
        Status.COMPLETED: Answer.SERVED,
    }
    remote = {Channel.VIDEO: Answer.VIDEO, Channel.PHONE: Answer.PHONE}
    day, today = branch.today(appointment.starts_at), branch.today(now)
    if answer := ended.get(Status(appointment.status)):
        return answer
    if day < today:
        return Answer.PAST_DAY
    if answer := remote.get(Channel(appointment.channel)):
        return answer
    if appointment.branch_id != branch.pk:
        return Answer.OTHER_BRANCH
    if day > today:
        return Answer.OTHER_DAY
    return Answer.EARLY if now < appointment.starts_at - EARLIEST else None


# The place in the queue


def place_of(ticket: Ticket, *, now: datetime) -> Place:
    """Return the place of one of today's tickets in the queue of `ticket.branch`."""
    if ticket.state != Ticket.State.WAITING:
        return Place(ticket)
    line = line_of(ticket.branch, now=now)
    current = next((one for one in line.waiting if one.pk == ticket.pk), None)
    if current is None:  # it was called after the caller had read it
        ticket.refresh_from_db()
        return Place(ticket)
    return Place(current, line.ahead_of(current), _wait(line, current))


def visit_of(appointment: Appointment, *, now: datetime) -> Visit | None:
    """Return what the citizen's page shows of the visit. None on other days, before check-in begins, and afterwards."""
    appointment = tickets.to_check_in(appointment, now)
    branch = appointment.branch
    is_today = branch.today(now) == branch.today(appointment.starts_at)
    awaited = (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED, Status.SERVING, Status.NO_SHOW)
    if not is_today or appointment.status not in awaited:
        return None
    comes = appointment.channel == Channel.IN_PERSON and appointment.status != Status.SERVING
    if ticket := _ticket_today(appointment, now):
        return Visit(place_of(ticket, now=now), may_check_in=comes and ticket.state == Ticket.State.GONE)
    if now < appointment.starts_at - EARLIEST or appointment.status == Status.SERVING:
        return None
    return Visit(None, may_check_in=comes, delay=line_of(branch, now=now).delay(appointment))


def _ticket_today(appointment: Appointment, now: datetime) -> Ticket | None:
    related = Ticket.objects.select_related("branch", "desk", "appointment")
    return related.filter(appointment=appointment, day=appointment.branch.today(now)).first()


def _wait(line: Line, ticket: Ticket) -> timedelta | None:
    begins = line.begins.get(ticket)
    return begins - line.now if begins else None


def walk_in_hours(branch: Branch, channels: Iterable[str], *, now: datetime) -> list[OpeningRule]:
    """Return the rules for visits without an appointment in these channels: weekly ones, and those of today only."""
    today = branch.today(now)
    rules = branch.opening_rules.filter(
        purpose=OpeningRule.Purpose.WALK_IN, valid_from__lte=today, channels__overlap=[*channels]
    )
    found = rules.exclude(valid_until__lt=today).prefetch_related("procedures")
    return sorted(found, key=lambda rule: (not rule.is_once, sorted(rule.weekdays), rule.opens_at))


# Words


def unknown_text() -> str:
    return _("Check each of the ten letters and digits. If it is still not found, ask an officer.")


def _titles() -> dict[Answer, str]:
    checked_in = _("You are checked in")
    return {
        Answer.IN_TIME: checked_in,
        Answer.LATE: checked_in,
        Answer.MISSED: _("You are in the queue again"),
        Answer.HERE: _("You are already checked in"),
        Answer.UNKNOWN: _("We found no appointment with this reference"),
        Answer.EARLY: _("You are early"),
        Answer.OTHER_DAY: _("Your appointment is on another day"),
        Answer.PAST_DAY: _("The day of this appointment is over"),
        Answer.OTHER_BRANCH: _("Your appointment is at another branch"),
        Answer.CANCELLED: _("This appointment has been cancelled"),
        Answer.UNCONFIRMED: _("This appointment was not confirmed in time"),
        Answer.VIDEO: _("Your appointment is by video call"),
        Answer.PHONE: _("Your appointment is by telephone"),
        Answer.SERVED: _("This appointment has been served"),
    }


def _texts(appointment: Appointment) -> dict[Answer, str]:
    branch = appointment.branch
    local = branch.local(appointment.starts_at)
    when = wording.moment(appointment.starts_at, branch.zone)
    opens_at = date_format(branch.local(appointment.starts_at - EARLIEST), "H:i")
    facts = {"when": when, "time": date_format(local, "H:i"), "opens_at": opens_at, "place": _place(branch)}
    move = _("You can move it with the link in our messages.")
    return {
        Answer.IN_TIME: _("Watch the screen: it shows your number and the desk."),
        Answer.LATE: _("Your time has passed, so your turn counts from now: it may take longer."),
        Answer.MISSED: _("You were called and were not there. Your turn counts from now: it may take longer."),
        Answer.HERE: _("Keep the number you have. Watch the screen: it shows your number and the desk."),
        Answer.UNKNOWN: unknown_text(),
        Answer.EARLY: _("It is at %(time)s. Check in here from %(opens_at)s on.") % facts,
        Answer.OTHER_DAY: _("It is on %(when)s. Come back then.") % facts + " " + move,
        Answer.PAST_DAY: _("It was on %(when)s. Please book a new one.") % facts,
        Answer.OTHER_BRANCH: _("It is on %(when)s, at: %(place)s.") % facts + " " + move,
        Answer.CANCELLED: _("Please book a new one."),
        Answer.UNCONFIRMED: _("The time was given to somebody else. Please book a new one."),
        Answer.VIDEO: _("It is on %(when)s. Open the link in our messages: you do not check in here.") % facts,
        Answer.PHONE: _("It is on %(when)s. An officer calls you: you do not check in here.") % facts,
        Answer.SERVED: _("If something is still missing, ask an officer."),
    }


def _place(branch: Branch) -> str:
    parts: Iterable[str] = (branch.name, branch.address, "" if branch.city in branch.name else branch.city)
    return ", ".join(part for part in parts if part)
