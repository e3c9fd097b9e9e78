"""Reports by mail in Chromium without JavaScript: an official has a report sent, reads the mail, and stops it."""

import os
import re
from datetime import timedelta

import pytest
from django.core import mail
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from reports.models import Recipient, Subscription
from tests.conftest import NewPage
from tests.pages import Accessible, fits, sign_in
from tests.reports.mailing.lists import an_official, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def looks_well(page: Page, assert_accessible: Accessible, name: str) -> None:
    """On a desk, and on the narrowest telephone without scrolling sideways."""
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert fits(page), (name, width)
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    assert_accessible(page)


@pytest.mark.usefixtures("hall")
def test_official_has_a_report_sent_reads_it_and_stops_it(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    page, official = new_page(), an_official()
    sign_in(page, official, live_server)
    page.goto("/en/reports/")
    page.get_by_role("link", name="Send this regularly by mail").click()
    page.get_by_role("button", name="Send it").focus()
    looks_well(page, assert_accessible, "new")
    page.get_by_label("Who gets it").fill("nobody@example.org")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody@example.org")
    looks_well(page, assert_accessible, "wrong")
    page.get_by_label("Who gets it").fill(official.email)
    page.get_by_label("Every Monday").check()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("status")).to_contain_text("The report will be sent by mail.")
    looks_well(page, assert_accessible, "list")
    page.get_by_role("button", name="Stop for now").click()
    expect(page.get_by_text("Stopped for now, since")).to_be_visible()
    page.get_by_role("button", name="Go on sending").click()
    due = Subscription.objects.get().due_at
    run(due + timedelta(minutes=1))
    (letter,) = mail.outbox
    looks_well_as_mail(page, str(letter.alternatives[0][0]), letter.subject, assert_accessible)
    page.goto(f"/en/reports/sendings/stop/{Recipient.objects.get().key}/")
    looks_well(page, assert_accessible, "stop")
    page.get_by_role("button", name="Stop these mails").click()
    expect(page.get_by_role("heading", name="You get no more of these mails")).to_be_visible()
    looks_well(page, assert_accessible, "stopped")
    assert Subscription.objects.get().end == Subscription.End.STOPPED
    page.goto("/en/reports/sendings/")
    looks_well(page, assert_accessible, "ended")


def looks_well_as_mail(page: Page, html: str, subject: str, assert_accessible: Accessible) -> None:
    """The mail below its subject, in the page of a mail program."""
    around = rf"\1<main><h1>{subject}</h1>\2</main>\3"
    page.goto("about:blank")  # a mail has no policy of ours
    page.set_content(re.sub(r"(<body[^>]*>)(.*)(</body>)", around, html, flags=re.DOTALL))
    looks_well(page, assert_accessible, "mail")
