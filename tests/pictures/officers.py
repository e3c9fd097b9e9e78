"""Takes the pictures of the officers' guide. `make pictures` runs it; it is no test."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from agencies.models import Branch, OpeningRule
from appointments.models import Appointment, Disruption, Queue
from mydesklive.demo import cast
from tests.calls import path_of
from tests.codes import pass_check
from tests.conftest import PHONE, NewPage
from tests.pictures.conftest import Take

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADMIN = "/admin/appointments/appointment/"
Office = Callable[..., Page]


def test_call(office: Office, of_the_day: NewPage, video: Appointment, take: Take) -> None:
    page, citizen = office(cast.AGENT), of_the_day(size=PHONE)
    page.goto(f"{ADMIN}queue/")
    page.locator(".seats button").first.click()
    citizen.goto(path_of(video.link("join")))
    pass_check(citizen)
    citizen.get_by_text("Είστε στην αίθουσα αναμονής.").wait_for()
    page.goto(f"{ADMIN}queue/")
    take(page, "officers-queue")
    page.goto(f"{ADMIN}{video.reference}/call/")
    page.get_by_role("button", name="Δημιουργία συνδέσμου").click()
    take(page, "officers-door", "body", ".staff")
    page.get_by_role("button", name=re.compile("^Καλύτερα τηλεφωνικά")).click()
    take(page, "officers-telephone", "body", "#call-panel")
    citizen.reload()
    take(citizen, "telephone", "main", "main")
    page.get_by_role("button", name="Ξανά με βιντεοκλήση").click()
    citizen.reload()
    citizen.get_by_text("Είστε στην αίθουσα αναμονής.").wait_for()
    page.locator(".door__person").first.get_by_role("button", name=re.compile("^Αποδοχή")).click()
    page.wait_for_url("**/calls/**")
    citizen.wait_for_url("**/calls/**")
    page.wait_for_timeout(6000)
    take(page, "room")
    take(citizen, "room-citizen")
    office_again(page, video, take)


def office_again(page: Page, video: Appointment, take: Take) -> None:
    page.goto(f"{ADMIN}queue/tickets/{video.ticket.code}/")
    take(page, "officers-serving", "body", ".staff")
    page.set_viewport_size({"width": 800, "height": 800})
    take(page, "officers-identity", "[aria-labelledby=identity-title]")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{ADMIN}{video.reference}/change/")
    take(page, "officers-messages", "body", ".staff")


def test_supervisor(office: Office, home: Branch, take: Take) -> None:
    page = office(cast.SUPERVISOR)
    page.goto(f"{ADMIN}watch/")
    take(page, "officers-watch", "body", ".staff")
    page.goto(f"{ADMIN}watch/messages/")
    take(page, "officers-sending", "body", ".staff")
    page.goto(f"/admin/appointments/disruption/{Disruption.objects.get().pk}/change/")
    take(page, "officers-disruption")
    rule = OpeningRule.objects.filter(branch=home, closes_at="14:00", purpose=OpeningRule.Purpose.PUBLIC).first()
    page.goto(f"/admin/agencies/openingrule/{rule.pk}/change/")
    page.locator("[name=closes_at]").fill("13:00")
    page.locator("[data-preview]").first.scroll_into_view_if_needed()
    page.wait_for_timeout(2000)
    take(page, "officers-opening-rule")
    page = office(cast.SUPERVISOR)
    page.goto(f"{ADMIN}calendar/")
    page.wait_for_timeout(1500)
    take(page, "officers-calendar")
    page = office(cast.AGENCY_ADMIN)
    page.goto(f"{ADMIN}texts/")
    page.get_by_role("link", name="Ελληνικά").nth(1).click()
    page.locator("[data-preview]").first.scroll_into_view_if_needed()
    page.frame_locator("iframe").get_by_text("Κωδικός").first.wait_for()
    page.wait_for_timeout(2000)  # the preview is loaded once more when its text has been read
    take(page, "officers-texts")


def test_hall(of_the_day: NewPage, home: Branch, take: Take) -> None:
    queue, _ = Queue.objects.get_or_create(branch=home)
    page = of_the_day(size=(800, 600))
    page.goto(f"/kiosk/{queue.kiosk_key}/")
    take(page, "officers-kiosk")
    page.goto(f"/display/{queue.display_key}/")
    take(page, "officers-screen")
