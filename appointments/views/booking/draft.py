"""What a visitor has chosen and typed on the way to an appointment. It is kept in the session until the booking.

What was typed is forgotten soon after the held time: the next visitor may sit at the same computer.

Reading it does not create a session, so visitors who only read have none.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict

from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from accounts.limits.work import Proof
from accounts.models import User
from agencies.models import Procedure
from agencies.models.branch import validate_timezone
from appointments import booking
from appointments.booking.persons import decrypted, encrypted
from appointments.claims import Visitor, session_hash
from appointments.errors import BookingError, HoldExpired, TooManyHolds
from appointments.forms import LONGEST
from appointments.models import Appointment, KeptDraft, Status
from appointments.models.appointment import AppointmentQuerySet
from appointments.views.acting import visitor
from appointments.views.times.journey import Journey

HELD_OR_BOOKED = (Status.HELD, Status.EXPIRED, Status.UNVERIFIED, Status.BOOKED)
# Times that one network, or account, may choose in ten minutes. How many it keeps is another question (`claims`): each
# choice leaves rows behind. Large offices and mobile providers stay below.
HOLDS = DatabaseLimit("holds", 200, 600)
# How long after the held time what was typed is kept, so that the visitor can choose another time.
GRACE = timedelta(minutes=10)
TYPED = (
    *("name", "email", "asked_about", "phone", "tax_number", "notes", "language"),
    *("for_whom", "party", "party_email", "party_phone", "standing"),
)
# Several values, or none if nothing is ticked.
TICKED, MOST_TICKED = ("consent", "declaration"), 50


def citizen(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def own_timezone(request: HttpRequest) -> str:
    """Returns the time zone that the browser reports (js/booking/booking.js), or an empty string."""
    name = request.COOKIES.get("timezone", "")
    try:
        validate_timezone(name)
    except ValidationError:
        return ""
    return name


def is_held(appointment: Appointment, now: datetime) -> bool:
    """Returns whether the appointment's time is still held."""
    deadline = appointment.expires_at
    return appointment.status == Status.HELD and deadline is not None and deadline > now


def thing_of(slot: int) -> str:
    """Returns for what a guest's browser works: to hold the time of this slot."""
    return f"hold {slot}"


class Draft:
    def __init__(self, request: HttpRequest) -> None:
        self._request, self._session = request, request.session

    def typed(self, *, now: datetime) -> dict[str, Any]:
        """Returns the fields of the details form as they were typed, unless it is too late."""
        self._forget_late(now)
        if "typed" in self._session:
            self._have_forgotten()
        kept = dict(self._session.get("typed", {}))
        if number := kept.get("tax_number"):
            kept["tax_number"] = decrypted(number.encode())
        return kept

    def keep_typed(self, data: QueryDict, *, now: datetime) -> None:
        """Keeps what was typed, correct or not, until shortly after the held time. The tax number is stored encrypted."""
        self._forget_late(now)
        kept: dict[str, Any] = {name: str(data[name])[:LONGEST] for name in TYPED if name in data}
        if "email" in data:  # the details form: a box that is not ticked is not sent
            kept |= {name: [one[:LONGEST] for one in data.getlist(name)[:MOST_TICKED]] for name in TICKED}
        if "tax_number" in kept:
            kept["tax_number"] = (encrypted(kept["tax_number"]) or b"").decode()
        # Another service asks for more or less. What this one does not ask for is kept as well.
        self._session["typed"] = self._session.get("typed", {}) | kept
        self._keep_until(now + GRACE)

    def whom(self, procedure: Procedure, *, now: datetime) -> str:
        """Returns for whom the appointment is, or "" if the service allows several answers and none was given."""
        if len(procedure.booked_for) == 1:
            return procedure.booked_for[0]
        answer = self.typed(now=now).get("for_whom", "")
        return answer if answer in procedure.booked_for else ""

    def held(self, journey: Journey) -> Appointment | None:
        """Returns the time of the journey's service that is held for the visitor, or None.

        Its deadline may have passed (see `renew`), and a second click may have booked it already.
        """
        if not (reference := self._session.get("hold", {}).get("reference")):
            return None
        found = Appointment.objects.filter(procedure=journey.procedure, status__in=HELD_OR_BOOKED)
        held = found.filter(reference=reference).one()
        if held and held.status == Status.EXPIRED:
            held = self._taken_beside(found) or held
        if held:
            journey.lend(held)
        return held

    def take(self, slot: int, journey: Journey, *, now: datetime) -> Appointment:
        """Holds the time, which takes the place of the one that was held before."""
        procedure, channel = journey.procedure, journey.channel
        self._forget_late(now)
        self._remember_place(journey)
        held = self._hold(slot, procedure, channel, now)
        self._session["hold"] = {"reference": held.reference, "slot": slot}
        self._keep_beyond(held)
        return held

    def renew(self, held: Appointment, *, now: datetime) -> Appointment:
        """Holds the same time again after its deadline. Raises HoldExpired if it is no longer free."""
        self._forget_late(now)
        slot = self._session["hold"]["slot"]
        try:
            renewed = self._hold(slot, held.procedure, held.channel, now)
        except BookingError as error:
            raise HoldExpired from error
        self._session["hold"] = {"reference": renewed.reference, "slot": slot, "before": held.reference}
        self._keep_beyond(renewed)
        return renewed

    def is_for(self, reference: str) -> bool:
        """Returns whether the reference is that of the held time, or of the hold that it renewed."""
        hold = self._session.get("hold", {})
        return bool(reference) and reference in {hold.get("reference"), hold.get("before")}

    def booked(self, procedure: Procedure) -> str:
        """Returns the reference of what the visitor booked last, if it was this service, otherwise ""."""
        return self._session.get("booked", {}).get(f"{procedure.pk}", "")

    def place(self, procedure: Procedure) -> dict[str, str] | None:
        """Returns channel and branch of the time that was last held for the service, or None.

        A visitor holds one time. One of another service, chosen in another tab, takes its place.
        """
        return self._session.get("places", {}).get(f"{procedure.pk}")

    def holds_latest(self, procedure: Procedure) -> bool:
        """Returns whether the service is the one of which a time was chosen last, and no time was booked since."""
        return "hold" in self._session and list(self._session.get("places", {}))[-1:] == [f"{procedure.pk}"]

    def finish(self, booked: Appointment) -> None:
        others = self._other_places(booked.procedure_id)
        for name in ("hold", "places"):
            self._session.pop(name, None)
        if others:
            self._session["places"] = others
        self._forget_typed()
        self._session["booked"] = {f"{booked.procedure_id}": booked.reference}

    def leave(self, *, now: datetime) -> None:
        """Gives back the held time, and forgets everything that this browser's session knows."""
        if held := self._active(now):
            booking.release(held, by=visitor(self._request), now=now)
        self._forget_typed()
        self._session.flush()

    def _remember_place(self, journey: Journey) -> None:
        answers = {"channel": journey.channel, "branch": journey.branch.code if journey.branch else ""}
        self._session["places"] = self._other_places(journey.procedure.pk) | {f"{journey.procedure.pk}": answers}

    def _other_places(self, procedure: int) -> dict[str, dict[str, str]]:
        return {key: place for key, place in self._session.get("places", {}).items() if key != f"{procedure}"}

    def _keep_beyond(self, held: Appointment) -> None:
        if held.expires_at:
            self._keep_until(held.expires_at + GRACE)

    def _keep_until(self, moment: datetime) -> None:
        """Keeps what was or will be typed until this moment at least."""
        self._session["typed_until"] = max(moment.timestamp(), self._session.get("typed_until", 0))
        if "typed" in self._session:
            self._have_forgotten()

    def _have_forgotten(self) -> None:
        """Has the worker forget what was typed in time, if nobody comes back. A sign-in gives the session another key."""
        if not self._session.session_key:
            self._session.create()
        until, key = self._session["typed_until"], str(self._session.session_key)
        if self._session.get("forgotten") != [until, key]:
            row = KeptDraft(session=key, forget_at=datetime.fromtimestamp(until, UTC))
            KeptDraft.objects.bulk_create(
                [row], update_conflicts=True, unique_fields=["session"], update_fields=["forget_at"]
            )
            self._session["forgotten"] = [until, key]

    def _forget_late(self, now: datetime) -> None:
        """Forgets what an earlier visitor has left behind. Comes before a time is held, which keeps what was typed."""
        if "typed" in self._session and now.timestamp() >= self._session.get("typed_until", 0):
            self._forget_typed()

    def _forget_typed(self) -> None:
        if "forgotten" in self._session:
            KeptDraft.objects.filter(session=self._session["forgotten"][1]).delete()
        for name in ("typed", "typed_until", "forgotten"):
            self._session.pop(name, None)

    def _taken_beside(self, found: AppointmentQuerySet) -> Appointment | None:
        """Returns the time that a second click of the same moment has taken, of which this session does not know yet."""
        session = self._session.session_key
        taken = found.filter(status=Status.HELD, claim__session=session_hash(session)).one() if session else None
        if taken:
            self._session["hold"] = {"reference": taken.reference, "slot": taken.claim.slot}
        return taken

    def _active(self, now: datetime) -> Appointment | None:
        reference = self._session.get("hold", {}).get("reference")
        held = Appointment.objects.filter(status=Status.HELD, expires_at__gt=now)
        return held.filter(reference=reference).one() if reference else None

    def _hold(self, slot: int, procedure: Procedure, channel: str, now: datetime) -> Appointment:
        held = self._session.get("hold", {}).get("reference", "")
        network, by = network_of(self._request), visitor(self._request)
        if HOLDS.passed(f"account {by.citizen.pk}" if by.citizen else network, now=now):
            raise TooManyHolds(HOLDS.seconds // 60)
        proof = Proof(self._request.POST.get("proof", ""))
        has_worked = by.citizen is not None or proof.is_for(thing_of(slot), now=now)
        who = Visitor(self._session.session_key or "", network, held, has_worked)
        return booking.hold(slot, procedure, channel, by=by, now=now, visitor=who)
