"""Makes the video call of an appointment and prepares its room."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, OuterRef, Subquery, Value

from agencies.models import Channel
from appointments import history
from appointments.history import Actor
from appointments.models import Appointment, Event, Status
from videocalls import rooms
from videocalls.models import VideoCall

# A call may still be needed.
ON_THE_DAY = (Status.BOOKED, Status.ARRIVED, Status.SERVING)


@transaction.atomic
def give_call(pk: int, *, by: Actor, now: datetime) -> VideoCall | None:
    """Returns the call of the video appointment with this key, and makes it if there is none yet.

    Returns None if the appointment is not by video, or if it has no call and needs none (any more): it is not booked,
    or the time of its call is over.
    """
    # The call is not joined here. The join would show the value from before the lock, and a second call would be made.
    appointments = Appointment.objects.select_related("agency").select_for_update(of=("self",))
    appointment = appointments.filter(pk=pk, channel=Channel.VIDEO).first()
    if appointment is None:
        return None
    if appointment.video_call:
        return appointment.video_call
    opens_at, closes_at = appointment.call_window
    if appointment.status != Status.BOOKED or closes_at <= now:
        return None
    provider = appointment.agency.video_provider
    appointment.video_call = VideoCall.objects.create(provider=provider, opens_at=opens_at, closes_at=closes_at)
    appointment.save(update_fields=["video_call"])
    history.note(Event.Verb.ROOM, by=by, now=now, appointment=appointment)
    return appointment.video_call


def follow_windows(*, now: datetime) -> int:
    """Gives the calls that are not over the window that follows from appointment and agency now. Returns how many changed.

    They are prepared again. The same window as `Appointment.call_window`. Whatever has changed a row (a page, the loader,
    a statement by hand), the rooms follow.
    """
    minute = Value(timedelta(minutes=1))
    opens, closes = (
        ExpressionWrapper(moment, DateTimeField())
        for moment in (
            F("starts_at") - F("agency__video_early_minutes") * minute,
            F("ends_at") + F("agency__video_late_minutes") * minute,
        )
    )
    appointments = Appointment.objects.filter(video_call__isnull=False).annotate(opens=opens, closes=closes)
    own = appointments.filter(video_call=OuterRef("pk"))
    behind = appointments.filter(status__in=ON_THE_DAY, closes__gt=now).exclude(
        video_call__opens_at=F("opens"), video_call__closes_at=F("closes")
    )
    calls = VideoCall.objects.filter(pk__in=behind.values("video_call"))
    return calls.reopen(Subquery(own.values("opens")), Subquery(own.values("closes")))


def prepare(call: VideoCall, *, by: Actor, now: datetime) -> None:
    """Has the provider prepare the room. If that has failed for good, the appointment's history says so."""
    rooms.prepare(call, now=now)
    call.refresh_from_db(fields=["state"])
    if call.state != VideoCall.State.FAILED:
        return
    appointment = Appointment.objects.filter(video_call=call).first()
    if appointment and not appointment.events.filter(verb=Event.Verb.NO_ROOM).exists():
        history.note(Event.Verb.NO_ROOM, by=by, now=now, appointment=appointment)
