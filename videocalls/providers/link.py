"""An agency's own room at a fixed address."""

from datetime import datetime
from urllib.parse import urlsplit

from videocalls.models import VideoCall
from videocalls.providers import asking
from videocalls.providers.base import Provider, ProviderRefused, Visitor

ROOM = "{room}"  # in the address: the name of the call's room, which nobody can guess


class Link(Provider):
    """A server that is not connected with this installation. It has to have a waiting room of its own.

    Without `{room}` in the address all appointments of the agency meet at the same place. Nobody has a token there.
    """

    def host(self, call: VideoCall) -> str:
        return urlsplit(call.link).hostname or ""

    def prepare(self, call: VideoCall) -> None:
        self._link(call)

    def reach(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> None:
        asking.ask("GET", self._link(call))

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        return self._link(call)

    def _link(self, call: VideoCall) -> str:
        parts = urlsplit(call.link)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ProviderRefused("the agency has no address of its own for video calls")
        return call.link.replace(ROOM, call.room)
