"""The video call of an appointment."""

from datetime import datetime

from django.db import transaction

from agencies.models import Channel
from appointments.models import Appointment, Status
from videocalls.models import VideoCall


@transaction.atomic
def give_call(pk: int, *, now: datetime) -> VideoCall | None:
    """The call of the appointment with this key, made on first asking; None where none is needed (any more)."""
    appointments = Appointment.objects.select_related("agency", "video_call").select_for_update(of=("self",))
    appointment = appointments.filter(pk=pk, channel=Channel.VIDEO).first()
    if appointment is None or appointment.video_call:
        return appointment and appointment.video_call
    opens_at, closes_at = appointment.call_window
    if appointment.status != Status.BOOKED or closes_at <= now:
        return None
    provider = appointment.agency.video_provider
    appointment.video_call = VideoCall.objects.create(provider=provider, opens_at=opens_at, closes_at=closes_at)
    appointment.save(update_fields=["video_call"])
    return appointment.video_call
