"""An SMS is sent once: whatever the gateway does, it is tried again only if it has certainly not been taken."""

from datetime import datetime, timedelta

import pytest
import requests
from django.core.mail import get_connection
from pytest_django.fixtures import Settings

from accounts import models
from appointments import tasks
from appointments.messages import delivery
from appointments.messages.delivery import LEASE, claim, deliver_next
from appointments.models import Event, Notification
from tests.builders import NOW, an_appointment, an_open_branch, minutes, slots_of
from tests.servers import gateways
from tests.servers.gateways import Mood, answers

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State

pytestmark = [pytest.mark.usefixtures("plugins"), pytest.mark.django_db]


@pytest.fixture
def owed_sms(settings: Settings) -> Notification:
    """The confirmation by SMS of an appointment. Nothing else is owed."""
    settings.SMS_URL = "json://127.0.0.1:9/?:to={phone}"
    an_appointment(slots_of(an_open_branch())[20])
    Notification.objects.exclude(medium=Medium.SMS, kind=Kind.CONFIRMATION).delete()
    return Notification.objects.get(kind=Kind.CONFIRMATION)


def sweep(now: datetime = NOW) -> bool:
    return deliver_next(get_connection(), now=now, among=Notification.objects.by_sms())


def steps(message: Notification) -> list[str]:
    return list(message.appointment.events.exclude(verb=Event.Verb.BOOK).values_list("verb", flat=True))


SENT, AGAIN, NEVER, PERHAPS = State.SENT, State.PENDING, State.FAILED, State.UNSURE
MOODS: dict[str, tuple[Mood, str]] = {
    "takes it": (answers("200 OK"), SENT),
    "takes it for later": (answers("202 Accepted"), SENT),
    "does not like it": (answers("400 Bad Request"), NEVER),
    "does not know the number": (answers("404 Not Found"), NEVER),
    "cannot work with it": (answers("422 Unprocessable Content"), NEVER),
    "is too slow to read": (answers("408 Request Timeout"), AGAIN),
    "has too much to do": (answers("429 Too Many Requests"), AGAIN),
    "is broken": (answers("500 Internal Server Error"), AGAIN),
    "is behind a proxy and down": (answers("502 Bad Gateway"), AGAIN),
    "is away": (answers("503 Service Unavailable"), AGAIN),
    "is behind a proxy and hangs": (answers("504 Gateway Timeout"), PERHAPS),
    "sends us elsewhere": (answers("304 Not Modified"), PERHAPS),
    "closes before it reads": (gateways.closes_unread, PERHAPS),
    "hangs at once": (gateways.hangs_at_once, PERHAPS),
    "hangs after the body": (gateways.hangs_after_the_body, PERHAPS),
    "closes after the body": (gateways.closes_after_the_body, PERHAPS),
    "hangs half-way": (gateways.hangs_half_way_through_the_answer, PERHAPS),
    "talks garbage": (gateways.talks_garbage, PERHAPS),
}
STEPS = {SENT: ["tell"], AGAIN: [], NEVER: ["fail"], PERHAPS: ["doubt"]}


@pytest.mark.parametrize("name", MOODS)
def test_gateway_in_any_mood(settings: Settings, owed_sms: Notification, name: str) -> None:
    mood, outcome = MOODS[name]
    with gateways.running(mood) as gateway:
        settings.SMS_URL = gateway.url
        sweep()
        owed_sms.refresh_from_db()
        assert (owed_sms.state, owed_sms.leased_until, owed_sms.attempts) == (outcome, None, 1)
        assert steps(owed_sms) == STEPS[outcome]
        for hours in range(1, 30):
            if outcome != AGAIN:
                sweep(NOW + timedelta(hours=hours))
        assert gateway.connections == 1
    assert bool(owed_sms.last_error) == (outcome != SENT)
    assert (owed_sms in Notification.objects.undelivered()) == (outcome in (NEVER, PERHAPS))


def test_gateway_that_refuses_connections_is_asked_again(settings: Settings, owed_sms: Notification) -> None:
    settings.SMS_URL = gateways.refusing().url
    sweep()
    owed_sms.refresh_from_db()
    assert (owed_sms.state, owed_sms.due_at) == (State.PENDING, NOW + minutes(1))
    assert owed_sms.last_error == "the SMS gateway cannot be reached"


def test_each_attempt_has_the_same_id_in_a_header_and_where_the_address_wants_it(
    settings: Settings, owed_sms: Notification
) -> None:
    with gateways.running(answers("500 Internal Server Error")) as gateway:
        settings.SMS_URL = gateway.url
        sweep()
        sweep(NOW + minutes(2))
    ids = {(one["idempotency-key"], one["reference"]) for one in gateway.taken}
    assert len(gateway.taken) == 2
    assert ids == {(f"message-{owed_sms.pk}@localhost",) * 2}


@pytest.mark.parametrize(
    ("told", "again"),
    [
        ("600", NOW + minutes(10)),
        ("5", NOW + minutes(1)),  # our own pause is longer
        ("Mon, 02 Mar 2026 06:00:00 GMT", datetime.fromisoformat("2026-03-02T06:00:00+00:00")),
        ("999999999999999999999999", NOW + timedelta(hours=12)),
        ("Mon, 02 Mar 1999 06:00:00 GMT", NOW + minutes(1)),
        ("-5", NOW + minutes(1)),
        ("soon", NOW + minutes(1)),
        ("", NOW + minutes(1)),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_gateway_that_asks_for_a_pause_gets_it(
    settings: Settings, owed_sms: Notification, status: str, told: str, again: datetime
) -> None:
    with gateways.running(answers(status, f"Retry-After: {told}")) as gateway:
        settings.SMS_URL = gateway.url
        sweep()
    owed_sms.refresh_from_db()
    assert (owed_sms.state, owed_sms.due_at) == (State.PENDING, again)


@pytest.mark.usefixtures("clock")
def test_pause_that_a_gateway_asks_for_holds_for_all_sms(settings: Settings, owed_sms: Notification) -> None:
    others = [an_appointment(slots_of(owed_sms.appointment.branch)[30 + number], number + 2) for number in range(3)]
    with gateways.running(answers("429 Too Many Requests", "Retry-After: 600")) as gateway:
        settings.SMS_URL = gateway.url
        tasks.deliver_sms()
        tasks.deliver_urgent_sms()
    assert (len(others), gateway.connections) == (3, 1)
    assert models.Peer.objects.get().quiet_until == NOW + minutes(10)


def test_worker_killed_with_an_sms_in_its_hands_leaves_it_to_a_person(owed_sms: Notification) -> None:
    assert claim(now=NOW)  # and the worker dies
    dead = claim(now=NOW + LEASE + minutes(1))
    assert dead
    owed_sms.refresh_from_db()
    assert (dead.state, owed_sms.state, owed_sms.leased_until) == (State.UNSURE, State.UNSURE, None)
    assert steps(owed_sms) == ["doubt"]
    assert not sweep(NOW + timedelta(hours=1))


def test_number_that_no_gateway_can_reach_is_given_up(settings: Settings, owed_sms: Notification) -> None:
    settings.SMS_URL = "nonsense://{phone}"
    sweep()
    owed_sms.refresh_from_db()
    assert owed_sms.state == State.FAILED


def test_plugin_that_fails_after_the_text_has_left_sends_nothing_again(
    settings: Settings, owed_sms: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    def notify(_gateway: object, **_kwargs: object) -> bool:
        raise ZeroDivisionError

    with gateways.running(answers("200 OK")) as gateway:
        settings.SMS_URL = gateway.url
        monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.notify", notify)
        sweep()
    owed_sms.refresh_from_db()
    assert owed_sms.state == State.UNSURE
    assert delivery.GATEWAY.name == "SMS gateway"


def test_others_who_use_requests_are_not_listened_to(owed_sms: Notification) -> None:
    with gateways.running(answers("200 OK")) as gateway:
        assert requests.post(f"http://127.0.0.1:{gateway.port}", json={}, timeout=5).ok
    assert "idempotency-key" not in gateway.taken[0]
