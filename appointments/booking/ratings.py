"""Rating an appointment anonymously after it was served."""

from datetime import UTC, datetime

from django.db import transaction

from agencies.wallclock import midnight
from appointments.errors import WrongStatus
from appointments.models import Appointment, Rating, Status


def rate(served: Appointment, score: int, *, comment: str = "", now: datetime) -> None:
    """Store the citizen's rating. Does nothing if the appointment has been rated already.

    The rating does not refer to the appointment, and the appointment keeps only the day (UTC) on which it was rated, so
    that nobody can match the two by their times. Raises WrongStatus if the appointment is not completed.
    """
    with transaction.atomic():
        appointment = Appointment.objects.select_related("branch").select_for_update(of=("self",)).get(pk=served.pk)
        if appointment.rated_at:
            return
        if appointment.status != Status.COMPLETED:
            raise WrongStatus
        Rating.objects.create(
            agency_id=appointment.agency_id,
            procedure_id=appointment.procedure_id,
            channel=appointment.channel,
            served_on=appointment.branch.local(appointment.starts_at).date(),
            score=score,
            comment=comment,
        )
        appointment.rated_at = midnight(now.astimezone(UTC).date(), UTC)
        appointment.save(update_fields=["rated_at"])
