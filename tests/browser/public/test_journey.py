"""A citizen books, moves and cancels: in Greek on a phone, and in English on a desk without JavaScript."""

import re
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import F
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from agencies.models import Agency, Branch, Procedure
from appointments import booking
from appointments.models import Appointment, Status, TimeSlot
from tests.builders import (
    EVERY_DAY,
    GUEST,
    STAFF,
    a_branch,
    a_contact,
    a_rule,
    a_user,
    an_appointment,
    an_officer,
    an_open_branch,
    by,
    slots_of,
)
from tests.codes import pass_check
from tests.conftest import DESK, PHONE, NewPage
from tests.pages import fits, signed_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
NARROW = 320


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, and another one, with free times on every day from now on."""
    chania = an_open_branch(weekdays=EVERY_DAY)
    Procedure.objects.update(identification="tax_number")
    rethymno = a_branch(chania.agency, "kep-rethymno", name_el="ΚΕΠ Ρεθύμνου", name_en="KEP Rethymno")
    a_rule(rethymno, weekdays=EVERY_DAY)
    for one in (chania, rethymno):
        slots_of(one, now=timezone.now())
    return chania


@pytest.fixture
def looks_right(assert_accessible: Check) -> Check:
    """Fails on what axe finds, and on a page that scrolls sideways at 320 px."""

    def check(page: Page) -> None:
        assert_accessible(page)
        size = page.viewport_size
        assert size
        page.set_viewport_size({"width": NARROW, "height": 640})
        assert fits(page), page.url
        page.set_viewport_size(size)

    return check


def reference_on(page: Page) -> str:
    return re.sub(r"\s", "", page.locator(".reference").inner_text())


def slots_ahead(branch: Branch) -> list[TimeSlot]:
    """Slots that can be booked and changed now."""
    now = timezone.now()
    return [slot for slot in slots_of(branch, now=now) if slot.starts_at > now + timedelta(hours=2)]


def test_journey_in_greek_on_a_phone(new_page: NewPage, branch: Branch, looks_right: Check) -> None:
    page = new_page(size=PHONE, timezone="America/New_York")
    page.clock.set_system_time(timezone.now() + timedelta(days=1))  # the telephone's clock is wrong
    choose_a_time(page, looks_right)
    fill_in(page, looks_right)
    page.get_by_role("button", name="Κλείστε το ραντεβού").dblclick()
    expect(page.locator("h1")).to_have_text("Το ραντεβού σας επιβεβαιώθηκε")
    looks_right(page)
    booked = Appointment.objects.get(reference=reference_on(page))
    assert (booked.status, booked.branch.code, booked.timezone) == (Status.BOOKED, "kep-rethymno", "America/New_York")

    page.get_by_role("link", name="Προβολή, αλλαγή ή ακύρωση").click()
    looks_right(page)
    move(page, looks_right)
    moved = Appointment.objects.get(reference=booked.reference)
    assert (moved.revision, moved.starts_at == booked.starts_at) == (1, False)

    page.get_by_role("link", name="Ακύρωση του ραντεβού").click()
    looks_right(page)
    page.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(page.get_by_role("status").first).to_contain_text("Το ραντεβού σας ακυρώθηκε.")
    looks_right(page)
    assert Appointment.objects.get(reference=booked.reference).status == Status.CANCELLED


def choose_a_time(page: Page, looks_right: Check) -> None:
    page.goto("/mykeplive/kep-dilosi/")
    page.get_by_role("link", name="Κλείστε ραντεβού").first.click()
    looks_right(page)
    page.get_by_role("link", name="Με φυσική παρουσία").click()
    looks_right(page)
    page.get_by_role("searchbox").fill("rethimno")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name="ΚΕΠ Ρεθύμνου").click()
    looks_right(page)
    page.locator("a.week__day, .week__turn a[rel=next]").last.click()
    page.locator("button.slot").nth(3).click()


def fill_in(page: Page, looks_right: Check) -> None:
    looks_right(page)
    expect(page.locator("[data-until]")).to_contain_text("Κρατάμε αυτή την ώρα για εσάς")
    page.get_by_label("Ονοματεπώνυμο").fill("Μαρία Παπαδάκη")
    page.get_by_label("ΑΦΜ").fill("123")
    page.get_by_role("button", name="Συνέχεια").click()
    expect(page.locator(".govgr-error-summary")).to_be_focused()
    looks_right(page)
    expect(page.get_by_label("Ονοματεπώνυμο")).to_have_value("Μαρία Παπαδάκη")
    page.get_by_label("Διεύθυνση e-mail").fill("maria@example.org")
    page.get_by_label("ΑΦΜ").fill("EL 090000045")
    page.get_by_role("button", name="Συνέχεια").click()

    looks_right(page)


def move(page: Page, looks_right: Check) -> None:
    page.get_by_role("link", name="Αλλαγή ώρας").click()
    looks_right(page)
    page.locator("button.slot").nth(5).click()
    looks_right(page)
    page.get_by_role("button", name="Αλλαγή του ραντεβού").click()
    expect(page.get_by_role("status").first).to_contain_text("Η ώρα του ραντεβού σας άλλαξε.")


def test_journey_in_english_without_javascript(new_page: NewPage, branch: Branch) -> None:
    page = new_page(language="en", javascript=False)
    page.goto("/en/mykeplive/kep-dilosi/book/?branch=kep-chania")
    page.get_by_role("link", name="By video call").click()
    page.locator("a.week__day").first.click()
    page.locator("button.slot").last.click()
    page.get_by_label("Full name").fill("Maria Papadaki")
    page.get_by_label("E-mail address").fill("maria@example.org")
    page.get_by_label("Telephone").fill("+44 20 7946 0000")
    page.get_by_label("Tax number").fill("090 000 045")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Change – Full name").click()
    page.get_by_label("Full name").fill("Maria A. Papadaki")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Book the appointment").click()
    expect(page.locator("h1")).to_have_text("Appointment booked")
    booked = Appointment.objects.get(reference=reference_on(page))
    assert (booked.name, booked.phone, booked.language) == ("Maria A. Papadaki", "+442079460000", "en")

    page.get_by_role("link", name="See, move or cancel it").click()
    page.get_by_role("link", name="Change the time").click()
    page.get_by_role("link", name="Another branch").click()
    page.get_by_role("link", name="KEP Rethymno").first.click()
    page.locator("button.slot").last.click()
    page.get_by_role("button", name="Move the appointment").click()
    expect(page.get_by_role("status").first).to_contain_text("Your appointment has been moved.")
    assert Appointment.objects.get(pk=booked.pk).branch.code == "kep-rethymno"

    page.get_by_role("link", name="Cancel the appointment").click()
    page.get_by_label("Why do you cancel?").fill("Not needed any more")
    page.get_by_role("button", name="Cancel the appointment").click()
    expect(page.get_by_role("status").first).to_contain_text("Your appointment has been cancelled.")
    assert Appointment.objects.get(pk=booked.pk).cancel_reason == "Not needed any more"


def test_pages_on_a_desk_are_accessible(page: Page, branch: Branch, looks_right: Check) -> None:
    book = "/en/mykeplive/kep-dilosi/book/"
    times = f"{book}time/?channel=in_person&branch=kep-chania"
    for address in (f"{book}channel/?channel=fax", f"{book}branch/?channel=video&branch=nowhere", times):
        page.goto(address)
        looks_right(page)
    page.locator("button.slot").last.click()
    looks_right(page)
    page.goto(times)
    looks_right(page)


def test_appointment_prints_on_one_page(page: Page, branch: Branch) -> None:
    booked = an_appointment(slots_ahead(branch)[0])
    page.goto(booked.link("done").removeprefix(settings.SITE_URL))
    pass_check(page)
    for address in (booked.link("done"), booked.link()):
        page.goto(address.removeprefix(settings.SITE_URL))
        assert b"/Count 1" in page.pdf(format="A4")


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_pages_of_every_state_are_accessible(
    new_page: NewPage, size: tuple[int, int], branch: Branch, looks_right: Check
) -> None:
    now, page = timezone.now(), new_page(size=size)
    procedure = Procedure.objects.select_related("agency").get()
    slots = iter(slots_ahead(branch))
    served = booking.book(next(slots).pk, procedure, "video", a_contact(1), by=GUEST, now=now)
    booking.complete(booking.serve(served, by=by(an_officer(branch)), now=now), by=STAFF, now=now)
    Agency.objects.update(verify_minutes=30)
    procedure.agency.refresh_from_db()
    waiting = booking.confirm(
        booking.hold(next(slots).pk, procedure, "video", by=GUEST, now=now), a_contact(2), by=GUEST, now=now
    )
    pages = [served.link(), served.link("rate"), waiting.link("done"), waiting.link(), waiting.link("verify")]
    for address in pages:
        page.goto(address.removeprefix(settings.SITE_URL))
        if address in (pages[0], pages[2]):
            looks_right(page)
            pass_check(page)
        looks_right(page)
    TimeSlot.objects.filter(branch=branch).update(taken=F("capacity"))
    for address in (
        "/mykeplive/kep-dilosi/book/time/?channel=video&branch=kep-chania",
        f"{waiting.get_absolute_url()}move/",
    ):
        page.goto(address)
        expect(page.locator("h1")).to_have_text("Καμία ελεύθερη ώρα")
        looks_right(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_citizen_corrects_the_address(new_page: NewPage, javascript: bool, branch: Branch, looks_right: Check) -> None:
    booked = an_appointment(slots_ahead(branch)[0], now=timezone.now())
    page = new_page(size=PHONE, javascript=javascript)
    page.goto(booked.link().removeprefix(settings.SITE_URL))
    pass_check(page)
    page.get_by_role("link", name="Αλλαγή – Διεύθυνση e-mail").click()
    if javascript:
        looks_right(page)
    page.get_by_label("Διεύθυνση e-mail").fill("right@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Αποθηκεύτηκε")
    expect(page.get_by_text("right@example.org")).to_be_visible()
    if javascript:
        looks_right(page)


def test_list_of_who_has_signed_in(
    new_page: NewPage, live_server: LiveServer, branch: Branch, looks_right: Check
) -> None:
    user, client = a_user(), Client()
    booked = an_appointment(slots_ahead(branch)[0], citizen=user, now=timezone.now())
    client.force_login(user)
    page = new_page()
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page.goto("/appointments/")
    looks_right(page)
    page.get_by_role("main").get_by_role("link", name="Υπεύθυνη δήλωση").click()
    expect(page.get_by_role("main")).to_contain_text(booked.spoken_reference)


def test_link_that_was_tampered_with(page: Page, branch: Branch, looks_right: Check) -> None:
    page.goto("/appointments/23456789AB/?key=wrong")
    expect(page.locator("h1")).to_have_text("Ο σύνδεσμος δεν λειτουργεί")
    looks_right(page)
    page.get_by_role("main").get_by_role("link", name="βρείτε το ραντεβού σας").click()
    page.get_by_label("Κωδικός ραντεβού").fill("2345 6789 AB")
    page.get_by_label("Διεύθυνση e-mail").fill("maria@example.org")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.locator(".govgr-error-summary")).to_contain_text("Δεν βρήκαμε ραντεβού")
    looks_right(page)


def test_what_was_typed_and_not_sent_is_there_again(page: Page, branch: Branch) -> None:
    choose_a_time(page, lambda _page: None)
    page.get_by_label("Ονοματεπώνυμο").fill("Μαρία Παπαδάκη")
    page.go_back()
    until = time.monotonic() + 10
    while not any("typed" in session.get_decoded() for session in Session.objects.all()) and time.monotonic() < until:
        time.sleep(0.1)
    page.goto(page.url)
    page.locator("button.slot").last.click()
    expect(page.get_by_label("Ονοματεπώνυμο")).to_have_value("Μαρία Παπαδάκη")
    page.get_by_label("Ονοματεπώνυμο").fill("Μαρία Π.")
    page.get_by_role("button", name="Να με ξεχάσει ο υπολογιστής").click()
    expect(page.locator("h1")).to_contain_text("Κλείστε ραντεβού")
    page.reload()  # nothing was kept while the page was left
    expect(page.get_by_role("button", name="Να με ξεχάσει ο υπολογιστής")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "plain"])
def test_what_was_typed_goes_along_to_the_other_language(
    new_page: NewPage, branch: Branch, looks_right: Check, javascript: bool
) -> None:
    page = new_page(size=PHONE, javascript=javascript)
    choose_a_time(page, looks_right if javascript else lambda _page: None)
    page.get_by_label("Ονοματεπώνυμο").fill("Μαρία Παπαδάκη")
    page.get_by_label("Ονοματεπώνυμο").press("Enter")  # sends the form, and is not the switch of the language
    expect(page.locator(".govgr-error-summary")).to_be_visible()
    page.get_by_label("ΑΦΜ").fill("12")
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Your details")
    expect(page.get_by_label("Full name")).to_have_value("Μαρία Παπαδάκη")
    expect(page.get_by_label("Tax number (AFM)")).to_have_value("12")
    page.get_by_role("button", name="Back").click()
    page.locator("button.slot").last.click()
    expect(page.get_by_label("Full name")).to_have_value("Μαρία Παπαδάκη")


def test_page_names_every_cookie_of_a_walk(new_page: NewPage, branch: Branch) -> None:
    """A guest books, leaves and comes back; an officer signs in and chooses a language."""
    page = new_page()
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    page.goto("/mykeplive/kep-dilosi/book/time/?channel=in_person&branch=kep-chania")
    page.locator("a.week__day, .week__turn a[rel=next]").last.click()
    page.locator("button.slot").nth(3).click()
    page.get_by_label("Ονοματεπώνυμο").fill("Μαρία Παπαδάκη")
    page.get_by_label("Διεύθυνση e-mail").fill("maria@example.org")
    page.get_by_label("ΑΦΜ").fill("090000045")
    page.get_by_role("button", name="Συνέχεια").click()
    page.get_by_role("button", name="Κλείστε το ραντεβού").click()
    found = {cookie["name"] for cookie in page.context.cookies()}
    page.get_by_role("button", name="Να με ξεχάσει ο υπολογιστής").click()
    expect(page.get_by_role("status").filter(has_text="διαγράφηκαν")).to_be_visible()
    assert "sessionid" not in {cookie["name"] for cookie in page.context.cookies()}
    found |= {line.split("=")[0] for one in answers for line in one.header_values("set-cookie")}

    officer = signed_in(Client(), an_officer(branch))
    officer.get("/admin/")
    officer.post("/i18n/setlang/", {"language": "en"})
    found |= {*officer.cookies}

    # The room of a video call has one for each language: tests/videocalls tells that it sets no other.
    found |= {"seat-el", "seat-en"}
    page.goto("/cookies/")
    assert found == {*page.locator("main code").all_inner_texts()}
