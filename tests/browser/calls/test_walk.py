"""Whole video appointments by browsers with cameras, from the first page to the rating; and the first free officer now."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from agencies.models import Branch, Channel
from appointments import tasks
from appointments.models import Appointment, Rating, Status, Ticket
from appointments.times.publishing import publish
from tests.builders import ATHENS, EVERY_DAY, a_branch, a_desk, a_procedure, a_rule, an_agency, an_officer, minutes
from tests.codes import pass_check
from tests.conftest import DESK, PHONE, NewPage, hurry
from tests.pages import Accessible, fits, sign_in
from tests.rooms import press, small_cameras, wait_until_seen
from tests.servers.relay import PROGRAM, only_way, running
from videocalls.models import VideoCall

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUE = "/admin/appointments/appointment/queue/"
ROOM = re.compile(r"/calls/[^/]+/$")
MARIA, ANNA, NIKOS = "Μαρία Παπαδάκη", "Άννα Υπαλλήλου", "Νίκος Διερμηνέας"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Nine o'clock tomorrow: what a relay is promised until then is good by the real clock too."""
    tomorrow = datetime.now(ATHENS).date() + timedelta(days=1)
    with time_machine.travel(datetime.combine(tomorrow, time(9), ATHENS), tick=True) as traveller:
        yield traveller


@pytest.fixture
def branch(clock: time_machine.Traveller) -> Branch:
    """ΚΕΠ Χανίων with rooms of our own, times on every day, a line by video, and an officer at desk 1."""
    agency = an_agency(video_provider="room")
    a_procedure(agency, channels=[*Channel])
    branch = a_branch(agency)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(8), closes_at=time(20))
    a_rule(branch, weekdays=EVERY_DAY, closes_at=time(20), purpose="walk_in", channels=[Channel.VIDEO])
    publish([branch.pk], now=timezone.now())
    a_desk(branch, an_officer(branch))
    return branch


@pytest.fixture
def queue(new_page: NewPage, branch: Branch, live_server: LiveServer) -> Callable[[], Page]:
    """Opens the queue for the officer at desk 1."""

    def opened() -> Page:
        page = hurry(small_cameras(new_page()))
        page.add_init_script(NOTES_TONES)
        sign_in(page, branch.desks.get().officer, live_server)
        page.goto(QUEUE)
        return page

    return opened


@pytest.fixture
def way(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[None]:
    """The way from browser to browser: straight, or over the relay alone."""
    if request.param == "straight":
        yield
        return
    if PROGRAM is None:
        pytest.skip("There is no TURN server here: install the package coturn.")
    with running(tmp_path, only_way(settings)):
        yield


# Keeps sounds back until something is pressed, as browsers do. Here the browser would not: Playwright's own looks at a page
# count as pressing. It notes the tones that have been played to their end.
NOTES_TONES = """
let isPressed = false;
addEventListener("click", () => (isPressed = true), true);
Object.defineProperty(Navigator.prototype, "userActivation", { get: () => ({ hasBeenActive: isPressed }) });
const { resume } = AudioContext.prototype;
const { get: state } = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, "state");
Object.defineProperty(AudioContext.prototype, "state", {
    get() { return isPressed ? state.call(this) : "suspended"; },
});
AudioContext.prototype.resume = function () { return isPressed ? resume.call(this) : new Promise(() => {}); };
const { start } = OscillatorNode.prototype;
OscillatorNode.prototype.start = function (when) {
    this.addEventListener("ended", () => {
        document.documentElement.dataset.tones = `${document.documentElement.dataset.tones ?? ""} ${this.frequency.value}`;
    });
    return start.call(this, when);
};
"""
WALKS = {"desk": (DESK, "straight"), "relay": (DESK, "relay"), "phone": (PHONE, "straight")}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("size", "way"), WALKS.values(), ids=WALKS, indirect=["way"])
def test_video_appointment_from_booking_to_rating(
    new_page: NewPage,
    queue: Callable[[], Page],
    clock: time_machine.Traveller,
    size: tuple[int, int],
    assert_accessible: Accessible,
) -> None:
    citizen = small_cameras(new_page(size=size, timezone="America/New_York"))
    booked = books(citizen)
    clock.move_to(booked.starts_at - minutes(11))
    opens_link(citizen, booked)
    expect(citizen.locator("#wait")).to_have_text(re.compile(r"Απομένουν: 0:\d\d|Απομένουν: 1:\d\d"))
    assert citizen.locator("#door small.zone").count() == 1  # one's own time
    assert_accessible(citizen)
    tries_devices(citizen)
    staff = queue()
    clock.move_to(booked.starts_at - minutes(2))
    expect(citizen.get_by_text("Είστε στην αίθουσα αναμονής.")).to_be_visible()
    assert_accessible(citizen)
    assert fits(citizen)
    expect(staff.locator(".at-door--loud")).to_contain_text("Περιμένει στη βιντεοκλήση")
    assert_accessible(staff)
    hears_the_alarm(staff)
    officer = lets_in(staff, MARIA)
    citizen.wait_for_url(ROOM)
    see_each_other({ANNA: officer, MARIA: citizen})

    guest = small_cameras(new_page())
    comes_as_guest(guest, invited(staff, booked))
    is_alarmed_in_silence(staff)
    staff.locator(".door__person", has_text=NIKOS).get_by_role("button", name=re.compile("^Αποδοχή")).click()
    guest.wait_for_url(ROOM)
    see_each_other({ANNA: officer, MARIA: citizen, NIKOS: guest})

    officer.reload()
    see_each_other({ANNA: officer, MARIA: citizen, NIKOS: guest})

    ends(citizen, staff, [officer, guest])
    booked.refresh_from_db()
    assert (booked.status, booked.rated_at is None) == (Status.COMPLETED, False)


def ends(citizen: Page, staff: Page, others: list[Page]) -> None:
    """The citizen leaves, the officer completes, the room is over for all, and the citizen rates."""
    press(citizen, "Αποχώρηση")
    expect(citizen.get_by_text("Φύγατε από τη βιντεοκλήση.", exact=False)).to_be_visible()
    staff.goto(QUEUE)
    press_step(staff, "done")
    for page in others:
        expect(page.get_by_role("heading", level=1)).to_have_text("Η βιντεοκλήση τελείωσε")
    rates(citizen)


def books(page: Page) -> Appointment:
    page.goto("/mykeplive/kep-dilosi/book/?branch=kep-chania")
    page.get_by_role("link", name="Με βιντεοκλήση").click()
    page.locator("a.week__day, .week__turn a[rel=next]").last.click()
    page.locator("button.slot").nth(3).click()
    page.get_by_label("Ονοματεπώνυμο").fill(MARIA)
    page.get_by_label("Διεύθυνση e-mail").fill("maria@example.org")
    page.get_by_label("Τηλέφωνο").fill("6912345678")
    page.get_by_role("button", name="Συνέχεια").click()
    page.get_by_role("button", name="Κλείστε το ραντεβού").click()
    expect(page.locator("h1")).to_have_text("Το ραντεβού σας επιβεβαιώθηκε")
    tasks.provide_video_calls()
    tasks.deliver_due()
    return Appointment.objects.get()


def opens_link(page: Page, booked: Appointment) -> None:
    page.goto(link_in_mail(booked))
    pass_check(page)


def link_in_mail(booked: Appointment) -> str:
    sent = next(one for one in mail.outbox if one.to == [booked.email])
    return re.findall(r"https?://[^/\s]+(/\S+/join/\S*)", str(sent.body))[0]


def tries_devices(page: Page) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Δοκιμάστε την κάμερα και το μικρόφωνό σας").click()
    test = opened.value
    press(test, "Έναρξη της δοκιμής")
    expect(test.locator("#fault-video")).to_have_text("Η κάμερά σας λειτουργεί.")
    expect(test.locator("#fault-audio")).to_have_text("Το μικρόφωνό σας λειτουργεί: ακούγεστε.")
    expect(test.locator("#connection")).to_have_text(re.compile("βιντεοκλήσεις"))
    test.close()


def hears_the_alarm(staff: Page) -> None:
    """Nothing is heard before the officer has pressed anything, and the page says why. Then what was kept back is heard."""
    expect(staff.get_by_text("Πατήστε οπουδήποτε στη σελίδα.")).to_be_visible()
    expect(staff.locator("html[data-tones]")).to_have_count(0)
    staff.get_by_role("heading", level=1).click()
    expect(staff.locator("#alarm-blocked")).to_be_hidden()
    expect(staff.locator("html")).to_have_attribute("data-tones", re.compile("^ 660 880"))


def mutes_the_alarm(staff: Page) -> None:
    press(staff, "Ήχος όταν κάποιος περιμένει σε βιντεοκλήση")
    expect(staff.locator("#alarm-switch")).to_have_attribute("aria-pressed", "false")


def is_alarmed_in_silence(staff: Page) -> None:
    expect(staff.locator("#alarm-news")).to_have_text("Κάποιος περιμένει σε βιντεοκλήση.")
    expect(staff.locator("#alarm-blocked")).to_be_hidden()
    expect(staff.locator("html[data-tones]")).to_have_count(0)


def lets_in(staff: Page, name: str) -> Page:
    """The officer is alarmed, lets the citizen in, and is in the room."""
    expect(staff.locator("#alarm-news")).to_have_text("Κάποιος περιμένει σε βιντεοκλήση.")
    expect(staff).to_have_title(re.compile("^● "))
    with staff.context.expect_page() as opened:
        staff.get_by_role("button", name=f"Αποδοχή {name}").click()
    opened.value.wait_for_url(ROOM)
    expect(staff.locator(".at-door")).to_have_count(0)
    return opened.value


def see_each_other(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for other in pages.keys() - {name}:
            wait_until_seen(page, other)


def invited(staff: Page, booked: Appointment) -> str:
    """Returns the path of the link that the officer has made."""
    staff.goto(f"/admin/appointments/appointment/{booked.reference}/call/")
    press(staff, "Δημιουργία συνδέσμου")
    mutes_the_alarm(staff)
    return re.sub("https?://[^/]+", "", staff.get_by_label("Σύνδεσμος 1").input_value())


def comes_as_guest(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_label("Ονοματεπώνυμο").fill(NIKOS)
    press(page, "Στην αίθουσα αναμονής")
    expect(page.get_by_text("Είστε στην αίθουσα αναμονής")).to_be_visible()


def press_step(staff: Page, step: str) -> None:
    staff.locator(f"form[data-step={step}]:not([hidden]) button[type=submit]").first.click()


def rates(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("Πώς ήταν η εξυπηρέτηση;")
    page.get_by_label("Απόλυτα ικανοποιημένοι").check()
    press(page, "Αποστολή")
    expect(page.get_by_role("status").first).to_contain_text("Ευχαριστούμε για τη γνώμη σας.")
    assert Rating.objects.get().score == 5


def test_first_free_officer_now(new_page: NewPage, queue: Callable[[], Page], assert_accessible: Accessible) -> None:
    citizen = small_cameras(hurry(new_page(size=PHONE)))
    takes_a_place(citizen, assert_accessible)
    tasks.provide_video_calls()
    ticket = Ticket.objects.get()
    expect(citizen.locator(".turn__number")).to_have_text(ticket.spoken_number)
    expect(citizen.get_by_text("Η σειρά σας είναι η επόμενη")).to_be_visible()
    expect(citizen.get_by_text("Η σειρά σας έρχεται σε λίγα λεπτά.")).to_be_visible()
    citizen.goto("/help/")
    citizen.goto("/mykeplive/kep-dilosi/now/")  # who has gone away comes back to the same place
    expect(citizen.locator(".turn__number")).to_have_text(ticket.spoken_number)
    assert_accessible(citizen)

    staff = queue()
    citizen.goto(link_of_turn(f"Η σειρά σας είναι η επόμενη ({ticket.spoken_number}): ΚΕΠ Χανίων"))
    press_step(staff, "next")
    with staff.context.expect_page() as opened:
        staff.get_by_role("link", name=re.compile("Άνοιγμα της βιντεοκλήσης")).click()
    officer = opened.value
    expect(citizen.get_by_text("Ο υπάλληλος σας περιμένει στη βιντεοκλήση")).to_be_visible()
    citizen.get_by_role("link", name="Είσοδος στη βιντεοκλήση").click()
    see_each_other({ANNA: officer, MARIA: citizen})
    press_step(staff, "begin")
    staff.wait_for_url("**/queue/tickets/**")
    press_step(staff, "complete")
    for page in (officer, citizen):
        expect(page.get_by_role("heading", level=1)).to_have_text("Η βιντεοκλήση τελείωσε")
    assert VideoCall.objects.get().ended_at
    citizen.get_by_role("link", name="Συνέχεια").click()
    rates(citizen)
    expect(citizen.get_by_text("Εξυπηρετηθήκατε")).to_be_visible()
    assert Ticket.objects.get().rated_at


def link_of_turn(subject: str) -> str:
    """Returns the path of the link in the mail that tells who waits about the turn."""
    tasks.tell_turns()
    tasks.deliver_urgent()
    assert mail.outbox[-1].subject == subject
    return re.findall(r"https?://[^/\s]+(/queue/\S+)", str(mail.outbox[-1].body))[0]


def takes_a_place(page: Page, assert_accessible: Accessible) -> None:
    page.goto("/mykeplive/kep-dilosi/now/")
    page.get_by_label("Ονοματεπώνυμο").fill(MARIA)
    page.get_by_label("Τηλέφωνο").fill("6912345678")
    page.get_by_label("Διεύθυνση e-mail").fill("maria@example.org")
    assert_accessible(page)
    press(page, "Πάρτε θέση στη σειρά")
