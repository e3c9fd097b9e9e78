"""The time and place of an appointment in words of the active language, the same in mails, SMS and calendars."""

from datetime import datetime, timedelta
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from agencies.models import Channel
from agencies.text import of_city
from agencies.wallclock import zone_of
from appointments.models import Appointment

HOME = "Europe/Athens"
# Of a telephone number so many digits are shown.
LAST_DIGITS = 3
# Waiting times are told in these steps, because they cannot be foreseen to the minute.
STEP = timedelta(minutes=5)


def when(appointment: Appointment) -> str:
    """Return the time on the branch's clock. Where a reader could mistake the clock, its city follows.

    Example: «…, 10:20 (ώρα Νέας Υόρκης)».
    """
    return _named(date_format(appointment.promised, "DATETIME_FORMAT", use_l10n=True), appointment)


def on_branch_clock(at: datetime, appointment: Appointment) -> str:
    return _named(moment(at, appointment.branch.zone), appointment)


def _named(told: str, appointment: Appointment) -> str:
    """Return the time with the city of the branch's clock, where a reader could mistake the clock."""
    branch = appointment.branch
    may_be_elsewhere = own_time(appointment) or not appointment.timezone
    named = branch.timezone != HOME or (appointment.channel != Channel.IN_PERSON and may_be_elsewhere)
    return f"{told} ({clock_of(branch.timezone)})" if named else told


def on_both_clocks(at: datetime, appointment: Appointment) -> str:
    """Return a deadline on the branch's clock, and on the citizen's own where that shows another time."""
    on_branch = on_branch_clock(at, appointment)
    if not _differ(at, appointment):
        return on_branch
    return _("%(when)s, your time: %(own)s") % {"when": on_branch, "own": moment(at, appointment.zone)}


def own_time(appointment: Appointment) -> str:
    """Return the time on the citizen's own clock, or "" if both clocks show the same then."""
    if not _differ(appointment.promised_at, appointment):
        return ""
    return f"{moment(appointment.promised_at, appointment.zone)} ({clock_of(str(appointment.zone))})"


def _differ(at: datetime, appointment: Appointment) -> bool:
    """Return whether the clocks of the branch and the citizen differ at that time."""
    return at.astimezone(appointment.zone).utcoffset() != at.astimezone(appointment.branch.zone).utcoffset()


def moment(at: datetime, zone: ZoneInfo) -> str:
    return date_format(at.astimezone(zone), "DATETIME_FORMAT", use_l10n=True)


def short_when(appointment: Appointment) -> str:
    """Return the time for an SMS: 23/03/2026 10:20, and the citizen's own time if it differs."""
    promised = date_format(appointment.promised, "SHORT_DATETIME_FORMAT", use_l10n=True)
    return _with_own(promised, appointment.promised_at, appointment)


def short(at: datetime, appointment: Appointment) -> str:
    """Return a time for an SMS: 23/03/2026 10:20, and the citizen's own time if it differs."""
    return _with_own(short_moment(at, appointment.branch.zone), at, appointment)


def clock(at: datetime, appointment: Appointment) -> str:
    """Return a time of the day of the appointment: 10:20, and the citizen's own time if it differs."""
    return _with_own(date_format(appointment.branch.local(at), "H:i"), at, appointment)


def _with_own(on_branch: str, at: datetime, appointment: Appointment) -> str:
    """Add the citizen's own time, without its date if both clocks show the same day."""
    if not _differ(at, appointment):
        return on_branch
    branch, zone = appointment.branch, appointment.zone
    same_day = branch.local(at).date() == at.astimezone(zone).date()
    own = date_format(at.astimezone(zone), "H:i") if same_day else short_moment(at, zone)
    return f"{on_branch} ({clock_of(branch.timezone)}) = {own} ({clock_of(str(zone))})"


def short_moment(at: datetime, zone: ZoneInfo) -> str:
    return date_format(at.astimezone(zone), "SHORT_DATETIME_FORMAT", use_l10n=True)


def clock_of(zone: str) -> str:
    """Return whose clock it is. A zone that is not known counts as UTC, as in `agencies.wallclock.zone_of`."""
    if str(zone_of(zone)) == HOME:
        return _("Greek time")  # as on pages
    return _("time in %(city)s") % {"city": _city_of(str(zone_of(zone)), get_language())}


@lru_cache(maxsize=1000)  # as many as there are zones in two languages; a message names up to six
def _city_of(zone: str, language: str | None) -> str:
    return of_city(get_timezone_location(zone, locale=language, return_city=True))


def place(appointment: Appointment) -> str:
    """Return where the appointment is: the branch's address, the page of the video call, or "By telephone"."""
    if appointment.channel == Channel.VIDEO:
        return appointment.link("join")
    if appointment.channel == Channel.PHONE:
        return _("By telephone")
    branch = appointment.branch
    where = ", ".join(part for part in (branch.name, branch.address, branch.city) if part)
    return f"{where} ({_('illustrative details')})" if branch.is_illustrative and branch.address else where


def calls(appointment: Appointment) -> str:
    """Return at which number an officer calls. The number is not known in messages to an address that is not proven."""
    if not appointment.phone:
        return _("An officer will call you at the number that was given.")
    return _("An officer will call you at %(phone)s.") % {"phone": appointment.phone}


def about(span: timedelta) -> str:
    """Return the span rounded up to five minutes: "about 25 minutes", "about 1 hour and 5 minutes"."""
    hours, minutes = divmod(max(ceil(span / STEP), 1) * 5, 60)
    if not hours:
        return _("about %(minutes)d minutes") % {"minutes": minutes}
    if not minutes:
        return ngettext("about %(hours)d hour", "about %(hours)d hours", hours) % {"hours": hours}
    both = ngettext(
        "about %(hours)d hour and %(minutes)d minutes", "about %(hours)d hours and %(minutes)d minutes", hours
    )
    return both % {"hours": hours, "minutes": minutes}


def hidden(address: str) -> str:
    """Return the e-mail address or telephone number so that its owner knows it, and nobody else: "m…@example.org"."""
    name, at, host = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{host}"
    return f"…{address[-LAST_DIGITS:]}" if len(address) > LAST_DIGITS else ""
