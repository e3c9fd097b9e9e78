"""The mails to addresses that nobody has proven, as a mail program shows them."""

import pytest

from agencies.models import Channel
from appointments.messages.notices import words
from appointments.models import Notice
from tests.builders import a_walk_in
from tests.calls import STARTS_AT, a_video_appointment, call_of
from tests.conftest import AXE, RUN_AXE, NewPage
from tests.pages import fits
from videocalls import presence

# Without best practice: a mail program has landmarks of its own.
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_mails_are_accessible_on_a_small_telephone(new_page: NewPage) -> None:
    appointment = a_video_appointment("room")
    ticket = a_walk_in(appointment.branch, STARTS_AT, channel=Channel.VIDEO)
    Notice.objects.promise(ticket, {"email": "maria@example.org"})
    guest = presence.invite(call_of(appointment))
    Notice.objects.create(guest=guest, kind="guest", medium="email", language="en", address="guest@example.org")
    page = new_page(size=(320, 640))
    for notice in Notice.objects.all():
        page.set_content(str(words.mail(notice).alternatives[0][0]))
        page.evaluate(AXE.read_text())
        assert page.evaluate(RUN_AXE, WCAG) == []
        assert fits(page)
