"""Writes down how far visitors of the website come: a time is held, the details are filled in, it is booked, or nothing is free.

Systems of agencies, officers and programs are not visitors. `reports` counts what is written here.
"""

from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from django.http import HttpRequest
from django.utils.timezone import get_default_timezone

from accounts.visits import aside
from accounts.visits.visitors import visitor_of
from agencies.models import Branch, Procedure
from appointments.models import Appointment, Journey, NothingFree

# A visitor who comes back later than this begins anew. Rows stay longer, so each step finds its row.
LASTS = timedelta(hours=12)
ANY = ""  # channel
JOURNEYS = "journeys"  # in the session: for each service (its key) the token of the journey, and when it began
FILLED = "UPDATE appointments_journey SET filled_at = ($1->>'now')::timestamptz WHERE token = $1->>'token' AND filled_at IS NULL"
BOOKED = """UPDATE appointments_journey SET appointment_id = ($1->>'appointment')::bigint
WHERE token = $1->>'token' AND appointment_id IS NULL"""


def held(request: HttpRequest, appointment: Appointment, *, now: datetime) -> None:
    """A time is held. The first one of a journey counts."""
    if _token(request, appointment.procedure_id, now) or not (visitor := visitor_of(request)):
        return
    branch, token = appointment.branch, token_hex()[:32]
    aside.add(
        Journey,
        agency_id=appointment.agency_id,
        branch_id=branch.pk,
        procedure_id=appointment.procedure_id,
        channel=appointment.channel,
        device=visitor.device,
        language=visitor.language,
        visitor=visitor.mark(now),
        day=branch.today(now),
        token=token,
        held_at=now,
    )
    begun = {f"{appointment.procedure_id}": [token, now.timestamp()]}
    request.session[JOURNEYS] = request.session.get(JOURNEYS, {}) | begun


def filled(request: HttpRequest, appointment: Appointment, *, now: datetime) -> None:
    """The details are filled in, and could be booked."""
    if token := _token(request, appointment.procedure_id, now):
        aside.write(FILLED, token=token, now=now)


def booked(request: HttpRequest, appointment: Appointment, *, now: datetime) -> None:
    """The appointment is booked, and the journey ends. A guest may still have to confirm the address."""
    if token := _token(request, appointment.procedure_id, now):
        aside.write(BOOKED, token=token, appointment=appointment.pk)
    journeys = request.session.get(JOURNEYS, {})
    if journeys.pop(f"{appointment.procedure_id}", None):
        request.session[JOURNEYS] = journeys


def nothing_free(
    request: HttpRequest, procedure: Procedure, channel: str, branch: Branch | None = None, *, now: datetime
) -> None:
    """The page says that no time is free: at the branch, or without one at any branch; in the channel, or in ANY."""
    if visitor := visitor_of(request):
        aside.add(
            NothingFree,
            agency_id=procedure.agency_id,
            branch_id=branch and branch.pk,
            procedure_id=procedure.pk,
            channel=channel,
            device=visitor.device,
            language=visitor.language,
            visitor=visitor.mark(now),
            day=branch.today(now) if branch else now.astimezone(get_default_timezone()).date(),
            at=now,
        )


def _token(request: HttpRequest, procedure: int, now: datetime) -> str:
    """Returns the token of the visitor's journey to the service, or "" if there is none or it began too long ago."""
    kept: Any = request.session.get(JOURNEYS, {}).get(f"{procedure}")
    if not kept or now.timestamp() - kept[1] > LASTS.total_seconds():
        return ""
    return str(kept[0])
