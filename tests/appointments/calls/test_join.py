from datetime import datetime, timedelta

import jwt
import pytest
import time_machine
from django.db.models import F
from django.test import Client
from icalendar import Calendar

from agencies.models import Agency, Branch, Role
from appointments import booking, tasks
from appointments.calls import provision
from appointments.models import Appointment, Status
from tests.builders import (
    GUEST,
    NOW,
    WORKER,
    a_branch,
    a_user,
    an_appointment,
    an_officer,
    an_open_branch,
    minutes,
    slots_of,
)
from tests.calls import STARTS_AT, a_video_appointment, arrived, call_of, of_link, of_user, path_of
from videocalls import presence
from videocalls.models import VideoCall
from videocalls.providers import PROVIDERS


def join_page(client: Client, appointment: Appointment, now: datetime) -> str:
    with time_machine.travel(now, tick=False):
        answer = client.get(path_of(appointment.page_url("join")), follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def press(client: Client, appointment: Appointment, now: datetime, step: str, **typed: str) -> None:
    """A press of a button on the join page."""
    with time_machine.travel(now, tick=False):
        answer = client.post(path_of(appointment.page_url("join")), {"step": step} | typed)
    assert answer.status_code == 302


def enter(client: Client, appointment: Appointment, now: datetime) -> str:
    """Where the click on "enter" leads."""
    with time_machine.travel(now, tick=False):
        answer = client.get(path_of(appointment.page_url("enter")))
    assert answer.status_code == 302
    return answer["Location"]


# Who


@pytest.mark.django_db
@pytest.mark.parametrize("view", ["join", "enter", "calendar"])
def test_stranger_finds_nothing(view: str) -> None:
    appointment = a_video_appointment()
    address = path_of(appointment.page_url(view))
    other_branch = a_branch(appointment.agency, "kep-irakleio")
    assert Client().get(address).status_code == 404
    assert of_user(a_user()).get(address).status_code == 404
    assert of_user(an_officer(other_branch)).get(address).status_code == 404
    assert Client().get(f"{address}?key=wrong").status_code == 403


@pytest.mark.django_db
def test_link_is_taken_out_of_the_address() -> None:
    appointment = a_video_appointment()
    answer = Client().get(path_of(appointment.link("join")))
    assert (answer.status_code, answer["Location"]) == (302, path_of(appointment.page_url("join")))


@pytest.mark.django_db
def test_operator_is_no_host() -> None:
    appointment = a_video_appointment()
    operator = a_user("operator@example.org", is_operator=True)
    assert of_user(operator).get(path_of(appointment.page_url("join"))).status_code == 404


@pytest.mark.usefixtures("clock")
@pytest.mark.django_db
def test_appointment_in_person_has_no_call() -> None:
    appointment = an_appointment(slots_of(an_open_branch())[40])
    answer = of_link(appointment).get(path_of(appointment.page_url("join")))
    assert (answer.status_code, answer["Location"]) == (302, appointment.get_absolute_url())


# When


@pytest.mark.django_db
def test_early_page_says_when_the_room_opens(jitsi: None) -> None:
    appointment = a_video_appointment()
    page = join_page(of_link(appointment), appointment, STARTS_AT - minutes(25))
    assert "Τρίτη 3 Μαρτίου, 11:50" in page
    assert "Απομένουν 15 λεπτά." in page
    assert "Είσοδος στη βιντεοκλήση" not in page


@pytest.mark.django_db
def test_room_opens_to_the_minute_and_closes(jitsi: None) -> None:
    appointment = a_video_appointment()
    citizen = of_link(appointment)
    opens_at, closes_at = appointment.call_window
    join = appointment.page_url("join").removeprefix("http://localhost:8000")
    press(citizen, appointment, opens_at - timedelta(seconds=1), "arrive")
    assert not call_of(appointment).participants.exists()
    press(citizen, appointment, opens_at, "arrive")
    assert "Είστε στην αίθουσα αναμονής" in join_page(citizen, appointment, opens_at)
    assert enter(citizen, appointment, opens_at) == join
    presence.admit(call_of(appointment).participants.get(), now=opens_at)
    assert "Είσοδος στη βιντεοκλήση" in join_page(citizen, appointment, opens_at)
    assert enter(citizen, appointment, opens_at).startswith("https://meet.example.org/")
    assert enter(citizen, appointment, closes_at) == join
    assert "Η βιντεοκλήση έχει τελειώσει." in join_page(citizen, appointment, closes_at)


@pytest.mark.django_db
def test_cancelled_call_says_so_and_stays_shut(jitsi: None) -> None:
    appointment = a_video_appointment()
    citizen = of_link(appointment)
    booking.cancel(appointment, by=GUEST, now=NOW)
    assert "Το ραντεβού έχει ακυρωθεί." in join_page(citizen, appointment, STARTS_AT)
    assert "/join/" in enter(citizen, appointment, STARTS_AT)


@pytest.mark.usefixtures("clock")
@pytest.mark.django_db
def test_rooms_follow_a_statement_by_hand(jitsi: None) -> None:
    """Whatever has changed the rows, the next sweep moves the rooms that are made."""
    appointment = a_video_appointment()
    provision.give_call(appointment.pk, by=WORKER, now=NOW)
    Appointment.objects.update(starts_at=F("starts_at") + minutes(60), ends_at=F("ends_at") + minutes(60))
    Agency.objects.update(video_early_minutes=45)
    tasks.follow_windows()
    appointment = Appointment.objects.select_related("agency", "video_call").get(pk=appointment.pk)
    assert appointment.video_call is not None
    assert (appointment.video_call.opens_at, appointment.video_call.closes_at) == appointment.call_window
    assert appointment.video_call.opens_at == STARTS_AT + minutes(15)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW, Status.EXPIRED])
def test_ended_appointment_is_over(jitsi: None, status: str) -> None:
    appointment = a_video_appointment()
    citizen = of_link(appointment)
    slots = [] if status == Status.EXPIRED else appointment.slot_ids
    Appointment.objects.filter(pk=appointment.pk).update(status=status, slot_ids=slots)
    assert "Η βιντεοκλήση έχει τελειώσει." in join_page(citizen, appointment, STARTS_AT)


# How


@pytest.mark.django_db
def test_citizen_and_officer_get_tokens_of_their_own(jitsi: None) -> None:
    appointment = a_video_appointment(name="Μαρία Παπαδοπούλου")
    officer = of_user(an_officer(appointment.branch))
    presence.admit(arrived(appointment, STARTS_AT), now=STARTS_AT)
    addresses = [enter(client, appointment, STARTS_AT) for client in (of_link(appointment), officer)]
    users = [
        jwt.decode(address.partition("jwt=")[2], options={"verify_signature": False})["context"]["user"]
        for address in addresses
    ]
    assert [address.partition("?")[0] for address in addresses] == [
        f"https://meet.example.org/{appointment.video_call.room}"
    ] * 2
    assert (users[0]["name"], users[0]["affiliation"]) == ("Μαρία Παπαδοπούλου", "member")
    assert (users[1]["name"], users[1]["affiliation"]) == ("Άννα Υπαλλήλου", "owner")
    assert appointment.reference not in str(users)


@pytest.mark.django_db
def test_officer_of_the_agency_is_host_too(jitsi: None) -> None:
    appointment = a_video_appointment()
    admin = of_user(an_officer(appointment.agency, Role.AGENCY_ADMIN))
    page = join_page(admin, appointment, STARTS_AT)
    assert "Είσοδος στη βιντεοκλήση" in page
    assert appointment.name in page


@pytest.fixture
def no_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROVIDERS["room"], "is_hosted", False)


@pytest.mark.django_db
def test_without_a_room_the_page_says_that_the_officer_calls(no_rooms: None) -> None:
    appointment = a_video_appointment("room")
    for now in (STARTS_AT - timedelta(hours=3), STARTS_AT):
        page = join_page(of_link(appointment), appointment, now)
        assert "Ο υπάλληλος θα σας καλέσει τηλεφωνικά στο <strong>6900000000</strong>" in page
        assert "Η βιντεοκλήση δεν λειτουργεί" not in page


@pytest.mark.django_db
def test_built_in_room_is_entered_by_a_pass_of_its_own() -> None:
    appointment = a_video_appointment("room")
    citizen, room = of_link(appointment), appointment.video_call.room
    assert enter(citizen, appointment, STARTS_AT) == path_of(appointment.page_url("join"))
    presence.admit(arrived(appointment, STARTS_AT), now=STARTS_AT)
    assert enter(citizen, appointment, STARTS_AT).startswith(f"/calls/{room}/enter/?pass=")


@pytest.mark.django_db
@pytest.mark.parametrize("state", [VideoCall.State.FAILED, VideoCall.State.PENDING, None])
def test_call_that_is_not_ready_falls_back_to_the_telephone(jitsi: None, state: str | None) -> None:
    appointment = a_video_appointment()
    VideoCall.objects.update(state=state) if state else VideoCall.objects.all().delete()
    page = join_page(of_link(appointment), appointment, STARTS_AT)
    assert "Η βιντεοκλήση δεν λειτουργεί αυτή τη στιγμή." in page
    assert "Ο υπάλληλος θα σας καλέσει τηλεφωνικά" in page
    host = join_page(of_user(an_officer(appointment.branch)), appointment, STARTS_AT)
    assert 'href="tel:6900000000"' in host


@pytest.mark.django_db
def test_citizen_corrects_the_number(no_rooms: None) -> None:
    appointment = a_video_appointment("room", phone="")
    citizen = of_link(appointment)
    assert "χρειάζεται τον αριθμό σας" in join_page(citizen, appointment, STARTS_AT)
    with time_machine.travel(STARTS_AT):
        wrong = citizen.post(path_of(appointment.page_url("join")), {"phone": "12"})
        assert "govgr-error-summary" in wrong.content.decode()
        citizen.post(path_of(appointment.page_url("join")), {"phone": "694 123 4567"})
    appointment.refresh_from_db()
    assert appointment.phone == "+306941234567"
    assert "+306941234567" in join_page(citizen, appointment, STARTS_AT)


@pytest.mark.django_db
def test_number_is_one_of_the_branchs_country() -> None:
    appointment = a_video_appointment("room", phone="")
    Branch.objects.update(country="CA")
    with time_machine.travel(STARTS_AT):
        of_link(appointment).post(path_of(appointment.page_url("join")), {"phone": "647 555 0123"})
    appointment.refresh_from_db()
    assert appointment.phone == "+16475550123"


@pytest.mark.django_db
def test_officer_does_not_change_the_number() -> None:
    appointment = a_video_appointment("room")
    with time_machine.travel(STARTS_AT):
        of_user(an_officer(appointment.branch)).post(path_of(appointment.page_url("join")), {"phone": "6941234567"})
    appointment.refresh_from_db()
    assert appointment.phone == "6900000000"


@pytest.mark.usefixtures("clock")
@pytest.mark.django_db
def test_calendar_file_is_downloaded() -> None:
    appointment = a_video_appointment()
    answer = of_link(appointment).get(path_of(appointment.page_url("calendar")))
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{appointment.reference}.ics"'
    (event,) = Calendar.from_ical(answer.content).events
    assert (event.start, str(event["location"])) == (STARTS_AT, appointment.shown_link("join"))


# An agency changes the window


@pytest.mark.parametrize(("early", "late"), [(30, 60), (5, 0)])
@pytest.mark.parametrize("state", ["pending", "ready", "failed"])
@pytest.mark.django_db
def test_rooms_follow_the_window_of_their_agency(jitsi: None, early: int, late: int, state: str) -> None:
    appointment = a_video_appointment()
    call = provision.give_call(appointment.pk, by=WORKER, now=NOW)
    assert call is not None
    VideoCall.objects.update(state=state, attempts=3)
    agency = appointment.agency
    agency.video_early_minutes, agency.video_late_minutes = early, late
    agency.save()
    assert provision.follow_windows(now=NOW) == 1
    call.refresh_from_db()
    appointment = Appointment.objects.select_related("agency").get(pk=appointment.pk)
    assert (call.opens_at, call.closes_at) == appointment.call_window
    assert (call.state, call.attempts) == ("pending", 0)
    assert provision.follow_windows(now=NOW) == 0


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW])
@pytest.mark.django_db
def test_rooms_of_ended_appointments_keep_their_window(jitsi: None, status: str) -> None:
    appointment = a_video_appointment()
    provision.give_call(appointment.pk, by=WORKER, now=NOW)
    Appointment.objects.update(status=status)
    appointment.agency.video_early_minutes = 30
    appointment.agency.save()
    assert provision.follow_windows(now=NOW) == 0


@pytest.mark.django_db
def test_room_whose_new_window_is_over_stays_as_it_was(jitsi: None) -> None:
    appointment = a_video_appointment()
    provision.give_call(appointment.pk, by=WORKER, now=NOW)
    appointment.agency.video_early_minutes = 30
    appointment.agency.save()
    assert provision.follow_windows(now=appointment.ends_at + timedelta(hours=2)) == 0
