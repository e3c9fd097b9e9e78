"""The first free officer now: joining the branch's line from home, waiting there, and the call."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from html import unescape

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from agencies.models import Agency, Branch, Channel, Procedure
from appointments import counter, tasks
from appointments.booking import retention
from appointments.calls import line
from appointments.counter import desks
from appointments.models import Notice, Ticket
from appointments.views.calls.line import PLACES
from tests.builders import (
    GUEST,
    TUESDAY,
    a_closure,
    a_desk,
    a_procedure,
    a_rule,
    a_user,
    a_walk_in,
    an_officer,
    an_open_branch,
    at,
    by,
    minutes,
    today_at,
)
from videocalls.models import Participant, VideoCall

pytestmark = pytest.mark.django_db

HERE = "/mykeplive/kep-dilosi/now/"
PERSON = {"name": "Μαρία Παπαδοπούλου", "phone": "6912345678"}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(today_at(9), tick=False) as traveller:
        yield traveller


@pytest.fixture
def branch(clock: time_machine.Traveller) -> Branch:
    """ΚΕΠ Χανίων with a line by video and telephone from eight to ten, and an officer at a desk."""
    branch = an_open_branch()
    Procedure.objects.update(channels=[*Channel])
    a_rule(branch, purpose="walk_in", closes_at=time(10), channels=[Channel.VIDEO, Channel.PHONE])
    a_desk(branch, an_officer(branch))
    return branch


def page_of(client: Client, address: str) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def joined(client: Client, channel: str = "video", **more: str) -> Ticket:
    code = client.get(HERE).context["form"].initial["code"]
    client.post(HERE, {"line": f"kep-chania:{channel}", "code": code, **PERSON, **more})
    return Ticket.objects.get(code=code)


def called(ticket: Ticket, branch: Branch) -> Ticket:
    desk = branch.desks.get()
    return counter.call(ticket, desk, by=by(desk.officer), now=today_at(9, 1))


def test_page_offers_each_line_with_its_wait(client: Client, branch: Branch) -> None:
    a_walk_in(branch, today_at(8, 30))
    assert f'href="{HERE}"' in page_of(client, "/mykeplive/kep-dilosi/")
    page = page_of(client, HERE)
    assert "Με βιντεοκλήση, ΚΕΠ Χανίων: η σειρά σας έρχεται σε περίπου 10 λεπτά" in page
    assert "Τηλεφωνικά, ΚΕΠ Χανίων" in page


def test_place_is_taken_with_a_room(client: Client, branch: Branch) -> None:
    ticket = joined(client)
    assert (ticket.channel, ticket.name, ticket.phone) == ("video", "Μαρία Παπαδοπούλου", "+306912345678")
    assert ticket.video_call
    assert (ticket.video_call.opens_at, ticket.video_call.closes_at) == (today_at(9), at(0, day=TUESDAY))
    page = page_of(client, ticket.get_absolute_url())
    assert ticket.spoken_number in page
    assert "/enter/" not in page


def test_room_is_at_the_agencys_providers(client: Client, branch: Branch) -> None:
    Agency.objects.update(video_provider="link", video_fallback="room", video_link="https://video.example.org/kep")
    call = joined(client).video_call
    assert call
    assert (call.provider, call.fallback, call.link) == ("link", "room", "https://video.example.org/kep")


def test_place_by_telephone_has_no_room(client: Client, branch: Branch) -> None:
    assert joined(client, "phone").video_call is None
    assert not VideoCall.objects.exists()


def test_form_that_is_sent_twice_gives_one_place(client: Client, branch: Branch) -> None:
    ticket = joined(client)
    client.post(HERE, {"line": "kep-chania:video", "code": ticket.code, **PERSON})
    Client().post(HERE, {"line": "kep-chania:video", "code": ticket.code, **PERSON})
    assert (Ticket.objects.count(), VideoCall.objects.count()) == (1, 1)


def test_who_has_a_place_is_led_back_to_it(client: Client, branch: Branch) -> None:
    ticket = joined(client)
    assert client.get(HERE).headers["Location"] == ticket.get_absolute_url()
    client.post(ticket.get_absolute_url())
    assert client.get(HERE).status_code == 200


def test_line_closes_when_the_hours_no_longer_suffice(client: Client, branch: Branch) -> None:
    for _number in range(8):
        a_walk_in(branch, today_at(8, 30))
    page = page_of(client, HERE)
    assert "Αυτή τη στιγμή δεν εξυπηρετείται κανείς χωρίς ραντεβού." in page
    assert "08:00–10:00" in page


@pytest.mark.usefixtures("branch")
@pytest.mark.parametrize(
    ("hour", "minute", "is_open"), [(7, 59, False), (8, 0, True), (9, 49, True), (10, 0, False), (12, 0, False)]
)
def test_line_is_open_in_its_hours(clock: time_machine.Traveller, hour: int, minute: int, is_open: bool) -> None:
    clock.move_to(today_at(hour, minute), tick=False)
    Agency.objects.update(walk_in_minutes=0)
    assert ("kep-chania:video" in page_of(Client(), HERE)) == is_open


def test_closure_closes_the_line(client: Client, branch: Branch) -> None:
    a_closure(branch, today_at(0).date())
    assert "kep-chania:video" not in page_of(client, HERE)


def test_late_form_says_that_the_line_is_closed_and_keeps_what_was_typed(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    code = client.get(HERE).context["form"].initial["code"]
    clock.move_to(today_at(10, 1), tick=False)
    answer = client.post(HERE, {"line": "kep-chania:video", "code": code, **PERSON})
    page = unescape(answer.content.decode())
    assert "Αυτή η σειρά έχει κλείσει." in page
    assert "Μαρία Παπαδοπούλου" in page
    assert not Ticket.objects.exists()


def test_service_without_a_line_has_no_such_page(client: Client, branch: Branch) -> None:
    other = a_procedure(branch.agency, "kep-other", channels=[Channel.IN_PERSON])
    assert HERE not in page_of(client, f"/mykeplive/{other.code}/")
    branch.opening_rules.filter(purpose="walk_in").delete()
    assert HERE not in page_of(client, "/mykeplive/kep-dilosi/")
    assert client.get(HERE).status_code == 404


def test_line_of_named_services_serves_no_other(client: Client, branch: Branch) -> None:
    other = a_procedure(branch.agency, "kep-other", channels=[Channel.VIDEO])
    branch.opening_rules.get(purpose="walk_in").procedures.add(other)
    assert "kep-chania:video" not in page_of(client, HERE)


def test_one_network_takes_few_places(branch: Branch) -> None:
    branch.opening_rules.filter(purpose="walk_in").update(closes_at=time(14))
    for _number in range(PLACES.number):
        joined(Client())
    client = Client()
    code = client.get(HERE).context["form"].initial["code"]
    answer = client.post(HERE, {"line": "kep-chania:phone", "code": code, **PERSON})
    assert "Από το δίκτυό σας δόθηκαν πάρα πολλές θέσεις" in unescape(answer.content.decode())
    assert Ticket.objects.count() == PLACES.number


def test_citizen_enters_once_called(client: Client, branch: Branch) -> None:
    ticket = joined(client)
    enter = f"{ticket.get_absolute_url()}enter/"
    assert client.get(enter).headers["Location"] == ticket.get_absolute_url()
    assert not Participant.objects.exists()
    called(ticket, branch)
    assert f'href="{enter}"' in page_of(client, ticket.get_absolute_url())
    client.get(enter)
    inside = Participant.objects.get()
    assert (inside.role, inside.name, inside.seat) == ("visitor", "Μαρία Παπαδοπούλου", 1)


def test_officer_of_the_branch_enters_as_host_and_nobody_else(client: Client, branch: Branch) -> None:
    ticket = called(joined(client), branch)
    officer, stranger = Client(), Client()
    officer.force_login(branch.desks.get().officer)
    stranger.force_login(a_user("stranger@example.org"))
    for who in (officer, stranger):
        who.get(f"{ticket.get_absolute_url()}enter/")
    assert sorted(Participant.objects.values_list("role", flat=True)) == ["host", "visitor"]


def test_next_person_at_the_computer_finds_no_place(client: Client, branch: Branch) -> None:
    ticket = joined(client)
    assert 'action="/appointments/leave/"' in page_of(client, "/")
    client.post("/appointments/leave/")
    assert 'name="phone"' in page_of(client, HERE)
    assert page_of(client, ticket.get_absolute_url())  # whoever has the link still has the place


HERS = "maria@example.org"


@pytest.fixture
def gateway(settings: Settings) -> None:
    settings.SMS_URL = "json://127.0.0.1:9/?:to={phone}"


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, set()),
        ({"email": HERS}, {("email", HERS)}),
        ({"sms": "on"}, {("sms", "+306912345678")}),
        ({"email": HERS, "sms": "on"}, {("email", HERS), ("sms", "+306912345678")}),
        ({"sms": "on", "phone": "+44 7400 123456"}, {("sms", "+447400123456")}),
    ],
)
def test_who_waits_is_told_where_they_wish(
    client: Client, branch: Branch, asked: dict[str, str], told: set[tuple[str, str]]
) -> None:
    ticket = joined(client, **asked)
    for kind in Notice.Kind.NEXT, Notice.Kind.CALLED:
        assert set(ticket.notices.filter(kind=kind).values_list("medium", "address")) == told


@pytest.mark.usefixtures("gateway")
def test_number_of_a_house_takes_no_sms(client: Client, branch: Branch) -> None:
    code = client.get(HERE).context["form"].initial["code"]
    place = {"line": "kep-chania:video", "code": code, **PERSON, "phone": "2821012345"}
    answer = client.post(HERE, {**place, "sms": "on"})
    assert "Αυτός ο αριθμός δεν δέχεται SMS." in unescape(answer.content.decode())
    assert not Ticket.objects.exists()
    client.post(HERE, place)
    assert not Ticket.objects.get().notices.exists()


def test_without_a_gateway_no_sms_is_offered(client: Client, branch: Branch) -> None:
    page = page_of(client, HERE)
    assert 'name="sms"' not in page
    assert 'name="email"' in page
    assert not joined(client, sms="on").notices.exists()


def test_who_knows_the_code_of_a_place_adds_no_address(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    ticket = joined(client)
    clock.shift(1)
    Client().post(HERE, {"line": "kep-chania:video", "code": ticket.code, **PERSON, "email": "spy@example.org"})
    assert not ticket.notices.exists()


def test_page_of_the_place_shows_neither_number_nor_address(client: Client, branch: Branch) -> None:
    ticket = joined(client, email=HERS)
    page = page_of(Client(), ticket.get_absolute_url())
    assert "m…@example.org" in page
    assert "…678" in page
    assert HERS not in page
    assert "12345" not in page


def test_page_that_asks_is_noted_as_looked_at(
    client: Client, branch: Branch, clock: time_machine.Traveller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ticket = joined(client, email=HERS)
    seen = {"seen": client.get(ticket.get_absolute_url()).context["state"]}

    def looked_at() -> datetime | None:
        [at_call] = ticket.notices.of_call()
        return at_call.looked_at

    assert looked_at() == today_at(9)
    clock.shift(6)
    with django_assert_num_queries(2):
        assert client.get(ticket.get_absolute_url(), seen).status_code == 204
    assert looked_at() == today_at(9) + timedelta(seconds=6)
    assert not ticket.notices.filter(kind="next").exclude(looked_at=None)


def test_place_of_somebody_who_wants_no_message_is_asked_for_by_one_query(
    client: Client, branch: Branch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ticket = joined(client)
    seen = {"seen": client.get(ticket.get_absolute_url()).context["state"]}
    with django_assert_num_queries(1):
        assert client.get(ticket.get_absolute_url(), seen).status_code == 204


def test_officer_sees_what_was_told(client: Client, branch: Branch) -> None:
    ticket = joined(client, email=HERS)
    tasks.tell_turns()
    tasks.deliver_urgent()
    assert [letter.to for letter in mail.outbox] == [[HERS]]
    officer = Client()
    officer.force_login(branch.desks.get().officer)
    page = page_of(officer, reverse("admin:appointments_serving", args=[called(ticket, branch).code]))
    assert "Η σειρά σας είναι η επόμενη (E-mail): Στάλθηκε 09:00" in page
    assert HERS not in page


@pytest.mark.parametrize("channel", ["video", "phone"])
def test_officer_sees_the_number_and_the_way_in(client: Client, branch: Branch, channel: str) -> None:
    ticket = called(joined(client, channel), branch)
    officer = Client()
    officer.force_login(branch.desks.get().officer)
    for address in (
        "/admin/appointments/appointment/queue/",
        reverse("admin:appointments_serving", args=[ticket.code]),
    ):
        page = page_of(officer, address)
        assert "tel:+306912345678" in page
        assert (f"{ticket.get_absolute_url()}enter/" in page) == (channel == "video")


def test_telephone_number_is_erased_with_the_name(branch: Branch) -> None:
    a_walk_in(branch, today_at(9), phone="+306912345678")
    retention.erase_old(now=today_at(9) + minutes(60 * 24 * 400))
    assert Ticket.objects.get().phone == ""


def test_wait_is_that_of_the_desks_that_serve_the_service(branch: Branch) -> None:
    service, other = Procedure.objects.get(), a_procedure(branch.agency, "kep-other")
    [seated] = branch.desks.all()
    (first, _second) = line.open_lines(service, [branch], now=today_at(9))
    assert first.wait is not None
    seated.procedures.add(other)
    assert [one.wait for one in line.open_lines(service, [branch], now=today_at(9))] == [None, None]
    desks.leave(seated, by=by(seated.officer), now=today_at(9))
    assert [one.wait for one in line.open_lines(service, [branch], now=today_at(9))] == [None, None]


def test_page_asks_the_same_number_of_queries_for_one_place_and_for_many(
    client: Client, branch: Branch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _number in range(5):
        a_walk_in(branch, today_at(8, 59))
    client.get(HERE)
    with django_assert_max_num_queries(9):
        client.get(HERE)


def test_room_is_over_with_the_place_and_open_again_if_that_is_taken_back(client: Client, branch: Branch) -> None:
    ticket, officer = called(joined(client), branch), by(branch.desks.get().officer)

    def is_over() -> bool:
        return VideoCall.objects.get().ended_at is not None

    done = counter.complete(ticket, by=officer, now=today_at(9, 5))
    assert is_over()
    ticket = counter.undo(done, by=officer, now=today_at(9, 5))
    assert not is_over()
    gone = counter.miss(ticket, by=officer, now=today_at(9, 6))
    assert is_over()
    counter.put_back(gone, by=officer, now=today_at(9, 7))
    assert not is_over()
    counter.give_up(ticket, by=GUEST, now=today_at(9, 8))
    assert is_over()


def test_officer_comes_from_the_room_to_the_desk_and_the_citizen_to_the_place(client: Client, branch: Branch) -> None:
    Agency.objects.update(video_provider="room")
    ticket, officer = called(joined(client), branch), Client()
    VideoCall.objects.update(state=VideoCall.State.READY)
    officer.force_login(branch.desks.get().officer)
    desk = reverse("admin:appointments_serving", args=[ticket.code])
    for who, back in ((officer, desk), (client, ticket.get_absolute_url())):
        room = who.get(f"{ticket.get_absolute_url()}enter/", follow=True)
        assert room.context["back"] == back
