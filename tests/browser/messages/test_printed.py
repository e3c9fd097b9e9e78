"""What officers print fits its sheet, whatever stands in it, and what administrators write is shown while they type."""

import re
from html import escape
from itertools import cycle

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from agencies.models import Branch, Procedure, Role
from appointments.messages import previews
from appointments.messages.texts.kinds import EVERY_KEY
from appointments.messages.texts.starting import draft
from appointments.models import Appointment, OwnText
from appointments.times.publishing import publish
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, an_officer, booked_after
from tests.pages import Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADMIN = "/admin/appointments/appointment"
PHONE = {"width": 320, "height": 640}
WORDY = "Πρωτότυπο και επικυρωμένο αντίγραφο του δελτίου ταυτότητας ή του διαβατηρίου"
WAY = "Λεωφορεία 10, 11 και 21, στάση «Αγορά». Από τον σταθμό δέκα λεπτά με τα πόδια, στάθμευση στην πλατεία. " * 4
A4, SLIP = (595, 842), (227, 567)  # points


@pytest.fixture
def appointment() -> Appointment:
    branch = a_branch(an_agency(), address_el="Κυδωνίας 29", phone="2821 000000")
    a_procedure(branch.agency)
    a_rule(branch, weekdays=EVERY_DAY)
    publish([branch.pk], now=timezone.now())
    return booked_after(branch, timezone.now(), email="", name="Μαρία Παπαδοπούλου-Κωνσταντινίδου")


def sheets(page: Page) -> int:
    return page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")


def test_letter_and_slip_fit_one_sheet(
    page: Page, appointment: Appointment, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    sign_in(page, an_officer(appointment.branch), live_server)
    contents = [("Ταυτότητα", ""), ("\n".join([WORDY] * 9), WAY), ("\n".join([WORDY] * 16), WAY * 2)]
    for (documents, way), channel in zip([*contents, contents[1]], ["in_person"] * 3 + ["video"], strict=True):
        Procedure.objects.update(documents_el=documents)
        Branch.objects.update(directions_el=way, access_el=way[:200])
        Appointment.objects.update(channel=channel)
        for paper in ("letter", "slip"):
            page.goto(f"{ADMIN}/{appointment.reference}/{paper}/")
            expect(page.get_by_role("button", name="Εκτύπωση")).to_be_visible()
            assert sheets(page) == 1, (paper, channel, len(documents))
    assert_accessible(page)
    page.goto(f"{ADMIN}/{appointment.reference}/letter/")
    page.get_by_label("Ταχυδρομική διεύθυνση").fill("Οδός 1\n731 00 Χανιά")
    page.get_by_role("button", name="Να γραφτεί στην επιστολή").click()
    expect(page.locator(".window")).to_contain_text("731 00 Χανιά")
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert fits(page)
    assert sheets(page) == 1


def test_text_is_previewed_while_it_is_typed(
    page: Page, appointment: Appointment, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    sign_in(page, an_officer(appointment.agency, Role.AGENCY_ADMIN), live_server)
    page.goto(f"{ADMIN}/texts/")
    assert_accessible(page)
    page.get_by_role("link", name="Ελληνικά – Επιβεβαίωση, E-mail").click()
    body, mail = page.get_by_label("Κείμενο", exact=True), page.frame_locator("iframe")
    expect(mail.get_by_role("link", name="Δείτε, αλλάξτε ή ακυρώστε το ραντεβού σας")).to_be_visible()
    assert_accessible(page)
    body.fill("Φέρτε **μόνο** τα δικά σας.\n\n{when}\n{reference}\n\n{link}")
    expect(mail.locator("strong", has_text="μόνο")).to_be_visible()
    body.fill("Χωρίς τίποτε")
    expect(page.locator("[data-preview]")).to_contain_text("Το κείμενο χρειάζεται το {link}.")
    body.fill("Ξανά {when} {reference} {link}")
    expect(mail.get_by_text("Ξανά")).to_be_visible()
    page.set_viewport_size(PHONE)
    assert fits(page)
    assert_accessible(page)
    page.get_by_role("button", name="Αποθήκευση").click()
    expect(page.get_by_text("Αποθηκεύτηκε")).to_be_visible()
    assert OwnText.objects.get().body == "Ξανά {when} {reference} {link}"


def in_a_mail_program(shown: previews.Preview) -> str:
    """The mail below its subject, in the page of a mail program."""
    around = rf"\1<main><h1>{escape(shown.subject)}</h1>\2</main>\3"
    return re.sub(r"(<body[^>]*>)(.*)(</body>)", around, shown.html, flags=re.DOTALL)


def test_every_mail_is_accessible(page: Page, appointment: Appointment, assert_accessible: Accessible) -> None:
    Branch.objects.update(directions_el=WAY, access_el="Ράμπα", latitude="35.5112", longitude="24.0292")
    channels = cycle(["in_person", "video", "phone"])
    for key in (key for key in EVERY_KEY if key.medium == "email"):
        Appointment.objects.update(channel=next(channels))
        subject, body = draft(key) if key.language == "el" else ("", "")
        shown = previews.preview(appointment.agency, key, subject, body, now=timezone.now())
        assert shown
        page.set_content(in_a_mail_program(shown))
        assert_accessible(page)
