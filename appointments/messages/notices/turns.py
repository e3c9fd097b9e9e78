"""When a notice has its moment: who waits in a line is told once when being next, and when called without looking."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

from django.db.models import Q

from accounts.work import leases
from accounts.work.sweeps import each
from accounts.work.waking import wake_worker
from agencies.models import Branch
from appointments.booking.owed import URGENT_TASKS
from appointments.counter.line import Line, line_of
from appointments.counter.steps import PATIENCE
from appointments.models import Appointment, Notice, Notification, Status, Ticket
from appointments.models.notification import NoticeQuerySet
from videocalls.models import Participant
from videocalls.presence import AWAY

Kind, State = Notice.Kind, Notification.State
# The status of an appointment whose call may still take place.
TAKES_PLACE = (Status.BOOKED, Status.ARRIVED, Status.SERVING)
# The fields of a notice that is over. Nothing of a person stays.
FORGOTTEN = {"address": "", "last_error": "", "leased_until": None}


def tell(*, now: datetime) -> int:
    """Give the notices whose moment has come a due time, and forget those whose moment cannot come any more.

    Returns how many are due now.
    """
    drop_over(now=now)
    of_tickets = Notice.objects.open().filter(due_at=None, guest=None)
    waiting = of_tickets.filter(Q(ticket__state=Ticket.State.WAITING) | Q(ticket__state=Ticket.State.CALLED))
    branches = Branch.objects.filter(pk__in=waiting.values("ticket__branch")).order_by("pk")
    return sum(each(branches, lambda branch: _tell_at(branch, waiting, now), doing="telling who is next at"))


def _tell_at(branch: Branch, waiting: NoticeQuerySet, now: datetime) -> int:
    here = waiting.filter(ticket__branch=branch).select_related("ticket")
    line = line_of(branch, now=now)
    due = [notice for notice in here if is_timely(notice, line)]
    Notice.objects.filter(pk__in=[one.pk for one in due], due_at=None).update(due_at=now)
    for medium in sorted({one.medium for one in due}):
        wake_worker(URGENT_TASKS[Notification.Medium(medium)])
    return len(due)


def is_timely(notice: Notice, line: Line) -> bool:
    """Return whether what the notice says is so in this line, and whoever waits does not see it anyway."""
    ticket = next((one for one in line.tickets if one.pk == notice.ticket_id), None)
    if ticket is None:  # of another day
        return False
    if notice.kind == Kind.NEXT:
        return ticket.state == Ticket.State.WAITING and line.is_next(ticket)
    return ticket.state == Ticket.State.CALLED and _is_away(notice, ticket, line.now)


def _is_away(notice: Notice, ticket: Ticket, now: datetime) -> bool:
    if notice.looked_at is not None and now - notice.looked_at < AWAY:
        return False
    inside = Participant.objects.filter(call=ticket.video_call_id, role=Participant.Role.VISITOR).inside()
    return ticket.video_call_id is None or not inside.exists()


def is_expected(guest: Participant, *, now: datetime) -> bool:
    """Return whether the guest's link still leads to a call that takes place."""
    call = guest.call
    if not guest.token or call.ended_at is not None or call.closes_at <= now:
        return False
    return Appointment.objects.filter(video_call=call, status__in=TAKES_PLACE).exists()


def drop_over(*, now: datetime) -> int:
    """Forget the notices of tickets that have ended, and of guests who are expected no more; return how many.

    The end of a ticket can be taken back for PATIENCE, and nothing is sent meanwhile.
    """
    idle = Notice.objects.open().filter(leases.is_free(now=now))
    ended = idle.filter(guest=None).exclude(ticket__state__in=Ticket.OPEN).filter(ticket__ended_at__lte=now - PATIENCE)
    lost = idle.filter(ticket=None).filter(
        Q(guest__token="") | Q(guest__call__ended_at__isnull=False) | Q(guest__call__closes_at__lte=now)
    )
    keys: Iterable[int] = map(attrgetter("pk"), [*ended.only("pk"), *lost.only("pk")])
    return idle.filter(pk__in=[*keys]).update(state=State.DROPPED, **FORGOTTEN)
