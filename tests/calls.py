"""Video appointments for tests, and the browsers of those who come to them."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

import time_machine
from django.test import Client
from django.utils import timezone

from agencies.models import Branch, Channel
from appointments import tasks
from appointments.calls import meeting, provision
from appointments.models import Appointment
from tests.builders import (
    GUEST,
    NOW,
    WORKER,
    an_appointment,
    an_open_branch,
    at,
    minutes,
    slots_of,
    where_it_is_noon,
)
from tests.codes import open_for
from videocalls.models import Participant, VideoCall
from videocalls.providers import Visitor

STARTS_AT = at(12)
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")


def a_video_appointment(provider: str = "jitsi", **contact: str) -> Appointment:
    """Tuesday 3 March 2026 at 12:00 in Athens, with its call prepared: the room is open from 11:50 to 12:40."""
    branch = an_open_branch()
    branch.agency.video_provider = provider
    branch.agency.save()
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == STARTS_AT)
    with time_machine.travel(NOW, tick=False):
        appointment = an_appointment(slot, channel=Channel.VIDEO, **contact)
        tasks.provide_video_calls()
    return again(appointment)


def an_appointment_soon(provider: str, opens_in: timedelta) -> Appointment:
    """A video appointment whose room opens so long from now, on the real clock, where it is about noon."""
    appointment = a_video_appointment(provider)
    Branch.objects.update(timezone=where_it_is_noon())
    starts_at = timezone.now() + opens_in + minutes(10)
    Appointment.objects.filter(pk=appointment.pk).update(starts_at=starts_at, ends_at=starts_at + minutes(10))
    VideoCall.objects.all().delete()
    call = provision.give_call(appointment.pk, by=WORKER, now=timezone.now())
    assert call is not None
    VideoCall.objects.filter(pk=call.pk).update(state=VideoCall.State.READY)
    return again(appointment)


def again(appointment: Appointment) -> Appointment:
    """Returns the appointment as it is stored now, with all that belongs to it."""
    related = ("agency", "branch__agency", "procedure__agency", "citizen", "video_call")
    return Appointment.objects.select_related(*related).get(pk=appointment.pk)


def call_of(appointment: Appointment) -> VideoCall:
    call = again(appointment).video_call
    assert call is not None
    return call


def arrived(appointment: Appointment, now: datetime) -> Participant:
    """The citizen stands at the door."""
    participant = meeting.arrive(again(appointment), CITIZEN, by=GUEST, now=now)
    assert participant is not None
    return participant


def of_link(appointment: Appointment) -> Client:
    """The browser of whoever followed the link of a message."""
    client = Client()
    open_for(client, appointment)
    return client


def of_user(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
