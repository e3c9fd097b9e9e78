"""One's place in the queue: on the page of the ticket, and on that of the appointment on its day."""

from collections.abc import Iterator
from html import unescape

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import counter, references
from appointments.models import Appointment, Desk, Event, Status, Ticket
from tests.builders import GUEST, NOW, a_desk, a_walk_in, booked_at, by, today_at
from tests.codes import open_for

pytestmark = pytest.mark.django_db
State = Ticket.State


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(today_at(8, 50), tick=False) as traveller:
        yield traveller


@pytest.fixture
def desk(branch: Branch, officer: User) -> Desk:
    return a_desk(branch, officer, "3")


def text(response: HttpResponse) -> str:
    assert response.status_code == 200
    return unescape(response.content.decode())


def seen(page: str) -> str:
    return page.split('data-seen="')[1].split('"', maxsplit=1)[0]


def test_page_shows_place_and_estimate(client: Client, branch: Branch, desk: Desk):
    for minute in (1, 2, 3):
        ticket = a_walk_in(branch, today_at(8, minute))
    page = text(client.get(f"/queue/{ticket.code}/"))
    assert "B003" in page
    assert "2 άτομα πριν από εσάς" in page
    assert "Η σειρά σας έρχεται σε περίπου 20 λεπτά." in page
    assert "Your turn comes in about 20 minutes." in text(client.get(f"/en/queue/{ticket.code}/"))


def test_page_is_honest_where_nobody_serves(client: Client, branch: Branch):
    page = text(client.get(f"/queue/{a_walk_in(branch, today_at(8)).code}/"))
    assert "Η σειρά σας είναι η επόμενη" in page
    assert "δεν μπορούμε να πούμε πόσο θα περιμένετε" in page


def test_page_follows_the_steps(client: Client, branch: Branch, desk: Desk, officer: User):
    ticket = a_walk_in(branch, today_at(8))
    address = f"/queue/{ticket.code}/"
    counter.call_next(desk, by=by(officer), now=today_at(8, 50))
    assert 'Πηγαίνετε στη θυρίδα <strong translate="no">3</strong>' in text(client.get(address))
    counter.serve(ticket, by=by(officer), now=today_at(8, 51))
    assert "Εξυπηρετείστε στη θυρίδα 3" in text(client.get(address))
    counter.park(ticket, by=by(officer), now=today_at(8, 52))
    assert "Η θέση σας κρατιέται" in text(client.get(address))
    counter.put_back(ticket, by=by(officer), now=today_at(8, 53))
    assert "Η σειρά σας είναι η επόμενη" in text(client.get(address))
    counter.call_next(desk, by=by(officer), now=today_at(8, 54))
    counter.complete(ticket, by=by(officer), now=today_at(8, 55))
    assert "Εξυπηρετηθήκατε" in text(client.get(address))


def test_page_of_another_day_says_so(client: Client, branch: Branch, clock: time_machine.Traveller):
    ticket = a_walk_in(branch, today_at(8))
    clock.move_to(today_at(8).timestamp() + 24 * 3600)
    assert "Αυτός ο αριθμός ίσχυε για: Δευτέρα 2 Μαρτίου" in text(client.get(f"/queue/{ticket.code}/"))


def test_unknown_code_opens_nothing(client: Client, branch: Branch):
    assert client.get("/queue/no-such-code/").status_code == 404
    assert client.get("/queue/no-such-code/", {"seen": "1"}).status_code == 404


def test_poll_is_one_query_until_something_changes_or_a_minute_is_over(
    client: Client,
    branch: Branch,
    desk: Desk,
    clock: time_machine.Traveller,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    ticket = a_walk_in(branch, today_at(8))
    address = f"/queue/{ticket.code}/"
    state = seen(text(client.get(address)))
    with django_assert_num_queries(1):
        assert client.get(address, {"seen": state}).status_code == 204
    a_walk_in(branch, today_at(8, 1), priority=True)
    with django_assert_num_queries(5):  # state, ticket; desks, tickets, appointments
        fresh = text(client.get(address, {"seen": state}))
    assert fresh.strip().startswith("<div data-live=")
    assert "1 άτομο πριν από εσάς" in fresh
    clock.shift(60)
    assert client.get(address, {"seen": seen(fresh)}).status_code == 200


def test_who_leaves_gives_up_the_place(client: Client, branch: Branch):
    ticket = a_walk_in(branch, today_at(8))
    page = text(client.post(f"/queue/{ticket.code}/", follow=True))
    assert "Αυτός ο αριθμός δεν ισχύει πια" in page
    ticket.refresh_from_db()
    assert (ticket.state, ticket.ended_at) == (State.GONE, today_at(8, 50))
    event = Event.objects.latest("pk")
    assert (event.verb, event.by, event.page) == ("give_up", "guest", "appointments:ticket")


def test_who_is_being_served_cannot_leave_by_the_page(client: Client, branch: Branch, desk: Desk, officer: User):
    ticket = a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 50))
    counter.serve(ticket, by=by(officer), now=today_at(8, 51))
    assert "Αποχωρώ" not in text(client.get(f"/queue/{ticket.code}/"))
    assert "Αυτό άλλαξε στο μεταξύ" in text(client.post(f"/queue/{ticket.code}/", follow=True))
    ticket.refresh_from_db()
    assert ticket.state == State.SERVING


def test_who_has_an_appointment_cancels_it_instead(client: Client, branch: Branch):
    ticket = counter.check_in(booked_at(branch, 9, now=NOW), by=GUEST, now=today_at(8, 50))
    assert "Αποχωρώ" not in text(client.get(f"/queue/{ticket.code}/"))
    client.post(f"/queue/{ticket.code}/")
    ticket.refresh_from_db()
    assert ticket.state == State.WAITING


def test_missed_appointment_may_check_in_again(client: Client, branch: Branch, desk: Desk, officer: User):
    ticket = counter.check_in(booked_at(branch, 9, now=NOW), by=GUEST, now=today_at(8, 50))
    counter.call_next(desk, by=by(officer), now=today_at(9))
    counter.miss(ticket, by=by(officer), now=today_at(9, 5))
    assert "δηλώστε ξανά άφιξη" in text(client.get(f"/queue/{ticket.code}/"))


# The page of the appointment


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    return booked_at(branch, 9, now=NOW)


@pytest.fixture
def own(client: Client, booked: Appointment) -> str:
    open_for(client, booked)
    return booked.get_absolute_url()


def test_citizen_checks_in_by_the_page_and_sees_the_place(client: Client, own: str, booked: Appointment):
    assert "Έφτασα" in text(client.get(own))
    page = text(client.post(f"{own}here/", follow=True))
    assert "Η άφιξή σας δηλώθηκε" in page
    assert "A001" in page
    assert "Έφτασα" not in page
    booked.refresh_from_db()
    assert booked.status == Status.ARRIVED


def test_before_the_last_hour_there_is_nothing_to_check_in(
    client: Client, own: str, booked: Appointment, clock: time_machine.Traveller
):
    clock.move_to(today_at(7, 59))
    assert "Έφτασα" not in text(client.get(own))
    assert "Δηλώστε εδώ άφιξη από τις 08:00" in text(client.post(f"{own}here/", follow=True))
    assert not Ticket.objects.exists()


def test_page_tells_the_delay(client: Client, own: str, branch: Branch, desk: Desk, officer: User):
    for _ in range(3):
        a_walk_in(branch, today_at(8), priority=True)
    counter.call_next(desk, by=by(officer), now=today_at(8, 50))
    page = text(client.get(own))
    assert "Υπάρχει καθυστέρηση: η σειρά σας θα έρθει περίπου 20 λεπτά μετά την ώρα σας." in page


def test_page_says_when_the_branch_is_on_time(client: Client, own: str, desk: Desk):
    assert "Το σημείο εξυπηρέτησης δεν έχει καθυστέρηση." in text(client.get(own))


def test_strangers_neither_look_nor_check_in(client: Client, booked: Appointment):
    address = f"{booked.get_absolute_url()}here/"
    assert client.get(address, {"seen": ""}).status_code == 404
    assert client.post(address).status_code == 404
    assert not Ticket.objects.exists()


def test_poll_of_the_page_reads_no_line_while_nothing_changes(
    client: Client, own: str, branch: Branch, django_assert_num_queries: DjangoAssertNumQueries
):
    state = seen(text(client.get(own)))
    with django_assert_num_queries(3):  # session, appointment, state
        assert client.get(f"{own}here/", {"seen": state}).status_code == 204
    a_walk_in(branch, today_at(8))
    assert "data-live" in text(client.get(f"{own}here/", {"seen": state}))


def test_page_has_the_code_for_the_kiosk(client: Client, own: str):
    assert 'role="img" aria-label="Κωδικός QR του ραντεβού σας"><svg' in text(client.get(own))
    assert 'aria-label="Κωδικός QR του ραντεβού σας"' in text(client.get(f"{own}done/"))


def test_code_for_the_kiosk_opens_the_appointment_for_nobody(booked: Appointment):
    assert references.readings(booked.page_url()) == [booked.reference]
    assert Client().get(booked.page_url()).status_code == 404


def test_video_citizen_is_seen_in_the_queue_once_in_the_waiting_room(branch: Branch, clock: time_machine.Traveller):
    video = booked_at(branch, 9, channel=Channel.VIDEO, now=NOW)
    client = Client()
    open_for(client, video)
    clock.move_to(today_at(8, 40))
    client.post(f"{video.get_absolute_url()}join/", {"step": "arrive"})
    assert not Ticket.objects.exists()
    clock.move_to(today_at(8, 55))
    client.post(f"{video.get_absolute_url()}join/", {"step": "arrive"})
    ticket = Ticket.objects.get()
    assert (ticket.appointment, ticket.channel, ticket.due_at) == (video, Channel.VIDEO, today_at(9))
    video.refresh_from_db()
    assert video.status == Status.ARRIVED
