"""Each provider with a stand-in of its server, spoken to over real HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pytest_django.fixtures import Settings

from tests.builders import NOW
from tests.servers import video
from tests.servers.video import SERVERS, VideoServer, settings_for
from videocalls.providers import asking, webex

Serve = Callable[[str], VideoServer]


@pytest.fixture
def serve(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts the provider's server, whose clock shows NOW. Its answers are waited for no longer than a test likes."""
    monkeypatch.setattr(asking, "READ", 0.4)
    monkeypatch.setattr(asking, "WHOLE", 0.6)
    monkeypatch.setattr(asking, "_ahead", lambda date: asking.parsedate_to_datetime(date) - NOW)
    monkeypatch.setattr(webex, "_access", webex._Access())
    with ExitStack() as stack:

        def start(name: str) -> VideoServer:
            server = stack.enter_context(video.running(SERVERS[name]()))
            server.now = lambda: NOW
            for setting, value in settings_for(name, server.url).items():
                setattr(settings, setting, value)
            return server

        yield start
