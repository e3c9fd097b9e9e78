"""The pages of the built-in room: who gets in, what their scripts are told, and that nobody speaks for somebody else."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.limits import Limit
from tests.builders import NOW, minutes
from tests.pages import text_of
from videocalls import presence, rooms, signalling, views
from videocalls.models import Participant, Signal, VideoCall
from videocalls.passes import ENTRY
from videocalls.providers import Visitor
from videocalls.signalling import KEPT, LONGEST, MOST
from videocalls.views import SPARE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
BACK = "/appointments/K7M4Q2XDBN/join/"
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True, back="/admin/")
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου", back=BACK)
GUEST = Visitor(key="guest-1", name="Νίκος Διερμηνέας", back="/calls/guest/")
CLOSES_AT = NOW + minutes(60)


def a_call(**fields: object) -> VideoCall:
    values = {"provider": "room", "state": VideoCall.State.READY, "opens_at": NOW, "closes_at": CLOSES_AT}
    return VideoCall.objects.create(**values | fields)


@pytest.fixture
def call() -> VideoCall:
    return a_call()


class Browser:
    """A browser that has followed the way in. `page` is the session of its page, as the script keeps it."""

    def __init__(self, call: VideoCall, visitor: Visitor, *, is_let_in: bool = True) -> None:
        self.client, self.room, self.page, self.sent = Client(enforce_csrf_checks=True), call.room, "", 0
        participant = presence.arrive(call, visitor, now=NOW)
        if is_let_in:
            presence.admit(participant, now=NOW)
        self.key, self.call = visitor.key, call
        self.entered = self.client.get(rooms.enter(call, visitor, now=NOW))

    @property
    def participant(self) -> Participant:
        return Participant.objects.get(call=self.call, key=self.key)

    def open(self, language: str = "") -> Any:
        return self.client.get(f"{language}/calls/{self.room}/")

    def post(self, path: str, content: Any = None, **options: Any) -> Any:
        self.client.cookies["csrftoken"] = "a" * 32
        headers = {"X-CSRFToken": "a" * 32}
        return self.client.post(f"/calls/{self.room}/{path}/", content, headers=headers, **options)

    def says(self, content: Any) -> Any:
        return self.post("sync", content, content_type="application/json")

    def ask(self, *signals: dict[str, Any], got: tuple[int, ...] = ()) -> dict[str, Any]:
        answer = self.says({"session": self.page, "got": list(got), "signals": signals})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        self.page = found.get("session", self.page)
        return found

    def signal(self, other: "Browser", kind: str = "ice", **more: Any) -> dict[str, Any]:
        self.sent += 1
        return {"to": other.page, "kind": kind, "number": self.sent, "data": f'"{self.sent}"'} | more


Enter = Callable[..., Browser]


def two(call: VideoCall) -> tuple[Browser, Browser]:
    """Officer and citizen, each with the room open."""
    officer, citizen = Browser(call, OFFICER), Browser(call, CITIZEN)
    officer.ask(), citizen.ask()
    return officer, citizen


# The way in


def test_pass_is_changed_for_a_cookie_and_leaves_the_address(call: VideoCall) -> None:
    citizen = Browser(call, CITIZEN)
    assert (citizen.entered.status_code, citizen.entered["Location"]) == (302, f"/calls/{call.room}/")
    cookies = citizen.entered.cookies
    assert {cookies[name]["path"] for name in cookies} == {f"/calls/{call.room}/", f"/en/calls/{call.room}/"}
    for cookie in cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")
    for language in ("", "/en"):
        page = citizen.open(language)
        assert page.status_code == 200
        assert {"private", "no-store"} <= set(page["Cache-Control"].split(", "))
        assert BACK in text_of(page)


def test_old_pass_leads_back_to_where_a_new_one_is_made(call: VideoCall) -> None:
    VideoCall.objects.update(opens_at=NOW - minutes(5))
    call.refresh_from_db()
    address = rooms.enter(call, CITIZEN, now=NOW - ENTRY)
    client = Client()
    assert client.get(address)["Location"] == BACK
    assert client.get(f"/calls/{call.room}/").status_code == 404


def test_pass_and_cookie_open_no_other_room(call: VideoCall) -> None:
    other = a_call()
    presence.admit(presence.arrive(other, CITIZEN, now=NOW), now=NOW)
    citizen = Browser(call, CITIZEN)
    assert citizen.client.get(rooms.enter(call, CITIZEN, now=NOW).replace(call.room, other.room)).status_code == 404
    for name, cookie in list(citizen.client.cookies.items()):
        citizen.client.cookies[name] = cookie.value  # for all paths
    for path in ("", "sync/", "leave/", "end/", "bye/"):
        address = f"/calls/{other.room}/{path}"
        citizen.client.handler.enforce_csrf_checks = False
        answer = citizen.client.post(address) if path else citizen.client.get(address)
        assert answer.status_code == 404


def test_stranger_learns_nothing_of_a_room(call: VideoCall) -> None:
    Browser(call, CITIZEN)
    there, nowhere = (Client().get(f"/calls/{room}/") for room in (call.room, "0" * 24))
    assert there.status_code == nowhere.status_code == 404
    assert CITIZEN.name not in text_of(there)


def test_who_is_not_let_in_goes_back(call: VideoCall) -> None:
    citizen = Browser(call, CITIZEN, is_let_in=False)
    assert citizen.open()["Location"] == BACK
    assert citizen.ask() == {"state": "outside"}
    presence.admit(citizen.participant, now=NOW)
    assert citizen.open().status_code == 200
    presence.leave(citizen.participant, now=NOW)
    assert citizen.open()["Location"] == BACK


MOMENTS = [
    (NOW - timedelta(seconds=1), 302, "outside"),
    (NOW, 200, "inside"),
    (CLOSES_AT - timedelta(seconds=1), 200, "inside"),
    (CLOSES_AT, 200, "over"),
    (CLOSES_AT + timedelta(days=3), 200, "over"),
]


@pytest.mark.parametrize(("now", "status", "state"), MOMENTS)
def test_room_is_open_in_its_window_to_the_second(call: VideoCall, now: datetime, status: int, state: str) -> None:
    citizen = Browser(call, CITIZEN)
    with time_machine.travel(now, tick=False):
        page = citizen.open()
        assert (page.status_code, citizen.ask()["state"]) == (status, state)
        if state == "over":
            assert "Η βιντεοκλήση τελείωσε" in text_of(page)
            assert BACK in text_of(page)
            assert citizen.client.get(rooms.enter(call, CITIZEN, now=NOW) or "/calls/x/").status_code in (302, 404)


def test_longer_window_keeps_the_way_in(call: VideoCall) -> None:
    citizen = Browser(call, CITIZEN)
    VideoCall.objects.filter(pk=call.pk).reopen(NOW, CLOSES_AT + minutes(30))
    with time_machine.travel(CLOSES_AT + minutes(10), tick=False):
        assert citizen.open().status_code == 200
        assert citizen.ask()["state"] == "inside"


# What browsers tell each other


def test_each_learns_who_is_there_and_gets_what_is_for_it(call: VideoCall) -> None:
    officer, citizen = two(call)
    guest = Browser(call, GUEST)
    guest.ask()
    assert officer.ask(officer.signal(citizen, "offer"))["signals"] == []
    found = citizen.ask()
    assert [(one["name"], one["role"], one["isHere"]) for one in found["people"]] == [
        (OFFICER.name, "Υπάλληλος", True),
        (GUEST.name, "Πολίτης", True),
    ]
    (signal,) = found["signals"]
    assert (signal["from"], signal["to"], signal["kind"]) == (officer.page, citizen.page, "offer")
    assert guest.ask()["signals"] == []
    assert citizen.ask()["signals"] == [signal]  # the answer may have been lost
    assert citizen.ask(got=(signal["id"],))["signals"] == []


def test_nobody_takes_away_what_is_for_somebody_else(call: VideoCall) -> None:
    officer, citizen = two(call)
    officer.ask(officer.signal(citizen))
    (signal,) = citizen.ask()["signals"]
    officer.ask(got=(signal["id"],))
    assert citizen.ask()["signals"] == [signal]


def test_nobody_speaks_for_somebody_else_or_to_another_room(call: VideoCall) -> None:
    officer, citizen = two(call)
    stranger = Browser(a_call(), CITIZEN)
    stranger.ask()
    stranger.ask(stranger.signal(officer, **{"from": citizen.page}), stranger.signal(citizen))
    assert not Signal.objects.exists()
    citizen.ask(citizen.signal(officer, **{"from": "somebody"}))
    assert officer.ask()["signals"][0]["from"] == citizen.page


def test_officer_learns_who_stands_at_the_door_and_nobody_else_does(call: VideoCall) -> None:
    officer, citizen = two(call)
    assert officer.ask()["waiting"] == []
    presence.arrive(call, GUEST, now=NOW)
    assert officer.ask()["waiting"] == [GUEST.name]
    assert GUEST.name not in json.dumps(citizen.ask(), ensure_ascii=False)
    with time_machine.travel(NOW + presence.AWAY, tick=False):
        assert officer.ask()["waiting"] == []  # has gone away again


def test_reloaded_page_is_a_new_one_and_the_old_one_ends(call: VideoCall) -> None:
    officer, citizen = two(call)
    officer.ask(officer.signal(citizen))
    before = citizen.page
    citizen.page = ""
    assert citizen.ask()["signals"] == []
    assert citizen.page not in ("", before)
    assert [one["session"] for one in officer.ask()["people"]] == [citizen.page]
    citizen.page = before
    assert citizen.ask() == {"state": "elsewhere"}
    officer.ask({**officer.signal(citizen), "to": before})
    assert not Signal.objects.exists()


def test_closed_page_keeps_the_seat_and_says_so_to_the_others(call: VideoCall) -> None:
    officer, citizen = two(call)
    assert citizen.post("bye", {"session": citizen.page}).status_code == 204
    assert [one["session"] for one in officer.ask()["people"]] == [""]
    assert citizen.participant.is_inside
    before = citizen.page
    assert citizen.ask()["state"] == "inside"  # the page was only put aside, and is here again
    assert citizen.page != before
    citizen.post("bye", {"session": before})  # comes late
    assert citizen.participant.session == citizen.page


def test_offer_makes_void_what_came_before(call: VideoCall) -> None:
    officer, citizen = two(call)
    officer.ask(officer.signal(citizen, "offer"), officer.signal(citizen))
    officer.ask(officer.signal(citizen, "offer"), officer.signal(citizen))
    assert [one["number"] for one in citizen.ask()["signals"]] == [3, 4]


def test_hostile_browser_fills_nothing(call: VideoCall) -> None:
    officer, citizen = two(call)
    for _ in range(KEPT // MOST + 2):
        officer.ask(*(officer.signal(citizen) for _ in range(MOST)))
    assert Signal.objects.count() == KEPT


WRONG: list[Any] = [
    [],
    {},
    None,
    {"session": "", "got": [], "signals": [{}]},
    {"session": "", "got": 1, "signals": []},
    {"session": "", "got": [1] * (4 * KEPT + 1), "signals": []},
]
FIELDS: list[tuple[str, Any]] = [
    ("kind", "bye"),
    ("kind", None),
    ("number", -1),
    ("number", True),
    ("number", 1 << 70),
    ("data", "x" * (LONGEST + 1)),
    ("data", "a\0b"),
    ("data", {}),
    ("to", 7),
]


@pytest.mark.parametrize("content", WRONG, ids=lambda content: json.dumps(content)[:30])
def test_what_cannot_be_read_is_refused(call: VideoCall, content: Any) -> None:
    assert Browser(call, CITIZEN).says(json.dumps(content)).status_code == 400


@pytest.mark.parametrize(("field", "value"), FIELDS, ids=lambda value: repr(value)[:20])
def test_signal_that_is_none_is_refused(call: VideoCall, field: str, value: Any) -> None:
    officer, citizen = two(call)
    signals = [officer.signal(citizen) | {field: value}]
    assert officer.says({"session": officer.page, "got": [], "signals": signals}).status_code == 400
    assert (
        officer.says(
            {"session": officer.page, "got": [], "signals": [officer.signal(citizen)] * (MOST + 1)}
        ).status_code
        == 400
    )
    assert not Signal.objects.exists()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\xff"])
def test_no_json_is_refused(call: VideoCall, text: str) -> None:
    assert Browser(call, CITIZEN).says(text.encode("latin-1")).status_code == 400


def test_other_sites_cannot_speak_for_a_browser(call: VideoCall) -> None:
    citizen = Browser(call, CITIZEN)
    citizen.client.cookies.pop("csrftoken", None)
    for path in ("sync", "bye", "leave", "end"):
        assert citizen.client.post(f"/calls/{call.room}/{path}/").status_code == 403


def test_asking_takes_few_queries_however_many_are_there(
    call: VideoCall, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    officer, citizen = two(call)
    for number in (1, 2):
        for _ in range(number * 10):
            citizen.ask(citizen.signal(officer))
        with django_assert_num_queries(3):  # the participant with the call, the others, the signals
            found = officer.ask()
        with django_assert_num_queries(3):
            citizen.ask()
        with django_assert_num_queries(6):  # one more to forget, and two to keep
            officer.ask(officer.signal(citizen), got=tuple(one["id"] for one in found["signals"]))
        Browser(call, Visitor(key=f"guest-{number}", name="Νίκος")).ask()


def test_asking_says_that_one_is_here(call: VideoCall) -> None:
    officer, citizen = two(call)
    later = NOW + presence.AWAY
    with time_machine.travel(later, tick=False):
        assert [one["isHere"] for one in officer.ask()["people"]] == [False]
        citizen.ask()
        assert [one["isHere"] for one in officer.ask()["people"]] == [True]


def test_page_learns_once_how_to_reach_the_relay(call: VideoCall, settings: Settings) -> None:
    settings.TURN_URLS, settings.TURN_SECRET = ["turn:turn.example.org"], "a secret of the relay"
    citizen = Browser(call, CITIZEN)
    (server,) = citizen.ask()["iceServers"]
    assert int(server["username"].partition(":")[0]) == (CLOSES_AT + SPARE).timestamp()
    assert "iceServers" not in citizen.ask()


def test_too_many_signals_are_refused_and_asking_goes_on(call: VideoCall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "SIGNALS", Limit("call-signals", 2, 60))
    officer, citizen = two(call)
    for status in (200, 200, 429):
        said = {"session": officer.page, "got": [], "signals": [officer.signal(citizen)]}
        assert officer.says(said).status_code == status
    assert len(citizen.ask()["signals"]) == 2
    assert officer.ask()["state"] == "inside"


# The way out


def test_who_leaves_gives_the_seat_back(call: VideoCall) -> None:
    citizen = Browser(call, CITIZEN)
    answer = citizen.post("leave")
    assert (answer.status_code, answer["Location"]) == (302, BACK)
    assert (citizen.participant.is_inside, citizen.participant.left_at) == (False, NOW)


def test_only_an_officer_inside_ends_the_call(call: VideoCall) -> None:
    officer, citizen = two(call)
    assert citizen.post("end").status_code == 403
    presence.leave(officer.participant, now=NOW)
    assert officer.post("end").status_code == 403
    call.refresh_from_db()
    assert call.ended_at is None
    presence.arrive(call, OFFICER, now=NOW)
    assert officer.post("end")["Location"] == "/admin/"
    assert citizen.ask() == {"state": "over"}
    assert "Η βιντεοκλήση τελείωσε" in text_of(citizen.open())


def test_names_and_signals_are_forgotten_an_hour_after_the_call(call: VideoCall) -> None:
    officer, citizen = two(call)
    officer.ask(officer.signal(citizen))
    other = a_call(closes_at=CLOSES_AT + minutes(1))
    Browser(other, GUEST)
    over = CLOSES_AT + rooms.KEPT
    assert rooms.forget(now=over - timedelta(seconds=1)) == 0
    assert rooms.forget(now=over) == 2
    assert not Signal.objects.exists()
    kept = Participant.objects.filter(call=call).values_list("name", "token", "told", "session", "admitted_at")
    assert set(kept) == {("", "", "", "", NOW)}
    assert Participant.objects.get(call=other).name == GUEST.name
    assert rooms.forget(now=over) == 0


# The test of the devices


def test_anybody_tests_their_devices_and_goes_back_only_to_pages_of_ours(client: Client) -> None:
    assert f'class="govgr-back-link" href="{BACK}"' in text_of(client.get("/calls/test/", {"back": BACK}))
    for wrong in (
        "https://elsewhere.example.org/",
        "//elsewhere.example.org/",
        "/\\\\elsewhere.example.org",
        "javascript:1",
    ):
        assert "govgr-back-link" not in text_of(client.get("/calls/test/", {"back": wrong}))


def test_relay_is_lent_for_a_test_a_few_times(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TURN_URLS, settings.TURN_SECRET = ["turn:turn.example.org"], "a secret of the relay"
    monkeypatch.setattr(views, "TRIALS", Limit("call-trials", 1, 3600))
    (server,) = client.post("/calls/test/relay/").json()["iceServers"]
    assert int(server["username"].partition(":")[0]) == (NOW + minutes(2)).timestamp()
    assert client.post("/calls/test/relay/").status_code == 429


def test_state_of_a_call_that_was_ended_comes_before_that_of_the_seat(call: VideoCall) -> None:
    citizen = presence.arrive(call, CITIZEN, now=NOW)
    presence.end(call, now=NOW)
    call.refresh_from_db()
    citizen.call = call
    assert signalling.state_of(citizen, now=NOW) == signalling.State.OVER
