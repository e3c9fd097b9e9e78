"""The branch's calendar in the browser: dragging asks before it moves, the keyboard does the same, and so does the list."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from agencies.models import Branch, Channel, Role
from appointments import booking
from appointments.models import Appointment, Feed, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    STAFF,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_officer,
)
from tests.conftest import DESK, PHONE, NewPage, hurry
from tests.pages import SOON, Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CALENDAR = "/admin/appointments/appointment/calendar/"


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, open every day from nine to noon: the pages read the real clock."""
    agency = an_agency()
    branch = a_branch(agency)
    a_procedure(agency, channels=[*Channel])
    a_rule(
        branch, weekdays=EVERY_DAY, opens_at="09:00", closes_at="12:00", slot_minutes=20, channels=[*Channel], desks=2
    )
    publish([branch.pk], now=timezone.now())
    return branch


def tuesday(branch: Branch) -> date:
    """The Tuesday of the week to come, with nothing on it yet."""
    today = branch.today(timezone.now())
    return today + timedelta(days=8 - today.weekday())


def booked_at(branch: Branch, day: date, clock: str, number: int = 1, **fields: object) -> Appointment:
    slots = TimeSlot.objects.filter(branch=branch)
    slot = next(slot for slot in slots if f"{branch.local(slot.starts_at):%Y-%m-%d %H:%M}" == f"{day} {clock}")
    return an_appointment(slot, number, now=timezone.now(), **fields)


def clock_of(appointment: Appointment) -> str:
    appointment.refresh_from_db()
    return f"{appointment.branch.local(appointment.starts_at):%Y-%m-%d %H:%M}"


def drawn(page: Page, appointment: Appointment) -> Locator:
    return page.locator(f"#appointment-{appointment.reference}")


def drag(page: Page, appointment: Appointment, *, slots: float, days: int = 0) -> None:
    """By so many rows of the grid, and columns."""
    link = drawn(page, appointment)
    link.scroll_into_view_if_needed()
    row = page.locator(".ec-main").evaluate("grid => parseFloat(grid.style.getPropertyValue('--ec-slot-height'))")
    box = link.bounding_box()
    width = page.locator(".ec-body .ec-day").first.bounding_box()
    assert box
    assert width
    x, y = box["x"] + 20, box["y"] + 8
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 10, steps=3)
    page.mouse.move(x + days * width["width"], y + slots * row, steps=8)
    page.mouse.up()


def test_drag_asks_and_then_moves(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    day = tuesday(branch)
    appointment = booked_at(branch, day, "09:20", name="Μαρία Παπαδοπούλου")
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=week&date={day}")
    drag(page, appointment, slots=2, days=1)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Αλλαγή ώρας: Μαρία Παπαδοπούλου;")
    expect(dialog).to_contain_text("10:00")
    expect(dialog).to_contain_text("citizen1@example.org")
    assert_accessible(page)
    assert clock_of(appointment) == f"{day} 09:20"
    dialog.get_by_role("button", name="Αλλαγή σε αυτή την ώρα").click()
    expect(dialog).to_be_hidden()
    expect(drawn(page, appointment)).to_contain_text("10:00")
    assert clock_of(appointment) == f"{day + timedelta(days=1)} 10:00"
    assert appointment.notifications.filter(kind="moved").count() == 1


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_days_are_written_before_months(page: Page, branch: Branch, live_server: LiveServer, prefix: str) -> None:
    day = tuesday(branch)
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{prefix}{CALENDAR}?view=week&date={day}")
    head = page.locator(".ec-col-head, .ec-header .ec-day").filter(
        has_text=re.compile(rf"\b0?{day.day}/0?{day.month}\b")
    )
    expect(head.first).to_be_visible()


def test_drag_that_is_not_confirmed_goes_back(page: Page, branch: Branch, live_server: LiveServer) -> None:
    day = tuesday(branch)
    appointment = booked_at(branch, day, "09:20")
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=day&date={day}")
    drag(page, appointment, slots=3)
    expect(page.get_by_role("dialog").get_by_role("button").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawn(page, appointment)).to_contain_text("09:20")
    assert clock_of(appointment) == f"{day} 09:20"


def test_drop_on_a_full_time_says_why_and_goes_back(page: Page, branch: Branch, live_server: LiveServer) -> None:
    day = tuesday(branch)
    appointment, *_others = (
        booked_at(branch, day, clock, number) for number, clock in enumerate(("09:00", "10:00", "10:00"))
    )
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=day&date={day}")
    drag(page, appointment, slots=3)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Δεν υπάρχει τότε ελεύθερη ώρα")
    dialog.get_by_role("button", name="Κλείσιμο").click()
    expect(drawn(page, appointment)).to_contain_text("09:00")
    assert clock_of(appointment) == f"{day} 09:00"


def test_lost_connection_is_said_and_loses_nothing(page: Page, branch: Branch, live_server: LiveServer) -> None:
    day = tuesday(branch)
    appointment = booked_at(branch, day, "09:20")
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=day&date={day}")
    drag(page, appointment, slots=3)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("10:20")
    page.context.set_offline(True)
    dialog.get_by_role("button", name="Αλλαγή σε αυτή την ώρα").click()
    expect(dialog).to_contain_text("Η σύνδεση χάθηκε. Τίποτα δεν χάνεται")
    page.context.set_offline(False)
    expect(dialog).to_be_hidden()
    expect(drawn(page, appointment)).to_contain_text("10:20")
    assert clock_of(appointment) == f"{day} 10:20"
    assert appointment.revision == 1


def test_calendar_is_operated_by_keyboard(page: Page, branch: Branch, live_server: LiveServer) -> None:
    day = tuesday(branch)
    first, second = booked_at(branch, day, "09:00", 1), booked_at(branch, day, "09:20", 2)
    next_day = booked_at(branch, day + timedelta(days=1), "09:20", 3)
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=week&date={day}")
    drawn(page, first).focus()
    for key, chosen in (("ArrowDown", second), ("ArrowRight", next_day), ("ArrowLeft", second), ("ArrowUp", first)):
        page.keyboard.press(key)
        expect(drawn(page, chosen)).to_be_focused()
    for kind in ("appointment__link", "hour__free"):
        assert page.locator(f"#calendar .{kind}[tabindex='0']").count() == 1
    page.keyboard.press("m")
    page.wait_for_url(f"**/{first.reference}/move/**")
    page.go_back()
    drawn(page, first).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{first.reference}/change/")


def test_free_hour_offers_booking_and_blocking(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    day = tuesday(branch)
    sign_in(page, an_officer(branch, Role.SUPERVISOR), live_server)
    page.goto(f"{CALENDAR}?view=week&date={day}")
    hour = page.locator("#hour-2040")  # Tuesday, 10:00
    expect(hour).to_have_text("6 ελεύθερες")
    hour.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("10:00–11:00")
    assert_accessible(page)
    book = dialog.get_by_role("link", name="Κράτηση για πολίτη")
    assert f"from={day}" in (book.get_attribute("href") or "")
    dialog.get_by_role("link", name="Δέσμευση της ώρας").click()
    expect(page.locator("#id_from_date")).to_have_value(f"{day}")
    expect(page.locator("#id_from_time")).to_have_value(re.compile("^10:00"))
    expect(page.locator("#id_until_time")).to_have_value(re.compile("^11:00"))


def test_change_elsewhere_appears_by_itself(page: Page, branch: Branch, live_server: LiveServer) -> None:
    day = tuesday(branch)
    hurry(page)
    officer = an_officer(branch)
    appointment = booked_at(branch, day, "09:20", 1)
    sign_in(page, officer, live_server)
    page.goto(f"{CALENDAR}?view=day&date={day}")
    drawn(page, appointment).focus()
    other = booked_at(branch, day, "11:00", 2)
    expect(drawn(page, other)).to_be_visible(timeout=SOON)
    expect(drawn(page, appointment)).to_be_focused()
    booking.cancel(other, by=STAFF, now=timezone.now())
    expect(drawn(page, other)).to_have_count(0, timeout=SOON)


def test_list_and_month_show_a_change_by_themselves(page: Page, branch: Branch, live_server: LiveServer) -> None:
    day = tuesday(branch)
    hurry(page)
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=month&date={day}")
    expect(page.get_by_role("table")).not_to_contain_text("ραντεβού")
    booked_at(branch, day, "11:00", 1)
    expect(page.get_by_role("table")).to_contain_text("ραντεβού", timeout=SOON)

    page.goto(f"{CALENDAR}?view=list&date={day}")
    sunday = page.locator("#calendar-shown").get_by_role("link").last
    sunday.focus()
    other = booked_at(branch, day, "11:20", 2)
    expect(page.locator(f"tr[id='{other.reference}']")).to_be_visible(timeout=SOON)
    expect(sunday).to_be_focused()


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_times_are_the_branch_clock_wherever_the_reader_is(
    new_page: NewPage, branch: Branch, live_server: LiveServer, zone: str
) -> None:
    day = tuesday(branch)
    appointment = booked_at(branch, day, "09:20")
    page = new_page(timezone=zone)
    sign_in(page, an_officer(branch), live_server)
    page.goto(f"{CALENDAR}?view=week&date={day}")
    label = drawn(page, appointment).get_attribute("aria-label") or ""
    assert "Τρίτη" in label
    assert "09:20" in label
    expect(drawn(page, appointment)).to_contain_text("09:20")
    drag(page, appointment, slots=1)
    expect(page.get_by_role("dialog")).to_contain_text("09:40")


@pytest.mark.parametrize("view", ["week", "day", "desks"])
def test_long_names_are_seen_whole(page: Page, branch: Branch, live_server: LiveServer, view: str) -> None:
    day = tuesday(branch)
    names = ["Κωνσταντίνος Παπαγεωργόπουλος", "Χριστοδουλία Παπακωνσταντίνου"]
    both = [booked_at(branch, day, "09:20", number, name=name) for number, name in enumerate(names)]
    sign_in(page, an_officer(branch), live_server)
    for width, height in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{CALENDAR}?view={view}&date={day}")
        for appointment in both:
            link = drawn(page, appointment)
            expect(link).to_have_attribute("aria-label", re.compile(appointment.name))
            frame, name = link.bounding_box(), link.locator(".appointment__name").bounding_box()
            assert frame
            assert name
            assert name["width"] > 0
            assert frame["x"] <= name["x"] <= name["x"] + name["width"] <= frame["x"] + frame["width"]
            assert frame["y"] <= name["y"] <= name["y"] + name["height"] <= frame["y"] + frame["height"]


@pytest.mark.parametrize("view", ["day", "week", "month", "desks", "list"])
def test_every_view_is_accessible_on_desk_and_phone(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible, view: str
) -> None:
    day = tuesday(branch)
    appointments = [booked_at(branch, day, clock, number) for number, clock in enumerate(("09:00", "09:00", "11:00"))]
    a_closure(branch, day, from_time="10:00", until_time="10:40", reason_el="Συνεδρίαση")
    publish([branch.pk], now=timezone.now())
    officer = an_officer(branch, Role.SUPERVISOR)
    for size in ((1280, 900), PHONE):
        page = new_page(size=size)
        sign_in(page, officer, live_server)
        page.goto(f"{CALENDAR}?view={view}&date={day}")
        if view in ("day", "week", "desks"):
            expect(drawn(page, appointments[0])).to_be_visible()
        assert fits(page)
        assert_accessible(page)


def test_list_does_without_javascript_what_dragging_does(
    plain_page: Page, branch: Branch, live_server: LiveServer
) -> None:
    day = tuesday(branch)
    appointment = booked_at(branch, day, "09:20", name="Μαρία Παπαδοπούλου")
    sign_in(plain_page, an_officer(branch), live_server)
    plain_page.goto(f"{CALENDAR}?view=week&date={day}")
    plain_page.get_by_role("link", name="Τα ίδια σε λίστα").click()
    plain_page.get_by_label("Τρόπος εξυπηρέτησης").select_option("video")
    plain_page.get_by_role("button", name="Εμφάνιση").click()
    expect(plain_page.get_by_text("Μαρία Παπαδοπούλου")).to_have_count(0)
    plain_page.get_by_label("Τρόπος εξυπηρέτησης").select_option("in_person")
    plain_page.get_by_role("button", name="Εμφάνιση").click()
    plain_page.get_by_role("link", name="Αλλαγή ώρας Μαρία Παπαδοπούλου").click()
    plain_page.locator(".times__day input").nth(3).check(force=True)
    plain_page.locator("main form button[type=submit]").last.click()
    plain_page.wait_for_url(f"**{CALENDAR}**")
    assert clock_of(appointment) != f"{day} 09:20"


def test_feed_address_is_made_and_renewed(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    sign_in(page, an_officer(branch), live_server)
    page.goto(CALENDAR)
    page.get_by_role("link", name="Ροές ημερολογίου").click()
    page.get_by_role("button", name="Δημιουργία διεύθυνσης").last.click()
    first = Feed.objects.get(branch=branch)
    expect(page.get_by_label("Διεύθυνση")).to_have_value(f"http://localhost:8000/feeds/{first.key}.ics")
    assert_accessible(page)
    page.locator("summary", has_text="Δημιουργία νέας διεύθυνσης").click()
    page.get_by_role("button", name="Δημιουργία νέας διεύθυνσης").click()
    expect(page.get_by_label("Διεύθυνση")).not_to_have_value(f"http://localhost:8000/feeds/{first.key}.ics")
    assert Feed.objects.get(branch=branch).key != first.key
