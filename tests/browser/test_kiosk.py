"""The hall in Chromium: a kiosk that is only touched, the screen that calls, and the place in the queue on a phone."""

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch
from appointments import counter
from appointments.counter import desks
from appointments.models import Appointment, Desk, Queue, Status, Ticket, TimeSlot
from tests.builders import (
    EVERY_DAY,
    GUEST,
    a_branch,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_officer,
    by,
    slots_of,
    where_it_is_noon,
)
from tests.codes import pass_check
from tests.conftest import NewPage, hurry
from tests.pages import fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UPRIGHT, WIDE, PHONE, SMALL = (1080, 1920), (1280, 800), (390, 844), (320, 640)
SIZES = pytest.mark.parametrize("size", [UPRIGHT, WIDE], ids=["upright", "wide"])
NAME = "Μαρία Παπαδοπούλου"


@pytest.fixture
def branch() -> Branch:
    """Open all day where it is noon now, with and without an appointment."""
    agency = an_agency(accent="#116c5b")
    branch = a_branch(agency, timezone=where_it_is_noon())
    a_procedure(agency)
    hours = {"weekdays": EVERY_DAY, "opens_at": time(1), "closes_at": time(23)}
    a_rule(branch, desks=3, **hours)
    a_rule(branch, purpose="walk_in", **hours)
    slots_of(branch, now=timezone.now() - timedelta(hours=3))
    Queue.objects.create(branch=branch)
    return branch


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    return booked_in(branch, timedelta(minutes=10))


@pytest.fixture
def officer(branch: Branch) -> User:
    return an_officer(branch)


@pytest.fixture
def desk(branch: Branch, officer: User) -> Desk:
    return desks.sit(Desk.objects.create(branch=branch, name="3"), by=by(officer), now=timezone.now())


@pytest.fixture
def kiosk(branch: Branch) -> str:
    return f"/kiosk/{branch.queue.kiosk_key}/"


@pytest.fixture
def display(branch: Branch) -> str:
    return f"/display/{branch.queue.display_key}/"


def booked_in(branch: Branch, wait: timedelta, number: int = 1) -> Appointment:
    now = timezone.now()
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gte=now + wait, taken=0).earliest("starts_at")
    return an_appointment(slot, number, name=NAME, now=now - timedelta(hours=3))


def a_walk_in(branch: Branch, when: datetime | None = None) -> Ticket:
    return counter.take_ticket(branch, branch.agency.procedures.get(), by=GUEST, now=when or timezone.now())


def strike(page: Page, reference: str) -> None:
    for letter in reference:
        page.get_by_role("button", name=letter, exact=True).tap()


def assert_touchable(page: Page) -> None:
    """Everything there is to touch is at least 64 pixels high and wide, and nothing is cut off at the side."""
    small = page.evaluate("""() => [...document.querySelectorAll('a[href], button, input:not([type=hidden])')]
        .map((target) => target.closest('label') ?? target)
        .filter((target) => target.checkVisibility())
        .map((target) => [target.textContent.trim(), target.getBoundingClientRect()])
        .filter(([, box]) => box.width < 64 || box.height < 63.9)
        .map(([text, box]) => `${text}: ${box.width} × ${box.height}`)""")
    assert small == []
    assert fits(page), page.url


@SIZES
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"])
def test_kiosk_checks_in_by_touch_alone(
    new_page: NewPage, kiosk: str, booked: Appointment, size: tuple[int, int], javascript: bool
):
    page = new_page(size=size, javascript=javascript, touch=True)
    page.goto(kiosk)
    page.get_by_role("link", name="Έχω ραντεβού", exact=False).first.tap()
    strike(page, "ZZ")
    for _ in "ZZ":
        page.get_by_role("button", name="Διαγραφή").tap()
    strike(page, booked.reference)
    expect(page.locator("#reference")).to_have_value(booked.reference)
    page.get_by_role("button", name="Δήλωση άφιξης").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Η άφιξή σας δηλώθηκε")
    expect(page.locator(".turn__number")).to_have_text("A001")
    assert NAME not in page.content()
    booked.refresh_from_db()
    assert booked.status == Status.ARRIVED
    page.get_by_role("link", name="Τέλος").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Καλώς ήρθατε. Πώς μπορούμε να βοηθήσουμε;")


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"])
def test_walk_in_takes_a_number_in_english_with_priority(new_page: NewPage, kiosk: str, javascript: bool):
    page = new_page(size=UPRIGHT, javascript=javascript, touch=True)
    page.goto(kiosk)
    page.get_by_role("link", name="English").tap()
    page.get_by_role("link", name="I have no appointment").tap()
    page.get_by_text("I need priority").tap()
    page.get_by_role("button", name="Solemn declaration").tap()
    expect(page.locator(".turn__number")).to_have_text("B001")
    ticket = Ticket.objects.get()
    assert (ticket.priority, ticket.language, ticket.name) == (True, "en", "")


@SIZES
def test_kiosk_is_accessible_and_large_enough_on_every_page(
    new_page: NewPage, assert_accessible: Callable[[Page], None], kiosk: str, booked: Appointment, size: tuple[int, int]
):
    early = booked_in(booked.branch, timedelta(hours=3), 2)
    page = new_page(size=size, touch=True)
    for language in ("", "/en"):
        for address in (kiosk, f"{kiosk}appointment/", f"{kiosk}walk-in/"):
            page.goto(language + address)
            assert_accessible(page)
            assert_touchable(page)
    for typed in ("K7M4", early.reference, booked.reference):
        page.goto(f"{kiosk}appointment/")
        page.fill("#reference", typed)
        page.get_by_role("button", name="Δήλωση άφιξης").tap()
        expect(page.locator("[role=alert], .turn")).to_be_visible()
        assert_accessible(page)
        assert_touchable(page)


def test_keys_and_errors_stay_in_sight_on_a_low_screen(new_page: NewPage, kiosk: str):
    page = new_page(size=WIDE, touch=True)
    page.goto(f"{kiosk}appointment/")
    page.fill("#reference", "K7M4Q2XDBN")
    page.get_by_role("button", name="Δήλωση άφιξης").tap()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_scanner_types_from_anywhere(page: Page, kiosk: str, booked: Appointment):
    page.goto(kiosk)
    page.keyboard.type(booked.page_url())
    page.keyboard.press("Enter")
    expect(page.locator(".turn__number")).to_have_text("A001")


def test_ticket_prints_on_narrow_paper_by_itself(new_page: NewPage, kiosk: str, booked: Appointment):
    page = new_page(size=WIDE)
    page.add_init_script("window.print = () => document.documentElement.dataset.printed = 'yes'")
    page.goto(f"{kiosk}appointment/?print=1")
    page.fill("#reference", booked.reference)
    page.keyboard.press("Enter")
    expect(page.locator("html[data-printed]")).to_have_count(1)
    page.reload()
    expect(page.locator("html[data-printed]")).to_have_count(0)
    page.emulate_media(media="print")
    expect(page.locator(".kiosk__foot")).to_be_hidden()
    expect(page.locator(".kiosk__printed")).to_be_visible()
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1


def test_kiosk_goes_back_to_the_beginning_when_nobody_is_there(page: Page, kiosk: str, booked: Appointment):
    page.clock.install()
    page.goto(f"/en{kiosk}appointment/")
    page.clock.run_for(44_000)
    expect(page.get_by_text("Are you still there?")).to_be_hidden()
    page.clock.run_for(2_000)
    expect(page.get_by_text("Are you still there?")).to_be_visible()
    page.get_by_role("button", name="K", exact=True).click()
    expect(page.get_by_text("Are you still there?")).to_be_hidden()
    page.clock.run_for(61_000)
    expect(page).to_have_url(kiosk)


def test_touch_without_connection_is_kept_and_goes_on(page: Page, kiosk: str, booked: Appointment):
    page.goto(f"{kiosk}appointment/")
    page.fill("#reference", booked.reference)
    page.context.set_offline(True)
    page.get_by_role("button", name="Δήλωση άφιξης").click()
    expect(page.get_by_text("Δεν υπάρχει σύνδεση.")).to_be_visible()
    assert not Ticket.objects.exists()
    page.context.set_offline(False)
    expect(page.locator(".turn__number")).to_have_text("A001")
    assert Ticket.objects.count() == 1


# The screen in the hall


def test_screen_shows_and_chimes_each_call_within_seconds(
    new_page: NewPage, display: str, branch: Branch, desk: Desk, officer: User
):
    page = new_page(size=(1920, 1080))
    page.goto(display)
    expect(page.get_by_text("Εδώ θα εμφανιστεί ο αριθμός σας")).to_be_visible()
    ticket = a_walk_in(branch)
    counter.call_next(desk, by=by(officer), now=timezone.now())
    expect(page.locator(".latest__number")).to_have_text("B001", timeout=5000)
    expect(page.locator(".latest__desk")).to_have_text("3")
    expect(page.locator("[data-spoken]")).to_have_text("B001 → 3")
    expect(page.locator("body")).to_have_attribute("data-chimes", "1")
    expect(page.get_by_role("button", name="Ενεργοποίηση ήχου")).to_be_hidden()  # the browser may play at once
    counter.call_again(ticket, by=by(officer), now=timezone.now())
    expect(page.locator("body")).to_have_attribute("data-chimes", "2", timeout=5000)
    counter.complete(ticket, by=by(officer), now=timezone.now())
    expect(page.get_by_text("Εδώ θα εμφανιστεί ο αριθμός σας")).to_be_visible(timeout=5000)
    expect(page.locator("body")).to_have_attribute("data-chimes", "2")


@pytest.mark.parametrize("size", [(1920, 1080), UPRIGHT, PHONE])
def test_screen_is_accessible_and_shows_six_calls_without_scrolling(
    new_page: NewPage,
    assert_accessible: Callable[[Page], None],
    display: str,
    branch: Branch,
    size: tuple[int, int],
):
    for number in range(7):
        officer = an_officer(branch, email=f"officer{number}@example.org")
        seat = desks.sit(Desk.objects.create(branch=branch, name=str(number)), by=by(officer), now=timezone.now())
        a_walk_in(branch)
        counter.call_next(seat, by=by(officer), now=timezone.now())
    page = new_page(size=size)
    page.goto(display)
    expect(page.locator("[data-call]")).to_have_count(6)
    assert_accessible(page)
    last = page.locator("[data-call]").last.bounding_box()
    assert last
    assert last["y"] + last["height"] <= size[1]


def test_screen_tells_that_it_has_lost_touch(page: Page, display: str):
    page.goto(display)
    page.context.set_offline(True)
    expect(page.locator("[data-lost]")).to_be_visible(timeout=12_000)
    page.context.set_offline(False)
    expect(page.locator("[data-lost]")).to_be_hidden()


# The phone


@pytest.mark.parametrize("size", [SMALL, PHONE])
def test_ticket_page_is_accessible_and_fits(
    new_page: NewPage, assert_accessible: Callable[[Page], None], branch: Branch, size: tuple[int, int]
):
    page = new_page(size=size)
    page.goto(f"/queue/{a_walk_in(branch).code}/")
    expect(page.locator(".turn__number")).to_have_text("B001")
    assert_accessible(page)
    assert fits(page)


def test_phone_says_when_it_is_called(phone: Page, branch: Branch, desk: Desk, officer: User):
    a_walk_in(branch, timezone.now() - timedelta(minutes=5))
    ticket = a_walk_in(branch)
    hurry(phone).goto(f"/queue/{ticket.code}/")
    expect(phone.get_by_text("1 άτομο πριν από εσάς")).to_be_visible()
    counter.call(ticket, desk, by=by(officer), now=timezone.now())
    expect(phone.get_by_text("Πηγαίνετε στη θυρίδα 3")).to_be_visible(timeout=10_000)
    assert phone.title().startswith("● Πηγαίνετε στη θυρίδα 3")


def test_who_leaves_says_so_without_javascript(plain_page: Page, branch: Branch):
    ticket = a_walk_in(branch)
    plain_page.goto(f"/queue/{ticket.code}/")
    plain_page.get_by_text("Αποχωρώ").click()
    plain_page.get_by_role("button", name="Αφήνω τη θέση μου στη σειρά").click()
    expect(plain_page.get_by_text("Αυτός ο αριθμός δεν ισχύει πια")).to_be_visible()
    ticket.refresh_from_db()
    assert ticket.state == Ticket.State.GONE


def test_citizen_says_on_the_phone_to_have_arrived_and_is_called(
    phone: Page,
    assert_accessible: Callable[[Page], None],
    booked: Appointment,
    desk: Desk,
    officer: User,
):
    hurry(phone).goto(f"{booked.get_absolute_url()}?key={booked.link_key}")
    pass_check(phone)
    assert_accessible(phone)
    phone.get_by_role("button", name="Έφτασα").click()
    expect(phone.locator(".turn__number")).to_have_text("A001")
    assert_accessible(phone)
    counter.call_next(desk, by=by(officer), now=timezone.now())
    expect(phone.get_by_text("Πηγαίνετε στη θυρίδα 3")).to_be_visible(timeout=15_000)


# The addresses


def test_supervisor_finds_the_addresses_and_makes_a_new_one(
    page: Page, assert_accessible: Callable[[Page], None], live_server: LiveServer, branch: Branch, kiosk: str
):
    client = Client()
    client.force_login(an_officer(branch, role="supervisor"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto("/admin/appointments/appointment/screens/")
    expect(page.get_by_label("Διεύθυνση").first).to_have_value(re.compile(f"{kiosk}$"))
    assert_accessible(page)
    page.get_by_text("Δημιουργία νέας διεύθυνσης").first.click()
    page.get_by_role("button", name="Δημιουργία νέας διεύθυνσης Κιόσκι").click()
    expect(page.get_by_text("Η παλιά διεύθυνση δεν λειτουργεί πια.")).to_be_visible()
    expect(page.get_by_label("Διεύθυνση").first).not_to_have_value(re.compile(f"{kiosk}$"))
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
