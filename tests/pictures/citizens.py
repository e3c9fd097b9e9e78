"""Takes the pictures of the citizens' guide. `make pictures` runs it; it is no test."""

import pytest
from django.core import mail

from agencies.models import Branch
from appointments.models import Appointment
from tests.calls import path_of
from tests.codes import pass_check
from tests.conftest import PHONE, NewPage
from tests.pictures.conftest import Take

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_booking_by_video(of_the_day: NewPage, home: Branch, take: Take) -> None:
    page = of_the_day(size=PHONE)
    page.goto("/mykeplive/kep-dilosi/book/")
    take(page, "booking-channel", "main", "main")
    page.get_by_role("link", name="Με βιντεοκλήση").click()
    page.get_by_role("searchbox").fill("Χανιά")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name="ΚΕΠ Δήμου Χανίων").first.click()
    take(page, "booking-time", "main", "main")
    desk = of_the_day(size=(1280, 800))
    desk.goto(page.url)
    take(desk, "booking")
    page.locator("button.slot").nth(3).click()
    page.get_by_label("Ονοματεπώνυμο").fill("Μαρία Παπαδοπούλου")
    page.get_by_label("Διεύθυνση e-mail").fill("maria@example.org")
    page.get_by_label("Τηλέφωνο").fill("6912345678")
    page.get_by_role("button", name="Συνέχεια").click()
    page.get_by_role("button", name="Κλείστε το ραντεβού").click()
    take(page, "booked", "main", "main")


def test_door(of_the_day: NewPage, video: Appointment, take: Take) -> None:
    page = of_the_day(size=PHONE)
    page.goto("/calls/test/")
    page.get_by_role("button", name="Έναρξη της δοκιμής").click()
    page.get_by_text("Το μικρόφωνό σας λειτουργεί: ακούγεστε.").wait_for()
    take(page, "device-test", "main", "main")
    page.goto(path_of(video.link("join")))
    pass_check(page)
    page.get_by_text("Είστε στην αίθουσα αναμονής.").wait_for()
    take(page, "waiting-room", "main", "main")
    page.get_by_role("button", name="Δημιουργία συνδέσμου").click()
    take(page, "guests-link", ".guests")


def test_line(of_the_day: NewPage, home: Branch, take: Take) -> None:
    page = of_the_day(size=PHONE)
    page.goto("/mykeplive/kep-dilosi/now/")
    take(page, "line", "main", "main")


def test_mail(of_the_day: NewPage, video: Appointment, take: Take) -> None:
    sent = next(one for one in mail.outbox if one.to == [video.email])
    assert isinstance(sent, mail.EmailMultiAlternatives)
    page = of_the_day(size=(600, 800))
    page.set_content(str(sent.alternatives[0][0]))
    take(page, "mail", "body", "body")
