"""The built-in video room in Chromium: people see, hear and write to each other, whatever happens in between."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from tests.conftest import PHONE, NewPage
from tests.pages import Accessible, fits
from tests.rooms import PATIENCE, press, small_cameras, tile, wait_until_seen
from tests.servers.relay import PROGRAM, only_way, running
from videocalls import presence
from videocalls.models import VideoCall
from videocalls.providers import Visitor
from videocalls.rooms import enter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True, back="/help/")
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου", back="/help/")
GUEST = Visitor(key="guest-1", name="Νίκος Διερμηνέας", back="/help/")

Open = Callable[..., Page]


@pytest.fixture
def call() -> VideoCall:
    now = timezone.now()
    window = {"opens_at": now - timedelta(minutes=5), "closes_at": now + timedelta(hours=1)}
    return VideoCall.objects.create(provider="room", state=VideoCall.State.READY, **window)


@pytest.fixture
def open_room(call: VideoCall, new_page: NewPage) -> Open:
    """Opens the room for somebody who is let in."""

    def opened(visitor: Visitor, **options: object) -> Page:
        page = small_cameras(new_page(**options))
        page.goto(way_in(call, visitor))
        return page

    return opened


def way_in(call: VideoCall, visitor: Visitor) -> str:
    now = timezone.now()
    presence.admit(presence.arrive(call, visitor, now=now), now=now)
    return enter(call, visitor, now=now)


@pytest.fixture
def pair(open_room: Open) -> tuple[Page, Page]:
    """Officer at a desk and citizen with a telephone, who see each other."""
    officer, citizen = open_room(OFFICER), open_room(CITIZEN, size=PHONE)
    wait_until_seen(officer, CITIZEN.name)
    wait_until_seen(citizen, OFFICER.name)
    return officer, citizen


def test_two_people_see_hear_and_write_to_each_other(pair: tuple[Page, Page], assert_accessible: Accessible) -> None:
    officer, citizen = pair
    assert_accessible(officer)
    for page in (officer, citizen):
        press(page, "Μηνύματα")
    citizen.get_by_label("Το μήνυμά σας").fill("Σας <b>ακούω</b> καλά")
    citizen.keyboard.press("Enter")
    expect(officer.get_by_role("log")).to_contain_text("Σας <b>ακούω</b> καλά")
    assert_accessible(citizen)
    press(officer, "Συσκευές")
    assert_accessible(officer)
    press(officer, "Μηνύματα")
    officer.keyboard.press("Escape")
    expect(officer.get_by_role("button", name="Μηνύματα", exact=True)).to_be_focused()


def test_what_somebody_switches_off_the_other_one_sees_and_who_reloads_is_back(pair: tuple[Page, Page]) -> None:
    officer, citizen = pair
    press(citizen, "Κάμερα"), press(citizen, "Μικρόφωνο")
    theirs = tile(officer, CITIZEN.name)
    expect(theirs).to_have_attribute("data-camera", "off")
    expect(theirs.get_by_text("Κλειστό μικρόφωνο")).to_be_attached()
    assert citizen.evaluate("document.querySelector('.tile--own video').srcObject") is None
    press(citizen, "Κάμερα"), press(citizen, "Μικρόφωνο")
    wait_until_seen(officer, CITIZEN.name)
    citizen.context.set_offline(True)
    expect(citizen.get_by_text("Δεν υπάρχει σύνδεση στο δίκτυο.", exact=False)).to_be_visible()
    citizen.context.set_offline(False)
    expect(citizen.get_by_text("Δεν υπάρχει σύνδεση στο δίκτυο.", exact=False)).to_be_hidden()
    citizen.reload()
    wait_until_seen(officer, CITIZEN.name)
    wait_until_seen(citizen, OFFICER.name)
    assert tile(officer, CITIZEN.name).count() == 1
    press(citizen, "Αποχώρηση")
    citizen.wait_for_url("**/help/")
    expect(officer.get_by_text(f"{CITIZEN.name}: αποχώρησε από την κλήση.")).to_be_visible()
    assert tile(officer, CITIZEN.name).count() == 0


def test_four_people_meet_and_one_shows_a_screen_without_a_camera(open_room: Open, call: VideoCall) -> None:
    second = Visitor(key="officer-8", name="Ελένη Δεύτερη", is_host=True, back="/help/")
    pages = {visitor: open_room(visitor) for visitor in (OFFICER, CITIZEN, GUEST)}
    for visitor, page in pages.items():
        for other in pages.keys() - {visitor}:
            wait_until_seen(page, other.name, PATIENCE)
    officer, citizen = pages[OFFICER], pages[CITIZEN]
    press(citizen, "Κάμερα")
    citizen.evaluate(SCREEN)
    press(citizen, "Οθόνη")
    expect(tile(officer, CITIZEN.name)).to_have_class("tile tile--screen tile--main")
    wait_until_seen(officer, CITIZEN.name)
    press(citizen, "Οθόνη")
    expect(tile(officer, CITIZEN.name)).to_have_attribute("data-camera", "off")
    press(citizen, "Κάμερα")
    pages[second] = open_room(second, size=PHONE)
    for other in (OFFICER, CITIZEN, GUEST):
        wait_until_seen(pages[second], other.name, PATIENCE)
        wait_until_seen(pages[other], second.name, PATIENCE)
    press(officer, "Αποχώρηση")
    press(officer, "Τέλος της κλήσης για όλους")
    officer.wait_for_url("**/help/")
    for page in (citizen, pages[GUEST], pages[second]):
        expect(page.get_by_role("heading", level=1)).to_have_text("Η βιντεοκλήση τελείωσε")


# A screen to show: the browser of the tests has none to choose from.
SCREEN = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 640, height: 360});
  const context = canvas.getContext("2d");
  setInterval(() => {
    context.fillStyle = `hsl(${Date.now() / 20 % 360} 60% 50%)`;
    context.fillRect(0, 0, 640, 360);
  }, 100);
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(10);
}"""


PULLED_OUT = """() => {
  const real = navigator.mediaDevices.getUserMedia;
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); };
  window.put_in = () => {
    navigator.mediaDevices.getUserMedia = real;
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  };
  const [track] = document.querySelector(".tile--own video").srcObject.getTracks();
  track.stop();
  track.dispatchEvent(new Event("ended"));
}"""


def test_call_goes_on_with_what_is_there(open_room: Open, call: VideoCall, new_page: NewPage) -> None:
    """A camera that another program holds, no permission for the microphone, and one person in two windows."""
    officer, citizen = open_room(OFFICER, language="en", size=(320, 640)), new_page()
    citizen.add_init_script("""navigator.mediaDevices.getUserMedia = async ({audio}) => {
        throw new DOMException("", audio ? "NotAllowedError" : "NotReadableError");
    }""")
    citizen.goto(way_in(call, CITIZEN))
    expect(citizen.get_by_text("Άλλο πρόγραμμα χρησιμοποιεί την κάμερα.", exact=False)).to_be_visible()
    expect(citizen.get_by_text("δεν έχει άδεια για το μικρόφωνο", exact=False)).to_be_visible()
    wait_until_seen(citizen, OFFICER.name)
    expect(tile(officer, CITIZEN.name)).to_have_attribute("data-camera", "off")
    presence.arrive(call, GUEST, now=timezone.now())
    expect(officer.get_by_text(f"Στην πόρτα: {GUEST.name}.")).to_be_visible()
    assert fits(officer)
    # A camera that is pulled out in the middle of the call, and put in again
    officer.evaluate(PULLED_OUT)
    expect(officer.get_by_text("Η κάμερα αποσυνδέθηκε.", exact=False)).to_be_visible()
    expect(tile(citizen, OFFICER.name)).to_have_attribute("data-camera", "off")
    officer.evaluate("put_in()")
    wait_until_seen(citizen, OFFICER.name)
    expect(officer.get_by_text("Η κάμερα αποσυνδέθηκε.", exact=False)).to_be_hidden()
    other = citizen.context.new_page()
    other.goto(citizen.url)
    expect(citizen.get_by_role("heading", name="Ανοίξατε αυτή την κλήση σε άλλο παράθυρο")).to_be_visible()
    wait_until_seen(other, OFFICER.name)
    # Another look at the same appointment must not ring twice: the first window is silent now.
    assert citizen.evaluate("[...document.querySelectorAll('#stage audio')].every((one) => !one.srcObject?.active)")


@pytest.fixture
def port(settings: Settings) -> int:
    """Where browsers look for a relay, and they may use nothing else."""
    return only_way(settings)


@pytest.mark.skipif(PROGRAM is None, reason="There is no TURN server here: install the package coturn.")
def test_relay_connects_and_a_lost_way_is_found_again(
    open_room: Open, new_page: NewPage, port: int, tmp_path: Path
) -> None:
    with running(tmp_path, port):
        page = new_page()
        page.goto("/calls/test/")
        press(page, "Έναρξη της δοκιμής")
        expect(page.locator("#connection")).to_have_text("Το δίκτυό σας επιτρέπει βιντεοκλήσεις.")
        officer, citizen = open_room(OFFICER), open_room(CITIZEN)
        wait_until_seen(officer, CITIZEN.name)
    expect(tile(officer, CITIZEN.name)).to_contain_text("Διακόπηκε. Γίνεται νέα σύνδεση…")
    with running(tmp_path, port):
        wait_until_seen(officer, CITIZEN.name, 40)
        wait_until_seen(citizen, OFFICER.name)


def test_devices_are_tested_and_remembered(new_page: NewPage, assert_accessible: Accessible) -> None:
    page = new_page(size=(320, 640))
    page.goto("/calls/test/")
    press(page, "Έναρξη της δοκιμής")
    expect(page.locator("#fault-video")).to_have_text("Η κάμερά σας λειτουργεί.")
    expect(page.locator("#fault-audio")).to_have_text("Το μικρόφωνό σας λειτουργεί: ακούγεστε.")
    expect(page.locator("#connection")).to_have_text("Το πρόγραμμα περιήγησής σας μπορεί να κάνει βιντεοκλήσεις.")
    page.get_by_role("combobox", name="Μικρόφωνο").select_option(index=1)
    press(page, "Αναπαραγωγή ήχου")
    chosen = page.get_by_role("combobox", name="Μικρόφωνο").input_value()
    page.reload()
    press(page, "Έναρξη της δοκιμής")
    expect(page.get_by_role("combobox", name="Μικρόφωνο")).to_have_value(chosen)
    assert_accessible(page)
    assert fits(page)


def test_without_javascript_the_room_shows_the_way_to_the_telephone(call: VideoCall, plain_page: Page) -> None:
    plain_page.goto(way_in(call, CITIZEN))
    expect(plain_page.get_by_role("heading", name="Η βιντεοκλήση χρειάζεται JavaScript")).to_be_visible()
    expect(plain_page.get_by_role("link", name="Πίσω")).to_have_attribute("href", "/help/")
