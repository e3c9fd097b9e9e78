"""Whoever changes an address sees whom it concerns, on a small telephone too, and by keyboard."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from agencies.models import Branch, Role
from appointments.models import Notification, TimeSlot
from appointments.times.publishing import publish
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, an_appointment, an_officer
from tests.conftest import NewPage
from tests.pages import Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SMALL = (320, 640)


@pytest.fixture
def booked_branch() -> Branch:
    branch = a_branch(an_agency(), address_el="Παλιά Οδός 7")
    a_procedure(branch.agency)
    a_rule(branch, weekdays=EVERY_DAY)
    now = timezone.now()
    publish([branch.pk], now=now)
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gt=now + timedelta(days=3)).earliest("starts_at")
    an_appointment(slot, now=now)
    return branch


def test_changed_address_is_asked_about(
    new_page: NewPage, booked_branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    page: Page = new_page(size=SMALL)
    sign_in(page, an_officer(booked_branch.agency, Role.AGENCY_ADMIN), live_server)
    page.goto(f"/admin/agencies/branch/{booked_branch.pk}/change/")
    page.locator("summary", has_text="Τόπος").press("Enter")
    page.locator("#id_address_el").fill("Νέα Οδός 1")
    page.locator("#id_name_el").press("Enter")
    expect(page.get_by_text("Παλιά Οδός 7, Χανιά")).to_be_visible()
    expect(page.get_by_text("Νέα Οδός 1, Χανιά")).to_be_visible()
    assert fits(page)
    assert_accessible(page)
    page.get_by_role("button", name="Αποθήκευση και ενημέρωση").press("Enter")
    expect(page.get_by_text("Ενημερώνεται ο πολίτης σε 1 ραντεβού")).to_be_visible()
    assert Notification.objects.filter(kind="changed").count() == 1
