"""The cast of the demo: six people who sign in with the password "demo", and the systems of the agencies."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import User
from agencies.models import Agency, Branch, Channel, Membership, Procedure, Role, SystemToken
from appointments import booking
from appointments.booking.persons import Contact
from appointments.errors import BookingError
from appointments.history import Actor, By
from appointments.models import Appointment
from appointments.times.availability import FreeTime, free_times

PASSWORD = "demo"  # noqa: S105
CITIZEN, AGENT, SUPERVISOR = "citizen@example.org", "agent@example.org", "supervisor@example.org"
AGENCY_ADMIN, OFFICIAL, OPERATOR = "agencyadmin@example.org", "official@example.org", "operator@example.org"
NAMES = {
    CITIZEN: "Ελένη Παπαδάκη",
    AGENT: "Γιώργος Μαρκάκης",
    SUPERVISOR: "Αντιγόνη Ξενάκη",
    AGENCY_ADMIN: "Στέφανος Ρήγας",
    OFFICIAL: "Χριστίνα Αλεξίου",
    OPERATOR: "Πέτρος Λάμπρου",
}
HOME = "kep-chania"
GUEST = Actor(By.GUEST)
DAY = timedelta(days=1)


@transaction.atomic
def create() -> int:
    """Makes missing people, their roles, and a token for each agency's system. Returns the number of new people."""
    missing = NAMES.keys() - set(User.objects.filter(email__in=NAMES).values_list("email", flat=True))
    password = make_password(PASSWORD) if missing else ""
    for email in sorted(missing):
        user = User.objects.create(
            email=email,
            name=NAMES[email],
            phone="6900000000" if email == CITIZEN else "",
            password=password,
            is_official=email == OFFICIAL,
            is_operator=email == OPERATOR,
            is_invited=email != CITIZEN,
        )
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        _give_role(user)
    SystemToken.objects.bulk_create(
        [
            SystemToken(agency=agency, label="Demo", digest=SystemToken.digest_of(f"demo-{agency.slug}"))
            for agency in Agency.objects.exclude(tokens__label="Demo")
        ],
        ignore_conflicts=True,
    )
    return len(missing)


def _give_role(user: User) -> None:
    home = Branch.objects.select_related("agency").filter(code=HOME).first()
    role = {AGENT: Role.AGENT, SUPERVISOR: Role.SUPERVISOR, AGENCY_ADMIN: Role.AGENCY_ADMIN}.get(user.email)
    if home and role:
        branch = None if role == Role.AGENCY_ADMIN else home
        Membership.objects.create(user=user, agency=home.agency, branch=branch, role=role)


def book_for_citizen(*, past: datetime, now: datetime) -> list[Appointment]:
    """Books appointments for the demo's citizen through the verbs, so that mails are sent.

    One was served on the local day that begins at `past` (its slots must exist), one is cancelled, one is by video soon, and
    one is in person next week. New ones are made once a week at most, whatever the visitor does with them.
    """
    home = Branch.objects.open().select_related("agency").filter(code=HOME).first()
    citizen = User.objects.filter(email=CITIZEN).first()
    if home is None or citizen is None:
        return []
    week = "{}-W{:02}".format(*home.today(now).isocalendar())
    if Appointment.objects.filter(citizen=citizen, idempotency_key__startswith=f"demo-citizen:{week}:").exists():
        return []
    procedures = list(
        home.agency.procedures.filter(is_offered=True, channels__contains=[Channel.VIDEO]).order_by("pk")[:4]
    )
    visits = [
        ("served", Channel.IN_PERSON, past, past),
        ("cancelled", Channel.IN_PERSON, now + 9 * DAY, now),
        ("video", Channel.VIDEO, now + DAY, now),
        ("visit", Channel.IN_PERSON, now + 7 * DAY, now),
    ]
    made = []
    for procedure, (what, channel, since, then) in zip(reversed(procedures), visits, strict=False):
        times = free_times(procedure, home, channel, now=then, since=since, until=since + 8 * DAY)
        # The first times are skipped, because an appointment in the middle of the morning looks more natural.
        if times:
            time = times[min(12, len(times) - 1)]
            made += _booked(time, procedure, channel, citizen, f"demo-citizen:{week}:{what}", now=then)
    _end(made, now)
    return made


def _booked(
    time: FreeTime, procedure: Procedure, channel: str, citizen: User, key: str, *, now: datetime
) -> list[Appointment]:
    contact = Contact(citizen.name, citizen.email, citizen.phone, citizen.language)
    try:
        return [
            booking.book(
                time.slot, procedure, channel, contact, by=Actor(By.CITIZEN, citizen), now=now, idempotency_key=key
            )
        ]
    except BookingError:  # The visitor has already booked this service as the citizen.
        return []


def _end(made: list[Appointment], now: datetime) -> None:
    officer = User.objects.filter(email=AGENT).first()
    for appointment in made:
        what = (appointment.idempotency_key or "").rpartition(":")[2]
        if what == "cancelled":
            booking.cancel(appointment, by=GUEST, now=now, reason="Εξυπηρετήθηκα ηλεκτρονικά.")
        elif what == "served" and officer and appointment.ends_at < now:
            by = Actor(By.OFFICER, officer)
            booking.arrive(appointment, by=by, now=appointment.starts_at)
            booking.serve(appointment, by=by, now=appointment.starts_at)
            booking.complete(appointment, by=by, now=appointment.ends_at)
