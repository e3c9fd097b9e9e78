"""The door of a video call in the browser: the waiting room, the officer's alarm, and both without a script."""

import re
from datetime import datetime

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from appointments.models import Appointment
from tests.builders import a_desk, an_officer, minutes
from tests.calls import an_appointment_soon, arrived, call_of, path_of
from tests.codes import pass_check
from tests.conftest import PHONE, NewPage
from tests.pages import Accessible, fits, sign_in
from videocalls import presence
from videocalls.models import VideoCall
from videocalls.providers import PROVIDERS, Provider, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("near")]
QUEUE = "/admin/appointments/appointment/queue/"
ROOM = re.compile(r"/health/live\?room=")


class Near(Provider):
    """A provider of rooms for tests: a page of the server itself, which needs no network."""

    def prepare(self, call: VideoCall) -> None:
        pass

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        return f"/health/live?room={call.room}&who={visitor.key}"


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "near", Near())


def queue_page(page: Page, appointment: Appointment, live_server: LiveServer) -> Page:
    officer = an_officer(appointment.branch)
    a_desk(appointment.branch, officer)
    sign_in(page, officer, live_server)
    page.goto(QUEUE)
    return page


def test_without_a_script_both_sides_find_the_way_in(new_page: NewPage, live_server: LiveServer) -> None:
    appointment = an_appointment_soon("near", -minutes(1))
    citizen = new_page(size=PHONE, javascript=False)
    citizen.goto(path_of(appointment.link("join")))
    pass_check(citizen)
    citizen.get_by_role("button", name="Στην αίθουσα αναμονής").click()
    expect(citizen.get_by_text("Είστε στην αίθουσα αναμονής.")).to_be_visible()
    staff = queue_page(new_page(javascript=False), appointment, live_server)
    expect(staff.locator(".at-door--loud")).to_contain_text("Περιμένει στη βιντεοκλήση")
    with staff.context.expect_page() as opened:
        staff.get_by_role("button", name=re.compile("^Αποδοχή")).click()
    opened.value.get_by_role("link", name="Είσοδος στη βιντεοκλήση").first.click()
    citizen.get_by_role("link", name="Ελέγξτε ξανά").click()
    citizen.get_by_role("link", name="Είσοδος στη βιντεοκλήση").click()
    citizen.wait_for_url(ROOM)


def test_officers_page_and_the_guests_page_on_a_phone(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    appointment = an_appointment_soon("near", -minutes(1))
    arrived(appointment, timezone.now())
    guest = presence.invite(call_of(appointment))
    assert guest is not None
    visitor = new_page(size=(320, 640))
    visitor.goto(f"/guests/{guest.token}/")
    visitor.get_by_label("Ονοματεπώνυμο").fill("Γιώργος Διερμηνέας")
    assert_accessible(visitor)
    visitor.get_by_role("button", name="Στην αίθουσα αναμονής").click()
    expect(visitor.get_by_text("Είστε στην αίθουσα αναμονής")).to_be_visible()
    assert fits(visitor)
    staff = queue_page(new_page(size=PHONE), appointment, live_server)
    staff.goto(f"/admin/appointments/appointment/{appointment.reference}/call/")
    expect(staff.locator(".door__person")).to_have_count(2)
    assert_accessible(staff)
    assert fits(staff)
    staff.locator(".door__person", has_text="Γιώργος").get_by_role("button", name=re.compile("^Αποδοχή")).click()
    expect(staff.get_by_text("Στην κλήση", exact=True)).to_be_visible()


def test_citizen_goes_on_with_another_device(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    appointment = an_appointment_soon("near", -minutes(1))
    computer, telephone = new_page(), new_page(size=(320, 640))
    computer.goto(path_of(appointment.link("join")))
    pass_check(computer)
    expect(computer.get_by_text("Είστε στην αίθουσα αναμονής.")).to_be_visible()
    telephone.goto(path_of(appointment.link("join")))
    pass_check(telephone)
    expect(telephone.get_by_text("Είστε στην αίθουσα αναμονής από άλλη συσκευή.")).to_be_visible()
    assert_accessible(telephone)
    assert fits(telephone)
    telephone.get_by_role("button", name="Συνέχεια σε αυτή τη συσκευή").press("Enter")
    expect(telephone.get_by_text("Είστε στην αίθουσα αναμονής. Ο υπάλληλος")).to_be_visible()
    expect(computer.get_by_text("Είστε στην αίθουσα αναμονής από άλλη συσκευή.")).to_be_visible()
    presence.admit(call_of(appointment).participants.get(), now=timezone.now())
    telephone.wait_for_url(ROOM)
    expect(computer.get_by_text("Είστε στη βιντεοκλήση από άλλη συσκευή.")).to_be_visible()


def test_link_is_sent_by_mail_on_a_small_telephone(new_page: NewPage, assert_accessible: Accessible) -> None:
    appointment = an_appointment_soon("near", minutes(60))
    page = new_page(size=(320, 640))
    page.goto(path_of(appointment.link("join")))
    pass_check(page)
    page.get_by_role("button", name="Δημιουργία συνδέσμου").press("Enter")
    page.get_by_role("link", name="Αποστολή του συνδέσμου με e-mail").press("Enter")
    page.get_by_role("button", name="Αποστολή του συνδέσμου").press("Enter")
    expect(page.get_by_text("Γράψτε μια διεύθυνση e-mail.").first).to_be_visible()
    assert_accessible(page)
    assert fits(page)
    page.get_by_label("Διεύθυνση e-mail του προσκεκλημένου").fill("guest@example.org")
    page.get_by_role("button", name="Αποστολή του συνδέσμου").press("Enter")
    expect(page.get_by_text("Το e-mail με τον σύνδεσμο στέλνεται.")).to_be_visible()
    assert_accessible(page)
    assert fits(page)
    page.screenshot(path="/tmp/line-guests.png", full_page=True)
