"""What a provider of video rooms has to offer."""

from dataclasses import dataclass
from datetime import datetime

from videocalls.models import VideoCall


class ProviderError(Exception):
    pass


class ProviderAway(ProviderError):
    """The provider does not answer, or has trouble of its own: trying again later may help."""


class ProviderRefused(ProviderError):
    """The provider will not give this room however often one asks, or is not set up."""


@dataclass(frozen=True)
class Visitor:
    """Who enters a room. `key` tells people apart there and is nothing that they could be looked up by."""

    key: str
    name: str
    email: str = ""
    is_host: bool = False


class Provider:
    """Hosted rooms are told of ahead of time by `prepare` and entered through `address`."""

    is_hosted = True

    def prepare(self, call: VideoCall) -> None:
        """Make the room, or move its window. May come again for the same call. Raises ProviderAway, ProviderRefused."""
        raise NotImplementedError

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        """The visitor's own way into the room, good for a short time; empty where there is no room to go to.

        Raises ProviderAway, ProviderRefused.
        """
        raise NotImplementedError
