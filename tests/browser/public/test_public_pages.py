"""The public pages in Chromium: on a desk, a phone and a very small screen, with and without JavaScript."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from accounts.mails.mailbox import DemoBackend
from accounts.models import AccountMail, DemoMail
from agencies.models import Agency, Channel
from reports.models import Release
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, slots_of
from tests.conftest import NewPage
from tests.pages import fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SMALL, PHONE, DESK = (320, 640), (390, 844), (1280, 900)
ADDRESSES = ["/", "/?q=hania", "/?q=nothing", "/mykeplive/", "/myegdixlive/", "/mykeplive/kep-dilosi/", "/help/"]
ADDRESSES += [
    "/privacy/",
    "/cookies/",
    "/accessibility/",
    "/reports/open-data/",
    "/accounts/login/",
    "/accounts/login/code/",
    "/accounts/signup/",
    "/no/such/page/",
]


@pytest.fixture(autouse=True)
def _offer() -> None:
    kep = an_agency(accent="#0065b3")
    a_procedure(kep)
    a_procedure(kep, "kep-amea", name_el="Εξυπηρέτηση ατόμων με αναπηρία", channels=[Channel.IN_PERSON])
    for code, zone in (("kep-chania", "Europe/Athens"), ("kep-melbourne", "Australia/Melbourne")):
        branch = a_branch(kep, code, timezone=zone)
        a_rule(branch, weekdays=EVERY_DAY)
        slots_of(branch, now=timezone.now())
    a_procedure(an_agency("egdix", stage=Agency.Stage.JOINING), "egdix-one")
    for month in (date(2025, 12, 1), date(2026, 1, 1)):
        Release.objects.create(month=month, released_at=timezone.now())


@pytest.mark.parametrize("size", [SMALL, PHONE, DESK], ids=["320", "390", "1280"])
@pytest.mark.parametrize("language", ["el", "en"])
def test_pages_are_accessible_and_fit(
    new_page: NewPage, assert_accessible: Callable[[Page], None], size: tuple[int, int], language: str
):
    page = new_page(size=size, language=language)
    for address in ADDRESSES:
        page.goto(address if language == "el" else f"/en{address}")
        assert_accessible(page)
        assert fits(page), page.url


def test_page_that_waits_for_a_late_code_is_accessible_and_fits(
    new_page: NewPage, assert_accessible: Callable[[Page], None]
) -> None:
    page = new_page(size=SMALL)
    page.goto("/en/accounts/signup/")
    page.get_by_label("E-mail address").fill("a.citizen.with.a.very.long.address@subdomain.example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No code?")).to_be_visible()
    AccountMail.objects.update(awaited_since=timezone.now() - timedelta(minutes=1))
    page.reload()
    expect(page.get_by_text("Mail is late at the moment.")).to_be_visible()
    assert_accessible(page)
    assert fits(page), page.url
    page.get_by_role("button", name="Use another e-mail address").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Create an account")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1280"])
def test_mail_of_the_demo_is_seen_whole(new_page: NewPage, settings: Settings, size: tuple[int, int]) -> None:
    settings.MYDESK_DEMO = True
    message = EmailMultiAlternatives("Ραντεβού", "Σας περιμένουμε.", to=["citizen@example.org"])
    message.attach_alternative("<p>Γραμμή</p>" * 60 + "<a href='/'>Αλλαγή</a>", "text/html")
    DemoBackend().send_messages([message])
    page = new_page(size=size)
    page.goto(f"/demo/mail/{DemoMail.objects.get().pk}/")
    frame, button = page.locator(".mail__frame"), page.frame_locator(".mail__frame").get_by_role("link", name="Αλλαγή")
    expect(button).to_be_visible()
    ends = [one.bounding_box() for one in (frame, button)]
    assert all(ends)
    assert ends[1]["y"] + ends[1]["height"] <= ends[0]["y"] + ends[0]["height"]


BOOK = "/mykeplive/kep-dilosi/book/"


def test_pages_fit_with_letters_twice_as_large(new_page: NewPage) -> None:
    page = new_page(size=SMALL)

    def still_fits() -> None:
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert fits(page), page.url

    steps = ("channel/", "branch/?channel=in_person", "time/?channel=in_person&branch=kep-chania")
    for address in (*ADDRESSES, "/reports/agencies/", "/appointments/find/", *(f"{BOOK}{step}" for step in steps)):
        page.goto(address)
        still_fits()
    page.locator("button.slot").last.click()
    for name, typed in {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678"}.items():
        page.locator(f"[name={name}]").fill(typed)
    still_fits()
    for button in ("Συνέχεια", "Κλείστε το ραντεβού"):
        page.get_by_role("button", name=button).click()
        still_fits()
    page.goto(page.url.replace("done/", ""))
    still_fits()


def test_colours_of_the_reader_keep_the_frames_of_buttons(new_page: NewPage) -> None:
    page = new_page()
    page.emulate_media(forced_colors="active")
    page.goto(f"{BOOK}time/?channel=in_person&branch=kep-chania")
    frame = "element => getComputedStyle(element).borderTopWidth + getComputedStyle(element).borderTopStyle"
    for place in ("button.slot", "a.week__day"):
        assert page.locator(place).first.evaluate(frame) == "2pxsolid"
    here, other = page.locator("a.week__day[aria-current]").first, page.locator(".week__day:not([aria-current])").first
    ground = "element => getComputedStyle(element).backgroundColor"
    assert here.evaluate(ground) != other.evaluate(ground)
    page.goto("/accounts/login/code/")
    assert page.locator(".govgr-btn").first.evaluate(frame) == "2pxsolid"


def test_dark_pages_are_accessible(new_page: NewPage, assert_accessible: Callable[[Page], None]) -> None:
    page = new_page(size=PHONE)
    page.emulate_media(color_scheme="dark")
    steps = [f"{BOOK}{step}" for step in ("channel/", "branch/?channel=in_person")]

    def is_dark_and_accessible() -> None:
        assert_accessible(page)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert max(ground) < 60, page.url  # of 255

    for address in (*ADDRESSES, "/reports/agencies/", "/appointments/find/", *steps):
        page.goto(address)
        is_dark_and_accessible()
    page.goto(f"{BOOK}time/?channel=in_person&branch=kep-chania")
    is_dark_and_accessible()
    page.locator("button.slot").last.click()
    page.get_by_role("button", name="Συνέχεια").click()
    is_dark_and_accessible()  # with an error at each field
    for name, typed in {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678"}.items():
        page.locator(f"[name={name}]").fill(typed)
    for button in ("Συνέχεια", "Κλείστε το ραντεβού"):
        page.get_by_role("button", name=button).click()
        is_dark_and_accessible()
    appointment = page.url.replace("done/", "")
    for step in ("", "cancel/", "move/"):
        page.goto(appointment + step)
        is_dark_and_accessible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_visitor_without_javascript_finds_the_start_of_a_booking(plain_page: Page):
    plain_page.goto("/")
    plain_page.get_by_role("searchbox").fill("ypefthini")
    plain_page.get_by_role("button", name="Αναζήτηση").click()
    plain_page.get_by_role("link", name="Υπεύθυνη δήλωση").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("Υπεύθυνη δήλωση")
    start = plain_page.get_by_role("link", name="Κλείστε ραντεβού")
    expect(start).to_have_attribute("href", "/mykeplive/kep-dilosi/book/")


def test_language_switch_shows_the_same_page(page: Page):
    page.goto("/?q=hania")
    page.get_by_role("link", name="English").click()
    expect(page).to_have_url("/en/?q=hania")
    expect(page.get_by_role("heading", level=1)).to_contain_text("results for “hania”")


def test_first_tab_leads_to_the_content(page: Page):
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Μετάβαση στο κύριο περιεχόμενο")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_page_wears_the_agency_s_colour_and_the_typeface(page: Page):
    page.goto("/mykeplive/")
    page.wait_for_function("document.fonts.check('1rem Roboto', 'Ω') && document.fonts.status === 'loaded'")
    assert page.evaluate("[...document.fonts].filter(face => face.status === 'loaded').length") >= 2
    expect(page.locator(".site-header")).to_have_css("background-color", "rgb(0, 101, 179)")


def test_reader_elsewhere_sees_the_own_time_beside_the_branch_s(new_page: NewPage):
    address = "/mykeplive/kep-dilosi/?branch=kep-chania"
    there = new_page(timezone="America/New_York")
    there.goto(address)
    expect(there.get_by_text("δική σας ώρα").first).to_be_visible()
    here = new_page()
    here.goto(address)
    expect(here.locator("[data-own]").first).to_be_hidden()


def test_errors_take_the_focus_and_lead_to_their_field(page: Page, assert_accessible: Callable[[Page], None]):
    page.goto("/accounts/signup/")
    page.get_by_role("button", name="Συνέχεια").click()
    expect(page.locator(".govgr-error-summary")).to_be_focused()
    expect(page).to_have_title("Σφάλμα: Δημιουργία λογαριασμού – myDESKlive")
    assert_accessible(page)
    page.locator(".govgr-error-summary a").click()
    expect(page.get_by_label("Διεύθυνση e-mail")).to_be_focused()
