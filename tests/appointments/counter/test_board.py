"""The queue page: one's desk, the line, each step as a form, what repeated and late clicks do, and how little a poll asks."""

import re
from base64 import urlsafe_b64decode
from datetime import timedelta
from urllib.parse import quote, unquote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, Channel, Procedure, Role
from appointments import booking, counter
from appointments.admin.counter.desks import desks_by_rules
from appointments.counter import desks
from appointments.models import Appointment, Desk, Event, Status, Ticket
from tests.builders import (
    GUEST,
    MONDAY,
    NOON,
    a_branch,
    a_desk,
    a_procedure,
    a_rule,
    a_walk_in,
    an_always_open_branch,
    an_officer,
    booked_after,
    by,
)
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
QUEUE = "/en/admin/appointments/appointment/queue/"
State, Verb = Ticket.State, Event.Verb


@pytest.fixture
def branch() -> Branch:
    return an_always_open_branch(desks=2)


@pytest.fixture
def officer(client: Client, branch: Branch) -> User:
    officer = an_officer(branch)
    client.force_login(officer)
    return officer


def booked(branch: Branch, number: int = 1, *, minutes: int = 30, **more: object) -> Appointment:
    """An appointment of today, which may have begun."""
    return booked_after(branch, NOON + timedelta(minutes=minutes), number, **more)


def press(client: Client, branch: Branch, step: str, *, script: bool = False, **form: object) -> str:
    headers = {"X-Requested-With": "queue"} if script else {}
    response = client.post(f"{QUEUE}{branch.code}/{step}/", form, headers=headers, follow=not script)
    assert response.status_code == 200, response
    return response.content.decode()


def on(ticket: Ticket) -> dict[str, object]:
    """What a button says that was shown with the ticket as it is."""
    return {"ticket": ticket.code, "seen": ticket.events.order_by("-pk").values_list("pk", flat=True).first() or 0}


def key_of(client: Client, branch: Branch) -> str:
    text = client.get(QUEUE, {"branch": branch.code}).content.decode()
    found = re.search(r'data-poll="([^"]+)"', text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def state_of(ticket: Ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


# The page


def test_officers_begin_with_the_queue(client: Client, branch: Branch, officer: User) -> None:
    response = client.get("/en/admin/", follow=True)
    assert response.redirect_chain == [(QUEUE, 302)]
    assert "Nobody is waiting." in text_of(response)


def test_queue_shows_who_waits_and_who_is_still_to_come(client: Client, branch: Branch, desk: Desk) -> None:
    a_walk_in(branch, NOON, name="Ελένη Νικολάου", priority=True)
    coming = booked(branch, 1)
    text = text_of(client.get(QUEUE))
    assert "B001" in text
    assert "Ελένη Νικολάου" in text
    assert "Priority" in text
    assert coming.name in text
    assert f'value="{coming.reference}"' in text


def test_queue_of_another_branch_does_not_exist(client: Client, branch: Branch) -> None:
    ticket = a_walk_in(branch, NOON)
    other = a_branch(branch.agency, "kep-other")
    client.force_login(an_officer(other, email="other@example.org"))
    assert client.get(QUEUE, {"branch": branch.code}).status_code == 404
    assert client.post(f"{QUEUE}{branch.code}/call/", on(ticket)).status_code == 404
    assert client.post(f"{QUEUE}{other.code}/park/", on(ticket)).status_code == 404
    assert state_of(ticket) == State.WAITING


def test_guest_and_operator_have_no_queue(client: Client, branch: Branch) -> None:
    assert client.get(QUEUE).status_code == 302
    assert client.get(f"{QUEUE}poll/?key=made-up").status_code == 403


# Steps


def test_walk_in_is_called_served_and_done(client: Client, branch: Branch, desk: Desk) -> None:
    procedure = Procedure.objects.get()
    press(client, branch, "walk-in", procedure=procedure.code, name="Ελένη", language="en", code="c" * 22)
    ticket = Ticket.objects.get()
    assert (ticket.name, ticket.language, ticket.state, ticket.code) == ("Ελένη", "en", State.WAITING, "c" * 22)
    press(client, branch, "next", seen=0)
    assert state_of(ticket) == State.CALLED
    page = press(client, branch, "begin", **on(ticket))
    assert "Documents and notes" in page
    assert state_of(ticket) == State.SERVING
    page = press(client, branch, "done", **on(ticket))
    assert state_of(ticket) == State.DONE
    assert "Undo" in page


def test_appointment_is_checked_in_at_the_counter(client: Client, branch: Branch, officer: User) -> None:
    appointment = booked(branch)
    press(client, branch, "check-in", appointment=appointment.reference)
    appointment.refresh_from_db()
    assert appointment.status == Status.ARRIVED
    assert Ticket.objects.get().appointment == appointment


def test_call_of_one_in_the_middle(client: Client, branch: Branch, desk: Desk) -> None:
    first, second = a_walk_in(branch, NOON), a_walk_in(branch, NOON)
    press(client, branch, "call", **on(second))
    assert (state_of(first), state_of(second)) == (State.WAITING, State.CALLED)


def test_phone_appointment_waits_at_its_time_and_shows_the_number(client: Client, branch: Branch, desk: Desk) -> None:
    phone = booked(branch, minutes=-30, channel=Channel.PHONE, phone="6912345678")
    page = text_of(client.get(QUEUE))
    assert "6912345678" not in page
    page = press(client, branch, "call", appointment=phone.reference)
    ticket = Ticket.objects.get()
    assert (ticket.appointment, ticket.state, ticket.desk) == (phone, State.CALLED, desk)
    assert 'href="tel:6912345678"' in page
    phone.refresh_from_db()
    assert phone.status == Status.BOOKED


def test_video_appointment_leads_into_its_room(client: Client, branch: Branch, desk: Desk) -> None:
    video = booked(branch, minutes=-30, channel=Channel.VIDEO)
    assert f"/appointments/{video.reference}/join/" in press(client, branch, "next", seen=0)


def test_steps_at_a_desk(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "next", seen=0)
    press(client, branch, "again", **on(ticket))
    ticket.refresh_from_db()
    assert ticket.calls == 2
    press(client, branch, "park", reason="  Fetches   a document ", **on(ticket))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.park_reason) == (State.PARKED, "Fetches a document")
    press(client, branch, "back", **on(ticket))
    assert state_of(ticket) == State.WAITING
    press(client, branch, "next", seen=on(ticket)["seen"])
    press(client, branch, "miss", **on(ticket))
    assert state_of(ticket) == State.GONE
    press(client, branch, "undo", **on(ticket))
    assert state_of(ticket) == State.CALLED


def test_forward_to_a_desk_and_to_a_service(client: Client, branch: Branch, desk: Desk) -> None:
    other = Desk.objects.create(branch=branch, name="2")
    special = a_procedure(branch.agency, "kep-special", is_offered=False, by_referral=True)
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "next", seen=0)
    press(client, branch, "forward", desk="2", procedure=special.code, **on(ticket))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.for_desk, ticket.procedure) == (State.WAITING, other, special)
    page = text_of(client.get(QUEUE))
    assert "for desk 2" in page
    assert "Nobody is waiting for this desk." in page


@pytest.mark.parametrize("step", ["forward", "park"])
def test_a_ticket_for_another_desk_has_a_button_only_while_nobody_serves_there(
    client: Client, branch: Branch, desk: Desk, step: str
) -> None:
    other = a_desk(branch, an_officer(branch, email="second@example.org"), name="2")
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "forward", desk="2", procedure=ticket.procedure.code, **on(ticket))
    if step == "park":
        press(client, branch, "park", **on(ticket))
    button = f'id="call-{ticket.code}"'
    assert button not in client.get(QUEUE).text
    Desk.objects.filter(pk=other.pk).update(officer=None)
    assert button in client.get(QUEUE).text


def test_forward_to_nobody_is_refused(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "next", seen=0)
    assert "Choose a desk or a service." in press(client, branch, "forward", **on(ticket))
    assert state_of(ticket) == State.CALLED


def test_officers_sit_pause_go_on_and_leave(client: Client, branch: Branch, officer: User) -> None:
    one = Desk.objects.create(branch=branch, name="1")
    press(client, branch, "sit", desk="1")
    one.refresh_from_db()
    assert one.officer == officer
    page = press(client, branch, "pause")
    assert "Nobody is called here." in page
    assert "Call the next one" not in page.split('id="queue-board"')[1]
    press(client, branch, "resume")
    one.refresh_from_db()
    assert one.paused_at is None
    press(client, branch, "leave")
    one.refresh_from_db()
    assert one.officer is None


def test_desk_of_a_colleague_who_went_home_is_freed_on_the_page(client: Client, branch: Branch, desk: Desk) -> None:
    colleague = an_officer(branch, email="colleague@example.org")
    other = a_desk(branch, colleague, name="2")
    ticket = a_walk_in(branch, NOON)
    counter.call_next(other, by=by(colleague), now=NOON)
    assert "B001 is at this desk." in text_of(client.get(QUEUE))
    assert "B001 is still at this desk." in press(client, branch, "free", desk="2")
    press(client, branch, "park", **on(ticket))
    assert "Free the desk" in text_of(client.get(QUEUE))
    press(client, branch, "free", desk="2")
    other.refresh_from_db()
    assert other.officer is None


def test_who_did_not_come_is_put_back_or_checked_in_on_the_page(client: Client, branch: Branch, desk: Desk) -> None:
    walk_in = counter.miss(a_walk_in(branch, NOON, name="Ελένη"), by=by(desk.officer), now=NOON)
    late = booked(branch, minutes=-30)
    counter.miss(counter.check_in(late, by=GUEST, now=NOON), by=by(desk.officer), now=NOON)
    text = text_of(client.get(QUEUE))
    assert f'id="back-{walk_in.code}"' in text
    assert f'id="check-in-{late.reference}"' in text
    press(client, branch, "back", **on(walk_in))
    press(client, branch, "check-in", appointment=late.reference)
    assert {one.state for one in Ticket.objects.all()} == {State.WAITING}
    assert 'id="missed"' not in text_of(client.get(QUEUE))


def test_desks_are_set_up_as_rules_plan(client: Client, branch: Branch, officer: User) -> None:
    a_rule(branch, weekdays=[1], opens_at="10:00", closes_at="12:00", desks=3)
    a_rule(branch, weekdays=[1], opens_at="12:00", closes_at="13:00", desks=4, valid_until=MONDAY - timedelta(days=1))
    assert desks_by_rules(branch, MONDAY) == 5
    assert "This branch has no desks yet." in text_of(client.get(QUEUE))
    for _twice in range(2):
        press(client, branch, "set-up")
    assert sorted(Desk.objects.values_list("name", flat=True)) == ["1", "2", "3", "4", "5"]


def test_planned_and_seated_desks_stand_side_by_side(client: Client, branch: Branch, desk: Desk) -> None:
    page = text_of(client.get(QUEUE))
    assert "2 desks planned now" in page
    assert "1 serves" in page
    assert "group_off" in page


# Repeated, late, overtaken


def test_call_next_sent_twice_calls_one(client: Client, branch: Branch, desk: Desk) -> None:
    first, second = a_walk_in(branch, NOON), a_walk_in(branch, NOON)
    seen = on(second)["seen"]
    press(client, branch, "next", script=True, seen=seen)
    press(client, branch, "done", script=True, **on(first))
    page = press(client, branch, "next", script=True, seen=seen)
    assert "This has been done already." in page
    assert state_of(second) == State.WAITING


def test_step_sent_twice_is_done_once(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "next", script=True, seen=0)
    form = on(ticket)
    for _twice in range(2):
        page = press(client, branch, "again", script=True, **form)
    assert "This has been done already." in page
    assert Ticket.objects.get().calls == 2


def test_ticket_asked_for_twice_is_one(client: Client, branch: Branch, officer: User) -> None:
    for _twice in range(2):
        press(client, branch, "walk-in", script=True, procedure=Procedure.objects.get().code, code="k" * 22)
    assert Ticket.objects.count() == 1


def test_late_step_on_what_a_colleague_has_done_is_refused(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = a_walk_in(branch, NOON)
    form = on(ticket)
    colleague = an_officer(branch, email="colleague@example.org")
    counter.park(ticket, by=by(colleague), now=NOON)
    page = press(client, branch, "call", **form)
    assert "B001: A colleague was quicker. This is how it stands now." in page
    assert state_of(ticket) == State.PARKED


def test_undo_sent_twice_takes_back_one_step(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "next", seen=0)
    press(client, branch, "park", **on(ticket))
    form = on(ticket)
    for _twice in range(2):
        page = press(client, branch, "undo", script=True, **form)
    assert "This has been done already." in page
    assert state_of(ticket) == State.CALLED


def test_undo_is_not_offered_for_what_the_citizen_is_told(client: Client, branch: Branch, officer: User) -> None:
    appointment = booked(branch)
    counter.check_in(appointment, by=by(officer), now=NOON)
    page = client.get(QUEUE, {"branch": branch.code})
    assert 'id="undo-button"' in text_of(page)
    booking.cancel(appointment, by=by(officer), now=NOON)
    page = client.get(QUEUE, {"branch": branch.code})
    assert 'id="undo-button"' not in text_of(page)


def test_script_learns_what_the_next_press_stands_on(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = a_walk_in(branch, NOON)
    press(client, branch, "next", seen=0)
    headers = {"X-Requested-With": "queue"}
    response = client.post(f"{QUEUE}{branch.code}/begin/", on(ticket), headers=headers)
    assert response.headers["X-Seen"] == str(on(ticket)["seen"])
    assert response.headers["X-Go"] == f"/en/admin/appointments/appointment/queue/tickets/{ticket.code}/"
    assert 'id="queue-board"' in text_of(response)
    refused = client.post(f"{QUEUE}{branch.code}/begin/", {"ticket": ticket.code, "seen": 0}, headers=headers)
    assert refused.headers["X-Refused"] == "yes"


# Polls


def test_poll_answers_nothing_new_with_one_query(
    client: Client, branch: Branch, desk: Desk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    a_walk_in(branch, NOON)
    poll = key_of(client, branch)
    seen = client.get(poll).headers["X-State"]
    with django_assert_num_queries(1):
        response = client.get(f"{poll}&seen={quote(seen)}")
    # Five minutes may begin between the two.
    assert response.status_code == 204 or response.headers["X-State"].partition("~")[2] != seen.partition("~")[2]


@pytest.mark.parametrize("count", [3, 30])
def test_poll_with_news_takes_four_queries_and_writes_who_is_shown(
    client: Client, branch: Branch, desk: Desk, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        a_walk_in(branch, NOON, name=f"Πολίτης {number}")
    for number in range(3):
        counter.check_in(booked(branch, number), by=GUEST, now=NOON)
    booked(branch, 10, minutes=-30, channel=Channel.PHONE)
    press(client, branch, "next", seen=0)
    poll = key_of(client, branch)
    with django_assert_num_queries(5):
        text = text_of(client.get(poll))
    assert text.count('<li class="row') == count + 3


def test_poll_brings_what_a_colleague_did(client: Client, branch: Branch, desk: Desk) -> None:
    poll = key_of(client, branch)
    before = client.get(poll).headers["X-State"]
    a_walk_in(branch, NOON, name="Ελένη Νικολάου")
    response = client.get(f"{poll}&seen={quote(before)}")
    assert response.headers["X-State"] != before
    assert "Ελένη Νικολάου" in text_of(response)


def test_poll_of_the_next_desk_takes_one_query_and_has_its_own_token(
    client: Client, branch: Branch, desk: Desk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    a_walk_in(branch, NOON, name="Ελένη Νικολάου")
    colleague, other = an_officer(branch, email="other@example.org"), Desk.objects.create(branch=branch, name="2")
    desks.sit(other, by=by(colleague), now=NOON)
    first = text_of(client.get(key_of(client, branch)))
    client.force_login(colleague)
    poll = key_of(client, branch)
    with django_assert_num_queries(1):
        second = text_of(client.get(poll))
    assert "Ελένη Νικολάου" in second
    assert "Desk 1" in first
    assert "Desk 2" in second
    tokens = [set(re.findall(r'csrfmiddlewaretoken" value="([^"]+)"', text)) for text in (first, second)]
    assert [len(found) for found in tokens] == [1, 1]
    assert tokens[0].isdisjoint(tokens[1])


def test_poll_marks_who_was_sent_on_at_that_desk_alone(
    client: Client, branch: Branch, officer: User, desk: Desk
) -> None:
    colleague, other = an_officer(branch, email="other@example.org"), Desk.objects.create(branch=branch, name="2")
    desks.sit(other, by=by(colleague), now=NOON)
    counter.forward(a_walk_in(branch, NOON), by=by(officer), now=NOON, desk=other)
    assert "Nobody is waiting for this desk." in text_of(client.get(key_of(client, branch)))
    client.force_login(colleague)
    text = text_of(client.get(key_of(client, branch)))
    assert "row--next" in text
    assert "Nobody is waiting for this desk." not in text


def test_poll_key_can_be_read_by_nobody(client: Client, branch: Branch, officer: User) -> None:
    """It stands in addresses: neither the branch nor the officer can be told from it, nor is it the same twice."""
    keys = [unquote(key_of(client, branch).partition("key=")[2]) for _each in range(2)]
    parts = [part for key in keys for part in key.split(":")]
    readable = b" ".join(urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
    assert b"Europe/Athens" not in readable
    assert f"[{officer.pk}".encode() not in readable
    assert keys[0] != keys[1]


def test_poll_is_over_with_the_session(client: Client, branch: Branch, officer: User) -> None:
    poll = key_of(client, branch)
    client.logout()
    assert client.get(poll).status_code == 403


# Desks in the admin


def test_supervisor_edits_the_desks_of_the_own_branch(client: Client, branch: Branch) -> None:
    client.force_login(an_officer(branch, Role.SUPERVISOR))
    other = Desk.objects.create(branch=a_branch(branch.agency, "kep-other"), name="9")
    desk = Desk.objects.create(branch=branch, name="1")
    address = "/en/admin/appointments/desk/"
    assert f"/desk/{desk.pk}/" in text_of(client.get(address))
    assert client.get(f"{address}{other.pk}/change/").status_code == 404
    form = {"name": "Ταμείο", "procedures": [Procedure.objects.get().pk], "is_used": "on"}
    client.post(f"{address}{desk.pk}/change/", form)
    desk.refresh_from_db()
    assert (desk.name, desk.procedures.count()) == ("Ταμείο", 1)


def test_desk_where_somebody_sits_stays_in_use(client: Client, branch: Branch, desk: Desk) -> None:
    client.force_login(an_officer(branch, Role.SUPERVISOR, "supervisor@example.org"))
    response = client.post(f"/en/admin/appointments/desk/{desk.pk}/change/", {"name": "1"})
    assert "A colleague sits at this desk." in text_of(response)
    desk.refresh_from_db()
    assert desk.is_used


def test_agent_does_not_edit_desks(client: Client, branch: Branch, officer: User) -> None:
    assert client.get("/en/admin/appointments/desk/").status_code == 403
