from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import jwt
import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from agencies.models import Agency
from tests.builders import NOW, minutes
from tests.conftest import JITSI_SECRET
from videocalls import rooms
from videocalls.models import VideoCall
from videocalls.providers import PROVIDERS, Provider, ProviderAway, ProviderRefused, Visitor
from videocalls.rooms import LEASE, RETRIES, enter, prepare

State = VideoCall.State
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True)


class Elsewhere(Provider):
    """A hosted provider for tests. It fails while told to, and counts its requests."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.asked = 0

    def prepare(self, call: VideoCall) -> None:
        self.asked += 1
        if self.trouble:
            raise self.trouble

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        return f"https://video.example.org/{call.room}"


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    PROVIDERS["elsewhere"] = provider = Elsewhere()
    yield provider
    del PROVIDERS["elsewhere"]


def a_call(provider: str = "elsewhere", **fields: object) -> VideoCall:
    window = {"opens_at": NOW, "closes_at": NOW + timedelta(hours=1)}
    return VideoCall.objects.create(provider=provider, **window | fields)


def prepared(call: VideoCall, now: datetime = NOW) -> VideoCall:
    prepare(call, now=now)
    call.refresh_from_db()
    return call


@pytest.mark.django_db
def test_prepared_call_is_ready(elsewhere: Elsewhere) -> None:
    call = prepared(a_call())
    assert (call.state, call.attempts, call.retry_at, call.last_error) == (State.READY, 1, None, "")
    prepare(call, now=NOW)
    assert elsewhere.asked == 1


@pytest.mark.django_db
def test_provider_away_is_asked_again_later(elsewhere: Elsewhere) -> None:
    elsewhere.trouble = ProviderAway("503 for a moment")
    call = prepared(a_call())
    assert (call.state, call.retry_at, call.last_error) == (State.PENDING, NOW + minutes(1), "503 for a moment")
    prepare(call, now=NOW + timedelta(seconds=30))
    assert elsewhere.asked == 1
    elsewhere.trouble = None
    assert prepared(call, NOW + minutes(1)).state == State.READY


@pytest.mark.django_db
def test_provider_that_stays_away_fails_visibly(elsewhere: Elsewhere) -> None:
    elsewhere.trouble = ProviderAway("down")
    call, now = a_call(closes_at=NOW + timedelta(days=3)), NOW
    for wait in [*RETRIES, 0]:
        call = prepared(call, now)
        now += minutes(wait)
    assert (call.state, call.attempts, call.last_error) == (State.FAILED, len(RETRIES) + 1, "down")


@pytest.mark.django_db
def test_refusal_fails_at_once(elsewhere: Elsewhere) -> None:
    elsewhere.trouble = ProviderRefused("no licence")
    call = prepared(a_call())
    assert (call.state, call.attempts, call.last_error) == (State.FAILED, 1, "no licence")


@pytest.mark.django_db
def test_unknown_provider_fails_visibly() -> None:
    call = prepared(a_call("pigeon"))
    assert (call.state, call.last_error) == (State.FAILED, "there is no provider 'pigeon'")
    assert not rooms.is_hosted(call)


@pytest.mark.django_db
def test_call_of_a_worker_that_died_is_taken_over(elsewhere: Elsewhere) -> None:
    call = a_call()
    assert rooms._claim(call, NOW) == [call]
    assert prepared(call, NOW + minutes(1)).state == State.PENDING
    assert prepared(call, NOW + LEASE).state == State.READY


@pytest.mark.django_db
def test_call_that_kills_every_worker_fails_visibly() -> None:
    call, now = a_call(closes_at=NOW + timedelta(days=1)), NOW
    while rooms._claim(call, now):
        now += LEASE
    call.refresh_from_db()
    assert (call.state, call.attempts, call.retry_at) == (State.FAILED, len(RETRIES) + 1, None)


@pytest.mark.django_db
def test_answer_about_an_old_window_is_not_kept(elsewhere: Elsewhere) -> None:
    call = a_call()

    def move(call: VideoCall) -> None:
        VideoCall.objects.filter(pk=call.pk).reopen(NOW + timedelta(days=1), NOW + timedelta(days=1, hours=1))

    elsewhere.prepare = move
    assert prepared(call).state == State.PENDING


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_ask_once(elsewhere: Elsewhere) -> None:
    call = a_call()

    def work(_: int) -> None:
        try:
            prepare(VideoCall.objects.get(pk=call.pk), now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert elsewhere.asked == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "after", "open_"),
    [
        (State.READY, timedelta(), True),
        (State.READY, timedelta(seconds=-1), False),
        (State.READY, timedelta(hours=1), False),
        (State.PENDING, timedelta(), False),
        (State.FAILED, timedelta(), False),
    ],
)
def test_room_is_entered_while_it_is_ready_and_open(
    elsewhere: Elsewhere, state: str, after: timedelta, open_: bool
) -> None:
    call = a_call(state=state)
    assert bool(enter(call, CITIZEN, now=NOW + after)) is open_


@pytest.mark.django_db
def test_built_in_room_is_a_page_of_ours_and_its_address_tells_nothing() -> None:
    call = prepared(a_call("room"))
    assert (call.state, rooms.is_hosted(call)) == (State.READY, True)
    address = urlsplit(enter(call, CITIZEN, now=NOW))
    assert (address.netloc, address.path) == ("", f"/calls/{call.room}/enter/")
    assert CITIZEN.key not in address.query
    assert enter(call, CITIZEN, now=call.closes_at) == ""


# Jitsi


def token_in(address: str) -> dict[str, object]:
    """Returns the content of the token, with the same checks as a Jitsi server."""
    return jwt.decode(
        address.partition("?jwt=")[2],
        JITSI_SECRET,
        algorithms=["HS256"],
        audience="mydesk",
        issuer="mydesk",
        options={"verify_exp": False, "verify_nbf": False, "require": ["exp", "nbf", "sub"]},
    )


@pytest.mark.django_db
def test_jitsi_admits_the_citizen_with_a_short_lived_token(jitsi: None) -> None:
    call = prepared(a_call("jitsi"))
    address = enter(call, CITIZEN, now=NOW)
    claims = token_in(address)
    assert address.startswith(f"https://meet.example.org/{call.room}?jwt=")
    assert call.room == call.room.lower() == claims["room"]
    assert claims["sub"] == "meet.example.org"
    assert (claims["nbf"], claims["exp"]) == (NOW.timestamp() - 30, NOW.timestamp() + 300)
    user = {"id": "citizen", "name": "Μαρία Παπαδοπούλου", "moderator": "false", "affiliation": "member"}
    assert claims["context"] == {"user": user}


@pytest.mark.django_db
def test_jitsi_knows_the_officer_as_host(jitsi: None) -> None:
    claims = token_in(enter(prepared(a_call("jitsi")), OFFICER, now=NOW))
    user = claims["context"]["user"]
    assert (user["moderator"], user["affiliation"]) == ("true", "owner")
    assert None not in user.values()


@pytest.mark.django_db
def test_jitsi_token_ends_with_the_room(jitsi: None) -> None:
    call = prepared(a_call("jitsi"))
    claims = token_in(enter(call, CITIZEN, now=call.closes_at - minutes(1)))
    assert claims["exp"] == call.closes_at.timestamp()


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "value"), [("JITSI_SECRET", "x" * 31), ("JITSI_APP_ID", ""), ("JITSI_URL", "")])
def test_jitsi_that_is_not_set_up_fails_visibly(jitsi: None, settings: Settings, name: str, value: str) -> None:
    setattr(settings, name, value)
    call = prepared(a_call("jitsi"))
    assert call.state == State.FAILED
    assert name in call.last_error


def test_agencies_choose_from_the_providers_there_are() -> None:
    assert set(Agency.VideoProvider.values) == PROVIDERS.keys()
