"""The interface of a provider of video rooms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from videocalls.models import VideoCall


class ProviderError(Exception):
    pass


class ProviderAway(ProviderError):
    """The provider does not answer, or has a problem of its own. A later attempt may succeed."""


class ProviderRefused(ProviderError):
    """The provider refuses this room or is not set up. A later attempt does not help."""


class ProviderShut(ProviderRefused):
    """The provider refuses all that comes from this installation: our key, our account or a clock is wrong."""


@dataclass(frozen=True)
class Visitor:
    """A person who enters a room. `key` tells people apart in the room, and does not identify them elsewhere.

    `back` is the path of our page to which the person returns from the room.
    """

    key: str
    name: str
    email: str = ""
    is_host: bool = False
    back: str = ""


NOBODY = Visitor(key="nobody", name="")


class Provider:
    """A provider. `prepare` announces a room in advance, and people enter it through `address`.

    Some keep something for each room (`keeps_meetings`): `make` makes or moves it, `remove` takes it away.
    """

    is_hosted = True
    keeps_meetings = False

    def fault(self) -> str:
        """Returns why this installation cannot use the provider, without any value of a setting, or "" if it can."""
        return ""

    def host(self, call: VideoCall) -> str:
        """Returns the name of the server that is asked about the room, or "" if none is."""
        return ""

    def look(self, call: VideoCall, *, now: datetime) -> None:
        """Asks the server for what changes nothing, to see whether it works. Raises ProviderAway, ProviderRefused."""
        self.reach(call, NOBODY, now=now)

    def prepare(self, call: VideoCall) -> None:
        """Sees to it that the room can be used. Can be called again for the same call. Raises ProviderAway, ProviderRefused."""
        if fault := self.fault():
            raise ProviderRefused(fault)

    def make(self, call: VideoCall, details: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        """Makes the room's meeting or moves it to the room's window, and returns what has to be kept of it.

        `details` is what was kept before. It is empty also after an answer that was lost, so the provider is asked for
        a meeting of this room before another one is made. Raises ProviderAway, ProviderRefused.
        """
        return details

    def remove(self, call: VideoCall, details: dict[str, Any]) -> None:
        """Takes the meeting away. One that is gone already is no error. Raises ProviderAway, ProviderRefused."""

    def reach(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> None:
        """Asks whether the provider answers, so that another one can be taken. Raises ProviderAway, ProviderRefused."""

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        """Returns the visitor's own address of the room, valid for a short time. It is empty if there is no hosted room.

        Raises ProviderAway, ProviderRefused.
        """
        raise NotImplementedError
