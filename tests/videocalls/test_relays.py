import base64
import hmac
from datetime import UTC, datetime, timedelta

from pytest_django.fixtures import Settings

from tests.builders import NOW
from videocalls import relays

UDP, TCP, STUN = "turn:turn.example.org:3478", "turns:turn.example.org:5349?transport=tcp", "stun:turn.example.org:3478"
SECRET = "Jw4tq0bQ1nUe8yBf3kVh6sZc9xLmRdPa"


def test_credentials_are_those_of_coturn_and_end(settings: Settings) -> None:
    settings.TURN_URLS, settings.TURN_SECRET = [STUN, UDP, TCP], SECRET
    stun, turn = relays.servers(until=NOW + timedelta(hours=1))
    assert stun == {"urls": [STUN]}
    assert turn["urls"] == [UDP, TCP]
    until, _, anything = str(turn["username"]).partition(":")
    assert datetime.fromtimestamp(int(until), UTC) == NOW + timedelta(hours=1)
    assert anything
    expected = hmac.new(SECRET.encode(), str(turn["username"]).encode(), "sha1").digest()
    assert base64.b64decode(str(turn["credential"])) == expected
    assert SECRET not in str(turn)


def test_nothing_is_told_where_nothing_is_set(settings: Settings) -> None:
    settings.TURN_URLS = []
    assert relays.servers(until=NOW) == []
    assert not relays.has_relay()
    settings.TURN_URLS = [STUN]
    assert relays.servers(until=NOW) == [{"urls": [STUN]}]
    assert not relays.has_relay()
