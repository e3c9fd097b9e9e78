"""A power cut at the home branch in a few days. Some citizens have already answered, others still have to."""

from datetime import date, datetime, time, timedelta

from accounts.models import User
from agencies.models import Branch
from appointments import booking, disruptions, offers
from appointments.history import Actor, By, worker
from appointments.models import Appointment, Disruption, Offer
from mydesklive.demo.cast import GUEST, SUPERVISOR

AHEAD = range(8, 15)
FROM, UNTIL = time(9), time(12)
ENOUGH = 6  # appointments in these hours; a day with fewer shows too little


def fill(home: Branch, *, now: datetime) -> int:
    """Makes one disruption, on the first day with enough appointments in these hours. Returns the number of offers."""
    supervisor = User.objects.filter(email=SUPERVISOR).first()
    if supervisor is None or Disruption.objects.exists():
        return 0
    days = (home.today(now) + timedelta(days=ahead) for ahead in AHEAD)
    day = next((day for day in days if _affected(home, day) >= ENOUGH), None)
    if day is None:
        return 0
    cut = Disruption(
        agency=home.agency,
        from_date=day,
        until_date=day,
        from_time=FROM,
        until_time=UNTIL,
        reason_el="Διακοπή ρεύματος",
        reason_en="Power cut",
        created_by=supervisor,
    )
    made = disruptions.look_after(
        disruptions.start(cut, [home], by=Actor(By.OFFICER, supervisor), now=now), by=worker("demo"), now=now
    )
    _answer(cut, now)
    return made


def _affected(home: Branch, day: date) -> int:
    begins, ends = (home.instant(datetime.combine(day, hour)) for hour in (FROM, UNTIL))
    hours = {"starts_at__gte": begins, "starts_at__lt": ends}
    return Appointment.objects.promised().filter(branch=home, **hours).count()


def _answer(cut: Disruption, now: datetime) -> None:
    """Lets every third citizen accept the new time, and one cancel."""
    waiting = list(cut.offers.filter(state=Offer.State.OPEN).select_related("appointment"))
    for offer in waiting[::3]:
        offers.accept(offer, by=GUEST, now=now)
    if len(waiting) > 1:
        booking.cancel(waiting[1].appointment, by=GUEST, now=now)
