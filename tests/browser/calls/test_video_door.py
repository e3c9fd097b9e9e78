"""The door of a video call in the browser: the waiting room, the officer's alarm, and both without a script."""

import re
from datetime import datetime

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from appointments.models import Appointment, Status
from tests.builders import a_desk, an_officer, minutes
from tests.calls import again, an_appointment_soon, arrived, call_of, path_of
from tests.conftest import PHONE, NewPage, hurry
from tests.pages import Accessible, sign_in
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


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def queue_page(page: Page, appointment: Appointment, live_server: LiveServer) -> Page:
    officer = an_officer(appointment.branch)
    a_desk(appointment.branch, officer)
    sign_in(page, officer, live_server)
    page.goto(QUEUE)
    return page


def test_citizen_waits_and_goes_in_by_itself(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    appointment = an_appointment_soon("near", minutes(5))
    staff = queue_page(hurry(new_page()), appointment, live_server)
    citizen = hurry(new_page(size=PHONE, timezone="America/New_York"))
    citizen.goto(path_of(appointment.link("join")))
    expect(citizen.locator("#wait")).to_have_text(re.compile(r"Απομένουν: 4:\d\d"))
    assert citizen.locator("#door small.zone").count() == 1  # one's own time
    assert_accessible(citizen)
    # The door opens, and the page is in the waiting room without a press.
    soon = timezone.now()
    Appointment.objects.filter(pk=appointment.pk).update(starts_at=soon, ends_at=soon + minutes(10))
    VideoCall.objects.update(opens_at=soon - minutes(10))
    expect(citizen.get_by_text("Είστε στην αίθουσα αναμονής.")).to_be_visible()
    assert_accessible(citizen)
    assert fits(citizen)
    # The officer hears it, and lets the citizen in by one press.
    expect(staff.locator(".at-door--loud")).to_contain_text("Περιμένει στη βιντεοκλήση")
    expect(staff).to_have_title(re.compile("^● "))
    expect(staff.locator("#alarm-news")).to_have_text("Κάποιος περιμένει σε βιντεοκλήση.")
    assert_accessible(staff)
    with staff.context.expect_page() as opened:
        staff.get_by_role("button", name=re.compile("^Αποδοχή")).click()
    opened.value.wait_for_url(ROOM)
    citizen.wait_for_url(ROOM)
    assert again(appointment).status == Status.SERVING
    expect(staff.locator(".at-door")).to_have_count(0)


def test_without_a_script_both_sides_find_the_way_in(new_page: NewPage, live_server: LiveServer) -> None:
    appointment = an_appointment_soon("near", -minutes(1))
    citizen = new_page(size=PHONE, javascript=False)
    citizen.goto(path_of(appointment.link("join")))
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
