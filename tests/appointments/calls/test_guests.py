"""Guests of a video call: how many, what a link opens and shows, and whom it lets in."""

from datetime import datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from appointments import booking, counter
from appointments.calls import meeting
from appointments.models import Appointment, Ticket
from tests.builders import STAFF, an_officer, by, minutes
from tests.calls import STARTS_AT, a_video_appointment, again, arrived, call_of, of_link, of_user
from tests.races import at_once
from videocalls import presence
from videocalls.models import Participant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jitsi")]
OPENS_AT = STARTS_AT - minutes(10)


@pytest.fixture
def appointment() -> Appointment:
    return a_video_appointment(name="Μαρία Παπαδοπούλου")


def a_guest(appointment: Appointment) -> Participant:
    guest = presence.invite(call_of(appointment))
    assert guest is not None
    return guest


def link_of(guest: Participant) -> str:
    return reverse("appointments:guest", args=[guest.token])


def come(guest: Participant, name: str = "Γιώργος Διερμηνέας", now: datetime = STARTS_AT) -> Client:
    """A browser that opens the link and gives the name."""
    client = Client()
    with time_machine.travel(now, tick=False):
        client.post(link_of(guest), {"name": name})
    return client


def page(client: Client, guest: Participant, now: datetime = STARTS_AT) -> tuple[int, str]:
    with time_machine.travel(now, tick=False):
        answer = client.get(link_of(guest))
    return answer.status_code, answer.content.decode()


def enter(client: Client, guest: Participant, now: datetime = STARTS_AT) -> str:
    with time_machine.travel(now, tick=False):
        return client.get(reverse("appointments:guest_enter", args=[guest.token]))["Location"]


def invite(client: Client, appointment: Appointment, now: datetime = STARTS_AT, **form: str) -> None:
    with time_machine.travel(now, tick=False):
        client.post(reverse("appointments:invite", args=[appointment.reference]), form)


@pytest.mark.parametrize("who", ["citizen", "officer"])
def test_citizen_and_officer_make_links_and_take_them_back(appointment: Appointment, who: str) -> None:
    client = of_link(appointment) if who == "citizen" else of_user(an_officer(appointment.branch))
    for _ in range(presence.GUESTS + 1):
        invite(client, appointment)
    guests = list(call_of(appointment).participants.all())
    assert [one.role for one in guests] == [Participant.Role.GUEST] * presence.GUESTS
    with time_machine.travel(STARTS_AT, tick=False):
        shown = client.get(reverse("appointments:join", args=[appointment.reference]), follow=True).content.decode()
    assert all(f'value="{settings.SITE_URL}{link_of(one)}"' in shown for one in guests)
    invite(client, appointment, withdraw=guests[0].token)
    assert page(Client(), guests[0])[0] == 404
    invite(client, appointment)
    assert call_of(appointment).participants.count() == presence.GUESTS


def test_stranger_makes_no_link(appointment: Appointment) -> None:
    invite(Client(), appointment)
    assert not call_of(appointment).participants.exists()


@pytest.mark.django_db(transaction=True)
def test_links_made_at_once_are_no_more_than_seats(appointment: Appointment) -> None:
    at_once([partial(presence.invite, call_of(appointment))] * 6)
    assert call_of(appointment).participants.count() == presence.GUESTS


def test_link_shows_neither_the_citizen_nor_the_service(appointment: Appointment) -> None:
    guest = a_guest(appointment)
    secrets = (appointment.name, appointment.procedure.name_el, appointment.reference, appointment.phone)
    for now in (OPENS_AT - minutes(30), STARTS_AT):
        status, text = page(Client(), guest, now)
        assert status == 200
        assert [one for one in secrets if one in text] == []
    _status, text = page(come(guest), guest)
    assert [one for one in secrets if one in text] == []


def test_guest_waits_until_the_officer_has_looked(appointment: Appointment) -> None:
    guest = a_guest(appointment)
    client = come(guest)
    assert "Είστε στην αίθουσα αναμονής" in page(client, guest)[1]
    assert enter(client, guest) == link_of(guest)
    guest.refresh_from_db()
    assert (guest.name, guest.role, guest.is_inside) == ("Γιώργος Διερμηνέας", Participant.Role.GUEST, False)
    meeting.let_in(appointment, guest, by=by(an_officer(appointment.branch)), now=STARTS_AT)
    assert enter(client, guest).startswith("https://meet.example.org/")
    assert again(appointment).status == "booked"  # a guest begins no service


@pytest.mark.parametrize("name", ["", "www.example.org", "x" * 121])
def test_guest_gives_a_name(appointment: Appointment, name: str) -> None:
    guest = a_guest(appointment)
    come(guest, name)
    guest.refresh_from_db()
    assert guest.waiting_from is None


def test_nobody_waits_before_the_door_opens(appointment: Appointment) -> None:
    guest = a_guest(appointment)
    come(guest, now=OPENS_AT - timedelta(seconds=1))
    guest.refresh_from_db()
    assert guest.waiting_from is None


def test_leaked_link_opens_nothing_while_the_guest_is_here(appointment: Appointment) -> None:
    guest = a_guest(appointment)
    client = come(guest)
    guest.refresh_from_db()
    meeting.let_in(appointment, guest, by=STAFF, now=STARTS_AT)
    assert enter(Client(), guest) == link_of(guest)
    thief = come(guest, "Κάποιος Άλλος")
    assert enter(thief, guest) == link_of(guest)
    guest.refresh_from_db()
    assert (guest.name, guest.is_inside) == ("Γιώργος Διερμηνέας", True)
    assert enter(client, guest).startswith("https://meet.example.org/")


def test_whoever_takes_the_link_over_waits_anew(appointment: Appointment) -> None:
    guest = a_guest(appointment)
    client = come(guest)
    guest.refresh_from_db()
    meeting.let_in(appointment, guest, by=STAFF, now=STARTS_AT)
    later = STARTS_AT + presence.AWAY
    other = come(guest, "Κάποιος Άλλος", later)
    assert enter(other, guest, later) == enter(client, guest, later) == link_of(guest)
    guest.refresh_from_db()
    assert (guest.name, guest.is_inside) == ("Κάποιος Άλλος", False)


def test_taken_back_link_throws_the_guest_out(appointment: Appointment) -> None:
    guest = a_guest(appointment)
    client = come(guest)
    guest.refresh_from_db()
    meeting.let_in(appointment, guest, by=STAFF, now=STARTS_AT)
    invite(of_link(appointment), appointment, withdraw=guest.token)
    assert page(client, guest)[0] == 404
    assert not call_of(appointment).participants.inside().exists()


def completed(appointment: Appointment) -> None:
    meeting.let_in(appointment, arrived(appointment, STARTS_AT), by=STAFF, now=STARTS_AT)
    counter.complete(Ticket.objects.get(), by=STAFF, now=STARTS_AT)


ENDS = {
    "cancelled": lambda one: booking.cancel(one, by=STAFF, now=STARTS_AT),
    "completed": completed,
    "ended": lambda one: presence.end(call_of(one), now=STARTS_AT),
    "closed": again,
}


@pytest.mark.parametrize("end", ENDS)
def test_link_opens_nothing_after_the_call(appointment: Appointment, end: str) -> None:
    guest = a_guest(appointment)
    client = come(guest)
    guest.refresh_from_db()
    meeting.let_in(appointment, guest, by=STAFF, now=STARTS_AT)
    ENDS[end](again(appointment))
    now = appointment.call_window[1] if end == "closed" else STARTS_AT
    status, text = page(client, guest, now)
    assert (status, "Ο σύνδεσμος δεν ισχύει" in text) == (404, True)
    assert enter(client, guest, now) == link_of(guest)
