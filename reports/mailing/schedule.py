"""When reports are mailed, and which months they are about. Days and hours are those of Athens."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agencies.wallclock import instant
from reports.models import Subscription
from reports.selecting.selection import next_month

ATHENS = ZoneInfo("Europe/Athens")
AT = time(7)
MONDAY = 0
# The day of the month: on the second, the last day of the month before has been counted everywhere on earth.
DAY = 2
QUARTER, YEAR = 3, 12  # months

Schedule, Period = Subscription.Schedule, Subscription.Period


def is_day(schedule: str, day: date) -> bool:
    """Returns whether a mail is due on this day."""
    if schedule == Schedule.WEEKLY:
        return day.weekday() == MONDAY
    return day.day == DAY and (schedule == Schedule.MONTHLY or day.month % QUARTER == 1)


def day_of(moment: datetime) -> date:
    return moment.astimezone(ATHENS).date()


def following(schedule: str, moment: datetime) -> datetime:
    """Returns the first moment (UTC) after this one at which a mail is due."""
    day = day_of(moment)
    while not is_day(schedule, day) or at_seven(day) <= moment:
        day += timedelta(days=1)
    return at_seven(day)


def missed(schedule: str, due: datetime, *, now: datetime) -> list[datetime]:
    """Returns the moments from `due` until now, in order. The last one is the one that counts."""
    found = [due]
    while (moment := following(schedule, found[-1])) <= now:
        found.append(moment)
    return found


def at_seven(day: date) -> datetime:
    return instant(datetime.combine(day, AT), ATHENS)


def months_of(period: str, moment: datetime) -> tuple[date, date]:
    """Returns the first days of the first and of the last month that a mail due at this moment is about."""
    day = day_of(moment)
    this = day.replace(day=1)
    if period == Period.THIS_MONTH:
        yesterdays = (day - timedelta(days=1)).replace(day=1)  # on the first, nothing of the new month is known
        return yesterdays, yesterdays
    until = months_before(this, 1 + (this.month - 1) % QUARTER) if period == Period.QUARTER else months_before(this, 1)
    length = {Period.QUARTER: QUARTER, Period.YEAR: YEAR}.get(Period(period), 1)
    return months_before(until, length - 1), until


def months_before(month: date, number: int) -> date:
    for _ in range(number):
        month = (month - timedelta(days=1)).replace(day=1)
    return month


def last_day(period: str, moment: datetime) -> date:
    """Returns the last day of the period that is over at the moment."""
    _since, until = months_of(period, moment)
    return min(next_month(until), day_of(moment)) - timedelta(days=1)
