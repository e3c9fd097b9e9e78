"""The day of the pictures: ΚΕΠ Χανίων with its invented people on a Tuesday morning, and a camera for pages."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.loading import tables
from agencies.models import Agency, Branch, Channel, Procedure
from appointments import tasks
from appointments.models import Appointment, TimeSlot
from appointments.times.publishing import publish
from mydesklive.demo import cast, hall, outage, premises, present, story
from tests.builders import an_appointment, at
from tests.calls import again
from tests.conftest import NewPage
from tests.pages import sign_in

FOLDER = Path(__file__).parents[2] / "docs/images"
SPACE = 16  # pixels around a part of a page
QUALITY = 50  # of 100: letters stay sharp, and a picture has some twenty kilobytes
OPENING = at(8)
MORNING = at(10, 20)

Take = Callable[..., None]


@pytest.fixture
def take() -> Take:
    """Takes a picture of the page, or of the part from the top of one element to the bottom of another."""

    def taken(page: Page, name: str, since: str = "", until: str = "") -> None:
        page.emulate_media(reduced_motion="reduce")
        page.evaluate("document.activeElement?.blur()")
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(300)
        size = page.viewport_size
        assert size is not None
        top, end = page.evaluate("[scrollY, scrollY + innerHeight]")
        if since:
            page.set_viewport_size(size | {"height": page.evaluate("document.documentElement.scrollHeight")})
            page.evaluate("scrollTo(0, 0)")
            first, last = (page.locator(part).first.bounding_box() for part in (since, until or since))
            assert first is not None
            assert last is not None
            top, end = max(first["y"] - SPACE, 0), last["y"] + last["height"] + SPACE
        clip = {"x": 0, "y": top, "width": size["width"], "height": end - top, "scale": 1}
        session = page.context.new_cdp_session(page)
        wanted = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": clip}
        (FOLDER / f"{name}.webp").write_bytes(b64decode(session.send("Page.captureScreenshot", wanted)["data"]))
        page.set_viewport_size(size)

    return taken


@pytest.fixture
def home(settings: Settings) -> Iterator[Branch]:
    """ΚΕΠ Χανίων of the demo, on Tuesday 3 March 2026 at 10:20. The clock goes on from there."""
    settings.MYDESK_DEMO = True
    with time_machine.travel(MORNING, tick=True):
        call_command("load_agencies", folder=tables.DATA, stdout=StringIO())
        premises.fill()
        cast.create()
        branch = Branch.objects.select_related("agency").get(code=cast.HOME)
        Agency.objects.filter(pk=branch.agency_id).update(video_provider="room")
        for then in (OPENING - timedelta(days=5), OPENING):
            publish([branch.pk], now=then)
        now = timezone.now()
        present.fill(branch.today(now), branch.today(now) + present.AHEAD, branch, now=now)
        present.settle(branch, None, now=now)
        story.tell()
        cast.book_for_citizen(past=branch.midnight(branch.today(now) - timedelta(days=5)), now=now)
        hall.fill(branch, now=now)
        outage.fill(branch, now=now)
        branch.refresh_from_db()
        yield branch


@pytest.fixture
def of_the_day(new_page: NewPage) -> NewPage:
    """Opens pages whose clock is that of the day of the pictures."""

    def opened(**options: Any) -> Page:
        page = new_page(**options)
        page.clock.set_system_time(timezone.now())
        return page

    return opened


@pytest.fixture
def office(new_page: NewPage, home: Branch, live_server: LiveServer) -> Callable[..., Page]:
    """Opens the staff site as one of the demo's people."""

    def opened(email: str, width: int = 1280) -> Page:
        page = new_page(size=(width, 800))
        sign_in(page, User.objects.get(email=email), live_server)
        return page

    return opened


@pytest.fixture
def video(home: Branch) -> Appointment:
    """The video appointment of Μαρία Παπαδοπούλου, today at 10:30. The call is ready, and its door is open."""
    slot = TimeSlot.objects.get(branch=home, starts_at=at(10, 30))
    procedure = Procedure.objects.get(code="kep-dilosi")
    contact = {"name": "Μαρία Παπαδοπούλου", "email": "maria@example.org", "phone": "6912345678"}
    appointment = an_appointment(slot, channel=Channel.VIDEO, procedure=procedure, now=OPENING, **contact)
    tasks.provide_video_calls()
    tasks.deliver_urgent()
    return again(appointment)
