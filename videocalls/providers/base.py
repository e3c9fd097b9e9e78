"""The interface of a provider of video rooms."""

from dataclasses import dataclass
from datetime import datetime

from videocalls.models import VideoCall


class ProviderError(Exception):
    pass


class ProviderAway(ProviderError):
    """The provider does not answer, or has a problem of its own. A later attempt may succeed."""


class ProviderRefused(ProviderError):
    """The provider refuses this room or is not set up. A later attempt does not help."""


@dataclass(frozen=True)
class Visitor:
    """A person who enters a room. `key` tells people apart in the room, and does not identify them elsewhere.

    `back` is the path of the page that leads into the room, to which the person returns.
    """

    key: str
    name: str
    email: str = ""
    is_host: bool = False
    back: str = ""


class Provider:
    """A provider. `prepare` announces a hosted room in advance, and people enter it through `address`."""

    is_hosted = True

    def prepare(self, call: VideoCall) -> None:
        """Makes the room or moves its window. Can be called again for the same call. Raises ProviderAway, ProviderRefused."""
        raise NotImplementedError

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        """Returns the visitor's own address of the room, valid for a short time. It is empty if there is no hosted room.

        Raises ProviderAway, ProviderRefused.
        """
        raise NotImplementedError
