"""The kiosk without a browser: each page and answer, and what it must never say."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.sealing import random_key
from agencies.models import Branch, Channel
from appointments import booking
from appointments.models import Queue, Ticket
from appointments.views.counter import kiosk
from tests.builders import (
    NOW,
    STAFF,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    a_walk_in,
    an_open_branch,
    booked_at,
    today_at,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(today_at(8, 50), tick=False) as traveller:
        yield traveller


@pytest.fixture
def branch(clock: time_machine.Traveller) -> Branch:
    """Open from eight to two; without an appointment from eight to ten."""
    branch = an_open_branch()
    a_rule(branch, purpose="walk_in", closes_at=today_at(10).time())
    return branch


@pytest.fixture
def start(branch: Branch) -> str:
    return f"/kiosk/{Queue.objects.create(branch=branch).kiosk_key}/"


def typed(client: Client, start: str, reference: str, **more: str) -> str:
    """What the kiosk answers to a reference."""
    answer = client.post(f"{start}appointment/", {"reference": reference, **more}, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_check_in_shows_number_and_place_and_names_nobody(client: Client, branch: Branch, start: str):
    a_walk_in(branch, today_at(8), priority=True, name="Γιώργος Κρυφός")
    appointment = booked_at(
        branch, 9, name="Μαρία Παπαδοπούλου", email="maria@example.org", phone="6912345678", now=NOW
    )
    page = typed(client, start, appointment.spoken_reference)
    assert "Η άφιξή σας δηλώθηκε" in page
    assert "A002" in page
    assert "1 άτομο πριν από εσάς" in page
    assert 'aria-label="Κωδικός QR: η θέση σας στη σειρά, στο κινητό σας"><svg' in page
    for secret in ("Μαρία", "Παπαδοπούλου", "maria@", "6912345678", "Κρυφός", appointment.reference):
        assert secret not in page


def test_scanned_address_of_an_appointment_checks_in(client: Client, branch: Branch, start: str):
    appointment = booked_at(branch, 9, now=NOW)
    assert "A001" in typed(client, start, appointment.page_url())


def test_answer_is_in_english_under_en(client: Client, branch: Branch, start: str):
    assert "You are checked in" in typed(client, f"/en{start}", booked_at(branch, 9, now=NOW).reference)


def test_second_check_in_shows_the_same_number(client: Client, branch: Branch, start: str):
    appointment = booked_at(branch, 9, now=NOW)
    typed(client, start, appointment.reference)
    page = typed(client, start, appointment.reference)
    assert "Έχετε ήδη δηλώσει άφιξη" in page
    assert "A001" in page
    assert Ticket.objects.count() == 1


def test_early_says_when_to_come_back(client: Client, branch: Branch, start: str):
    page = typed(client, start, booked_at(branch, 10, 30, now=NOW).reference)
    assert "Είναι στις 10:30. Δηλώστε εδώ άφιξη από τις 09:30." in page


def test_other_branch_says_where_to_go(client: Client, branch: Branch, start: str):
    other = a_branch(branch.agency, "kep-souda", name_el="ΚΕΠ Σούδας")
    a_rule(other)
    page = typed(client, start, booked_at(other, 9, now=NOW, name="Μαρία Παπαδοπούλου").reference)
    assert "Το ραντεβού σας είναι σε άλλο σημείο εξυπηρέτησης" in page
    assert "ΚΕΠ Σούδας" in page
    assert "Παπαδοπούλου" not in page


def test_cancelled_offers_a_number_while_numbers_are_given_out(
    client: Client, branch: Branch, start: str, clock: time_machine.Traveller
):
    appointment = booked_at(branch, 9, now=NOW)
    booking.cancel(appointment, by=STAFF, now=NOW)
    page = typed(client, start, appointment.reference)
    assert "Αυτό το ραντεβού έχει ακυρωθεί" in page
    assert f'href="{start}walk-in/"' in page
    clock.move_to(today_at(10, 1), tick=False)
    assert f'href="{start}walk-in/"' not in typed(client, start, appointment.reference)


def test_unknown_reference_stays_in_the_field(client: Client, start: str):
    page = typed(client, start, "K7M4Q2XDBN")
    assert "Δεν βρέθηκε ραντεβού με αυτόν τον κωδικό" in page
    assert 'value="K7M4Q2XDBN"' in page


@pytest.mark.parametrize(
    ("reference", "says"), [("", "Πληκτρολογήστε τον κωδικό"), ("K7M4", "δέκα γράμματα και ψηφία")]
)
def test_what_is_no_reference_is_told_apart(client: Client, start: str, reference: str, says: str):
    page = typed(client, start, reference)
    assert says in page
    assert 'aria-invalid="true"' in page


def test_references_cannot_be_guessed(client: Client, branch: Branch, start: str):
    """Only wrong ones count; after too many even a right one is not looked at."""
    known = booked_at(branch, 9, now=NOW).reference
    for _ in range(kiosk.TRIES.number):
        typed(client, start, "K7M4Q2XDBN")
    assert "Δόθηκαν πολλοί λανθασμένοι κωδικοί" in typed(client, start, known)
    assert not Ticket.objects.exists()


def test_stranger_elsewhere_does_not_shut_the_kiosk(branch: Branch, start: str, no_redis: None):
    known = booked_at(branch, 9, now=NOW).reference
    for _ in range(kiosk.TRIES.number + 1):
        typed(Client(REMOTE_ADDR="198.51.100.1"), start, "K7M4Q2XDBN")
    assert "Δόθηκαν πολλοί λανθασμένοι κωδικοί" in typed(Client(REMOTE_ADDR="198.51.100.1"), start, known)
    assert "A001" in typed(Client(REMOTE_ADDR="192.0.2.1"), start, known)


def test_check_ins_and_mistyped_references_do_not_count_as_guesses(client: Client, branch: Branch, start: str):
    known = booked_at(branch, 9, now=NOW).reference
    for _ in range(kiosk.TRIES.number):
        typed(client, start, known)
        typed(client, start, "K7M4")
    assert "A001" in typed(client, start, known)


def test_keys_of_the_screen_type_without_javascript(client: Client, start: str):
    assert 'value="K7"' in typed(client, start, "K", key="7")
    assert 'value="K"' in typed(client, start, "K7", key="back")
    assert 'value="K7M4Q2XDBN"' in typed(client, start, "K7M4Q2XDBN", key="A")
    assert 'value="K"' in typed(client, start, "K", key="0")


# Without an appointment


def take(client: Client, start: str, code: str | None = None, **more: str) -> str:
    page = unescape(client.get(f"{start}walk-in/").content.decode())
    found = re.search(r'name="code" value="([\w-]{22})"', page)
    data = {"procedure": "kep-dilosi", "code": code or (found[1] if found else ""), **more}
    return unescape(client.post(f"{start}walk-in/", data, follow=True).content.decode())


def test_walk_in_chooses_a_service_and_gets_a_number(client: Client, branch: Branch, start: str):
    assert "B001" in take(client, start)
    ticket = Ticket.objects.get()
    assert (ticket.procedure.code, ticket.priority, ticket.language, ticket.name) == ("kep-dilosi", False, "el", "")


def test_walk_in_may_ask_for_priority_in_english(client: Client, branch: Branch, start: str):
    assert "Your number" in take(client, f"/en{start}", priority="1")
    ticket = Ticket.objects.get()
    assert (ticket.priority, ticket.language) == (True, "en")


def test_two_touches_give_one_number(client: Client, branch: Branch, start: str):
    code = random_key()
    assert "B001" in take(client, start, code)
    assert "B001" in take(client, start, code)
    assert Ticket.objects.count() == 1


def test_number_needs_a_code_that_nobody_guesses(client: Client, branch: Branch, start: str):
    assert "Δεν ήταν δυνατό να δοθεί αριθμός" in take(client, start, "1")
    assert not Ticket.objects.exists()


def test_nobody_takes_numbers_without_end(client: Client, branch: Branch, start: str):
    for _ in range(kiosk.TICKETS.number):
        take(client, start)
    assert "Δεν ήταν δυνατό να δοθεί αριθμός" in take(client, start)
    assert Ticket.objects.count() == kiosk.TICKETS.number


def test_after_the_hours_it_says_when_and_how(
    client: Client, branch: Branch, start: str, clock: time_machine.Traveller
):
    clock.move_to(today_at(10), tick=False)
    page = unescape(client.get(f"{start}walk-in/").content.decode())
    assert "Αυτή την ώρα εξυπηρετούμε μόνο με ραντεβού" in page
    assert "Δευτέρα–Παρασκευή 08:00–10:00" in page
    assert "Κλείστε ραντεβού με το κινητό σας" in page
    assert "Δεν δίνονται πια αριθμοί" in take(client, start)
    assert not Ticket.objects.exists()


def test_hours_of_one_day_are_said_with_their_day(
    client: Client, branch: Branch, start: str, clock: time_machine.Traveller
):
    day = today_at(8).date()
    a_rule(branch, purpose="walk_in", valid_from=day, valid_until=day, weekdays=[day.isoweekday()], closes_at="09:00")
    a_rule(branch, purpose="walk_in", closes_at="07:00", opens_at="06:00", every_n_weeks=2)
    clock.move_to(today_at(10), tick=False)
    page = unescape(client.get(f"/en{start}walk-in/").content.decode())
    assert "<li>Monday 2 March 08:00–09:00</li>" in page
    assert "<li>Monday–Friday 06:00–07:00, every 2 weeks</li>" in page


@pytest.mark.parametrize("holiday", [False, True])
def test_closed_branch_says_so(
    client: Client, branch: Branch, start: str, clock: time_machine.Traveller, holiday: bool
):
    if holiday:
        a_closure(branch, today_at(8).date())
    closed = "We are closed now"
    told = {9: "What do you come for?", 10: "Now you are served here only with an appointment", 15: closed}
    for hour, title in told.items():
        clock.move_to(today_at(hour), tick=False)
        page = unescape(client.get(f"/en{start}walk-in/").content.decode())
        assert {one for one in told.values() if one in page} == {closed if holiday else title}


def test_only_services_offered_now_are_taken(client: Client, branch: Branch, start: str):
    by_video = a_procedure(branch.agency, "kep-video", channels=[Channel.VIDEO])
    assert "Δεν ήταν δυνατό να δοθεί αριθμός" in take(client, start, procedure=by_video.code)
    assert not Ticket.objects.exists()


# The pages themselves


def test_wrong_or_old_key_opens_nothing(client: Client, branch: Branch, start: str):
    assert client.get("/kiosk/no-such-key/").status_code == 404
    Queue.objects.update(kiosk_key=random_key())
    assert client.get(start).status_code == 404


def test_number_of_another_branch_is_not_shown(client: Client, branch: Branch, start: str):
    other = a_branch(branch.agency, "kep-souda")
    ticket = a_walk_in(other, today_at(8))
    assert client.get(f"{start}tickets/{ticket.code}/").status_code == 404


def test_it_needs_no_cookie(branch: Branch, start: str):
    client = Client(enforce_csrf_checks=True)
    page = client.post(f"{start}appointment/", {"reference": booked_at(branch, 9, now=NOW).reference}, follow=True)
    assert "A001" in page.content.decode()
    assert not client.cookies


def test_printing_at_once_is_kept_from_page_to_page(client: Client, branch: Branch, start: str):
    page = client.get(f"{start}?print=1").content.decode()
    assert f'href="{start}appointment/?print=1"' in page
    reference = booked_at(branch, 9, now=NOW).reference
    answer = client.post(f"{start}appointment/?print=1", {"reference": reference}, follow=True)
    assert "data-print-now" in answer.content.decode()


def test_without_javascript_result_pages_go_back_to_the_greek_beginning(client: Client, branch: Branch, start: str):
    page = typed(client, f"/en{start}", booked_at(branch, 9, now=NOW).reference)
    assert f'<noscript><meta http-equiv="refresh" content="60; url={start}"></noscript>' in page
    assert "http-equiv" not in client.get(start).content.decode()


@pytest.mark.parametrize("waiting", [1, 3])
def test_queries_of_a_number_do_not_grow_with_the_queue(
    client: Client, branch: Branch, start: str, waiting: int, django_assert_num_queries: DjangoAssertNumQueries
):
    tickets = [a_walk_in(branch, today_at(8)) for _ in range(waiting)]
    with django_assert_num_queries(5):  # kiosk, ticket; desks, tickets, appointments
        client.get(f"{start}tickets/{tickets[-1].code}/")
