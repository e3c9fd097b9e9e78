from datetime import datetime

from videocalls.models import VideoCall
from videocalls.providers.base import Provider, Visitor


class Room(Provider):
    """The built-in provider. The appointment's join page is the room, and no other server is involved."""

    is_hosted = False

    def prepare(self, call: VideoCall) -> None:
        pass

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        return ""
