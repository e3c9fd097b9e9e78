"""An officer's queue in the browser: one key per step, undo, a lost connection, a colleague, and all of it without a script."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, Channel, Procedure
from appointments import counter
from appointments.counter import desks
from appointments.models import Appointment, Desk, Status, Ticket, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    GUEST,
    STAFF,
    a_branch,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_officer,
    by,
    where_it_is_noon,
)
from tests.conftest import PHONE, NewPage, hurry
from tests.pages import SOON, Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUE = "/admin/appointments/appointment/queue/"


@pytest.fixture
def branch() -> Branch:
    """Open around the clock since some hours ago, and where it is about noon: the pages read the real clock."""
    agency = an_agency()
    branch = a_branch(agency, timezone=where_it_is_noon())
    a_procedure(agency, channels=[*Channel])
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50", desks=2, channels=[*Channel])
    publish([branch.pk], now=timezone.now() - timedelta(hours=4))
    return branch


@pytest.fixture
def officer(branch: Branch) -> User:
    officer = an_officer(branch)
    for name in ("1", "2"):
        Desk.objects.create(branch=branch, name=name)
    desks.sit(Desk.objects.get(name="1"), by=by(officer), now=timezone.now())
    return officer


@pytest.fixture
def opened(officer: User, live_server: LiveServer) -> Callable[[Page], Page]:
    """The page, signed in as the officer who sits at desk 1, with the queue on it."""

    def open_queue(page: Page) -> Page:
        sign_in(page, officer, live_server)
        page.goto(QUEUE)
        return page

    return open_queue


def a_walk_in(branch: Branch, name: str = "Ελένη Νικολάου", **more: object) -> Ticket:
    return counter.take_ticket(
        branch, Procedure.objects.earliest("pk"), by=GUEST, now=timezone.now(), name=name, **more
    )  # type: ignore[arg-type]


def booked(branch: Branch, minutes: int, number: int = 1, **more: object) -> Appointment:
    moment = timezone.now() + timedelta(minutes=minutes)
    slot = TimeSlot.objects.filter(branch=branch, taken=0, starts_at__gte=moment).earliest("starts_at")
    return an_appointment(slot, number, now=timezone.now() - timedelta(hours=4), **more)  # type: ignore[arg-type]


def states() -> list[str]:
    return list(Ticket.objects.order_by("number").values_list("state", flat=True))


def here(page: Page) -> object:
    return expect(page.locator(".here__number"))


def test_day_with_keys(page: Page, branch: Branch, opened: Callable, assert_accessible: Accessible) -> None:
    a_walk_in(branch)
    counter.check_in(booked(branch, 5), by=GUEST, now=timezone.now())
    opened(page)
    assert_accessible(page)
    page.keyboard.press("n")
    here(page).to_have_text("A002")
    assert_accessible(page)
    page.keyboard.press("a")
    expect(page.locator(".here__state")).to_contain_text("2 φορές")
    page.keyboard.press("r")
    expect(page.locator("#waiting-title .count")).to_have_text("2")
    page.keyboard.press("n")
    here(page).to_have_text("A002")
    page.keyboard.press("b")
    page.wait_for_url(re.compile("/queue/tickets/"))
    assert_accessible(page)
    page.keyboard.press("d")
    page.wait_for_url(re.compile(r"/queue/\?"))
    assert states() == ["waiting", "done"]
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    page.keyboard.press("p")
    expect(page.locator("#parked-" + Ticket.objects.get(number=1).code)).to_be_visible()
    assert Appointment.objects.get().status == Status.COMPLETED


def test_keys_do_nothing_while_typing_and_can_be_switched_off(page: Page, branch: Branch, opened: Callable) -> None:
    a_walk_in(branch)
    opened(page)
    page.keyboard.press("t")
    page.locator("#walk-in-name").press_sequentially("nnn")
    expect(page.locator("#walk-in-name")).to_have_value("nnn")
    page.keyboard.press("Escape")
    assert states() == ["waiting"]

    page.keyboard.press("?")
    page.get_by_label("Σε αυτόν τον υπολογιστή").uncheck()
    page.get_by_role("button", name="Κλείσιμο").click()
    page.keyboard.press("n")
    page.reload()
    page.keyboard.press("n")
    expect(page.locator("kbd").first).to_be_hidden()
    page.wait_for_timeout(300)
    assert states() == ["waiting"]


def test_greek_keyboard_presses_the_same_keys(page: Page, branch: Branch, opened: Callable) -> None:
    a_walk_in(branch)
    opened(page)
    page.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ν', code: 'KeyN', bubbles: true}))")
    here(page).to_have_text("B001")


def test_undo_takes_the_step_back_and_goes_away_by_itself(page: Page, branch: Branch, opened: Callable) -> None:
    a_walk_in(branch)
    opened(page)
    page.keyboard.press("n")
    expect(page.locator(".undo")).to_contain_text("B001 Ελένη Νικολάου: Κλήθηκε")
    page.keyboard.press("u")
    expect(page.locator(".call-next")).to_be_visible()
    assert states() == ["waiting"]
    page.keyboard.press("n")
    expect(page.locator(".undo")).to_be_visible()
    expect(page.locator(".undo")).to_have_count(0, timeout=12_000)
    assert states() == ["called"]


def test_connection_lost_keeps_what_is_pressed_in_order(
    page: Page, branch: Branch, opened: Callable, assert_accessible: Accessible
) -> None:
    a_walk_in(branch)
    a_walk_in(branch, "Νίκος Ιωάννου")
    opened(page)
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    page.context.set_offline(True)
    expect(page.locator("#queue-connection")).to_contain_text("Δεν υπάρχει σύνδεση.")
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.keyboard.press("n")
    expect(page.locator("#queue-connection")).to_contain_text("Θα σταλούν: Τέλος B001, Κλήση επόμενου")
    assert_accessible(page)
    assert states() == ["called", "waiting"]
    page.context.set_offline(False)
    here(page).to_have_text("B002")
    expect(page.locator("#queue-connection")).to_be_empty()
    assert states() == ["done", "called"]


def test_steps_on_one_ticket_pressed_without_connection_follow_each_other(
    page: Page, branch: Branch, opened: Callable
) -> None:
    a_walk_in(branch)
    opened(page)
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    page.context.set_offline(True)
    page.keyboard.press("a")
    page.keyboard.press("d")
    expect(page.locator("#queue-connection")).to_contain_text("Νέα κλήση B001, Τέλος B001")
    page.context.set_offline(False)
    expect(page.locator(".call-next")).to_be_visible()
    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.calls) == ("done", 2)


def test_answer_that_got_lost_repeats_nothing(page: Page, branch: Branch, opened: Callable) -> None:
    """The server has done it, but the connection broke before the page heard of it."""
    a_walk_in(branch)
    a_walk_in(branch, "Νίκος Ιωάννου")
    opened(page)
    lost = []

    def lose_first(route: object) -> None:
        if not lost:
            lost.append(route.fetch())  # type: ignore[attr-defined]
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route("**/next/", lose_first)
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    assert states() == ["called", "waiting"]


ERRORS = {
    403: "Δεν μπορείτε πια να το κάνετε εδώ.",
    404: "Αυτό το βήμα δεν ήταν δυνατό.",
    409: "Αυτό το βήμα δεν ήταν δυνατό.",
    429: "Αυτό το βήμα δεν ήταν δυνατό.",
    500: "Δεν έγινε, λόγω σφάλματος από την πλευρά μας.",
}


@pytest.mark.parametrize("status", ERRORS)
def test_error_drops_the_step_with_a_message_and_later_steps_go_on(
    page: Page, branch: Branch, opened: Callable, assert_accessible: Accessible, status: int
) -> None:
    a_walk_in(branch)
    opened(page)
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    tries: list[Route] = []

    def hold(route: Route) -> None:
        tries.append(route)

    page.route("**/again/", hold)
    with page.expect_request("**/again/"):
        page.keyboard.press("a")
    page.keyboard.press("t")
    page.locator("#walk-in-service").select_option("kep-dilosi")
    page.locator("#walk-in-name").fill("Νίκος Ιωάννου")
    page.get_by_role("button", name="Έκδοση αριθμού").click()
    tries[0].fulfill(status=status, body="<h1>Σφάλμα</h1>")
    expect(page.locator("#queue-board")).to_contain_text("Νίκος Ιωάννου")
    expect(page.locator("#queue-dropped")).to_contain_text(f"Νέα κλήση B001: {ERRORS[status]}")
    assert_accessible(page)
    expect(page.locator("#queue-connection")).to_be_empty()
    page.keyboard.press("r")
    expect(page.locator("#waiting-title .count")).to_have_text("2")
    expect(page.locator("#queue-dropped")).to_be_empty()
    assert len(tries) == 1
    assert states() == ["waiting", "waiting"]
    assert page.evaluate("sessionStorage.getItem('queue.pressed')") == "[]"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_server_that_cannot_be_reached_is_a_lost_connection(
    page: Page, branch: Branch, opened: Callable, status: int
) -> None:
    a_walk_in(branch)
    # Before the page is opened: on a busy machine, Chromium let the first request of an open page pass by a new route.
    page.route("**/next/", lambda route: route.fulfill(status=status, body=""))
    opened(page)
    page.keyboard.press("n")
    expect(page.locator("#queue-connection")).to_contain_text("Θα σταλούν: Κλήση επόμενου")
    page.unroute("**/next/")
    here(page).to_have_text("B001")
    expect(page.locator("#queue-connection")).to_be_empty()


def test_line_that_cannot_be_shown_is_said_to_be_old_and_steps_go_on(
    page: Page, branch: Branch, opened: Callable, assert_accessible: Accessible
) -> None:
    a_walk_in(branch)
    opened(hurry(page))
    page.route("**/poll/**", lambda route: route.fulfill(status=500, body=""))
    expect(page.locator("#queue-connection")).to_contain_text("Η ουρά δεν μπορεί να ανανεωθεί", timeout=SOON)
    assert_accessible(page)
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    page.unroute("**/poll/**")
    expect(page.locator("#queue-connection")).to_be_empty(timeout=SOON)


def test_officer_who_was_signed_out_keeps_the_steps_until_the_next_sign_in(
    page: Page, branch: Branch, officer: User, opened: Callable, live_server: LiveServer
) -> None:
    a_walk_in(branch)
    opened(page)
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("n")
    expect(page.locator("#queue-connection")).to_contain_text("Έχετε αποσυνδεθεί")
    expect(page.locator("#queue-connection")).to_contain_text("Θα σταλούν: Κλήση επόμενου")
    assert states() == ["waiting"]
    sign_in(page, officer, live_server)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#queue-connection").get_by_role("link").click()
    here(page).to_have_text("B001")
    assert states() == ["called"]


def test_undo_after_calling_again(page: Page, branch: Branch, opened: Callable) -> None:
    a_walk_in(branch)
    opened(page)
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    page.keyboard.press("a")
    expect(page.locator(".here__state")).to_contain_text("2 φορές")
    page.keyboard.press("u")
    expect(page.locator(".here__state")).not_to_contain_text("2 φορές")
    page.keyboard.press("r")
    expect(page.locator("#waiting-title .count")).to_have_text("1")
    assert Ticket.objects.get().calls == 1


def test_two_officers_and_one_person(
    page: Page, new_page: NewPage, branch: Branch, opened: Callable, live_server: LiveServer
) -> None:
    a_walk_in(branch)
    opened(page)
    colleague = an_officer(branch, email="colleague@example.org")
    desks.sit(Desk.objects.get(name="2"), by=by(colleague), now=timezone.now())
    other = new_page()
    sign_in(other, colleague, live_server)
    other.goto(QUEUE)
    button = page.locator(".row").get_by_role("button", name="Κλήση")
    expect(button).to_be_visible()
    other.keyboard.press("n")
    here(other).to_have_text("B001")
    # Pressed on the line as it was, before the page had asked for news.
    if button.is_visible():
        button.click()
        expect(page.locator("#queue-told")).to_contain_text("Πρόλαβε κάποιος συνάδελφος.")
    expect(page.locator(".hall")).to_contain_text("B001", timeout=SOON)
    assert Ticket.objects.get().desk == Desk.objects.get(name="2")


def test_news_come_by_themselves_and_leave_what_is_open(page: Page, branch: Branch, opened: Callable) -> None:
    a_walk_in(branch)
    opened(hurry(page))
    page.keyboard.press("n")
    here(page).to_have_text("B001")
    page.keyboard.press("f")
    page.locator("#park-reason").fill("Φέρνει κάτι")
    page.locator("#forward-desk").focus()
    a_walk_in(branch, "Νίκος Ιωάννου")
    expect(page.locator(".rows")).to_contain_text("Νίκος Ιωάννου", timeout=SOON)
    expect(page.locator("#queue-news")).to_have_text("Αναμονή: 1")
    expect(page.locator("#park-reason")).to_have_value("Φέρνει κάτι")
    expect(page.locator("#forward-desk")).to_be_focused()
    page.locator("#forward-desk").select_option("2")
    page.locator(".here__steps details form").first.get_by_role("button").click()
    expect(page.locator("#waiting-title .count")).to_have_text("2")
    assert Ticket.objects.get(number=1).for_desk == Desk.objects.get(name="2")


def test_walk_in_and_check_in_at_the_counter(page: Page, branch: Branch, opened: Callable) -> None:
    coming = booked(branch, 30)
    opened(page)
    for name in ("Ελένη", "Νίκος"):
        page.keyboard.press("t")
        page.locator("#walk-in-service").select_option("kep-dilosi")
        page.locator("#walk-in-name").fill(name)
        page.get_by_role("button", name="Έκδοση αριθμού").click()
        expect(page.locator("#queue-board")).to_contain_text(name)
    page.get_by_role("button", name="Προσήλθε").click()
    expect(page.locator("#waiting-title .count")).to_have_text("3")
    assert [ticket.name or ticket.appointment for ticket in Ticket.objects.all()] == ["Ελένη", "Νίκος", coming]


def test_serving_saves_what_is_typed_and_proposes_what_is_missing(
    page: Page, branch: Branch, officer: User, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    now = timezone.now()
    ticket = counter.check_in(booked(branch, 5), by=GUEST, now=now)
    counter.serve(counter.call(ticket, officer.desk, by=by(officer), now=now), by=by(officer), now=now)
    sign_in(page, officer, live_server)
    page.goto(f"{QUEUE}tickets/{ticket.code}/")
    page.get_by_label("ΑΦΜ").check()
    page.get_by_label("Εσωτερική σημείωση").fill("Ζήτησε αντίγραφο")
    # It is about noon at the branch.
    expect(page.locator("#saved")).to_have_text(re.compile(r"Αποθηκεύτηκε.* 1[123]:\d\d"))
    ticket.refresh_from_db()
    assert (ticket.documents_seen, ticket.internal_note) == (["ΑΦΜ"], "Ζήτησε αντίγραφο")
    page.get_by_label("Έλειπε δικαιολογητικό").check()
    note = page.get_by_label("Σημείωμα προς τον πολίτη")
    expect(note).to_have_value("Για να προχωρήσουμε, χρειαζόμαστε ακόμη:\n– Δελτίο ταυτότητας")
    assert_accessible(page)
    page.context.set_offline(True)
    note.fill("Φέρτε την ταυτότητά σας.")
    expect(page.locator("#saved")).to_have_text("Δεν έχει αποθηκευτεί ακόμη")
    page.get_by_role("button", name="Ολοκλήρωση").click()
    expect(page.locator("#queue-connection")).to_contain_text("Ολοκλήρωση A001")
    page.context.set_offline(False)
    page.wait_for_url(re.compile(r"/queue/\?"))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome, ticket.citizen_note) == ("done", "missing", "Φέρτε την ταυτότητά σας.")


def test_follow_up_from_the_serving_page(
    page: Page, branch: Branch, officer: User, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    now = timezone.now()
    ticket = counter.check_in(booked(branch, 5), by=GUEST, now=now)
    counter.serve(counter.call(ticket, officer.desk, by=by(officer), now=now), by=by(officer), now=now)
    sign_in(page, officer, live_server)
    page.goto(f"{QUEUE}tickets/{ticket.code}/")
    page.get_by_role("link", name="Κράτηση επόμενου ραντεβού").click()
    page.get_by_role("button", name="Εμφάνιση").click()
    assert_accessible(page)
    page.locator(".times__slots label").nth(3).click()
    page.get_by_role("button", name="Κράτηση").click()
    page.wait_for_url(re.compile("/queue/tickets/"))
    made = Appointment.objects.get(follows=ticket.appointment)
    expect(page.locator("#serving")).to_contain_text(made.spoken_reference)
    expect(page.get_by_label("Συνεχίζεται σε άλλο ραντεβού")).to_be_checked()


def test_day_without_javascript(plain_page: Page, branch: Branch, officer: User, live_server: LiveServer) -> None:
    page = plain_page
    a_walk_in(branch)
    coming = booked(branch, 5)
    sign_in(page, officer, live_server)
    page.goto(QUEUE)
    page.get_by_role("button", name="Προσήλθε").click()
    page.get_by_role("button", name="Κλήση επόμενου").click()
    expect(page.locator(".here__number")).to_have_text("A002")
    page.get_by_role("button", name="Αναίρεση").click()
    page.get_by_role("button", name="Κλήση επόμενου").click()
    page.get_by_role("button", name="Έναρξη").click()
    page.get_by_label("Εσωτερική σημείωση").fill("Χωρίς σενάρια")
    page.get_by_role("button", name="Αποθήκευση").click()
    page.get_by_role("button", name="Ολοκλήρωση").click()
    expect(page.locator("#queue-board")).to_be_visible()
    ticket = Ticket.objects.get(appointment=coming)
    assert (ticket.state, ticket.internal_note) == ("done", "Χωρίς σενάρια")


@pytest.mark.parametrize("state", ["empty", "no desks", "not seated", "busy", "paused"])
def test_every_state_on_a_phone_is_accessible_and_fits(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible, state: str
) -> None:
    phone = new_page(size=PHONE)
    officer, now = an_officer(branch), timezone.now()
    if state != "no desks":
        desk = Desk.objects.create(branch=branch, name="1")
        Desk.objects.create(branch=branch, name="2", officer=an_officer(branch, email="b@example.org"), seated_at=now)
        if state != "not seated":
            desk = desks.sit(desk, by=by(officer), now=now)
    if state in ("busy", "paused"):
        for number in range(3):
            a_walk_in(branch, priority=number == 1)
        counter.park(a_walk_in(branch), by=by(officer), now=now, reason="Φέρνει ένα δικαιολογητικό")
        booked(branch, -30, 1, channel=Channel.PHONE)
        booked(branch, -30, 2)
        booked(branch, 60, 3)
        counter.call_next(desk, by=by(officer), now=now)
    if state == "paused":
        desks.pause(desk, by=STAFF, now=now)
    sign_in(phone, officer, live_server)
    phone.goto(QUEUE)
    expect(phone.locator("#desk-title")).to_be_visible()
    assert_accessible(phone)
    assert fits(phone)
