"""From the agency's choice to the room: the second provider, the fixed address, and calls that nobody needs."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from agencies.models import Agency, Channel
from appointments import booking, tasks
from appointments.calls import provision
from appointments.history import timeline
from appointments.models import Appointment, Event
from tests.builders import GUEST, NOW, WORKER, an_appointment, an_officer, an_open_branch, at, slots_of
from videocalls import rooms
from videocalls.models import VideoCall
from videocalls.providers import ProviderAway, Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
State = VideoCall.State
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")


def an_appointment_at(provider: str, fallback: str = "", link: str = "") -> Appointment:
    """Tuesday at 12:00, with its call as the worker has prepared it."""
    branch = an_open_branch()
    Agency.objects.update(video_provider=provider, video_fallback=fallback, video_link=link)
    slot = next(slot for slot in slots_of(branch) if slot.starts_at == at(12))
    pk = an_appointment(slot, channel=Channel.VIDEO).pk
    tasks.provide_video_calls()
    return fresh(pk)


def fresh(pk: int) -> Appointment:
    return Appointment.objects.select_related("video_call", "agency", "branch").get(pk=pk)


def call_of(appointment: Appointment) -> VideoCall:
    return VideoCall.objects.get(pk=appointment.video_call_id)


def verbs(appointment: Appointment) -> list[str]:
    return list(appointment.events.order_by("pk").values_list("verb", flat=True))


def test_call_falls_back_as_the_agency_says_and_staff_is_told_once() -> None:
    appointment = an_appointment_at("bbb", fallback="link", link="https://meet.example.org/{room}")
    call = call_of(appointment)
    assert (call.provider, call.fallback, call.state) == ("link", "", State.READY)
    assert rooms.enter(call, CITIZEN, now=at(12)) == f"https://meet.example.org/{call.room}"
    tasks.provide_video_calls()
    assert verbs(appointment).count(Event.Verb.OTHER_ROOM) == 1
    (entry,) = [entry for entry in timeline.of(appointment) if entry.icon == "switch_video"]
    assert (entry.text, entry.is_problem) == ("Η βιντεοκλήση μεταφέρθηκε στον δεύτερο πάροχο", True)


def test_officers_page_says_where_everybody_meets() -> None:
    appointment = an_appointment_at("bbb", fallback="jitsi")
    VideoCall.objects.update(state=State.READY)
    officer = Client()
    officer.force_login(an_officer(appointment.branch))
    page = officer.get(reverse("admin:appointments_appointment_change", args=[appointment.reference])).content.decode()
    assert "Τώρα όλοι συναντιούνται εδώ: Jitsi." in page


def test_fall_at_the_door_is_told_by_the_next_sweep(jitsi: None, monkeypatch: pytest.MonkeyPatch) -> None:
    appointment = an_appointment_at("jitsi", fallback="link", link="https://meet.example.org/room")
    assert Event.Verb.OTHER_ROOM not in verbs(appointment)

    def away(*args: object, **options: object) -> None:
        raise ProviderAway("meet.example.org does not answer")

    monkeypatch.setattr("videocalls.providers.jitsi.Jitsi.reach", away)
    assert rooms.enter(call_of(appointment), CITIZEN, now=at(12)) == "https://meet.example.org/room"
    tasks.provide_video_calls()
    assert Event.Verb.OTHER_ROOM in verbs(appointment)


def test_no_provider_left_is_told_as_before() -> None:
    appointment = an_appointment_at("bbb", fallback="livekit")
    assert call_of(appointment).state == State.FAILED
    assert Event.Verb.NO_ROOM in verbs(appointment)


def test_call_of_a_cancelled_appointment_is_dropped_and_not_prepared() -> None:
    appointment = an_appointment_at("link", link="https://meet.example.org/room")
    VideoCall.objects.update(state=State.PENDING)
    booking.cancel(appointment, by=GUEST, now=NOW)
    tasks.remove_meetings()
    assert call_of(appointment).state == State.DROPPED
    assert not VideoCall.objects.to_prepare(now=NOW)
    assert provision.drop_needless(now=NOW) == 0
    assert rooms.enter(call_of(appointment), CITIZEN, now=at(12)) == ""


def test_calls_follow_the_agencys_address() -> None:
    appointment = an_appointment_at("link", link="https://meet.example.org/old")
    Agency.objects.update(video_link="https://meet.example.org/new")
    tasks.follow_windows()
    assert rooms.enter(call_of(appointment), CITIZEN, now=at(12)) == "https://meet.example.org/new"
    assert provision.follow_links(now=NOW) == 0


def test_call_that_failed_without_an_address_is_prepared_when_there_is_one() -> None:
    appointment = an_appointment_at("link")
    assert call_of(appointment).state == State.FAILED
    Agency.objects.update(video_link="https://meet.example.org/new")
    tasks.follow_windows()
    tasks.provide_video_calls()
    assert call_of(appointment).state == State.READY


def test_call_that_is_over_keeps_its_address() -> None:
    appointment = an_appointment_at("link", link="https://meet.example.org/old")
    Agency.objects.update(video_link="https://meet.example.org/new")
    assert provision.follow_links(now=at(12) + timedelta(hours=5)) == 0
    assert call_of(appointment).link == "https://meet.example.org/old"


def test_moved_appointment_stays_with_the_provider_that_works() -> None:
    appointment = an_appointment_at("bbb", fallback="link", link="https://meet.example.org/{room}")
    other = next(slot for slot in slots_of(appointment.branch) if slot.starts_at == at(13))
    booking.reschedule(appointment, other.pk, by=GUEST, now=NOW)
    tasks.provide_video_calls()
    call = call_of(appointment)
    assert (call.provider, call.state) == ("link", State.READY)
    assert provision.give_call(appointment.pk, by=WORKER, now=NOW) == call
