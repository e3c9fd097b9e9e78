"""Rating a visit anonymously after it was served: an appointment, or a ticket without one."""

from datetime import UTC, date, datetime

from django.db import transaction

from agencies.models import Agency
from agencies.wallclock import midnight
from appointments.errors import WrongStatus
from appointments.models import Appointment, Rating, Status, Ticket


@transaction.atomic
def rate(served: Appointment, score: int, *, comment: str = "", now: datetime) -> None:
    """Store the citizen's rating. Does nothing if the appointment has been rated already.

    The rating does not refer to the appointment, and the appointment keeps only the day (UTC) on which it was rated, so
    that nobody can match the two by their times. Raises WrongStatus if the appointment is not completed.
    """
    related = Appointment.objects.select_related("agency", "branch")
    appointment = related.select_for_update(of=("self",)).get(pk=served.pk)
    if appointment.rated_at:
        return
    if appointment.status != Status.COMPLETED:
        raise WrongStatus
    served_on = appointment.branch.local(appointment.starts_at).date()
    _keep(appointment, agency=appointment.agency, served_on=served_on, score=score, comment=comment, now=now)


@transaction.atomic
def rate_visit(served: Ticket, score: int, *, comment: str = "", now: datetime) -> None:
    """The same for a ticket without an appointment. Raises WrongStatus if it cannot be rated (any more)."""
    related = Ticket.objects.select_related("branch__agency")
    ticket = related.select_for_update(of=("self",), no_key=True).get(pk=served.pk)
    if ticket.rated_at:
        return
    if not ticket.may_be_rated(now):
        raise WrongStatus
    _keep(ticket, agency=ticket.branch.agency, served_on=ticket.day, score=score, comment=comment, now=now)


def _keep(
    visit: Appointment | Ticket, *, agency: Agency, served_on: date, score: int, comment: str, now: datetime
) -> None:
    of_visit = {"procedure_id": visit.procedure_id, "channel": visit.channel}
    Rating.objects.create(agency=agency, served_on=served_on, score=score, comment=comment, **of_visit)
    visit.rated_at = midnight(now.astimezone(UTC).date(), UTC)
    visit.save(update_fields=["rated_at"])
