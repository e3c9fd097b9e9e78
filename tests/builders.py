"""Builders for tests: plain functions with sensible defaults. Times are in the branch's local time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import User
from agencies.models import (
    Agency,
    Branch,
    Channel,
    Closure,
    Membership,
    OpeningRule,
    Procedure,
    ProductionPeriod,
    Role,
)
from agencies.wallclock import midnight
from appointments import booking, counter, disruptions
from appointments.booking.persons import Contact
from appointments.counter import desks
from appointments.history import Actor, By, worker
from appointments.models import Appointment, Desk, Disruption, Offer, Ticket, TimeSlot
from appointments.times.publishing import publish

# Actors for tests in which the person does not matter.
GUEST, STAFF, WORKER = Actor(By.GUEST), Actor(By.OFFICER), worker("test")
SYSTEM = Actor(By.SYSTEM)
ATHENS = ZoneInfo("Europe/Athens")
# The time in most tests: Monday 2 March 2026, 07:00 in Athens.
NOW = datetime(2026, 3, 2, 7, 0, tzinfo=ATHENS).astimezone(UTC)
NOON = NOW + timedelta(hours=5)
MONDAY = NOW.date()
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=days) for days in (1, 2, 3))
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
WEEKDAYS = [1, 2, 3, 4, 5]


def an_agency(slug: str = "kep", **fields: Any) -> Agency:
    defaults: dict[str, Any] = {
        "name_el": f"Φορέας {slug}",
        "name_en": f"Agency {slug}",
        "short_name_el": slug.upper(),
        "short_name_en": slug.upper(),
        "platform": f"my{slug.upper()}live",
        "platform_slug": f"my{slug}live",
        "stage": Agency.Stage.PRODUCTION,
        "horizon_days": 14,
        "verify_minutes": 0,  # most tests book as a guest in one step
    }
    return Agency.objects.create(slug=slug, **defaults | fields)


def a_branch(agency: Agency, code: str = "kep-chania", **fields: Any) -> Branch:
    defaults = {"name_el": "ΚΕΠ Χανίων", "name_en": "KEP Chania", "city_el": "Χανιά", "city_en": "Chania"}
    return Branch.objects.create(agency=agency, code=code, **defaults | fields)


def a_procedure(agency: Agency, code: str = "kep-dilosi", **fields: Any) -> Procedure:
    defaults: dict[str, Any] = {
        "name_el": "Υπεύθυνη δήλωση",
        "name_en": "Solemn declaration",
        "documents_el": "Δελτίο ταυτότητας\nΑΦΜ",
        "documents_en": "Identity card\nTax number",
        "duration_minutes": 10,
        "channels": [Channel.IN_PERSON, Channel.VIDEO],
    }
    return Procedure.objects.create(agency=agency, code=code, **defaults | fields)


def counted_since(day: date) -> None:
    """Lets everything that is in production be so since that day, in the eyes of the database, whose clock nobody moves."""
    ProductionPeriod.objects.filter(until=None).update(since=midnight(day, ATHENS))


def a_rule(branch: Branch, **fields: Any) -> OpeningRule:
    defaults: dict[str, Any] = {
        "weekdays": WEEKDAYS,
        "opens_at": time(8),
        "closes_at": time(14),
        "valid_from": date(2026, 1, 1),
        "slot_minutes": 10,
        "desks": 1,
        "channels": [Channel.IN_PERSON, Channel.VIDEO],
    }
    return OpeningRule.objects.create(branch=branch, **defaults | fields)


def a_closure(branch: Branch, day: date, **fields: Any) -> Closure:
    return Closure.objects.create(agency=branch.agency, branch=branch, from_date=day, **{"until_date": day, **fields})


def slots_of(branch: Branch, now: datetime = NOW) -> list[TimeSlot]:
    """Publishes the branch's slots and returns them in order."""
    publish([branch.pk], now=now)
    return list(TimeSlot.objects.filter(branch=branch).order_by("starts_at", "pk"))


def an_open_branch(desks: int = 1, **rule: Any) -> Branch:
    """Makes ΚΕΠ Χανίων with one procedure (kep-dilosi, ten minutes) and slots for two weeks."""
    agency = an_agency()
    branch = a_branch(agency)
    a_procedure(agency)
    a_rule(branch, desks=desks, **rule)
    publish([branch.pk], now=NOW)
    return branch


def an_always_open_branch(*, since: datetime = NOW, desks: int = 1, **fields: Any) -> Branch:
    """Makes ΚΕΠ Χανίων, open around the clock every day for all channels, with slots from the time on."""
    agency = an_agency()
    branch = a_branch(agency, **fields)
    a_procedure(agency, channels=[*Channel])
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50", desks=desks, channels=[*Channel])
    publish([branch.pk], now=since)
    return branch


def a_contact(number: int = 1, **fields: Any) -> Contact:
    """Returns a different person for every number."""
    return Contact(
        **{"name": f"Πολίτης {number}", "email": f"citizen{number}@example.org", "phone": "6900000000"} | fields
    )


def an_appointment(
    slot: TimeSlot,
    number: int = 1,
    *,
    channel: str = Channel.IN_PERSON,
    procedure: Procedure | None = None,
    citizen: User | None = None,
    now: datetime = NOW,
    **contact: Any,
) -> Appointment:
    procedure = procedure or Procedure.objects.filter(agency=slot.branch.agency).select_related("agency").first()
    assert procedure is not None
    actor = a_citizen(citizen) if citizen else GUEST
    return booking.book(slot.pk, procedure, channel, a_contact(number, **contact), by=actor, now=now)


def by(officer: User, page: str = "") -> Actor:
    """Returns the officer as an actor."""
    return Actor(By.OFFICER, officer, page)


def a_citizen(user: User) -> Actor:
    """Returns the signed-in citizen as an actor."""
    return Actor(By.CITIZEN, user)


def a_user(email: str = "citizen@example.org", **fields: Any) -> User:
    return User.objects.create_user(email, **fields)


def an_officer(place: Agency | Branch, role: str = Role.AGENT, email: str = "agent@example.org") -> User:
    """Makes a user with a role at the agency or at the branch."""
    user = a_user(email, name="Άννα Υπαλλήλου", is_invited=True)
    agency, branch = (place, None) if isinstance(place, Agency) else (place.agency, place)
    Membership.objects.create(user=user, agency=agency, branch=branch, role=role)
    return user


def at(hour: int, minute: int = 0, *, day: date = TUESDAY, zone: ZoneInfo = ATHENS) -> datetime:
    """Returns a local time in Athens or another zone. The default day is Tuesday 3 March 2026."""
    return datetime.combine(day, time(hour, minute), zone)


def today_at(hour: int, minute: int = 0) -> datetime:
    """Returns a local time in Athens on the day of NOW."""
    return at(hour, minute, day=NOW.date())


def slot_at(moment: datetime, branch: Branch | None = None) -> TimeSlot:
    """Returns the slot that begins at the moment, at the branch if there are several branches."""
    branches = Branch.objects.filter(pk=branch.pk) if branch else Branch.objects.all()
    return TimeSlot.objects.get(branch__in=branches, starts_at=moment)


def booked_at(
    branch: Branch, hour: int, minute: int = 0, number: int | None = None, *, day: date = MONDAY, **more: Any
) -> Appointment:
    """Books an appointment for a new person, or the person of this number. The default day is that of NOW."""
    moment = at(hour, minute, day=day)
    if not TimeSlot.objects.filter(branch=branch, starts_at=moment).exists():
        publish([branch.pk], now=NOW)
    who = somebody_new() if number is None else number
    return an_appointment(slot_at(moment, branch), who, **more)


def booked_after(branch: Branch, moment: datetime, number: int = 1, **more: Any) -> Appointment:
    """Books the first free slot that begins at the moment or later."""
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gte=moment, taken=0).earliest("starts_at")
    return an_appointment(slot, number, **more)


def somebody_new() -> int:
    """Returns the number of a person who has no appointment yet."""
    return Appointment.objects.count() + 1


def a_desk(branch: Branch, officer: User | None = None, name: str = "1") -> Desk:
    """Makes a desk with the officer at it."""
    desk = Desk.objects.create(branch=branch, name=name)
    return desks.sit(desk, by=by(officer), now=NOW) if officer else desk


def a_walk_in(branch: Branch, when: datetime, **more: Any) -> Ticket:
    """Makes the ticket of a citizen without an appointment, for the first procedure of the branch's agency."""
    return counter.take_ticket(branch, branch.agency.procedures.earliest("pk"), by=GUEST, now=when, **more)


def a_strike(
    *branches: Branch, day: date = TUESDAY, now: datetime = NOW, prepared: bool = True, **fields: Any
) -> Disruption:
    """Starts a strike, on Tuesday by default. Offers are made only if it is `prepared`."""
    given = {"from_date": day, "until_date": day, "reason_el": "Απεργία", "reason_en": "Strike"} | fields
    strike = disruptions.start(Disruption(agency=branches[0].agency, **given), branches, by=STAFF, now=now)
    if prepared:
        disruptions.look_after(strike, by=WORKER, now=now)
    return strike


def offer_of(appointment: Appointment) -> Offer:
    return appointment.offers.select_related("hold__branch", "disruption", "appointment").get()


def messages_of(appointment: Appointment) -> set[tuple[str, str]]:
    """Returns the kind and state of each message of the appointment."""
    return set(appointment.notifications.values_list("kind", "state"))


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def where_it_is_noon() -> str:
    """Returns a time zone in which it is about noon now, for browser tests that keep the real clock."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"
