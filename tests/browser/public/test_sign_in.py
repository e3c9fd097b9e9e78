"""A citizen signs in at the sandbox in the middle of a booking, books, and signs out there too."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Identity
from agencies.models import Branch, Procedure
from appointments.models import Appointment, Status
from tests import codes
from tests.builders import EVERY_DAY, an_open_branch, slots_of
from tests.conftest import DESK, PHONE, NewPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NARROW = 320


@pytest.fixture
def sandbox(settings: Settings, live_server: LiveServer) -> None:
    """The demo, with its identity provider."""
    settings.ROOT_URLCONF = "tests.mydesklive.sandbox.addresses"
    settings.MYDESK_DEMO = True
    settings.TAXISNET_URL = f"{live_server.url}/sandbox/oauth2serverotp"
    settings.TAXISNET_CLIENT_ID = settings.TAXISNET_SECRET = "sandbox"


@pytest.fixture
def branch() -> Branch:
    branch = an_open_branch(weekdays=EVERY_DAY)
    Procedure.objects.update(identification="tax_number", assurance="substantial")
    slots_of(branch, now=timezone.now())
    return branch


@pytest.fixture
def looks_right(assert_accessible: Callable[[Page], None]) -> Callable[[Page], None]:
    def check(page: Page) -> None:
        assert_accessible(page)
        size = page.viewport_size
        assert size
        page.set_viewport_size({"width": NARROW, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW, page.url
        page.set_viewport_size(size)

    return check


@pytest.mark.parametrize(("size", "javascript"), [(PHONE, True), (DESK, False)], ids=["phone", "without scripts"])
@pytest.mark.usefixtures("sandbox")
def test_citizen_signs_in_within_a_booking_and_signs_out_at_the_provider(
    new_page: NewPage, branch: Branch, looks_right: Callable[[Page], None], size: tuple[int, int], javascript: bool
) -> None:
    page = new_page(size=size, javascript=javascript)
    looks_right = looks_right if javascript else lambda _page: None
    page.goto("/mykeplive/kep-dilosi/book/time/?channel=in_person&branch=kep-chania")
    page.locator("a.week__day, .week__turn a[rel=next]").last.click()
    page.locator("button.slot").nth(3).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Συνδεθείτε για να συνεχίσετε")
    looks_right(page)

    sign_in_after_a_refusal(page, looks_right)
    give_an_address(page, looks_right)
    book(page, looks_right)

    with page.expect_request(re.compile("/sandbox/oauth2serverotp/logout/sandbox/")):
        page.get_by_role("button", name="Αποσύνδεση").click()
    expect(page.get_by_role("link", name="Σύνδεση", exact=True)).to_be_visible()


def sign_in_after_a_refusal(page: Page, looks_right: Callable[[Page], None]) -> None:
    page.get_by_role("button", name="Σύνδεση με TAXISnet").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ποιος είστε;")
    looks_right(page)
    page.get_by_role("button", name="Δεν συμφωνεί με τη σύνδεση").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Δεν συμφωνήσατε με τη σύνδεση")
    looks_right(page)
    page.get_by_role("button", name="Σύνδεση με TAXISnet").click()
    page.get_by_role("button", name="ΜΑΡΙΑ ΠΑΠΑΔΟΠΟΥΛΟΥ").click()


def give_an_address(page: Page, looks_right: Callable[[Page], None]) -> None:
    expect(page.get_by_text("ΜΑΡΙΑ ΠΑΠΑΔΟΠΟΥΛΟΥ")).to_be_visible()
    looks_right(page)
    page.get_by_label("E-mail").fill("maria@example.org")
    page.get_by_label("Τηλέφωνο").fill("6912345678")
    page.get_by_role("button", name="Αποστολή κωδικού").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Γράψτε τον κωδικό")
    looks_right(page)
    assert not Identity.objects.exists()
    page.get_by_label("Κωδικός").fill(codes.latest())
    page.get_by_role("button", name="Συνέχεια").first.click()


def book(page: Page, looks_right: Callable[[Page], None]) -> None:
    expect(page.get_by_label("Ονοματεπώνυμο")).to_be_disabled()
    expect(page.get_by_label("Ονοματεπώνυμο")).to_have_value("ΜΑΡΙΑ ΠΑΠΑΔΟΠΟΥΛΟΥ")
    expect(page.get_by_label("ΑΦΜ")).to_have_value("••••••322")
    expect(page.get_by_label("E-mail")).to_have_value("maria@example.org")
    looks_right(page)
    page.locator("main").get_by_role("button", name="Συνέχεια").click()
    looks_right(page)
    page.get_by_role("button", name="Κλείστε το ραντεβού").click()
    expect(page.locator(".reference")).to_be_visible()
    booked = Appointment.objects.get(status=Status.BOOKED)
    assert (booked.name, booked.assurance) == ("ΜΑΡΙΑ ΠΑΠΑΔΟΠΟΥΛΟΥ", "substantial")
