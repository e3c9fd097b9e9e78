"""Citizens see who has looked, take their data along and have it erased: on a phone, and on a desk without JavaScript."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch
from appointments.models import Appointment, Status
from tests.builders import EVERY_DAY, a_user, an_appointment, an_officer, an_open_branch, slots_of
from tests.codes import pass_check
from tests.pages import sign_in, signed_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Check = Callable[[Page], None]
NARROW = 320


@pytest.fixture
def branch() -> Branch:
    branch = an_open_branch(weekdays=EVERY_DAY, desks=3)
    slots_of(branch, now=timezone.now())
    return branch


@pytest.fixture
def looks_right(assert_accessible: Check) -> Check:
    def check(page: Page) -> None:
        assert_accessible(page)
        size = page.viewport_size
        assert size
        page.set_viewport_size({"width": NARROW, "height": size["height"]})
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
        page.set_viewport_size(size)

    return check


def looked_at(branch: Branch, citizen: User | None = None) -> Appointment:
    """An appointment in three days, at which an officer has looked."""
    slots = branch.slots.filter(starts_at__gt=timezone.now() + timedelta(days=3)).order_by("starts_at")
    booked = an_appointment(slots[0], citizen=citizen, now=timezone.now(), tax_number="090000045")
    signed_in(Client(), an_officer(branch)).get(f"/admin/appointments/appointment/{booked.reference}/change/")
    return booked


def test_guest_sees_who_looked_downloads_and_erases(
    phone: Page, branch: Branch, looks_right: Check, tmp_path: Path
) -> None:
    booked = looked_at(branch)
    phone.goto(booked.shown_link().replace("http://localhost:8000", ""))
    pass_check(phone)
    expect(phone.locator("main")).to_contain_text("Υπάλληλος (ΚΕΠ Χανίων) το είδε")
    phone.get_by_role("link", name="Όλα τα στοιχεία αυτού του ραντεβού").click()
    looks_right(phone)
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Λήψη σε αρχείο").click()
    download.value.save_as(tmp_path / "data.json")
    assert json.loads((tmp_path / "data.json").read_text())["tax_number"] == "090000045"
    phone.get_by_role("link", name="Διαγραφή των στοιχείων αυτού του ραντεβού").click()
    looks_right(phone)
    phone.get_by_label("Ναι, να διαγραφούν").check()
    phone.get_by_role("button", name="Ακύρωση και διαγραφή").click()
    expect(phone.locator("main")).to_contain_text("διαγράφηκαν")
    erased = Appointment.objects.get()
    assert (erased.status, erased.name) == (Status.CANCELLED, "")


def test_account_is_deleted_without_a_script(
    plain_page: Page, branch: Branch, live_server: LiveServer, looks_right: Check
) -> None:
    citizen = a_user("froso@example.org", name="Ευφροσύνη Κρητικού")
    looked_at(branch, citizen)
    page = plain_page
    sign_in(page, citizen, live_server)
    page.goto("/en/appointments/")
    page.get_by_role("link", name="All data about me").click()
    expect(page.locator("main")).to_contain_text("An officer of KEP Chania looked at it")
    page.get_by_role("link", name="Delete my account").click()
    expect(page.locator("main")).to_contain_text("These appointments are cancelled first")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.locator("main")).to_contain_text("Tick the box if you want this.")
    page.get_by_label("Yes, erase it.").check()
    page.get_by_role("button", name="Delete my account").click()
    expect(page.locator("main")).to_contain_text("have been deleted")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert not User.objects.filter(email="froso@example.org").exists()
