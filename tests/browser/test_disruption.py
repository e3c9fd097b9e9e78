"""A strike in the browser: a supervisor starts it, citizens answer, and the board follows without reload."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, Channel, Role
from appointments import disruptions
from appointments.models import Appointment, Disruption, Offer, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    STAFF,
    WORKER,
    a_branch,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    an_officer,
)
from tests.codes import pass_check
from tests.conftest import NewPage, hurry
from tests.pages import Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
State = Offer.State
SMALL = (320, 700)
POLLED = 20_000  # milliseconds: the board asks every five seconds


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, open around the clock: the pages read the real clock."""
    agency = an_agency()
    branch = a_branch(agency, phone="2821012345")
    a_procedure(agency, channels=[*Channel])
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50", channels=[*Channel])
    publish([branch.pk], now=timezone.now())
    return branch


@pytest.fixture
def supervisor(branch: Branch) -> User:
    return an_officer(branch, Role.SUPERVISOR, "supervisor@example.org")


@pytest.fixture
def office(page: Page, supervisor: User, live_server: LiveServer) -> Page:
    """The supervisor's browser."""
    sign_in(hurry(page), supervisor, live_server)
    return page


def booked(branch: Branch, number: int, **fields: object) -> Appointment:
    """At noon in three days and after."""
    noon = branch.local(timezone.now()).replace(hour=12, minute=0, second=0) + timedelta(days=3)
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gte=noon, taken=0).earliest("starts_at")
    return an_appointment(slot, number, now=timezone.now(), **fields)


def day_of(appointment: Appointment) -> str:
    return appointment.branch.local(appointment.starts_at).date().isoformat()


def look_after() -> None:
    """What the worker does."""
    disruptions.look_after(Disruption.objects.get(), by=WORKER, now=timezone.now())


def test_supervisor_starts_a_strike_and_sees_it_settled(
    office: Page, phone: Page, branch: Branch, assert_accessible: Accessible
) -> None:
    first = booked(branch, 1, name="Μαρία Παπαδοπούλου")
    second = booked(branch, 2, name="Νίκος Ιωάννου", email="", phone="6900000002")
    office.goto("/admin/appointments/disruption/add/")
    assert_accessible(office)
    for label in ("Πρώτη ημέρα", "Τελευταία ημέρα"):
        office.get_by_label(label).fill(day_of(first))
    office.get_by_label("Λόγος (ελληνικά)").fill("Απεργία")
    office.get_by_label("Λόγος (αγγλικά)").fill("Strike")
    office.get_by_role("button", name="Δείτε ποιους αφορά").click()
    expect(office.get_by_text("6900000002")).to_have_count(1)
    assert_accessible(office)
    office.get_by_role("button", name="Απόσυρση των ωρών και 2 προτάσεις").click()
    expect(office.get_by_role("heading", name="Αναζήτηση άλλων ωρών: απομένουν 2")).to_be_visible()

    look_after()
    expect(office.get_by_role("heading", name="2 πολίτες περιμένουν ακόμη")).to_be_visible(timeout=POLLED)
    assert_accessible(office)
    row = office.locator(f"tr[id='{second.reference}']")
    expect(row).to_contain_text("Χωρίς e-mail: τηλεφωνήστε στον πολίτη")

    phone.goto(f"{first.get_absolute_url()}offer/?key={first.link_key}")

    pass_check(phone)
    assert_accessible(phone)
    phone.get_by_role("button", name="Δέχομαι τη νέα ώρα").click()
    expect(phone.get_by_text("Η νέα ώρα είναι δική σας")).to_be_visible()

    expect(office.get_by_role("heading", name="1 πολίτης περιμένει ακόμη")).to_be_visible(timeout=POLLED)
    row.get_by_role("button", name=re.compile("^Δέχεται")).click()
    expect(office.get_by_role("heading", name="Διευθετήθηκε: κανείς δεν περιμένει πια")).to_be_visible()
    assert set(Offer.objects.values_list("state", flat=True)) == {State.ACCEPTED}


def test_officer_calls_moves_and_cancels_from_the_board(office: Page, branch: Branch) -> None:
    moved, cancelled = booked(branch, 1), booked(branch, 2)
    a_strike(branch, moved)
    office.goto(f"/admin/appointments/disruption/{Disruption.objects.get().pk}/change/")
    office.locator(f"tr[id='{moved.reference}']").get_by_role("link", name="Αλλαγή ώρας").click()
    office.locator(".times__day").last.locator("summary").click()
    office.locator(".times__day").last.locator("label").first.click()
    office.get_by_role("button", name="Αλλαγή σε αυτή την ώρα").click()
    expect(office.get_by_role("heading", name="1 πολίτης περιμένει ακόμη")).to_be_visible(timeout=POLLED)
    office.locator(f"tr[id='{cancelled.reference}']").get_by_role("link", name="Ακύρωση").click()
    office.get_by_role("textbox").fill("Το ζητήσατε στο τηλέφωνο")
    office.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(office.get_by_role("heading", name="Διευθετήθηκε")).to_be_visible()
    assert set(Offer.objects.values_list("state", flat=True)) == {State.CHANGED, State.CANCELLED}


def a_strike(branch: Branch, appointment: Appointment, **fields: object) -> Disruption:
    day = branch.local(appointment.starts_at).date()
    given = {"from_date": day, "until_date": day, "reason_el": "Απεργία", "reason_en": "Strike"} | fields
    strike = disruptions.start(Disruption(agency=branch.agency, **given), [branch], by=STAFF, now=timezone.now())
    look_after()
    return strike


@pytest.mark.parametrize("language", ["el", "en"])
def test_offer_is_answered_on_a_small_screen_without_scripts(new_page: NewPage, branch: Branch, language: str) -> None:
    appointment = booked(branch, 1, language=language)
    a_strike(branch, appointment)
    page = new_page(size=SMALL, language=language, javascript=False)
    prefix = "" if language == "el" else "/en"
    page.goto(f"{prefix}{appointment.get_absolute_url()}offer/?key={appointment.link_key}")
    pass_check(page)
    assert page.locator("html").get_attribute("lang") == language
    assert fits(page)
    page.locator("main form button").click()
    assert page.url.endswith(appointment.get_absolute_url())
    assert Offer.objects.get().state == State.ACCEPTED


def test_pages_of_nothing_found_are_accessible(page: Page, branch: Branch, assert_accessible: Accessible) -> None:
    appointment = booked(branch, 1)
    a_strike(branch, appointment, ways=["near"])
    page.goto(f"{appointment.get_absolute_url()}offer/?key={appointment.link_key}")
    pass_check(page)
    expect(page.get_by_text("Δεν βρήκαμε άλλη ελεύθερη ώρα")).to_be_visible()
    assert_accessible(page)
    page.goto(appointment.get_absolute_url())
    assert_accessible(page)


def test_branches_are_found_among_many(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    for number in range(12):
        region = ("Κρήτη", "Αττική")[number % 2]
        a_branch(
            branch.agency, f"kep-{number}", name_el=f"ΚΕΠ Δήμου {number}", region_el=region, city_el=f"Πόλη {number}"
        )
    sign_in(page, an_officer(branch.agency, Role.SUPERVISOR, "all@example.org"), live_server)
    page.goto("/admin/appointments/disruption/add/")
    page.get_by_label("Αναζήτηση σημείου").fill("ΑΤΤΙΚΗ 11")
    expect(page.locator(".branches__place li:visible")).to_have_count(1)
    page.get_by_label("ΚΕΠ Δήμου 11").check()
    expect(page.get_by_text("Επιλεγμένα: 1")).to_be_visible()
    assert_accessible(page)


def test_disruption_is_started_without_scripts(
    plain_page: Page, branch: Branch, supervisor: User, live_server: LiveServer
) -> None:
    appointment = booked(branch, 1)
    sign_in(plain_page, supervisor, live_server)
    day = day_of(appointment)
    query = f"branch={branch.code}&from_date={day}&until_date={day}&reason_el=Πλημμύρα&reason_en=Flood"
    plain_page.goto(f"/admin/appointments/disruption/add/?{query}")
    plain_page.get_by_role("button", name="Δείτε ποιους αφορά").click()
    plain_page.get_by_role("button", name="Απόσυρση των ωρών και 1 πρόταση").click()
    assert Disruption.objects.get().reason_el == "Πλημμύρα"
