"""Today's hall at the home branch: its desks, two officers, and citizens who are served or wait.

The queue's verbs make it once a day. What visitors of the demo do there is kept.
"""

from datetime import date, datetime, time, timedelta

from django.db import transaction

from accounts.models import User
from agencies.models import Branch, Channel, Membership, OpeningRule, Procedure, Role
from appointments import booking, counter
from appointments.counter import desks
from appointments.history import Actor, By, worker
from appointments.models import Appointment, Desk, Status, Ticket

COLLEAGUES = {"katerina@example.org": "Κατερίνα Βλάχου", "manolis@example.org": "Μανώλης Σταυρίδης"}
GUEST, WORKER = Actor(By.GUEST), worker("demo")
DESKS = ("1", "2", "3")
# Minutes since each walk-in came. The first ones are already at desks.
CAME = (42, 31, 24, 17, 9, 4)


@transaction.atomic
def fill(home: Branch, *, now: datetime) -> int:
    """Fills today's hall unless it already has tickets. Returns the number of tickets."""
    if Ticket.objects.of_day(home, home.today(now)).exists():
        return 0
    counter.close_past(by=WORKER, now=now)
    _take_walk_ins(home, home.today(now))
    officers = [_colleague(home, email) for email in COLLEAGUES]
    seats = [Desk.objects.get_or_create(branch=home, name=name)[0] for name in DESKS]
    services = list(
        home.agency.procedures.filter(is_offered=True, channels__contains=[Channel.IN_PERSON]).order_by("pk")
    )
    for number, minutes in enumerate(CAME):
        _walk_in(home, services[number % len(services)], now - timedelta(minutes=minutes), priority=number == 4)  # noqa: PLR2004
    _check_in(home, now)
    for officer, seat in zip(officers, seats[1:], strict=False):
        if seat.officer_id in (None, officer.pk):
            _serve(seat, officer, now)
    return Ticket.objects.of_day(home, home.today(now)).count()


def _take_walk_ins(home: Branch, today: date) -> None:
    """Allows walk-ins on weekdays, and today at any hour, so that visitors find the kiosk and the line by video open."""
    weekly = {"weekdays": [1, 2, 3, 4, 5], "opens_at": time(8), "closes_at": time(14), "valid_from": date(2020, 1, 1)}
    once = {"weekdays": [today.isoweekday()], "opens_at": time(0), "closes_at": time(23, 59)}
    once |= {"valid_from": today, "valid_until": today}
    for hours in (weekly, once):
        OpeningRule.objects.get_or_create(
            branch=home,
            purpose=OpeningRule.Purpose.WALK_IN,
            **hours,
            defaults={"slot_minutes": 10, "desks": 1, "channels": [Channel.IN_PERSON, Channel.VIDEO]},
        )


def _colleague(home: Branch, email: str) -> User:
    officer, is_new = User.objects.get_or_create(email=email, defaults={"name": COLLEAGUES[email]})
    if is_new:
        Membership.objects.create(user=officer, agency=home.agency, branch=home, role=Role.AGENT)
    return officer


def _walk_in(home: Branch, procedure: Procedure, at: datetime, *, priority: bool) -> None:
    counter.take_ticket(home, procedure, by=GUEST, now=at, priority=priority)


def _check_in(home: Branch, now: datetime) -> None:
    """Checks in the invented citizens who have arrived. Those whose service has begun go to a desk first."""
    today = Appointment.objects.on_day(home, home.today(now))
    here = today.filter(channel=Channel.IN_PERSON, idempotency_key__startswith="demo:")
    for appointment in here.filter(status=Status.SERVING).select_related("branch__agency", "procedure"):
        booking.interrupt(appointment, by=WORKER, now=now)
    for appointment in here.filter(status=Status.ARRIVED).select_related("branch__agency", "procedure"):
        counter.check_in(appointment, by=GUEST, now=appointment.arrived_at or now)


def _serve(seat: Desk, officer: User, now: datetime) -> None:
    by = Actor(By.OFFICER, officer)
    desks.sit(seat, by=by, now=now - timedelta(hours=1))
    begun = now - timedelta(minutes=4)
    ticket = counter.waiting_for(seat, now=now).first()
    if ticket:
        counter.call(ticket, seat, by=by, now=begun)
        counter.serve(ticket, by=by, now=begun)
