"""An officer's day in the browser, a supervisor's closure, and what another branch's officer finds."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.people import invited
from agencies.models import Branch, Channel, Closure, Membership, Role
from appointments.models import Appointment, Status, TimeSlot
from appointments.times.publishing import publish
from tests import codes
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, an_appointment, an_officer
from tests.conftest import PHONE, NewPage
from tests.pages import Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, open around the clock since some hours ago: the pages read the real clock."""
    agency = an_agency()
    branch = a_branch(agency)
    a_procedure(agency, channels=[*Channel])
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50", channels=[*Channel])
    publish([branch.pk], now=timezone.now() - timedelta(hours=4))
    return branch


def booked_at(branch: Branch, moment: datetime, number: int, **fields: object) -> Appointment:
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gte=moment, taken=0).earliest("starts_at")
    return an_appointment(slot, number, now=timezone.now() - timedelta(hours=4), **fields)


def day_of(appointment: Appointment) -> str:
    return f"/admin/appointments/appointment/day/?date={appointment.branch.local(appointment.starts_at):%Y-%m-%d}"


def step(page: Page, appointment: Appointment, name: str) -> None:
    """Press the step in the appointment's row, opening the menu behind the first one if it is there."""
    row = page.locator(f"tr[id='{appointment.reference}']")
    starts = re.compile(f"^{name}")
    button = row.get_by_role("button", name=starts).or_(row.get_by_role("link", name=starts))
    if not button.is_visible():
        row.locator("summary").click()
    button.click()


def test_invited_officer_signs_in_and_begins_with_the_queue(page: Page, branch: Branch) -> None:
    officer = invited("new.officer@example.org", "Νέα Υπάλληλος")
    Membership.objects.create(user=officer, agency=branch.agency, branch=branch)
    page.goto("/admin/")
    page.locator("main input[name=email]").fill(officer.email)
    page.get_by_role("button", name="Αποστολή κωδικού").click()
    page.locator("main input[name=code]").wait_for()
    page.locator("main input[name=code]").fill(codes.latest())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("ΚΕΠ Χανίων")
    assert page.url.endswith("/admin/appointments/appointment/queue/")


def test_officer_serves_a_day(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    now = timezone.now()
    coming = booked_at(branch, now + timedelta(minutes=5), 1, name="Μαρία Παπαδοπούλου")
    gone = booked_at(branch, now - timedelta(hours=2), 2, name="Νίκος Ιωάννου")
    sign_in(page, an_officer(branch), live_server)

    page.goto(day_of(coming))
    assert_accessible(page)
    for name in ("Προσήλθε", "Έναρξη", "Ολοκλήρωση"):
        step(page, coming, name)
    expect(page.locator(f"tr[id='{coming.reference}'] .state")).to_contain_text("Ολοκληρώθηκε")
    coming.refresh_from_db()
    assert coming.status == Status.COMPLETED

    page.goto(day_of(gone))
    step(page, gone, "Δεν προσήλθε")
    expect(page.locator(f"tr[id='{gone.reference}'] .state")).to_contain_text("Δεν προσήλθε")
    gone.refresh_from_db()
    assert gone.status == Status.NO_SHOW


def test_officer_cancels_and_moves(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    now = timezone.now()
    first, second = (booked_at(branch, now + timedelta(minutes=20), number) for number in (1, 2))
    sign_in(page, an_officer(branch), live_server)

    page.goto(day_of(first))
    step(page, first, "Ακύρωση")
    expect(page.get_by_text("citizen1@example.org")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("textbox").fill("Βλάβη στο δίκτυο")
    page.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(page.locator(f"tr[id='{first.reference}']")).to_contain_text("Ακυρώθηκε")
    first.refresh_from_db()
    assert (first.status, first.cancel_reason) == (Status.CANCELLED, "Βλάβη στο δίκτυο")

    page.goto(day_of(second))
    step(page, second, "Αλλαγή ώρας")
    assert_accessible(page)
    page.locator(".times__day").nth(1).locator("summary").click()
    page.locator(".times__day").nth(1).locator("input").first.check(force=True)
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url("**/day/**")
    before = second.starts_at
    second.refresh_from_db()
    assert second.starts_at > before
    assert second.notifications.filter(kind="moved").exists()


def test_officer_books_for_a_caller_by_keyboard(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    sign_in(page, an_officer(branch), live_server)
    page.goto("/admin/appointments/appointment/book/")
    page.get_by_label("Υπηρεσία").select_option("kep-dilosi")
    page.get_by_label("Τρόπος εξυπηρέτησης").select_option("phone")
    page.get_by_role("combobox", name="Σημείο εξυπηρέτησης").press("Enter")
    page.keyboard.type("χανιων")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".times__day").first.locator("input").last.focus()  # the first may pass meanwhile
    page.keyboard.press("Space")
    page.get_by_label("Ονοματεπώνυμο").fill("Ελένη Καλούσα")
    page.get_by_label("Τηλέφωνο").fill("6912345678")
    assert_accessible(page)
    page.keyboard.press("Enter")
    expect(page.locator(".read-out__reference")).to_be_visible()
    assert_accessible(page)
    appointment = Appointment.objects.get()
    assert appointment.spoken_reference in page.locator(".read-out__reference").inner_text()
    assert (appointment.name, appointment.source) == ("Ελένη Καλούσα", "staff")


def test_officer_serves_without_javascript(plain_page: Page, branch: Branch, live_server: LiveServer) -> None:
    coming = booked_at(branch, timezone.now() + timedelta(minutes=5), 1)
    sign_in(plain_page, an_officer(branch), live_server)
    plain_page.goto(day_of(coming))
    for name in ("Προσήλθε", "Έναρξη", "Ολοκλήρωση"):
        step(plain_page, coming, name)
    plain_page.locator(f"tr[id='{coming.reference}'] th a").click()
    expect(plain_page.get_by_text("citizen1@example.org")).to_be_visible()
    coming.refresh_from_db()
    assert coming.status == Status.COMPLETED


def test_pages_without_javascript_show_what_works_without_it(
    plain_page: Page, branch: Branch, live_server: LiveServer
) -> None:
    a_branch(branch.agency, "kep-second", name_el="Περιφερειακό κέντρο εξυπηρέτησης πολιτών " * 4)
    sign_in(plain_page, an_officer(branch.agency, Role.AGENCY_ADMIN), live_server)
    for path in ("closure/add/", "openingrule/add/"):
        plain_page.goto(f"/admin/agencies/{path}")
        field, card = plain_page.locator("#id_branch"), plain_page.locator("fieldset").first
        inner, outer = field.bounding_box(), card.bounding_box()
        assert inner is not None
        assert outer is not None
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"], path
        assert field.evaluate("one => getComputedStyle(one).borderRadius") == "6px"
    plain_page.goto("/admin/agencies/branch/")
    expect(plain_page.get_by_text("Φίλτρα", exact=True)).to_be_hidden()
    plain_page.locator("#changelist-filter").get_by_role("link", name="Ναι").click()
    assert "is_open" in plain_page.url
    plain_page.goto("/admin/appointments/appointment/calendar/?view=week")
    for part in ("#calendar", "#calendar-keys", ".calendar-legend"):
        expect(plain_page.locator(part)).to_have_count(1)
        expect(plain_page.locator(part)).to_be_hidden()


@pytest.mark.parametrize("path", ["openingrule/add/", "closure/add/", "membership/add/"])
def test_fields_that_search_have_the_name_of_their_label(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible, path: str
) -> None:
    a_branch(branch.agency, "kep-second")
    sign_in(page, an_officer(branch.agency, Role.AGENCY_ADMIN), live_server)
    page.goto(f"/admin/agencies/{path}")
    expect(page.get_by_role("combobox", name="Σημείο εξυπηρέτησης")).to_be_visible()
    assert_accessible(page)


def test_list_of_errors_takes_the_focus_and_leads_to_the_field(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    phone = new_page(size=PHONE)
    sign_in(phone, an_officer(branch.agency, Role.AGENCY_ADMIN), live_server)
    phone.goto("/admin/agencies/branch/add/")
    phone.get_by_role("button", name="Αποθήκευση", exact=True).click()
    expect(phone.get_by_role("alert")).to_be_focused()
    assert_accessible(phone)
    phone.get_by_role("link", name="Πόλη (ελληνικά)").click()
    expect(phone.get_by_label("Πόλη (ελληνικά)")).to_be_focused()


def test_filters_open_and_close_by_keyboard(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    a_branch(branch.agency, "kep-second")
    sign_in(page, an_officer(branch.agency, Role.AGENCY_ADMIN), live_server)
    page.goto("/admin/agencies/branch/")
    opener = page.get_by_role("button", name="Φίλτρα", expanded=False)
    for key, close in (("Enter", "Escape"), ("Space", "Enter")):
        opener.press(key)
        expect(page.get_by_role("button", name="Κλείσιμο των φίλτρων")).to_be_focused()
        assert page.locator(".filters-opener").get_attribute("aria-expanded") == "true"
        assert_accessible(page)
        page.keyboard.press(close)
        expect(page.locator("#changelist-filter")).to_be_hidden()
        expect(opener).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox").or_(page.get_by_role("textbox"))).to_be_focused()


def test_supervisor_closes_over_two_appointments(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    moment = timezone.now() + timedelta(days=3)
    appointments = [booked_at(branch, moment, number, name=f"Πολίτης {number}") for number in (1, 2)]
    sign_in(page, an_officer(branch, Role.SUPERVISOR), live_server)
    page.goto("/admin/agencies/closure/add/")
    for name, days in (("from_date", 2), ("until_date", 4)):
        page.locator(f"#id_{name}").fill(f"{branch.local(timezone.now() + timedelta(days=days)):%Y-%m-%d}")
    page.locator("#id_reason_el").fill("Μετακόμιση")
    page.get_by_role("button", name="Αποθήκευση", exact=True).click()
    page.get_by_role("button", name="τα αφήνω για αργότερα").click()
    expect(page.get_by_text("2 ραντεβού είναι πλέον εκτός ωραρίου.")).to_be_visible()
    assert Closure.objects.count() == 1
    page.get_by_role("link", name="Δείτε ποια").click()
    for appointment in appointments:
        expect(page.get_by_text(appointment.spoken_reference)).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Αλλαγή ώρας Πολίτης 1").click()
    page.locator(".empty a, .times__day").first.wait_for()


def test_officer_of_another_branch_finds_nothing(page: Page, branch: Branch, live_server: LiveServer) -> None:
    appointment = booked_at(branch, timezone.now() + timedelta(hours=1), 1)
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας")
    sign_in(page, an_officer(other), live_server)
    for address in (
        f"{appointment.reference}/change/",
        f"{appointment.reference}/cancel/",
        f"day/?branch={branch.code}",
    ):
        response = page.goto(f"/admin/appointments/appointment/{address}")
        assert response is not None
        assert response.status == 404


@pytest.mark.parametrize("language", ["el", "en"])
def test_messages_and_contact_fit_a_very_small_screen(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible, language: str
) -> None:
    appointment = booked_at(branch, timezone.now() + timedelta(minutes=5), 1, email=f"{'long-' * 12}name@example.org")
    failed = {"state": "failed", "sent_to": appointment.email, "last_error": "550 5.1.1 No such user", "attempts": 8}
    appointment.notifications.filter(kind="confirmation").update(due_at=timezone.now(), **failed)
    small = new_page(size=(320, 640), language=language)
    sign_in(small, an_officer(branch, Role.SUPERVISOR), live_server)
    for address in (f"{appointment.reference}/change/", f"{appointment.reference}/contact/", "watch/messages/"):
        small.goto(f"/admin/appointments/appointment/{address}")
        assert fits(small), address
        assert_accessible(small)


def test_day_fits_a_phone(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    appointment = booked_at(branch, timezone.now() + timedelta(minutes=5), 1, name="Κωνσταντίνος Παπαγεωργόπουλος")
    phone = new_page(size=PHONE)
    sign_in(phone, an_officer(branch), live_server)
    phone.goto(day_of(appointment))
    assert fits(phone)
    assert_accessible(phone)
    phone.get_by_role("button", name="Άνοιγμα του μενού").click()
    expect(phone.get_by_role("link", name="Κράτηση για πολίτη").first).to_be_visible()
    assert_accessible(phone)
    expect(phone.locator("#staff-nav a").first).to_be_focused()
    assert phone.evaluate("document.getElementById('main').inert")
    opener = phone.get_by_role("button", name="Άνοιγμα του μενού", expanded=False)
    phone.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.click()
    phone.mouse.click(PHONE[0] - 20, 300)
    expect(opener).to_be_focused()
    assert not phone.evaluate("document.getElementById('main').inert")


def test_form_and_list_of_the_admin_on_a_phone(new_page: NewPage, branch: Branch, live_server: LiveServer) -> None:
    phone = new_page(size=PHONE)
    sign_in(phone, an_officer(branch.agency, Role.AGENCY_ADMIN), live_server)
    phone.goto(f"/admin/agencies/openingrule/{branch.opening_rules.get().pk}/change/")
    places = [one.bounding_box() for one in phone.locator("#submit-row :is(button, a)").all()]
    assert [one["y"] for one in places if one] == sorted(one["y"] for one in places if one)
    assert phone.locator("#submit-row :is(button, a)").last.inner_text() == "Διαγραφή"
    phone.goto("/admin/agencies/branch/")
    labels = [one.get_attribute("data-label") or "" for one in phone.locator("[data-label]").all()]
    assert "Πόλη" in labels
    assert [one for one in labels if one[:1].islower()] == []
