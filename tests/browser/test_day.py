"""A whole day in the browser, from the first opening rule to the last ticket, with what the database holds at the end.

The clock stands where the day needs it and goes on from there: the pages read the same one.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, OpeningRule, Role
from appointments import desks, queue
from appointments.models import (
    Appointment,
    Desk,
    Disruption,
    Event,
    Notification,
    Offer,
    Queue,
    Status,
    Ticket,
    TimeSlot,
)
from appointments.publishing import publish
from appointments.tasks import deliver_due, expire_due, look_after_disruptions
from tests.browser.test_admin import sign_in
from tests.builders import NOW, a_branch, a_procedure, a_rule, an_agency, an_appointment, an_officer, at, today_at
from tests.conftest import PHONE, NewPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Accessible = Callable[[Page], None]
Purpose, State, Verb, Kind = OpeningRule.Purpose, Ticket.State, Event.Verb, Notification.Kind
APPOINTMENTS = "/admin/appointments/appointment/"
QUEUE = f"{APPOINTMENTS}queue/"
SAVE = "Αποθήκευση"
BACK = re.compile(r"/queue/\?branch=")
ANNA, KOSTAS = "Άννα Υπαλλήλου", "Κώστας Θυρίδας"
NOTE = "Η βεβαίωση έρχεται σε δύο ημέρες."
MORNING = [
    (Verb.CHECK_IN, "A001", ""),
    (Verb.CHECK_IN, "A002", ""),
    (Verb.CHECK_IN, "A003", ""),
    (Verb.CHECK_IN, "B004", ""),
    (Verb.CALL, "B004", ANNA),
    (Verb.COMPLETE, "B004", ANNA),
    (Verb.CALL, "A001", ANNA),
    (Verb.SERVE, "A001", ANNA),
    (f"{Verb.COMPLETE}-", "A001", ANNA),
    (Verb.COMPLETE, "A001", ANNA),
    (Verb.CALL, "A002", ANNA),
    (Verb.FORWARD, "A002", ANNA),
    (Verb.CALL, "A002", KOSTAS),
    (Verb.SERVE, "A002", KOSTAS),
    (Verb.COMPLETE, "A002", KOSTAS),
    (Verb.CALL, "A003", ANNA),
    (Verb.CALL_AGAIN, "A003", ANNA),
    (Verb.MISS, "A003", ANNA),
]
# Pages ask for news every two to ten seconds.
SOON = 15_000
TODAY, TUESDAY, THURSDAY, FRIDAY = (date(2026, 3, day) for day in (2, 3, 5, 6))


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Monday, half past seven, before the doors open."""
    with time_machine.travel(today_at(7, 30), tick=True) as traveller:
        yield traveller


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων with one service, and nothing else yet."""
    agency = an_agency()
    a_procedure(agency)
    return a_branch(agency)


@pytest.fixture
def rethymno(branch: Branch) -> Branch:
    """Another branch of the agency, open for everybody and for follow-ups of others."""
    other = a_branch(branch.agency, "kep-rethymno", name_el="ΚΕΠ Ρεθύμνου", city_el="Ρέθυμνο", takes_referrals=True)
    a_rule(other)
    publish([other.pk], now=NOW)
    return other


@pytest.fixture
def hall(branch: Branch) -> Branch:
    """The same branch on a working day: two desks for appointments, one for who comes without, kiosk and screen."""
    a_rule(branch, desks=2)
    a_rule(branch, purpose=Purpose.WALK_IN)
    publish([branch.pk], now=NOW)
    Queue.objects.create(branch=branch)
    Desk.objects.bulk_create(Desk(branch=branch, name=name) for name in ("1", "2", "3"))
    return branch


@pytest.fixture
def supervisor(branch: Branch) -> User:
    return an_officer(branch, Role.SUPERVISOR, "supervisor@example.org")


@pytest.fixture
def office(page: Page, supervisor: User, live_server: LiveServer) -> Page:
    """The supervisor's browser."""
    sign_in(page, supervisor, live_server)
    return page


def booked(branch: Branch, hour: int, minute: int, name: str, *, day: date = TODAY) -> Appointment:
    slot = TimeSlot.objects.get(branch=branch, starts_at=at(hour, minute, day=day))
    return an_appointment(slot, Appointment.objects.count(), name=name)


def kiosk_of(branch: Branch) -> str:
    return f"/kiosk/{branch.queue.kiosk_key}/"


def tickets_of(branch: Branch) -> list[tuple[str, str, str, str]]:
    """Each ticket of the day: number, whose it is, state, desk."""
    found = Ticket.objects.of_day(branch, TODAY).select_related("appointment", "desk").order_by("number")
    return [
        (
            one.spoken_number,
            one.appointment.name if one.appointment else "",
            one.state,
            one.desk.name if one.desk else "",
        )
        for one in found
    ]


# Opening the branch


def test_supervisor_opens_a_branch(
    page: Page, new_page: NewPage, branch: Branch, supervisor: User, live_server: LiveServer
) -> None:
    sign_in(page, supervisor, live_server)
    add_rule(page, "Ραντεβού για όλους", desks=2)
    # Ten weekdays, thirty-six slots of ten minutes on each, two desks.
    expect(page.locator(".live-look")).to_contain_text(
        "Δίνει 720 θέσεις για ραντεβού τις επόμενες 14 ημέρες", timeout=SOON
    )
    page.get_by_role("button", name=SAVE, exact=True).click()
    add_rule(page, "Επισκέψεις χωρίς ραντεβού", desks=1)
    expect(page.locator(".live-look")).to_contain_text("τότε εξυπηρετούνται όσοι έρχονται χωρίς ραντεβού")
    page.get_by_role("button", name=SAVE, exact=True).click()
    page.goto(QUEUE)
    page.get_by_role("button", name="Ρύθμιση θυρίδων").click()
    expect(page.locator(".seats").get_by_role("button")).to_have_text(
        [re.compile(f"Θυρίδα {number}") for number in (1, 2, 3)]
    )
    page.goto(f"{APPOINTMENTS}screens/")
    for device, greeting in (("kiosk", "Καλώς ήρθατε"), ("display", "Εδώ θα εμφανιστεί ο αριθμός σας")):
        address = urlsplit(page.locator(f"#{device}-address").input_value()).path
        visitor = new_page()
        visitor.goto(address)
        expect(visitor.get_by_text(greeting)).to_be_visible()

    within = TimeSlot.objects.filter(branch=branch, starts_at__lt=today_at(7, 30) + timedelta(days=14))
    assert sum(slot.capacity for slot in within) == 720
    assert list(branch.opening_rules.order_by("pk").values_list("purpose", "desks", "opens_at", "closes_at")) == [
        (Purpose.PUBLIC, 2, time(8), time(14)),
        (Purpose.WALK_IN, 1, time(8), time(14)),
    ]
    assert sorted(branch.desks.values_list("name", flat=True)) == ["1", "2", "3"]
    assert Queue.objects.get().branch == branch


def add_rule(page: Page, purpose: str, *, desks: int) -> None:
    """Fills in a new rule: on weekdays from eight to two."""
    page.goto("/admin/agencies/openingrule/add/")
    page.get_by_label(purpose).check()
    for weekday in ("Δευτέρα", "Τρίτη", "Τετάρτη", "Πέμπτη", "Παρασκευή"):
        page.get_by_label(weekday).check()
    page.get_by_label("Με φυσική παρουσία").check()
    page.locator("#id_opens_at").fill("08:00")
    page.locator("#id_closes_at").fill("14:00")
    page.locator("#id_desks").fill(f"{desks}")


# Arriving


def test_citizens_arrive(
    page: Page, new_page: NewPage, hall: Branch, rethymno: Branch, clock: time_machine.Traveller
) -> None:
    maria, nikos = booked(hall, 9, 0, "Μαρία Παπαδοπούλου"), booked(hall, 9, 10, "Νίκος Ιωάννου")
    eleni, early = booked(hall, 9, 20, "Ελένη Γεωργίου"), booked(hall, 13, 0, "Γιώργος Νωρίς")
    elsewhere = booked(rethymno, 9, 0, "Άννα Αλλού")
    clock.move_to(today_at(8, 50))

    for one, number in ((maria, "A001"), (nikos, "A002")):
        check_in(page, hall, one)
        expect(page.get_by_text(number)).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Η άφιξή σας δηλώθηκε")
    check_in(page, hall, early)
    expect(page.get_by_role("alert")).to_have_text("Είναι στις 13:00. Δηλώστε εδώ άφιξη από τις 12:00.")
    check_in(page, hall, elsewhere)
    expect(page.get_by_role("alert")).to_contain_text("ΚΕΠ Ρεθύμνου")
    assert not re.search("Μαρία|Νίκος|Γιώργος|Άννα", page.content())

    walk_in = takes_a_ticket(page, new_page(size=PHONE), hall)
    expect(walk_in.get_by_text("B003")).to_be_visible()
    expect(walk_in.get_by_text("Είστε οι επόμενοι")).to_be_visible()

    phone = new_page(size=PHONE)
    phone.goto(f"{eleni.get_absolute_url()}?key={eleni.link_key}")
    phone.get_by_role("button", name="Έφτασα").click()
    expect(phone.locator(".turn__number")).to_have_text("A004")
    expect(phone.get_by_text("3 άτομα πριν από εσάς")).to_be_visible()

    assert tickets_of(hall) == [
        ("A001", "Μαρία Παπαδοπούλου", State.WAITING, ""),
        ("A002", "Νίκος Ιωάννου", State.WAITING, ""),
        ("B003", "", State.WAITING, ""),
        ("A004", "Ελένη Γεωργίου", State.WAITING, ""),
    ]
    assert Ticket.objects.get(number=3).priority
    assert set(Event.objects.values_list("verb", "ticket__number")) == {
        (Verb.CHECK_IN, number) for number in (1, 2, 3, 4)
    }
    statuses = dict(Appointment.objects.values_list("pk", "status"))
    assert [statuses[one.pk] for one in (maria, nikos, eleni)] == [Status.ARRIVED] * 3
    assert [statuses[one.pk] for one in (early, elsewhere)] == [Status.BOOKED] * 2
    assert not Ticket.objects.filter(branch=rethymno).exists()


def check_in(kiosk: Page, branch: Branch, appointment: Appointment) -> None:
    """From the kiosk's first page on, by typing the reference."""
    kiosk.goto(kiosk_of(branch))
    kiosk.get_by_role("link", name=re.compile("^Έχω ραντεβού")).click()
    for letter in appointment.reference:
        kiosk.locator(f".keys button[value='{letter}']").click()
    kiosk.get_by_role("button", name="Δήλωση άφιξης").click()
    expect(kiosk.locator("#reference")).to_have_count(0)


def takes_a_ticket(kiosk: Page, phone: Page, branch: Branch) -> Page:
    """With priority; answers the page that the code on the ticket opens on the phone."""
    kiosk.goto(kiosk_of(branch))
    kiosk.get_by_role("link", name="Δεν έχω ραντεβού").click()
    kiosk.get_by_label("Χρειάζομαι προτεραιότητα").check()
    kiosk.get_by_role("button", name="Υπεύθυνη δήλωση").click()
    kiosk.wait_for_url("**/tickets/**")
    phone.goto(f"/queue/{urlsplit(kiosk.url).path.strip('/').rpartition('/')[2]}/")
    return phone


# At the desks


def test_officers_serve_the_morning(
    new_page: NewPage, hall: Branch, rethymno: Branch, live_server: LiveServer, clock: time_machine.Traveller
) -> None:
    maria, nikos, _eleni, walk_in = a_full_hall(hall, clock)
    screen, phone = new_page(), new_page(size=PHONE)
    screen.goto(f"/display/{hall.queue.display_key}/")
    phone.goto(walk_in.get_absolute_url())
    desk_one = sits_down(new_page(), ANNA, "1", hall, live_server)

    serves_by_keys(desk_one, screen, phone)
    clock.move_to(today_at(9, 0))
    serves_with_a_note(desk_one, screen, maria)
    clock.move_to(today_at(9, 10))
    forwards(desk_one, screen)
    desk_two = sits_down(new_page(), KOSTAS, "2", hall, live_server)
    books_a_follow_up(desk_two, screen)
    clock.move_to(today_at(9, 21))
    calls_in_vain(desk_one, screen)
    expect(desk_two.get_by_text("Κανείς δεν περιμένει.")).to_be_visible(timeout=SOON)
    expect(screen.locator(".calls__none")).to_be_visible(timeout=SOON)
    clock.move_to(today_at(10, 15))
    deliver_due()

    assert steps_of(hall) == MORNING
    assert tickets_of(hall) == [
        ("A001", "Μαρία Παπαδοπούλου", State.DONE, "1"),
        ("A002", "Νίκος Ιωάννου", State.DONE, "2"),
        ("A003", "Ελένη Γεωργίου", State.GONE, ""),
        ("B004", "", State.DONE, "1"),
    ]
    written = Ticket.objects.order_by("number").values_list("outcome", "documents_seen", "citizen_note")
    assert list(written) == [
        ("done", ["Δελτίο ταυτότητας", "ΑΦΜ"], NOTE),
        ("follow_up", [], ""),
        ("", [], ""),
        ("done", [], ""),
    ]
    assert rows_of(hall) == [
        ("Μαρία Παπαδοπούλου", Status.COMPLETED, ANNA),
        ("Νίκος Ιωάννου", Status.COMPLETED, KOSTAS),
        ("Ελένη Γεωργίου", Status.NO_SHOW, ""),
    ]
    assert rows_of(rethymno) == [("Νίκος Ιωάννου", Status.BOOKED, "")]
    follow_up = Appointment.objects.get(branch=rethymno)
    assert (follow_up.follows, follow_up.email, follow_up.starts_at) == (nikos, nikos.email, at(8))
    assert messages_of(maria) == {(Kind.CONFIRMATION, "sent"), (Kind.SUMMARY, "sent"), (Kind.RATING, "sent")}
    assert messages_of(follow_up) == {(Kind.CONFIRMATION, "sent"), (Kind.REMINDER, "pending")}
    summaries = [one for one in mail.outbox if NOTE in one.body]
    assert [one.to for one in summaries] == [[maria.email]]


def test_history_and_numbers_tell_the_morning(
    page: Page, hall: Branch, live_server: LiveServer, clock: time_machine.Traveller
) -> None:
    maria, _nikos, _eleni, _walk_in = a_full_hall(hall, clock)
    anna, kostas = (an_officer_named(name, hall) for name in (ANNA, KOSTAS))
    one, two = (
        desks.sit(hall.desks.get(name=name), officer=officer, now=timezone.now())
        for name, officer in (("1", anna), ("2", kostas))
    )
    for officer, desk in ((anna, one), (kostas, two)):
        ticket = queue.call_next(desk, officer=officer, now=timezone.now())
    queue.forward(ticket, officer=kostas, desk=one, now=timezone.now())
    queue.complete(queue.call_next(two, officer=kostas, now=timezone.now()), officer=kostas, now=timezone.now())

    sign_in(page, an_officer(hall, Role.SUPERVISOR, "supervisor@example.org"), live_server)
    page.goto(f"{APPOINTMENTS}{maria.reference}/change/")
    expect(page.locator(".story__entry > div")).to_have_text(
        [
            re.compile("Κλείστηκε στον ιστότοπο"),
            re.compile("Στάλθηκε μήνυμα: Επιβεβαίωση"),
            re.compile("Προσήλθε"),
            re.compile(f"Κλήθηκε στη θυρίδα 2\\s+· {KOSTAS}"),
            re.compile(f"Παραπομπή στη θυρίδα 1\\s+· {KOSTAS}"),
        ]
    )
    page.goto(f"{APPOINTMENTS}watch/")
    row = page.get_by_role("row", name="ΚΕΠ Χανίων")
    expect(row).to_contain_text("1 από 3 εξυπηρετήθηκαν")
    expect(row).to_contain_text("χωρίς ραντεβού: 1")
    expect(row).to_contain_text("2 από 2 που προβλέπονται")
    expect(row.get_by_role("link", name="2 περιμένουν")).to_be_visible()


def a_full_hall(branch: Branch, clock: time_machine.Traveller) -> tuple[Appointment, Appointment, Appointment, Ticket]:
    """Three with appointments at nine, ten and twenty past, and one without who needs priority: all here at ten to nine."""
    booked_ones = [
        booked(branch, 9, minute, name)
        for minute, name in ((0, "Μαρία Παπαδοπούλου"), (10, "Νίκος Ιωάννου"), (20, "Ελένη Γεωργίου"))
    ]
    deliver_due()
    clock.move_to(today_at(8, 50))
    for one in booked_ones:
        queue.check_in(one, now=timezone.now())
    procedure = branch.agency.procedures.get()
    walk_in = queue.take_ticket(branch, procedure, now=timezone.now(), priority=True)
    return (*booked_ones, walk_in)


def an_officer_named(name: str, branch: Branch) -> User:
    officer = an_officer(branch, email=f"officer{User.objects.count()}@example.org")
    officer.name = name
    officer.save()
    return officer


def sits_down(page: Page, name: str, desk: str, branch: Branch, live_server: LiveServer) -> Page:
    sign_in(page, an_officer_named(name, branch), live_server)
    page.goto(QUEUE)
    page.get_by_role("button", name=f"Θυρίδα {desk}").click()
    expect(page.get_by_role("heading", name=f"Θυρίδα {desk}")).to_be_visible()
    return page


def press(page: Page, key: str) -> None:
    """Once the page listens."""
    page.wait_for_load_state()
    page.keyboard.press(key)


def expect_call(screen: Page, number: str, desk: str) -> None:
    expect(screen.locator(".latest__number")).to_have_text(number, timeout=SOON)
    expect(screen.locator(".latest__desk")).to_have_text(desk)


def serves_by_keys(desk: Page, screen: Page, phone: Page) -> None:
    """Who needs priority comes first, and follows on the phone."""
    press(desk, "n")
    expect(desk.locator(".here__number")).to_have_text("B004")
    expect_call(screen, "B004", "1")
    expect(phone.get_by_text("Πηγαίνετε στη θυρίδα 1")).to_be_visible(timeout=SOON)
    press(desk, "d")
    expect(desk.locator(".here__number")).to_have_count(0)
    expect(phone.get_by_text("Εξυπηρετηθήκατε")).to_be_visible(timeout=SOON)


def serves_with_a_note(desk: Page, screen: Page, appointment: Appointment) -> None:
    """Documents are ticked, a note is written; completed, taken back, and completed again as it was written."""
    press(desk, "n")
    expect_call(screen, "A001", "1")
    press(desk, "b")
    note = desk.get_by_label("Σημείωμα προς τον πολίτη")
    note.fill(NOTE)
    desk.get_by_label("Δελτίο ταυτότητας").check()
    desk.get_by_label("ΑΦΜ").check()
    press(desk, "d")
    desk.wait_for_url(BACK)
    assert Appointment.objects.get(pk=appointment.pk).status == Status.COMPLETED
    press(desk, "u")
    desk.get_by_role("link", name="Δικαιολογητικά και σημειώσεις").click()
    assert Appointment.objects.get(pk=appointment.pk).status == Status.SERVING
    expect(note).to_have_value(NOTE)
    expect(desk.get_by_label("ΑΦΜ")).to_be_checked()
    press(desk, "d")
    desk.wait_for_url(BACK)


def forwards(desk: Page, screen: Page) -> None:
    """On to desk 2: the screen shows the number no more."""
    press(desk, "n")
    expect_call(screen, "A002", "1")
    press(desk, "f")
    choice = desk.get_by_label("Στη θυρίδα")
    expect(choice).to_be_focused()
    choice.select_option("2")
    desk.get_by_role("button", name="Προώθηση", exact=True).click()
    expect(desk.locator(".here__number")).to_have_count(0)
    expect(screen.locator(".calls__none")).to_be_visible(timeout=SOON)


def books_a_follow_up(desk: Page, screen: Page) -> None:
    """Serves who was sent here, and books another appointment at the other branch on the spot."""
    press(desk, "n")
    expect_call(screen, "A002", "2")
    press(desk, "b")
    desk.get_by_role("link", name="Κλείσιμο επόμενου ραντεβού").click()
    desk.get_by_label("Σημείο εξυπηρέτησης").select_option("kep-rethymno")
    desk.get_by_role("button", name="Εμφάνιση ελεύθερων ωρών").click()
    choose_first_time(desk, "Τρίτη 3 Μαρτίου")
    desk.get_by_role("button", name="Κράτηση", exact=True).click()
    expect(desk.get_by_text("Κλείστηκε:")).to_contain_text("ΚΕΠ Ρεθύμνου")
    press(desk, "d")
    desk.wait_for_url(BACK)


def choose_first_time(page: Page, day: str) -> None:
    times = page.locator(".times__day", has_text=day)
    times.locator("summary").click()
    times.locator("label").first.click()


def calls_in_vain(desk: Page, screen: Page) -> None:
    press(desk, "n")
    expect_call(screen, "A003", "1")
    press(desk, "a")
    expect(desk.get_by_text("2 φορές")).to_be_visible()
    press(desk, "x")
    expect(desk.locator(".here__number")).to_have_count(0)
    expect(desk.get_by_text("Κανείς δεν περιμένει.")).to_be_visible()


def steps_of(branch: Branch) -> list[tuple[str, ...]]:
    """Each step of the day in order: what was done, with which number, by whom; those taken back have a stroke."""
    events = Event.objects.filter(ticket__branch=branch).select_related("ticket", "officer").order_by("pk")
    return [
        (one.verb + "-" * one.is_undone, one.ticket.spoken_number, one.officer.name if one.officer else "")
        for one in events
        if one.ticket
    ]


def rows_of(branch: Branch) -> list[tuple[str, str, str]]:
    found = Appointment.objects.filter(branch=branch).select_related("officer").order_by("starts_at")
    return [(one.name, one.status, one.officer.name if one.officer else "") for one in found]


def messages_of(appointment: Appointment) -> set[tuple[str, str]]:
    return set(appointment.notifications.values_list("kind", "state"))


# A rule change with conflicts


def test_rule_change_is_resolved_one_by_one(
    page: Page, hall: Branch, supervisor: User, live_server: LiveServer
) -> None:
    fits = booked(hall, 11, 50, "Μαρία Παπαδοπούλου", day=TUESDAY)
    moved, cancelled = (
        booked(hall, hour, 0, name, day=TUESDAY) for hour, name in ((12, "Νίκος Ιωάννου"), (13, "Ελένη Γεωργίου"))
    )
    sign_in(page, supervisor, live_server)
    page.goto(f"/admin/agencies/openingrule/{hall.opening_rules.get(purpose=Purpose.PUBLIC).pk}/change/")
    page.locator("#id_closes_at").fill("12:00")
    expect(page.locator(".live-look")).to_contain_text("2 ραντεβού εκτός ωραρίου", timeout=SOON)
    page.get_by_role("button", name=SAVE, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Επηρεάζονται 2 ραντεβού")
    page.get_by_role("button", name="τα αφήνω για αργότερα").click()
    expect(page.get_by_text("2 ραντεβού είναι πλέον εκτός ωραρίου.")).to_be_visible()

    page.get_by_role("link", name="Εκτός ωραρίου").click()
    expect(page.get_by_role("row", name=fits.name)).to_have_count(0)
    page.get_by_role("link", name=f"Αλλαγή ώρας {moved.name}").click()
    choose_first_time(page, "Τετάρτη 4 Μαρτίου")
    page.get_by_role("button", name="Αλλαγή σε αυτή την ώρα").click()
    expect(page.get_by_role("row", name=moved.name)).to_have_count(0)
    page.get_by_role("link", name=f"Ακύρωση {cancelled.name}").click()
    page.get_by_role("textbox").fill("Κλείνουμε νωρίτερα")
    page.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(page.get_by_text("Όλα τα ραντεβού είναι μέσα στο ωράριο.")).to_be_visible()

    found = Appointment.objects.order_by("pk").values_list("status", "starts_at", "cancel_reason")
    assert list(found) == [
        (Status.BOOKED, at(11, 50), ""),
        (Status.BOOKED, at(8, day=date(2026, 3, 4)), ""),
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
    expect(office.get_by_role("heading", name="120 πολίτες περιμένουν ακόμη")).to_be_visible(timeout=SOON)

    in_browser, by_form, waiting = everybody[:6], everybody[6:104], everybody[104:]
    for answer, one in zip((accepts, chooses, cancels) * 2, in_browser, strict=True):
        answer(plain_page, offer_link(one))
    answers_by_form(accept=by_form[:60], choose=by_form[60:82], cancel=by_form[82:])
    expect(office.get_by_role("heading", name="16 πολίτες περιμένουν ακόμη")).to_be_visible(timeout=SOON)
    for one in waiting[:4]:
        row_of(office, one).get_by_role("button", name="Δέχεται").click()
    expect(office.get_by_role("heading", name="12 πολίτες περιμένουν ακόμη")).to_be_visible()

    clock.move_to(at(12, day=date(2026, 3, 4)))
    expire_due()
    sign_in(office, User.objects.get(email="supervisor@example.org"), live_server)
    office.reload()
    expect(office.get_by_role("link", name="12 Δεν απαντήθηκε έγκαιρα")).to_be_visible()
    settles_by_telephone(office, waiting[4:])
    expect(office.get_by_role("heading", name="Διευθετήθηκε: κανείς δεν περιμένει πια")).to_be_visible()
    look_after_disruptions()

    assert Disruption.objects.get().state == Disruption.State.SETTLED
    assert Counter(Offer.objects.values_list("state", flat=True)) == {"accepted": 70, "changed": 28, "cancelled": 22}
    assert Counter(Appointment.objects.exclude(name="").values_list("status", flat=True)) == {
        "booked": 98,
        "cancelled": 22,
    }
    assert not Appointment.objects.filter(status=Status.HELD).exists()
    open_ones = Appointment.objects.filter(status=Status.BOOKED)
    assert not open_ones.filter(starts_at__gte=at(0, day=THURSDAY), starts_at__lt=at(0, day=date(2026, 3, 7))).exists()
    in_use = Counter(slot for slots in open_ones.values_list("slot_ids", flat=True) for slot in slots)
    assert dict(TimeSlot.objects.filter(taken__gt=0).values_list("pk", "taken")) == in_use
    assert {kind for one in everybody for kind, _state in messages_of(one)} >= {Kind.OFFER, Kind.MOVED, Kind.CANCELLED}


def a_crowd(branch: Branch) -> list[Appointment]:
    """A hundred and twenty: sixty on Thursday, sixty on Friday."""
    slots = TimeSlot.objects.filter(branch=branch, starts_at__date__in=(THURSDAY, FRIDAY)).order_by("starts_at")
    both_days = [slot for slot in slots if slot.starts_at.hour < 11]
    return [
        an_appointment(slot, number, name=f"Πολίτης {number}") for number, slot in enumerate([*both_days, *both_days])
    ]


def starts_the_strike(page: Page) -> None:
    page.goto("/admin/appointments/disruption/add/")
    page.get_by_label("Πρώτη ημέρα").fill(f"{THURSDAY}")
    page.get_by_label("Τελευταία ημέρα").fill(f"{FRIDAY}")
    page.get_by_label("Αιτία (ελληνικά)").fill("Απεργία")
    page.get_by_label("Αιτία (αγγλικά)").fill("Strike")
    page.get_by_role("button", name="Δείτε ποιους αφορά").click()
    page.get_by_role("button", name="120 προτάσεις").click()
    expect(page.get_by_role("heading", name="Αναζήτηση άλλων ωρών: απομένουν 120")).to_be_visible()


def offer_link(appointment: Appointment) -> str:
    """As the message has it."""
    sent = next(one for one in mail.outbox if one.to == [appointment.email] and "/offer/" in one.body)
    return re.findall(r"https?://[^/]+(/\S+/offer/\S*)", str(sent.body))[0]


def accepts(citizen: Page, link: str) -> None:
    citizen.goto(link)
    citizen.get_by_role("button", name="Δέχομαι τη νέα ώρα").click()
    expect(citizen.get_by_text("Η νέα ώρα είναι δική σας")).to_be_visible()


def chooses(citizen: Page, link: str) -> None:
    citizen.goto(link)
    citizen.get_by_role("link", name="Επιλέξτε άλλη ώρα").click()
    citizen.locator(".slot").last.click()
    citizen.get_by_role("button", name="Αλλαγή του ραντεβού").click()
    expect(citizen.get_by_text("Η ώρα του ραντεβού σας άλλαξε")).to_be_visible()


def cancels(citizen: Page, link: str) -> None:
    citizen.goto(link)
    citizen.get_by_role("link", name="Ακύρωση του ραντεβού").click()
    citizen.get_by_role("button", name="Ακύρωση του ραντεβού").click()
    expect(citizen.get_by_text("Το ραντεβού σας ακυρώθηκε")).to_be_visible()


def answers_by_form(*, accept: list[Appointment], choose: list[Appointment], cancel: list[Appointment]) -> None:
    """The same forms, without a browser around them: a hundred take it too long."""
    free = TimeSlot.objects.filter(starts_at__date=date(2026, 3, 12), taken=0).values_list("pk", flat=True)
    posts = [(one, "offer/", {}) for one in accept]
    posts += [(one, "move/check/", {"slot": slot}) for one, slot in zip(choose, free, strict=False)]
    posts += [(one, "cancel/", {}) for one in cancel]
    for one, path, given in posts:
        citizen = Client()
        citizen.get(offer_link(one))
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
