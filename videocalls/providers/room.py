from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from videocalls import passes
from videocalls.models import VideoCall
from videocalls.passes import Holder
from videocalls.providers.base import Provider, Visitor


class Room(Provider):
    """The built-in room. Browsers connect to each other, and no other server has to be told."""

    def prepare(self, call: VideoCall) -> None:
        pass

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        holder = Holder(call.room, visitor.key, visitor.back)
        query = urlencode({"pass": passes.pass_for(holder, now=now)})
        return f"{reverse('videocalls:enter', args=[call.room])}?{query}"
