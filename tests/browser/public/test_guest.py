"""A guest proves the address, loses the mail, gets the links, and cancels; another one books for a business."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect

from agencies.models import Agency, Branch, ForWhom, Procedure
from agencies.models.procedure import declare
from appointments.models import Appointment, Status
from appointments.tasks import deliver_urgent
from tests import codes
from tests.builders import EVERY_DAY, an_open_branch, slots_of
from tests.conftest import DESK, PHONE, NewPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
NARROW = 320
BOOK = "/mykeplive/kep-dilosi/book/"


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, where guests confirm, and the service may be booked for others and has something declared."""
    branch = an_open_branch(weekdays=EVERY_DAY)
    Agency.objects.update(verify_minutes=30)
    Procedure.objects.update(channels=["in_person"], booked_for=[*ForWhom])
    declare(
        Procedure.objects.get(),
        "Δηλώνω ότι τα στοιχεία είναι αληθή.",
        "I declare that this is true.",
        now=timezone.now(),
    )
    slots_of(branch, now=timezone.now())
    return branch


@pytest.fixture
def looks_right(assert_accessible: Check) -> Check:
    """Fails on what axe finds, and on a page that scrolls sideways at 320 px."""

    def check(page: Page) -> None:
        assert_accessible(page)
        size = page.viewport_size
        assert size
        page.set_viewport_size({"width": NARROW, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW, page.url
        page.set_viewport_size(size)

    return check


def choose_a_time(page: Page) -> None:
    page.goto(f"{BOOK}time/?channel=in_person&branch=kep-chania")
    page.locator("a.week__day, .week__turn a[rel=next]").last.click()
    page.locator("button.slot").nth(3).click()


def link_in_mail(view: str) -> str:
    """The path of the link to this page in the latest mail."""
    found = re.search(rf"http://[^/\s]+(/\S*{view}\?key=\S+)", codes.sent()[-1].body)
    assert found
    return found[1]


def test_guest_proves_the_address_loses_the_mail_gets_the_links_and_cancels(
    new_page: NewPage, branch: Branch, looks_right: Check
) -> None:
    page = new_page(size=PHONE)
    choose_a_time(page)
    looks_right(page)
    page.get_by_label("Για εμένα").check()
    page.get_by_role("button", name="Συνέχεια").click()
    page.get_by_label("Ονοματεπώνυμο").fill("Ελένη Παπαδάκη")
    page.get_by_label("Διεύθυνση e-mail").fill("eleni@example.org")
    page.get_by_label("Δηλώνω ότι τα στοιχεία").check()
    looks_right(page)
    page.get_by_role("button", name="Συνέχεια").click()
    page.get_by_role("button", name="Κλείστε το ραντεβού").click()
    expect(page.locator("h1")).to_contain_text("Μένει ένα βήμα")
    deliver_urgent()
    confirm_by_mail(new_page(size=PHONE, javascript=False))

    mail.outbox.clear()
    page = new_page(size=PHONE)
    get_the_links(page, looks_right)
    open_by_code(page, looks_right)
    page.get_by_role("link", name="Ακύρωση του ραντεβού").click()
    page.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(page.get_by_role("status").first).to_contain_text("ακυρώθηκε")
    assert Appointment.objects.get(name="Ελένη Παπαδάκη").status == Status.CANCELLED


def confirm_by_mail(page: Page) -> None:
    page.goto(link_in_mail("verify/"))
    expect(page.locator("main")).not_to_contain_text("Ελένη")
    page.get_by_role("button", name="Επιβεβαίωση του ραντεβού").click()
    expect(page.get_by_role("button", name="Αποστολή κωδικού")).to_be_visible()
    assert Appointment.objects.get(name="Ελένη Παπαδάκη").status == Status.BOOKED


def get_the_links(page: Page, looks_right: Check) -> None:
    page.goto("/appointments/find/")
    page.get_by_role("link", name="Έχασα τα μηνύματα").click()
    looks_right(page)
    page.get_by_label("Διεύθυνση e-mail").fill("eleni@example.org")
    page.get_by_role("button", name="Στείλτε μου τους συνδέσμους μου").click()
    expect(page.get_by_role("status").first).to_contain_text("Αν υπάρχουν επόμενα ραντεβού")


def open_by_code(page: Page, looks_right: Check) -> None:
    page.goto(link_in_mail(""))
    expect(page.locator("main")).not_to_contain_text("Ελένη")
    looks_right(page)
    page.get_by_role("button", name="Αποστολή κωδικού").click()
    looks_right(page)
    page.get_by_label("Κωδικός").fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator(".govgr-error-summary")).to_contain_text("δεν είναι σωστός")
    looks_right(page)
    page.get_by_label("Κωδικός").fill(codes.latest())
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Ελένη Παπαδάκη")
    looks_right(page)


@pytest.mark.parametrize(("size", "javascript"), [(PHONE, True), (DESK, False)])
def test_business_and_person_are_booked_for(
    new_page: NewPage, branch: Branch, looks_right: Check, size: tuple[int, int], javascript: bool
) -> None:
    page = new_page(size=size, javascript=javascript)
    check = looks_right if javascript else lambda _page: None
    choose_a_time(page)
    page.get_by_label("Για επιχείρηση που εκπροσωπώ").check()
    page.get_by_role("button", name="Συνέχεια").click()
    check(page)
    page.get_by_label("Επωνυμία της επιχείρησης").fill("Καφέ Ανατολή Α.Ε.")
    page.get_by_label("ΑΦΜ της επιχείρησης").fill("094019246")
    page.get_by_role("button", name="Συνέχεια").click()
    expect(page.locator(".govgr-error-summary")).to_contain_text("ΑΦΜ")
    check(page)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("Name of the business")).to_have_value("Καφέ Ανατολή Α.Ε.")
    page.get_by_label("Tax number of the business").fill("094019245")
    page.get_by_label("accountant").check()
    page.get_by_label("Your full name").fill("Ελένη Παπαδάκη")
    page.get_by_label("E-mail address").fill("eleni@example.org")
    page.get_by_label("I declare that this is true.").check()
    page.get_by_role("button", name="Continue").last.click()
    expect(page.locator("main")).to_contain_text("Καφέ Ανατολή Α.Ε.")
    check(page)
    change_to_a_person(page, check)
    page.get_by_role("button", name="Continue").last.click()
    page.get_by_role("button", name="Book the appointment").click()
    expect(page.locator("h1")).to_contain_text("One")
    made = Appointment.objects.get(name="Ελένη Παπαδάκη")
    assert (made.party.name, made.party.phone, made.for_whom) == ("Μαρία Παπαδάκη", "+306987654321", "other")


def change_to_a_person(page: Page, check: Check) -> None:
    page.get_by_role("link", name="Change – For whom").click()
    page.get_by_label("For another person").check()
    page.get_by_role("button", name="Continue").last.click()
    expect(page.get_by_label("Your full name")).to_have_value("Ελένη Παπαδάκη")
    page.get_by_label("Full name of the person").fill("Μαρία Παπαδάκη")
    page.get_by_label("Telephone of the person").fill("6987654321")
    page.get_by_label("son or daughter").check()
    page.get_by_label("The person knows that I book").check()
    check(page)
