"""Makes the video call of an appointment and prepares its room."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, Subquery, Value

from agencies.models import Agency, Channel
from appointments import history
from appointments.history import Actor
from appointments.models import Appointment, Event, Status
from videocalls import rooms
from videocalls.models import Participant, VideoCall

# A call may still be needed.
ON_THE_DAY = (Status.BOOKED, Status.ARRIVED, Status.SERVING)
# A call is certainly not needed. Who did not come may still come, while the room is open.
OFF = (Status.CANCELLED, Status.EXPIRED)


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
    appointment.video_call = new_call(appointment.agency, opens_at, closes_at)
    appointment.save(update_fields=["video_call"])
    history.note(Event.Verb.ROOM, by=by, now=now, appointment=appointment)
    return appointment.video_call


def new_call(agency: Agency, opens_at: datetime, closes_at: datetime) -> VideoCall:
    """Makes a call at the agency's providers. It is prepared later."""
    return VideoCall.objects.create(
        provider=agency.video_provider,
        fallback=agency.video_fallback,
        link=agency.video_link,
        opens_at=opens_at,
        closes_at=closes_at,
    )


def follow_windows(*, now: datetime) -> int:
    """Gives the calls that are not over the window that follows from appointment and agency now. Returns how many changed.

    They are prepared again. The same window as `Appointment.call_window`. Whatever has changed a row (a page, the loader,
    a statement by hand), the rooms follow. A room that closes later because people are inside stays so.
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
    inside = Participant.objects.filter(call=OuterRef("video_call")).inside()
    behind = behind.exclude(Exists(inside), video_call__opens_at=F("opens"), video_call__closes_at__gt=F("closes"))
    calls = VideoCall.objects.filter(pk__in=behind.values("video_call"))
    return calls.reopen(Subquery(own.values("opens")), Subquery(own.values("closes")))


def follow_links(*, now: datetime) -> int:
    """Gives the calls that are not over the fixed address that their agency has now. Returns how many changed.

    Calls that failed without it are prepared again.
    """
    link = Appointment.objects.filter(video_call=OuterRef("pk")).values("agency__video_link")
    calls = VideoCall.objects.filter(closes_at__gt=now, provider="link").annotate(now_at=Subquery(link))
    behind = calls.exclude(link=F("now_at")).filter(now_at__isnull=False)
    pks = list(behind.values_list("pk", flat=True))
    VideoCall.objects.filter(pk__in=pks).update(link=Subquery(link))
    VideoCall.objects.filter(pk__in=pks, state=VideoCall.State.FAILED).reopen(F("opens_at"), F("closes_at"))
    return len(pks)


def drop_needless(*, now: datetime) -> int:
    """Ends the calls of appointments that will not take place. Returns how many."""
    off = Appointment.objects.filter(status__in=OFF, video_call__isnull=False)
    return rooms.drop(VideoCall.objects.filter(closes_at__gt=now, pk__in=off.values("video_call")))


def untold_fallbacks(*, now: datetime) -> QuerySet[Appointment, int]:
    """Returns the keys of appointments whose call has moved to the second provider, which their history does not say yet."""
    told = Event.objects.filter(verb=Event.Verb.OTHER_ROOM, appointment=OuterRef("pk"))
    moved = Appointment.objects.filter(video_call__fell_back_at__isnull=False, video_call__closes_at__gt=now)
    return moved.exclude(Exists(told)).order_by("pk").values_list("pk", flat=True)


def second_provider(appointment: Appointment) -> str:
    """Returns the name of the second provider if the appointment's call has moved there, or ""."""
    call = appointment.video_call
    if call is None or call.fell_back_at is None:
        return ""
    return str(dict(Agency.VideoProvider.choices).get(call.provider, call.provider))


@transaction.atomic
def tell_fallback(pk: int, *, by: Actor, now: datetime) -> None:
    """Writes into the history that the call has moved to the second provider. Repeating it is harmless."""
    appointment = Appointment.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)
    if not appointment.events.filter(verb=Event.Verb.OTHER_ROOM).exists():
        history.note(Event.Verb.OTHER_ROOM, by=by, now=now, appointment=appointment)


def prepare(call: VideoCall, *, by: Actor, now: datetime) -> None:
    """Has the provider prepare the room. If that has failed for good, the appointment's history says so."""
    rooms.prepare(call, now=now)
    call.refresh_from_db(fields=["state"])
    if call.state != VideoCall.State.FAILED:
        return
    appointment = Appointment.objects.filter(video_call=call).first()
    if appointment and not appointment.events.filter(verb=Event.Verb.NO_ROOM).exists():
        history.note(Event.Verb.NO_ROOM, by=by, now=now, appointment=appointment)
