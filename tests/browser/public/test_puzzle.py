"""On a crowded day a guest's browser solves a puzzle by itself; without JavaScript the way on is a code by e-mail."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from agencies.models import Procedure
from appointments import booking
from appointments.claims import Visitor
from appointments.models import Appointment, Status
from tests.builders import EVERY_DAY, GUEST, an_open_branch, slots_of
from tests.conftest import PHONE, NewPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TIMES = "/mykeplive/kep-dilosi/book/time/?channel=in_person&branch=kep-chania"


@pytest.fixture
def crowded() -> str:
    """The address of a day on which guests have taken a quarter of all times."""
    now = timezone.now()
    slots = slots_of(an_open_branch(weekdays=EVERY_DAY), now=now)
    day = slots[-1].starts_at.date()
    service = Procedure.objects.select_related("agency").get()
    for number, slot in enumerate([slot for slot in slots if slot.starts_at.date() == day][:12]):
        visitor = Visitor("", f"198.51.100.{number}")
        booking.hold(slot.pk, service, "in_person", by=GUEST, now=now, visitor=visitor)
    return f"{TIMES}&day={day.isoformat()}"


def choose(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("button[name=slot]").last.click()


def test_browser_works_and_the_guest_goes_on(
    crowded: str, new_page: NewPage, assert_accessible: Callable[[Page], None]
) -> None:
    page = new_page(size=PHONE)
    choose(page, crowded)
    expect(page.locator("#puzzle")).to_be_focused()
    expect(page.get_by_role("status").first).to_have_text("Ο γρίφος λύθηκε. Μπορείτε να συνεχίσετε.")
    assert_accessible(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/book/details/$"))
    assert Appointment.objects.filter(status=Status.HELD).count() == 13


def test_guest_who_presses_at_once_goes_on_when_the_browser_is_done(crowded: str, page: Page) -> None:
    choose(page, crowded)
    page.locator("#puzzle button").click()
    expect(page).to_have_url(re.compile("/book/details/$"))


def test_guest_without_javascript_signs_in(crowded: str, plain_page: Page) -> None:
    choose(plain_page, crowded)
    expect(plain_page.locator("#puzzle button")).to_be_hidden()
    plain_page.get_by_role("link", name="Συνδεθείτε αντί γι’ αυτό").click()
    expect(plain_page).to_have_url(re.compile("/accounts/login/"))
