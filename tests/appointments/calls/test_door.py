"""The waiting room of a video call: every state of the door with every verb, polls, and what follows for the counter."""

from datetime import datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from appointments import booking, counter, tasks
from appointments.calls import meeting, provision
from appointments.calls.door import at_door, door_of
from appointments.errors import DeskBusy, LineMoved, RoomIsFull, WaitedAtDoor, WrongStatus
from appointments.history import timeline
from appointments.models import Appointment, Event, Rating, Status, Ticket
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    a_desk,
    a_walk_in,
    an_officer,
    by,
    messages_of,
    minutes,
    slots_of,
)
from tests.calls import CITIZEN, STARTS_AT, a_video_appointment, again, arrived, call_of, of_link, path_of
from tests.races import at_once
from videocalls import presence
from videocalls.models import SEATS, Participant, Signal, VideoCall
from videocalls.providers import Visitor
from videocalls.rooms import KEPT, forget

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jitsi")]
OPENS_AT = STARTS_AT - minutes(10)
Role, Verb = Participant.Role, Event.Verb


def poll(client: Client, appointment: Appointment, now: datetime, seen: str = "") -> tuple[int, str, str]:
    """Returns status, text and seconds left of one question of the page."""
    with time_machine.travel(now, tick=False):
        answer = client.get(path_of(appointment.page_url("join")), {"seen": seen})
    return answer.status_code, answer.content.decode(), answer["X-Left"]


def state_in(html: str) -> str:
    return html.partition('data-seen="')[2].partition('"')[0].replace("&quot;", '"').replace("&#x27;", "'")


# States and verbs


def in_state(state: str) -> tuple[Appointment, datetime]:
    """Returns an appointment whose door is in this state at the time."""
    appointment, now = a_video_appointment(), STARTS_AT
    match state:
        case "early":
            now = OPENS_AT - timedelta(seconds=1)
        case "cancelled":
            booking.cancel(appointment, by=GUEST, now=NOW)
        case "unverified":
            Appointment.objects.update(status=Status.UNVERIFIED, expires_at=now)
        case "closed":
            now = appointment.call_window[1]
        case "ended":
            presence.end(call_of(appointment), now=now)
        case "no room":
            VideoCall.objects.update(state=VideoCall.State.FAILED)
        case "phone":
            presence.take_phone(call_of(appointment), Role.HOST, now=now)
    return again(appointment), now


ARRIVES = {"open", "no room", "phone"}
STATES = ["open", "early", "cancelled", "unverified", "closed", "ended", "no room", "phone"]


@pytest.mark.parametrize("state", STATES)
def test_citizen_arrives_while_the_door_is_open(state: str) -> None:
    appointment, now = in_state(state)
    came = meeting.arrive(appointment, CITIZEN, by=GUEST, now=now)
    assert (came is not None) is (state in ARRIVES)
    assert Ticket.objects.filter(appointment=appointment).exists() is (state in ARRIVES)


@pytest.mark.parametrize("state", STATES)
def test_officer_lets_in_while_the_door_is_open(state: str) -> None:
    appointment, now = in_state(state)
    citizen = presence.arrive(call_of(appointment), CITIZEN, now=now)
    admit = partial(meeting.let_in, appointment, citizen, by=by(an_officer(appointment.branch)), now=now)
    if state in ARRIVES:
        admit()
        citizen.refresh_from_db()
        assert (citizen.is_inside, again(appointment).status) == (True, Status.SERVING)
        assert not call_of(appointment).is_by_phone
    else:
        with pytest.raises(WrongStatus):
            admit()


@pytest.mark.parametrize("role", [Role.HOST, Role.VISITOR])
@pytest.mark.parametrize("state", STATES)
def test_both_sides_go_to_the_telephone_until_the_call_is_over(state: str, role: str) -> None:
    appointment, now = in_state(state)
    wish = partial(meeting.take_phone, appointment, role, by=GUEST, now=now)
    if state in ARRIVES | {"early"}:
        wish()
        assert door_of(again(appointment), now=now).by_phone
    else:
        with pytest.raises(WrongStatus):
            wish()


@pytest.mark.parametrize("stands", ["outside", "waiting", "inside", "left"])
@pytest.mark.parametrize("state", STATES)
def test_page_leads_into_the_room_only_who_was_let_in(state: str, stands: str) -> None:
    appointment, now = in_state(state)
    if stands != "outside":
        citizen = presence.arrive(call_of(appointment), CITIZEN, now=now)
        if stands == "inside":
            presence.admit(citizen, now=now)
        if stands == "left":
            presence.leave(citizen, now=now)
    _status, page, _left = poll(of_link(appointment), appointment, now)
    assert ("data-go" in page) is (state == "open" and stands == "inside")
    with time_machine.travel(now, tick=False):
        went = of_link(appointment).get(path_of(appointment.page_url("enter")))["Location"]
    assert went.startswith("https://meet.example.org") is (state == "open" and stands == "inside")


# The page of who waits


def test_countdown_runs_by_the_servers_clock() -> None:
    appointment = a_video_appointment()
    status, page, left = poll(of_link(appointment), appointment, OPENS_AT - minutes(15))
    assert (status, left) == (200, "900")
    assert 'data-left="900"' in page
    assert poll(of_link(appointment), appointment, OPENS_AT - minutes(9), state_in(page))[::2] == (204, "540")


def test_poll_of_who_waits_is_cheap_and_keeps_the_place() -> None:
    appointment = a_video_appointment()
    client = of_link(appointment)
    citizen = arrived(appointment, STARTS_AT)
    _status, page, _left = poll(client, appointment, STARTS_AT)
    with CaptureQueriesContext(connection) as asked:
        status, _page, _left = poll(client, appointment, STARTS_AT + timedelta(seconds=4), state_in(page))
    assert status == 204
    # the session, the appointment with its call, the citizen, that the page has asked, and the line
    assert len(asked) <= 6, [one["sql"][:90] for one in asked]
    poll(client, appointment, STARTS_AT + timedelta(seconds=6), state_in(page))
    citizen.refresh_from_db()
    assert citizen.seen_at == STARTS_AT + timedelta(seconds=6)


def test_waiting_room_says_the_place_and_the_delay() -> None:
    appointment = a_video_appointment()
    arrived(appointment, STARTS_AT)
    _status, page, _left = poll(of_link(appointment), appointment, STARTS_AT)
    assert "Είστε στην αίθουσα αναμονής" in page
    assert "Είστε ο επόμενος" in page or "Η σειρά σας" in page or "Κανείς δεν μπορεί να πει" in page


def test_officers_word_reaches_who_waits_as_plain_text() -> None:
    appointment = a_video_appointment()
    citizen = arrived(appointment, STARTS_AT)
    presence.tell(citizen, "<b>Δύο λεπτά</b>\n ακόμη")
    _status, page, _left = poll(of_link(appointment), appointment, STARTS_AT)
    assert "&lt;b&gt;Δύο λεπτά&lt;/b&gt; ακόμη" in page


def test_moved_appointment_begins_anew_for_who_waits() -> None:
    appointment = a_video_appointment()
    client = of_link(appointment)
    citizen = arrived(appointment, OPENS_AT)
    later = next(slot for slot in slots_of(appointment.branch) if slot.starts_at == STARTS_AT + minutes(60))
    booking.reschedule(again(appointment), later.pk, by=STAFF, now=OPENS_AT + minutes(1))
    _status, page, left = poll(client, appointment, OPENS_AT + minutes(1))
    assert ("Μπορείτε να μπείτε από:" in page, left) == (True, str(59 * 60))
    citizen.refresh_from_db()
    assert (citizen.waiting_from, citizen.left_at) == (None, None)
    assert not presence.has_come(call_of(appointment))


def test_cancelled_while_waiting_says_so_at_once() -> None:
    appointment = a_video_appointment()
    client, citizen = of_link(appointment), arrived(appointment, STARTS_AT)
    _status, page, _left = poll(client, appointment, STARTS_AT)
    booking.cancel(again(appointment), by=STAFF, now=STARTS_AT)
    status, fresh, _left = poll(client, appointment, STARTS_AT, state_in(page))
    assert (status, "Το ραντεβού έχει ακυρωθεί." in fresh) == (200, True)
    citizen.refresh_from_db()
    assert citizen.left_at == STARTS_AT


def test_before_midnight_the_citizen_waits_without_a_ticket() -> None:
    """The door of an appointment at five past midnight opens on the day before."""
    appointment = a_video_appointment()
    midnight = appointment.branch.midnight(appointment.branch.today(STARTS_AT))
    Appointment.objects.update(starts_at=midnight + minutes(5), ends_at=midnight + minutes(15))
    call = call_of(appointment)
    VideoCall.objects.update(opens_at=midnight - minutes(5), closes_at=midnight + minutes(30))
    assert arrived(appointment, midnight - minutes(2)).call == call
    assert not Ticket.objects.exists()
    poll(of_link(appointment), again(appointment), midnight + minutes(1))
    assert Ticket.objects.get().appointment == appointment


# Letting in, and what follows at the counter


def test_service_begins_at_the_officers_desk() -> None:
    appointment = a_video_appointment()
    officer = an_officer(appointment.branch)
    desk = a_desk(appointment.branch, officer)
    citizen = arrived(appointment, STARTS_AT)
    meeting.let_in(appointment, citizen, by=by(officer), now=STARTS_AT + minutes(1))
    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.desk, ticket.officer) == (Ticket.State.SERVING, desk, officer)
    meeting.let_in(appointment, citizen, by=by(officer), now=STARTS_AT + minutes(2))
    steps = list(Event.objects.filter(appointment=appointment).order_by("pk").values_list("verb", flat=True))
    assert steps[-4:] == [Verb.CHECK_IN, Verb.CALL, Verb.SERVE, Verb.LET_IN]


def test_officer_who_serves_somebody_else_lets_nobody_in() -> None:
    appointment = a_video_appointment()
    officer = an_officer(appointment.branch)
    counter.call(
        a_walk_in(appointment.branch, STARTS_AT), a_desk(appointment.branch, officer), by=by(officer), now=STARTS_AT
    )
    citizen = arrived(appointment, STARTS_AT)
    with pytest.raises(DeskBusy):
        meeting.let_in(appointment, citizen, by=by(officer), now=STARTS_AT)
    citizen.refresh_from_db()
    assert not citizen.is_inside


def test_colleague_who_called_the_citizen_lets_in() -> None:
    appointment = a_video_appointment()
    first = an_officer(appointment.branch)
    second = an_officer(appointment.branch, email="second@example.org")
    citizen = arrived(appointment, STARTS_AT)
    counter.call(Ticket.objects.get(), a_desk(appointment.branch, first), by=by(first), now=STARTS_AT)
    with pytest.raises(LineMoved):
        meeting.let_in(appointment, citizen, by=by(second), now=STARTS_AT)
    meeting.let_in(appointment, citizen, by=by(first), now=STARTS_AT)
    presence.leave(citizen, now=STARTS_AT + minutes(3))
    back = arrived(appointment, STARTS_AT + minutes(4))
    meeting.let_in(appointment, back, by=by(second), now=STARTS_AT + minutes(4))
    assert again(appointment).officer == first


def test_full_room_says_so_and_serves_nobody() -> None:
    appointment = a_video_appointment()
    citizen = arrived(appointment, STARTS_AT)
    for number in range(SEATS):
        presence.arrive(call_of(appointment), Visitor(f"officer-{number}", "", is_host=True), now=STARTS_AT)
    with pytest.raises(RoomIsFull):
        meeting.let_in(appointment, citizen, by=by(an_officer(appointment.branch)), now=STARTS_AT)
    assert again(appointment).status == Status.ARRIVED


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_who_let_in_at_once_one_serves() -> None:
    appointment = a_video_appointment()
    citizen = arrived(appointment, STARTS_AT)
    officers = [an_officer(appointment.branch, email=f"officer{number}@example.org") for number in range(2)]
    for number, officer in enumerate(officers):
        a_desk(appointment.branch, officer, name=str(number))
    at_once([partial(meeting.let_in, appointment, citizen, by=by(one), now=STARTS_AT) for one in officers])
    verbs = [*Event.objects.filter(appointment=appointment).values_list("verb", flat=True)]
    assert (verbs.count(Verb.SERVE), verbs.count(Verb.LET_IN)) == (1, 1)


def test_completing_ends_the_call_and_leads_to_the_rating() -> None:
    appointment = a_video_appointment()
    officer, client = an_officer(appointment.branch), of_link(appointment)
    citizen = arrived(appointment, STARTS_AT)
    meeting.let_in(appointment, citizen, by=by(officer), now=STARTS_AT)
    counter.complete(Ticket.objects.get(), by=by(officer), now=STARTS_AT + minutes(8))
    assert call_of(appointment).ended_at == STARTS_AT + minutes(8)
    _status, page, _left = poll(client, appointment, STARTS_AT + minutes(8))
    rate = path_of(appointment.page_url("rate"))
    assert f'data-go="{rate}"' in page
    with time_machine.travel(STARTS_AT + minutes(8)):
        assert client.get(path_of(appointment.page_url("join")))["Location"] == rate
    assert not Rating.objects.exists()


def test_undone_completion_opens_the_call_again() -> None:
    appointment = a_video_appointment()
    officer = an_officer(appointment.branch)
    meeting.let_in(appointment, arrived(appointment, STARTS_AT), by=by(officer), now=STARTS_AT)
    ticket = counter.complete(Ticket.objects.get(), by=by(officer), now=STARTS_AT)
    counter.undo(ticket, by=by(officer), now=STARTS_AT + timedelta(seconds=5))
    assert (call_of(appointment).ended_at, again(appointment).status) == (None, Status.SERVING)


@pytest.mark.parametrize("asks", ["door", "telephone"])
def test_who_waited_is_missed_only_if_the_officer_is_sure(asks: str) -> None:
    appointment = a_video_appointment()
    if asks == "door":
        presence.leave(arrived(appointment, STARTS_AT), now=STARTS_AT + minutes(4))
    else:
        meeting.take_phone(appointment, Role.VISITOR, by=GUEST, now=STARTS_AT)
        meeting.check_in(again(appointment), by=GUEST, now=STARTS_AT)
    ticket = Ticket.objects.get()
    with pytest.raises(WaitedAtDoor):
        counter.miss(ticket, by=STAFF, now=STARTS_AT + minutes(20))
    counter.miss(ticket, by=STAFF, now=STARTS_AT + minutes(20), sure=True)
    assert again(appointment).status == Status.NO_SHOW
    assert call_of(appointment).ended_at


def test_who_never_came_is_missed_by_one_press() -> None:
    appointment = a_video_appointment()
    booking.miss(appointment, by=STAFF, now=STARTS_AT + minutes(20))
    assert again(appointment).status == Status.NO_SHOW
    assert "missed" not in messages_of(appointment)


def test_citizens_timeline_tells_the_call_in_plain_words() -> None:
    appointment = a_video_appointment()
    officer = an_officer(appointment.branch)
    meeting.take_phone(appointment, Role.VISITOR, by=GUEST, now=STARTS_AT)
    meeting.let_in(again(appointment), arrived(appointment, STARTS_AT), by=by(officer), now=STARTS_AT)
    told = [one.text for one in timeline.for_citizen(appointment)]
    assert told[-3:] == ["Ξεκίνησε η εξυπηρέτηση", "Ο υπάλληλος σας δέχτηκε στη βιντεοκλήση", "Ξανά με βιντεοκλήση"]
    assert "Τηλεφωνικά αντί για βιντεοκλήση" in told
    assert "Πολίτης" in [entry.note for entry in timeline.of(appointment)]


# Windows, and forgetting


def inside(appointment: Appointment, now: datetime) -> Participant:
    """The citizen and an officer talk. Returns the officer."""
    presence.admit(arrived(appointment, now), now=now)
    return presence.arrive(call_of(appointment), Visitor("officer-1", "Άννα", is_host=True), now=now)


def test_room_does_not_close_over_people_who_talk() -> None:
    appointment = a_video_appointment()
    host, closes_at = inside(appointment, STARTS_AT), call_of(appointment).closes_at
    now = closes_at - minutes(2)
    for one in call_of(appointment).participants.all():
        presence.keep_alive(one, now=now)
    assert call_of(appointment).closes_at == now + presence.LONGER
    assert provision.follow_windows(now=now) == 0
    assert door_of(again(appointment), now=closes_at + minutes(1)).state == "open"
    assert host.call == call_of(appointment)


def test_room_closes_over_an_officer_who_is_alone() -> None:
    appointment = a_video_appointment()
    host, closes_at = inside(appointment, STARTS_AT), call_of(appointment).closes_at
    presence.keep_alive(host, now=closes_at - minutes(2))
    assert call_of(appointment).closes_at == closes_at


def test_room_that_people_have_left_follows_its_window_again() -> None:
    appointment = a_video_appointment()
    closes_at = call_of(appointment).closes_at
    VideoCall.objects.update(closes_at=closes_at + minutes(10))
    assert provision.follow_windows(now=STARTS_AT) == 1
    assert call_of(appointment).closes_at == closes_at


def test_names_words_links_and_signals_are_gone_an_hour_after_the_window() -> None:
    appointment = a_video_appointment()
    citizen, call = arrived(appointment, STARTS_AT), call_of(appointment)
    presence.tell(citizen, "Μια στιγμή")
    presence.invite(call)
    Signal.objects.create(call=call, sender=citizen, receiver=citizen, kind="offer")
    assert forget(now=call.closes_at + KEPT - timedelta(seconds=1)) == 0
    with time_machine.travel(call.closes_at + KEPT):
        tasks.forget_calls()
    assert list(call.participants.values_list("name", "token", "told")) == [("", "", "")] * 2
    assert call.participants.get(key="citizen").waiting_from == STARTS_AT
    assert not Signal.objects.exists()
    assert forget(now=call.closes_at + KEPT) == 0


def test_alarm_rings_for_who_is_here_and_unheard() -> None:
    appointment = a_video_appointment()
    citizen, call = arrived(appointment, STARTS_AT), call_of(appointment)
    assert at_door(call, now=STARTS_AT).alarm == f"{call.pk}:citizen"
    assert at_door(call, now=STARTS_AT + presence.AWAY).alarm == ""
    presence.tell(citizen, "Μια στιγμή")
    assert at_door(call, now=STARTS_AT).alarm == ""
    meeting.take_phone(again(appointment), Role.VISITOR, by=GUEST, now=STARTS_AT)
    assert at_door(call_of(appointment), now=STARTS_AT).alarm == f"{call.pk}:phone"
