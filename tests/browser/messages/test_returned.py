"""A guest waits on the page after the booking, and the mail comes back."""

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from appointments.messages.returned.following import follow_notice
from appointments.messages.returned.notices import notice_in
from appointments.messages.returned.parts import parsed
from appointments.models import Appointment, Notification
from tests.builders import an_always_open_branch, an_appointment, minutes, slots_of
from tests.codes import pass_check
from tests.conftest import PHONE, NewPage, hurry
from tests.pages import Accessible, fits
from tests.servers.returned import notice_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_page_says_at_once_that_the_mail_came_back(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    now = timezone.now()
    appointment = an_appointment(slots_of(an_always_open_branch(since=now), now)[-1])
    Appointment.objects.update(status="unverified", expires_at=now + minutes(10))
    sent = {"kind": "verify", "language": "el", "due_at": now, "state": Notification.State.SENT}
    verify = Notification.objects.create(appointment=appointment, **sent)
    page = hurry(new_page(size=PHONE))
    page.goto(appointment.shown_link("done").replace("http://localhost:8000", live_server.url))
    pass_check(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Μένει ένα βήμα: ανοίξτε το μήνυμα που σας στείλαμε")
    notice = notice_in(parsed(notice_of(verify, "gmail")))
    assert notice is not None
    with transaction.atomic():
        follow_notice(notice, now=now)
    expect(page.get_by_role("heading", level=1)).to_have_text("Το e-mail δεν έφτασε")
    expect(page.get_by_role("link", name="Ακυρώστε αυτό το ραντεβού")).to_be_visible()
    assert_accessible(page)
    assert fits(page)
