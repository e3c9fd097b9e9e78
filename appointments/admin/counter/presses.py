"""The buttons of the queue page. A late or repeated press changes nothing.

Each form sends the key of the last event that the page knew (`seen`). A browser that lost its connection sends the
presses of that time in order, and may send again what had arrived already. So each press is checked while the queue is
locked. It is either still to be done, or already done by this officer, or overtaken by somebody else's step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.models import Branch
from appointments import counter
from appointments.admin.counter.board import (
    hall_of,
    last_step,
    queue_address,
    services_of,
    serving_address,
    shown,
    undoable,
)
from appointments.admin.counter.desks import set_up
from appointments.admin.pages import acting, officers_page, page
from appointments.counter import desks
from appointments.counter.desks import queue_of
from appointments.errors import BookingError, LineMoved, NoDesk, NothingChosen, UndoTooLate, WaitedAtDoor
from appointments.history import Actor
from appointments.models import Appointment, Desk, Event, Ticket

Verb = Event.Verb


class AlreadyDone(Exception):
    """The officer sent the same press before, and it was done then."""


@dataclass(frozen=True)
class Press:
    """A button that an officer of the branch pressed, with the fields of its form."""

    branch: Branch
    actor: Actor
    now: datetime
    form: Mapping[str, str]

    @property
    def officer(self) -> User:
        return cast("User", self.actor.officer)

    @property
    def seen(self) -> int:
        """The key of the last event when the button was shown, or 0."""
        given = self.form.get("seen", "")
        return int(given) if given.isdecimal() else 0

    @cached_property
    def by(self) -> dict[str, Any]:
        return {"by": self.actor, "now": self.now}

    @cached_property
    def desk(self) -> Desk:
        mine = Desk.objects.filter(branch=self.branch, officer=self.officer).first()
        if mine is None:
            raise NoDesk
        return mine

    @cached_property
    def chosen_desk(self) -> Desk:
        return get_object_or_404(Desk.objects.select_related("branch"), branch=self.branch, name=self.form.get("desk"))

    @cached_property
    def appointment(self) -> Appointment:
        related = Appointment.objects.select_related("agency", "branch__agency", "procedure__agency")
        return get_object_or_404(related, branch=self.branch, reference=self.form.get("appointment"))

    @cached_property
    def ticket(self) -> Ticket:
        related = Ticket.objects.select_related("branch", "appointment")
        return get_object_or_404(related, branch=self.branch, code=self.form.get("ticket"))

    def fresh(self, verb: str) -> Ticket:
        """Returns the ticket if nothing has been done with it since the button was shown.

        Raises AlreadyDone if the only event since then is the same step by the same officer, and LineMoved otherwise.
        """
        since = list(self.ticket.events.filter(pk__gt=self.seen).order_by("pk")[:2])
        if len(since) == 1 and since[0].verb == verb and since[0].officer_id == self.officer.pk:
            raise AlreadyDone
        if since:
            raise LineMoved
        return self.ticket


# The steps of the queue page. WITH_TICKET and WITH_DESK list them by their names in addresses


def _next(press: Press) -> Ticket:
    called = Event.objects.filter(pk__gt=press.seen, verb=Verb.CALL, ticket__branch=press.branch)
    if called.filter(officer=press.officer).exists():
        raise AlreadyDone
    return counter.call_next(press.desk, **press.by)


def _call(press: Press) -> Ticket:
    if "appointment" in press.form:
        return counter.call(counter.admit(press.appointment, **press.by), press.desk, **press.by)
    return counter.call(press.fresh(Verb.CALL), press.desk, **press.by)


def _park(press: Press) -> Ticket:
    reason = " ".join(press.form.get("reason", "").split())[:200]
    return counter.park(press.fresh(Verb.PARK), reason=reason, **press.by)


def _forward(press: Press) -> Ticket:
    ticket = press.fresh(Verb.FORWARD)
    desk = press.chosen_desk if press.form.get("desk") else None
    code = press.form.get("procedure")
    procedure = get_object_or_404(press.branch.agency.procedures, code=code) if code else None
    if desk is None and procedure is None:
        raise NothingChosen
    return counter.forward(ticket, desk=desk, procedure=procedure, **press.by)


def _undo(press: Press) -> Ticket:
    last = press.ticket.events.order_by("-pk").first()
    if last is None or last.pk != press.seen:
        raise UndoTooLate
    if last.is_undone:
        raise AlreadyDone
    return counter.undo(press.ticket, **press.by)


def _check_in(press: Press) -> Ticket:
    return counter.check_in(press.appointment, **press.by)


def _walk_in(press: Press) -> Ticket:
    procedure = get_object_or_404(press.branch.agency.procedures, code=press.form.get("procedure"))
    return counter.take_ticket(
        press.branch,
        procedure,
        language="en" if press.form.get("language") == "en" else "el",
        name=" ".join(press.form.get("name", "").split())[:120],
        priority="priority" in press.form,
        code=press.form.get("code", "")[:22],
        **press.by,
    )


WITH_TICKET: dict[str, Callable[[Press], Ticket]] = {
    "next": _next,
    "call": _call,
    "again": lambda press: counter.call_again(press.fresh(Verb.CALL_AGAIN), **press.by),
    "begin": lambda press: counter.serve(press.fresh(Verb.SERVE), **press.by),
    "done": lambda press: counter.complete(press.fresh(Verb.COMPLETE), **press.by),
    "park": _park,
    "back": lambda press: counter.put_back(press.fresh(Verb.RETURN), **press.by),
    "forward": _forward,
    "miss": lambda press: counter.miss(press.fresh(Verb.MISS), sure="sure" in press.form, **press.by),
    "undo": _undo,
    "check-in": _check_in,
    "walk-in": _walk_in,
}
WITH_DESK: dict[str, Callable[[Press], object]] = {
    "sit": lambda press: desks.sit(press.chosen_desk, **press.by),
    "pause": lambda press: desks.pause(press.desk, **press.by),
    "resume": lambda press: desks.resume(press.desk, **press.by),
    "leave": lambda press: desks.leave(press.desk, **press.by),
    "free": lambda press: desks.free(press.chosen_desk, **press.by),
    "set-up": lambda press: set_up(press.branch, press.branch.today(press.now)),
}


# Running a press and answering it


@dataclass
class Answer:
    """The outcome of a press: the ticket, a text for the officer, and whether the press was refused.

    `unsure` is the ticket of a citizen who waited at the video call: it is missed only if the officer is sure.
    """

    ticket: Ticket | None = None
    text: str = ""
    refused: bool = False
    unsure: Ticket | None = None


@officers_page
@require_POST
def take(request: HttpRequest, branch: str, step: str) -> HttpResponse:
    if step not in WITH_TICKET and step not in WITH_DESK:
        raise Http404
    officer = signed_in(request)
    place = get_object_or_404(access.counters(officer).select_related("agency"), code=branch)
    press = Press(place, acting(request), timezone.now(), request.POST)
    answer = _taken(press, step)
    if request.headers.get("X-Requested-With") == "queue":
        return _fragment(request, press, step, answer)
    if answer.unsure:
        context = {"title": gettext("Did not come"), "appointment": answer.unsure.appointment}
        return page(request, "calls/sure.html", context | {"next": queue_address(place)})
    if answer.text:
        messages.add_message(request, messages.ERROR if answer.refused else messages.INFO, answer.text)
    if step == "begin" and answer.ticket and not answer.refused:
        return redirect(serving_address(answer.ticket))
    return HttpResponseRedirect(queue_address(place))


def _taken(press: Press, step: str) -> Answer:
    try:
        with queue_of(press.branch):
            if step in WITH_DESK:
                WITH_DESK[step](press)
                return Answer()
            return Answer(WITH_TICKET[step](press))
    except AlreadyDone:
        return Answer(press.ticket if "ticket" in press.form else None, gettext("This has been done already."))
    except WaitedAtDoor as error:
        return Answer(text=_refusal(press, error), refused=True, unsure=press.ticket)
    except BookingError as error:
        return Answer(text=_refusal(press, error), refused=True)


def _refusal(press: Press, error: BookingError) -> str:
    return f"{press.ticket.spoken_number}: {error}" if "ticket" in press.form else str(error)


def _fragment(request: HttpRequest, press: Press, step: str, answer: Answer) -> HttpResponse:
    """Returns the board as it is now, for the script.

    `X-Seen` is the key of the ticket's last event, which the script sends with the presses that wait behind this one.
    """
    done = None if answer.refused or step == "undo" else last_step(press.officer, press.branch, press.now)
    context = {
        "told": answer,
        "told_seen": press.seen,
        "procedures": services_of(press.branch),
        **shown(press.branch, press.officer.pk, hall_of(press.branch, press.now), press.now),
        **undoable(done, press.now),
    }
    response = render(request, "admin/appointments/counter/_answer.html", context)
    if answer.refused:
        response.headers["X-Refused"] = "yes"
    elif answer.ticket:
        response.headers["X-Seen"] = str(answer.ticket.events.order_by("-pk").values_list("pk", flat=True).first() or 0)
        if step == "begin":
            response.headers["X-Go"] = serving_address(answer.ticket)
    return response
