"""The providers of video rooms from which an agency can choose."""

from videocalls.models import VideoCall
from videocalls.providers.base import Provider, ProviderAway, ProviderError, ProviderRefused, ProviderShut, Visitor
from videocalls.providers.bbb import BigBlueButton
from videocalls.providers.jitsi import Jitsi
from videocalls.providers.link import Link
from videocalls.providers.livekit import LiveKit
from videocalls.providers.room import Room
from videocalls.providers.webex import Webex

PROVIDERS: dict[str, Provider] = {
    "room": Room(),
    "jitsi": Jitsi(),
    "livekit": LiveKit(),
    "bbb": BigBlueButton(),
    "webex": Webex(),
    "link": Link(),
}


def provider_of(call: VideoCall) -> Provider:
    return provider_named(call.provider)


def provider_named(name: str) -> Provider:
    try:
        return PROVIDERS[name]
    except KeyError:
        raise ProviderRefused(f"there is no provider {name!r}") from None


__all__ = [
    "PROVIDERS",
    "Provider",
    "ProviderAway",
    "ProviderError",
    "ProviderRefused",
    "ProviderShut",
    "Visitor",
    "provider_named",
    "provider_of",
]
