"""The providers of video rooms from which an agency can choose."""

from videocalls.models import VideoCall
from videocalls.providers.base import Provider, ProviderAway, ProviderError, ProviderRefused, Visitor
from videocalls.providers.jitsi import Jitsi
from videocalls.providers.room import Room

PROVIDERS: dict[str, Provider] = {"room": Room(), "jitsi": Jitsi()}


def provider_of(call: VideoCall) -> Provider:
    try:
        return PROVIDERS[call.provider]
    except KeyError:
        raise ProviderRefused(f"there is no provider {call.provider!r}") from None


__all__ = ["PROVIDERS", "Provider", "ProviderAway", "ProviderError", "ProviderRefused", "Visitor", "provider_of"]
