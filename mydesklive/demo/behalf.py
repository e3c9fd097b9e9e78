"""In the demo: what some services have people declare, and appointments that the citizen has booked for others."""

from datetime import datetime

from accounts.models import User
from agencies.models import Branch, Channel, ForWhom, Procedure
from agencies.models.procedure import declare
from appointments import booking
from appointments.booking.parties.storing import CONSENT
from appointments.booking.persons import Behalf, Contact
from appointments.errors import BookingError
from appointments.history import Actor, By
from appointments.models import Appointment
from appointments.models.behalf.party import Standing
from appointments.times.availability import free_times
from mydesklive.demo.cast import CITIZEN, DAY

DECLARED = {
    "kep-epicheiriseis": (
        "Δηλώνω ότι έχω δικαίωμα να εκπροσωπώ την επιχείρηση.",
        "I declare that I may represent the business.",
    ),
    "kep-amea": (
        "Δηλώνω ότι τα στοιχεία που δίνω είναι αληθή.\nΓνωρίζω ότι θα φέρω μαζί μου την απόφαση του ΚΕΠΑ, αν υπάρχει.",
        "I declare that the details I give are true.\nI know that I bring the decision of KEPA along, if there is one.",
    ),
}
# The tax number is an invented one with the right check digit.
OTHERS: dict[str, tuple[Behalf, str]] = {
    "kep-epicheiriseis": (Behalf(ForWhom.BUSINESS, "Ελιές Κυδωνίας Ο.Ε.", Standing.REPRESENTATIVE), "099999999"),
    "kep-amea": (
        Behalf(ForWhom.OTHER, "Μαρία Παπαδάκη", Standing.CHILD, "maria@example.org", "+306900000001", CONSENT),
        "",
    ),
}


def declare_once(*, now: datetime) -> None:
    """Write what is declared, where nothing was ever written. What a visitor has changed stays."""
    for procedure in Procedure.objects.filter(code__in=DECLARED, declarations=None):
        declare(procedure, *DECLARED[procedure.code], now=now)


def book_for_others(home: Branch, *, now: datetime) -> list[Appointment]:
    """Books, as the demo's citizen, for a business and for the mother, once a week at most."""
    citizen = User.objects.filter(email=CITIZEN).first()
    found = home.agency.procedures.filter(code__in=OTHERS, is_offered=True).select_related("agency").order_by("pk")
    return [made for procedure in found if citizen and (made := _book(procedure, home, citizen, now))]


def _book(procedure: Procedure, home: Branch, citizen: User, now: datetime) -> Appointment | None:
    week = "{}-W{:02}".format(*home.today(now).isocalendar())
    key = f"demo-others:{week}:{procedure.code}"
    times = free_times(procedure, home, Channel.IN_PERSON, now=now, since=now + 6 * DAY, until=now + 14 * DAY)
    if not times or Appointment.objects.filter(idempotency_key=key).exists():
        return None
    behalf, tax_number = OTHERS[procedure.code]
    own = (citizen.name, citizen.email, citizen.phone, citizen.language)
    contact = Contact(*own, tax_number=tax_number, behalf=behalf, declared=procedure.declaration_version)
    slot, by = times[min(6, len(times) - 1)].slot, Actor(By.CITIZEN, citizen)
    try:
        return booking.book(slot, procedure, Channel.IN_PERSON, contact, by=by, now=now, idempotency_key=key)
    except BookingError:  # the visitor has booked the same already
        return None
