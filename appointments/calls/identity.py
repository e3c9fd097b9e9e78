"""What the officer sees of the citizen's identity document on camera."""

from datetime import date, datetime

from agencies.models import Channel
from appointments import history
from appointments.booking.locking import locked
from appointments.errors import WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Event, IdentityCheck, Status


def check(
    seen: Appointment,
    *,
    is_shown: bool,
    is_same_face: bool,
    valid_until: date | None,
    by: Actor,
    now: datetime,
) -> IdentityCheck:
    """Store what the officer has ticked. The last one counts, and the history keeps each, without the date.

    Raises WrongStatus unless the appointment is by video and is being served.
    """
    with locked(seen) as appointment:
        if appointment.channel != Channel.VIDEO or appointment.status != Status.SERVING:
            raise WrongStatus
        ticked = {"is_shown": is_shown, "is_same_face": is_same_face}
        stored = ticked | {"valid_until": valid_until, "officer": by.officer, "at": now}
        made, _is_new = IdentityCheck.objects.update_or_create(appointment=appointment, defaults=stored)
        history.note(Event.Verb.IDENTIFY, by=by, now=now, appointment=appointment, details=ticked)
    return made
