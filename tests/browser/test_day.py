"""A whole day in the browser, from the first opening rule to the last ticket, with what the database holds at the end."""

import re
from datetime import time, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, OpeningRule, Role
from appointments import counter
from appointments.counter import desks
from appointments.models import (
    Appointment,
    Event,
    Notification,
    Queue,
    Status,
    Ticket,
    TimeSlot,
)
from appointments.tasks import deliver_due
from tests.builders import GUEST, MONDAY, an_officer, at, booked_at, by, messages_of, today_at
from tests.codes import pass_check
from tests.conftest import PHONE, NewPage, hurry
from tests.pages import SOON, choose_first_time, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
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


def kiosk_of(branch: Branch) -> str:
    return f"/kiosk/{branch.queue.kiosk_key}/"


def tickets_of(branch: Branch) -> list[tuple[str, str, str, str]]:
    """Each ticket of the day: number, whose it is, state, desk."""
    found = Ticket.objects.of_day(branch, MONDAY).select_related("appointment", "desk").order_by("number")
    return [(one.spoken_number, getattr(one.appointment, "name", ""), one.state, str(one.desk or "")) for one in found]


# Opening the branch


def test_supervisor_opens_a_branch(page: Page, new_page: NewPage, new_branch: Branch, live_server: LiveServer) -> None:
    sign_in(page, an_officer(new_branch, Role.SUPERVISOR), live_server)
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

    within = TimeSlot.objects.filter(branch=new_branch, starts_at__lt=today_at(7, 30) + timedelta(days=14))
    assert sum(slot.capacity for slot in within) == 720
    assert list(new_branch.opening_rules.order_by("pk").values_list("purpose", "desks", "opens_at", "closes_at")) == [
        (Purpose.PUBLIC, 2, time(8), time(14)),
        (Purpose.WALK_IN, 1, time(8), time(14)),
    ]
    assert sorted(new_branch.desks.values_list("name", flat=True)) == ["1", "2", "3"]
    assert Queue.objects.get().branch == new_branch


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
    maria, nikos = booked_at(hall, 9, 0, 1, name="Μαρία Παπαδοπούλου"), booked_at(hall, 9, 10, 2, name="Νίκος Ιωάννου")
    eleni, early = booked_at(hall, 9, 20, 3, name="Ελένη Γεωργίου"), booked_at(hall, 13, 0, 4, name="Γιώργος Νωρίς")
    elsewhere = booked_at(rethymno, 9, 0, 5, name="Άννα Αλλού")
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
    expect(walk_in.get_by_text("Η σειρά σας είναι η επόμενη")).to_be_visible()

    phone = new_page(size=PHONE)
    phone.goto(f"{eleni.get_absolute_url()}?key={eleni.link_key}")
    pass_check(phone)
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
        (Verb.BOOK, None),
        *((Verb.CHECK_IN, number) for number in (1, 2, 3, 4)),
    }
    statuses = dict(Appointment.objects.values_list("pk", "status"))
    assert [statuses[one.pk] for one in (maria, nikos, eleni)] == [Status.ARRIVED] * 3
    assert [statuses[one.pk] for one in (early, elsewhere)] == [Status.BOOKED] * 2
    assert not Ticket.objects.filter(branch=rethymno).exists()


def check_in(kiosk: Page, branch: Branch, appointment: Appointment) -> None:
    """From the kiosk's first page on: the last letter by the keys on the screen."""
    kiosk.goto(kiosk_of(branch))
    kiosk.get_by_role("link", name=re.compile("^Έχω ραντεβού")).click()
    kiosk.get_by_label("Κωδικός ραντεβού").fill(appointment.reference[:-1])
    kiosk.locator(f".keys button[value='{appointment.reference[-1]}']").click()
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
    screen, phone = hurry(new_page()), hurry(new_page(size=PHONE))
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
        desks.sit(hall.desks.get(name=name), by=by(officer), now=timezone.now())
        for name, officer in (("1", anna), ("2", kostas))
    )
    for officer, desk in ((anna, one), (kostas, two)):
        ticket = counter.call_next(desk, by=by(officer), now=timezone.now())
    counter.forward(ticket, by=by(kostas), desk=one, now=timezone.now())
    counter.complete(counter.call_next(two, by=by(kostas), now=timezone.now()), by=by(kostas), now=timezone.now())

    sign_in(page, an_officer(hall, Role.SUPERVISOR, "supervisor@example.org"), live_server)
    page.goto(f"{APPOINTMENTS}{maria.reference}/change/")
    expect(page.locator(".story__entry > div")).to_have_text(
        [
            re.compile("Κλείστηκε στον ιστότοπο"),
            re.compile("Στάλθηκε μήνυμα: Επιβεβαίωση"),
            re.compile("Προσήλθε"),
            re.compile(f"Κλήθηκε στη θυρίδα 2\\s+· {KOSTAS}"),
            re.compile(f"Προωθήθηκε στη θυρίδα 1\\s+· {KOSTAS}"),
        ]
    )
    page.goto(f"{APPOINTMENTS}watch/")
    row = page.get_by_role("row", name="ΚΕΠ Χανίων")
    expect(row).to_contain_text("1 από 3 εξυπηρετήθηκε")
    expect(row).to_contain_text("χωρίς ραντεβού: 1")
    expect(row).to_contain_text("2 από 2 που προβλέπονται")
    expect(row.get_by_role("link", name="2 περιμένουν")).to_be_visible()


def a_full_hall(branch: Branch, clock: time_machine.Traveller) -> tuple[Appointment, Appointment, Appointment, Ticket]:
    """Three with appointments at nine, ten and twenty past, and one without who needs priority: all here at ten to nine."""
    maria = booked_at(branch, 9, 0, 1, name="Μαρία Παπαδοπούλου")
    nikos = booked_at(branch, 9, 10, 2, name="Νίκος Ιωάννου")
    eleni = booked_at(branch, 9, 20, 3, name="Ελένη Γεωργίου")
    deliver_due()
    clock.move_to(today_at(8, 50))
    for one in (maria, nikos, eleni):
        counter.check_in(one, by=GUEST, now=timezone.now())
    procedure = branch.agency.procedures.get()
    return maria, nikos, eleni, counter.take_ticket(branch, procedure, by=GUEST, now=timezone.now(), priority=True)


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


def calls(desk: Page, screen: Page, number: str, at: str) -> None:
    """The next one. The next key has its meaning once the desk's own page shows who it is."""
    press(desk, "n")
    expect(desk.locator(".here__number")).to_have_text(number)
    expect(screen.locator(".latest__number")).to_have_text(number, timeout=SOON)
    expect(screen.locator(".latest__desk")).to_have_text(at)


def serves_by_keys(desk: Page, screen: Page, phone: Page) -> None:
    """Who needs priority comes first, and follows on the phone."""
    calls(desk, screen, "B004", "1")
    expect(phone.get_by_text("Πηγαίνετε στη θυρίδα 1")).to_be_visible(timeout=SOON)
    press(desk, "d")
    expect(desk.locator(".here__number")).to_have_count(0)


def serves_with_a_note(desk: Page, screen: Page, appointment: Appointment) -> None:
    """Documents are ticked, a note is written; completed, taken back, and completed again as it was written."""
    calls(desk, screen, "A001", "1")
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
    calls(desk, screen, "A002", "1")
    press(desk, "f")
    choice = desk.get_by_label("Στη θυρίδα")
    expect(choice).to_be_focused()
    choice.select_option("2")
    desk.get_by_role("button", name="Προώθηση", exact=True).click()
    expect(desk.locator(".here__number")).to_have_count(0)
    expect(screen.locator(".calls__none")).to_be_visible(timeout=SOON)


def books_a_follow_up(desk: Page, screen: Page) -> None:
    """Serves who was sent here, and books another appointment at the other branch on the spot."""
    calls(desk, screen, "A002", "2")
    press(desk, "b")
    desk.get_by_role("link", name="Κράτηση επόμενου ραντεβού").click()
    desk.locator("select[name=branch]").select_option("kep-rethymno")  # a script puts a field for typing in its place
    desk.get_by_role("button", name="Εμφάνιση ελεύθερων ωρών").click()
    choose_first_time(desk, "Τρίτη 3 Μαρτίου")
    desk.get_by_role("button", name="Κράτηση", exact=True).click()
    expect(desk.get_by_text("Επιβεβαιώθηκε:")).to_contain_text("ΚΕΠ Ρεθύμνου")
    press(desk, "d")
    desk.wait_for_url(BACK)


def calls_in_vain(desk: Page, screen: Page) -> None:
    calls(desk, screen, "A003", "1")
    press(desk, "a")
    expect(desk.get_by_text("2 φορές")).to_be_visible()
    press(desk, "x")
    expect(desk.locator(".here__number")).to_have_count(0)
    expect(desk.get_by_text("Κανείς δεν περιμένει.")).to_be_visible()


def steps_of(branch: Branch) -> list[tuple[str, ...]]:
    """Each step of the day in order: what was done, with which number, by whom; those taken back have a stroke."""
    events = Event.objects.filter(ticket__branch=branch).select_related("ticket", "officer").order_by("pk")
    return [(one.verb + "-" * one.is_undone, str(one.ticket), str(one.officer or "")) for one in events]


def rows_of(branch: Branch) -> list[tuple[str, str, str]]:
    found = Appointment.objects.filter(branch=branch).select_related("officer").order_by("starts_at")
    return [(one.name, one.status, str(one.officer or "")) for one in found]
