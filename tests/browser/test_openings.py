"""A supervisor plans: what a change brings is told while it is typed, and who is affected before it is saved."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from agencies.models import Branch, Closure, OpeningRule, Role
from appointments.models import Appointment, TimeSlot
from appointments.times.publishing import publish
from tests.builders import EVERY_DAY, a_branch, a_procedure, a_rule, an_agency, an_appointment, an_officer
from tests.conftest import PHONE, NewPage
from tests.pages import Accessible, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SAVE = "Αποθήκευση"


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων with three desks on every day."""
    branch = a_branch(an_agency())
    a_procedure(branch.agency)
    a_rule(branch, weekdays=EVERY_DAY, desks=3)
    publish([branch.pk], now=timezone.now())
    return branch


def three_together(branch: Branch) -> list[Appointment]:
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gt=timezone.now() + timedelta(days=3)).earliest(
        "starts_at"
    )
    return [an_appointment(slot, number, now=timezone.now(), name=f"Πολίτης {number}") for number in range(3)]


def rule_page(branch: Branch, name: str = "change") -> str:
    return f"/admin/agencies/openingrule/{branch.opening_rules.earliest('pk').pk}/{name}/"


def test_rule_tells_what_it_brings_while_one_types(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    three_together(branch)
    sign_in(page, an_officer(branch, Role.SUPERVISOR), live_server)
    page.goto(rule_page(branch))
    assert_accessible(page)
    live = page.locator(".live-look")
    page.locator("#id_desks").fill("2")
    expect(live).to_contain_text("λιγότερες από τώρα")
    expect(live).to_contain_text("1 ραντεβού εκτός ωραρίου.")
    live.get_by_text("Ποιους αφορά").click()
    expect(live.get_by_text("Πολίτης 2")).to_be_visible()
    assert_accessible(page)
    page.locator("#id_desks").fill("4")
    expect(live).to_contain_text("περισσότερες από τώρα")
    expect(live.get_by_text("Πολίτης 2")).to_have_count(0)
    page.locator("#id_closes_at").fill("07:00")
    expect(live).to_be_hidden()
    assert branch.opening_rules.get().desks == 3


def test_rule_change_with_conflicts_asks_first(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    three_together(branch)
    sign_in(page, an_officer(branch, Role.SUPERVISOR), live_server)
    page.goto(rule_page(branch))
    page.locator("#id_desks").fill("1")
    page.get_by_role("button", name=SAVE, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Επηρεάζονται 2 ραντεβού")
    assert_accessible(page)
    page.get_by_role("button", name="Πίσω").click()
    expect(page.locator("#id_desks")).to_have_value("1")
    assert branch.opening_rules.get().desks == 3
    page.get_by_role("button", name=SAVE, exact=True).click()
    page.get_by_role("button", name="τα αφήνω για αργότερα").click()
    expect(page.get_by_text("2 ραντεβού είναι πλέον εκτός ωραρίου.")).to_be_visible()
    assert branch.opening_rules.get().desks == 1


def test_desks_are_split_off_and_shown_in_the_week(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    sign_in(page, an_officer(branch, Role.SUPERVISOR), live_server)
    page.goto(rule_page(branch))
    page.get_by_role("link", name="Διαχωρισμός θυρίδων").click()
    page.get_by_label("Επισκέψεις χωρίς ραντεβού").check()
    expect(page.locator(".live-look")).to_contain_text("όσοι έρχονται χωρίς ραντεβού")
    assert_accessible(page)
    page.get_by_role("button", name="Διαχωρισμός", exact=True).click()
    expect(page.locator(".week").get_by_text("Επισκέψεις χωρίς ραντεβού")).to_have_count(7)
    assert_accessible(page)
    assert sorted(OpeningRule.objects.values_list("purpose", "desks")) == [("public", 2), ("walk_in", 1)]


def test_absence_shows_what_it_takes_before_it_is_saved(
    page: Page, branch: Branch, live_server: LiveServer, assert_accessible: Accessible
) -> None:
    sign_in(page, an_officer(branch, Role.SUPERVISOR), live_server)
    page.goto("/admin/agencies/closure/")
    page.get_by_role("link", name="Προσθήκη απουσίας υπαλλήλου").click()
    page.locator("#id_officer").select_option(label="Άννα Υπαλλήλου")
    page.locator("#id_from_date").fill(f"{timezone.localdate() + timedelta(days=4):%Y-%m-%d}")
    page.locator("#id_until_date").fill(f"{timezone.localdate() + timedelta(days=4):%Y-%m-%d}")
    expect(page.locator(".live-look")).to_contain_text("Αφαιρεί 36 θέσεις για ραντεβού.")
    assert_accessible(page)
    page.get_by_role("button", name=SAVE, exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Άννα Υπαλλήλου")
    assert_accessible(page)
    assert Closure.objects.get().desks == 1


def test_closure_is_looked_at_and_saved_without_javascript(
    plain_page: Page, branch: Branch, live_server: LiveServer
) -> None:
    three_together(branch)
    sign_in(plain_page, an_officer(branch, Role.SUPERVISOR), live_server)
    plain_page.goto("/admin/agencies/closure/add/")
    plain_page.locator("#id_until_date").fill(f"{timezone.localdate() + timedelta(days=9):%Y-%m-%d}")
    plain_page.get_by_role("button", name="χωρίς αποθήκευση").click()
    expect(plain_page.get_by_text(re.compile("3 ραντεβού εκτός ωραρίου"))).to_be_visible()
    assert not Closure.objects.exists()
    plain_page.get_by_role("button", name=SAVE, exact=True).click()
    plain_page.get_by_role("button", name="τα αφήνω για αργότερα").click()
    expect(plain_page.get_by_text("3 ραντεβού είναι πλέον εκτός ωραρίου.")).to_be_visible()
    assert Closure.objects.count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "openingrule/",
        "openingrule/add/",
        "openingrule/add/?once=1",
        "openingrule/{rule}/change/",
        "openingrule/{rule}/split/",
        "openingrule/{rule}/delete/",
        "closure/",
        "closure/add/",
        "closure/add/?kind=absence",
        "branch/{branch}/change/",
    ],
)
def test_planning_fits_a_phone(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible, path: str
) -> None:
    phone = new_page(size=PHONE)
    sign_in(phone, an_officer(branch, Role.SUPERVISOR), live_server)
    phone.goto(f"/admin/agencies/{path.format(rule=branch.opening_rules.get().pk, branch=branch.pk)}")
    expect(phone.get_by_role("heading", level=1)).to_be_visible()
    assert fits(phone)
    assert_accessible(phone)


@pytest.mark.parametrize("javascript", [True, False])
def test_corrected_time_zone_asks_first_and_keeps_the_promised_times(
    new_page: NewPage, branch: Branch, live_server: LiveServer, assert_accessible: Accessible, javascript: bool
) -> None:
    appointments = three_together(branch)
    page = new_page(size=PHONE, javascript=javascript)
    sign_in(page, an_officer(branch.agency, Role.AGENCY_ADMIN), live_server)
    page.goto(f"/admin/agencies/branch/{branch.pk}/change/")
    page.get_by_text("Τόπος", exact=True).click()
    page.locator("#id_timezone").fill("America/New_York")
    page.get_by_role("button", name=SAVE, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Επηρεάζονται 3 ραντεβού")
    expect(page.get_by_text("Πολίτης 2")).to_be_visible()
    if javascript:
        assert_accessible(page)
    page.get_by_role("button", name="Αποθήκευση, και να μείνουν").click()
    expect(page.get_by_text("3 ραντεβού μένουν στην ώρα που ειπώθηκε")).to_be_visible()
    for one in Appointment.objects.select_related("branch"):
        assert (one.branch.timezone, one.is_off_clock) == ("America/New_York", False)
        assert one.promised == appointments[0].promised
    Branch.objects.update(timezone="Europe/Athens")
    page.goto("/admin/appointments/appointment/promises/")
    expect(page.get_by_text("Πολίτης 2")).to_be_visible()
    if javascript:
        assert_accessible(page)
    page.get_by_role("button", name="Να μείνουν").click()
    expect(page.get_by_text("Κάθε ραντεβού αρχίζει την ώρα που ειπώθηκε.")).to_be_visible()
    if javascript:
        assert_accessible(page)
