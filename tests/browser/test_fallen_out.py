"""Times that fall out in the browser: a shortened opening rule, and a strike over two days, resolved to the last."""

import re
from collections import Counter
from datetime import date

import pytest
import time_machine
from django.core import mail
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, OpeningRule, Role
from appointments.models import Appointment, Disruption, Notification, Offer, Status, TimeSlot
from appointments.tasks import deliver_due, expire_due, look_after_disruptions
from tests.builders import an_appointment, an_officer, at, booked_at, messages_of, today_at
from tests.codes import open_for, pass_check
from tests.pages import SOON, choose_first_time, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Purpose, Kind = OpeningRule.Purpose, Notification.Kind
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = (date(2026, 3, day) for day in (3, 4, 5, 6, 7))


@pytest.fixture
def office(page: Page, hall: Branch, live_server: LiveServer) -> Page:
    """The supervisor's browser."""
    sign_in(page, an_officer(hall, Role.SUPERVISOR), live_server)
    return page


# A rule change with conflicts


def test_rule_change_is_resolved_one_by_one(office: Page, hall: Branch) -> None:
    fits = booked_at(hall, 11, 50, 1, day=TUESDAY, name="Μαρία Παπαδοπούλου")
    moved = booked_at(hall, 12, 0, 2, day=TUESDAY, name="Νίκος Ιωάννου")
    cancelled = booked_at(hall, 13, 0, 3, day=TUESDAY, name="Ελένη Γεωργίου")
    office.goto(f"/admin/agencies/openingrule/{hall.opening_rules.get(purpose=Purpose.PUBLIC).pk}/change/")
    office.locator("#id_closes_at").fill("12:00")
    expect(office.locator(".live-look")).to_contain_text("2 ραντεβού εκτός ωραρίου", timeout=SOON)
    office.get_by_role("button", name="Αποθήκευση", exact=True).click()
    expect(office.get_by_role("heading", level=1)).to_contain_text("Επηρεάζονται 2 ραντεβού")
    office.get_by_role("button", name="τα αφήνω για αργότερα").click()
    expect(office.get_by_text("2 ραντεβού είναι πλέον εκτός ωραρίου.")).to_be_visible()

    office.get_by_role("link", name="Εκτός ωραρίου").click()
    expect(office.get_by_role("row", name=fits.name)).to_have_count(0)
    office.get_by_role("link", name=f"Αλλαγή ώρας {moved.name}").click()
    choose_first_time(office, "Τετάρτη 4 Μαρτίου")
    office.get_by_role("button", name="Αλλαγή σε αυτή την ώρα").click()
    expect(office.get_by_role("row", name=moved.name)).to_have_count(0)
    office.get_by_role("link", name=f"Ακύρωση {cancelled.name}").click()
    office.get_by_role("textbox").fill("Κλείνουμε νωρίτερα")
    office.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(office.get_by_text("Όλα τα ραντεβού είναι μέσα στο ωράριο.")).to_be_visible()

    found = Appointment.objects.order_by("pk").values_list("status", "starts_at", "cancel_reason")
    assert list(found) == [
        (Status.BOOKED, at(11, 50), ""),
        (Status.BOOKED, at(8, day=WEDNESDAY), ""),
        (Status.CANCELLED, at(13), "Κλείνουμε νωρίτερα"),
    ]
    assert {kind for kind, _state in messages_of(fits)} == {Kind.CONFIRMATION, Kind.REMINDER}
    assert (Kind.MOVED, "pending") in messages_of(moved)
    assert (Kind.CANCELLED, "pending") in messages_of(cancelled)
    late = TimeSlot.objects.filter(branch=hall, starts_at__date=TUESDAY, starts_at__gte=at(12))
    assert sum(slot.capacity for slot in late) == 0


# A strike


def test_strike_is_resolved_to_the_last(
    office: Page, plain_page: Page, hall: Branch, live_server: LiveServer, clock: time_machine.Traveller
) -> None:
    everybody = a_crowd(hall)
    clock.move_to(today_at(9))
    starts_the_strike(office)
    look_after_disruptions()
    deliver_due()
    expect(office.get_by_role("heading", name="40 πολίτες περιμένουν ακόμη")).to_be_visible(timeout=SOON)

    in_browser, by_form, waiting = everybody[:3], everybody[3:30], everybody[30:]
    for answer, one in zip((accepts, chooses, cancels), in_browser, strict=True):
        answer(plain_page, offer_link(one))
    answers_by_form(accept=by_form[:15], choose=by_form[15:21], cancel=by_form[21:])
    expect(office.get_by_role("heading", name="10 πολίτες περιμένουν ακόμη")).to_be_visible(timeout=SOON)
    for one in waiting[:4]:
        row_of(office, one).get_by_role("button", name="Δέχεται").click()
    expect(office.get_by_role("heading", name="6 πολίτες περιμένουν ακόμη")).to_be_visible()

    clock.move_to(at(12, day=WEDNESDAY))
    expire_due()
    sign_in(office, User.objects.get(), live_server)
    office.reload()
    expect(office.get_by_role("link", name="6 Δεν απαντήθηκε εγκαίρως")).to_be_visible()
    settles_by_telephone(office, waiting[4:])
    expect(office.get_by_role("heading", name="Διευθετήθηκε: κανείς δεν περιμένει πια")).to_be_visible()
    look_after_disruptions()

    assert Disruption.objects.get().state == Disruption.State.SETTLED
    assert Counter(Offer.objects.values_list("state", flat=True)) == {"accepted": 22, "changed": 9, "cancelled": 9}
    assert Counter(Appointment.objects.exclude(name="").values_list("status", flat=True)) == {
        "booked": 31,
        "cancelled": 9,
    }
    assert not Appointment.objects.filter(status=Status.HELD).exists()
    open_ones = Appointment.objects.filter(status=Status.BOOKED)
    assert not open_ones.filter(starts_at__gte=at(0, day=THURSDAY), starts_at__lt=at(0, day=SATURDAY)).exists()
    in_use = Counter(slot for slots in open_ones.values_list("slot_ids", flat=True) for slot in slots)
    assert dict(TimeSlot.objects.filter(taken__gt=0).values_list("pk", "taken")) == in_use
    assert {kind for one in everybody for kind, _state in messages_of(one)} >= {Kind.OFFER, Kind.MOVED, Kind.CANCELLED}


def a_crowd(branch: Branch) -> list[Appointment]:
    """Forty: twenty on Thursday, twenty on Friday."""
    slots = TimeSlot.objects.filter(branch=branch, starts_at__date__in=(THURSDAY, FRIDAY)).order_by("starts_at")
    both_days = [slot for slot in slots if slot.starts_at.hour < 11][::3]
    return [
        an_appointment(slot, number, name=f"Πολίτης {number}") for number, slot in enumerate([*both_days, *both_days])
    ]


def starts_the_strike(page: Page) -> None:
    page.goto("/admin/appointments/disruption/add/")
    page.get_by_label("Πρώτη ημέρα").fill(f"{THURSDAY}")
    page.get_by_label("Τελευταία ημέρα").fill(f"{FRIDAY}")
    page.get_by_label("Λόγος (ελληνικά)").fill("Απεργία")
    page.get_by_label("Λόγος (αγγλικά)").fill("Strike")
    page.get_by_role("button", name="Δείτε ποιους αφορά").click()
    page.get_by_role("button", name="40 προτάσεις").click()
    expect(page.get_by_role("heading", name="Αναζήτηση άλλων ωρών: απομένουν 40")).to_be_visible()


def offer_link(appointment: Appointment) -> str:
    """As the message has it."""
    sent = next(one for one in mail.outbox if one.to == [appointment.email] and "/offer/" in one.body)
    return re.findall(r"https?://[^/]+(/\S+/offer/\S*)", str(sent.body))[0]


def accepts(citizen: Page, link: str) -> None:
    citizen.goto(link)
    pass_check(citizen)
    citizen.get_by_role("button", name="Δέχομαι τη νέα ώρα").click()
    expect(citizen.get_by_text("Η νέα ώρα είναι δική σας")).to_be_visible()


def chooses(citizen: Page, link: str) -> None:
    citizen.goto(link)
    pass_check(citizen)
    citizen.get_by_role("link", name="Επιλέξτε άλλη ώρα").click()
    citizen.locator(".slot").last.click()
    citizen.get_by_role("button", name="Αλλαγή του ραντεβού").click()
    expect(citizen.get_by_text("Η ώρα του ραντεβού σας άλλαξε")).to_be_visible()


def cancels(citizen: Page, link: str) -> None:
    citizen.goto(link)
    pass_check(citizen)
    citizen.get_by_role("link", name="Ακύρωση του ραντεβού").click()
    citizen.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(citizen.get_by_text("Το ραντεβού σας ακυρώθηκε")).to_be_visible()


def answers_by_form(*, accept: list[Appointment], choose: list[Appointment], cancel: list[Appointment]) -> None:
    """The same forms, without a browser around them: for many it takes too long."""
    free = TimeSlot.objects.filter(starts_at__date=date(2026, 3, 12), taken=0).values_list("pk", flat=True)
    posts: list[tuple[Appointment, str, dict[str, int]]] = [(one, "offer/", {}) for one in accept]
    posts += [(one, "move/check/", {"slot": slot}) for one, slot in zip(choose, free, strict=False)]
    posts += [(one, "cancel/", {}) for one in cancel]
    for one, path, given in posts:
        citizen = Client()
        open_for(citizen, one)
        assert citizen.post(f"{one.get_absolute_url()}{path}", given).status_code == 302


def row_of(page: Page, appointment: Appointment) -> Locator:
    return page.locator(f"tr[id='{appointment.reference}']")


def settles_by_telephone(page: Page, silent: list[Appointment]) -> None:
    """A third say yes to another offer, a third are moved, a third cancel."""
    third = len(silent) // 3
    for one in silent[:third]:
        row_of(page, one).get_by_role("button", name="Νέα πρόταση").click()
        row_of(page, one).get_by_role("button", name="Δέχεται").click()
        expect(row_of(page, one)).to_have_count(0)
    for one in silent[third : 2 * third]:
        row_of(page, one).get_by_role("link", name="Αλλαγή ώρας").click()
        choose_first_time(page, "Πέμπτη 12 Μαρτίου")
        page.get_by_role("button", name="Αλλαγή σε αυτή την ώρα").click()
        expect(row_of(page, one)).to_have_count(0)
    for one in silent[2 * third :]:
        row_of(page, one).get_by_role("link", name="Ακύρωση").click()
        page.get_by_role("textbox").fill("Το ζητήσατε στο τηλέφωνο")
        page.get_by_role("button", name="Ακύρωση του ραντεβού").click()
        expect(row_of(page, one)).to_have_count(0)
