"""Who else works on personal data: the servers of others that this installation is configured to use."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency

# Gateways that are reached at an address of their own. Others have a name, after which apprise has secrets and no host.
AT_ADDRESS = {"json", "jsons", "form", "forms", "xml", "xmls"}


@dataclass(frozen=True)
class Service:
    """A kind of service, the setting with its address, and what it learns. Empty: not used in this installation."""

    setting: str
    what: Promise
    learns: Promise


@dataclass(frozen=True)
class Processor:
    what: Promise
    host: str
    learns: Promise


CONTACT = _("your e-mail address, and what the message says")
CALL = _("your name as it is shown in the call, your network address, picture and sound while the call lasts")
SIGN_IN = _("that you sign in here, and when")
SERVICES = [
    Service("EMAIL_HOST", _("Mail server"), CONTACT),
    Service("BOUNCE_URL", _("Mailbox of mails that come back"), CONTACT),
    Service("SMS_URL", _("SMS gateway"), _("your telephone number, and what the message says")),
    Service("TAXISNET_URL", _("Sign-in with TAXISnet"), SIGN_IN),
    Service("TAXISNET_STAFF_URL", _("Sign-in of public employees with TAXISnet"), SIGN_IN),
    Service("OIDC_URL", _("Sign-in with an identity of another country"), SIGN_IN),
    Service("TURN_URLS", _("Relay of our video room"), _("your network address; picture and sound pass encrypted")),
]
# By the name of the agency's video provider. Our own room has none, and `link` is the agency's own.
VIDEO = {
    "jitsi": Service("JITSI_URL", _("Video server (Jitsi)"), CALL),
    "livekit": Service("LIVEKIT_URL", _("Video server (LiveKit)"), CALL),
    "bbb": Service("BBB_URL", _("Video server (BigBlueButton)"), CALL),
    "webex": Service("WEBEX_URL", _("Video service (Webex)"), CALL),
}


def processors() -> list[Processor]:
    """Return the services in use: those that are configured, and of video servers those that an agency has chosen."""
    chosen = Agency.objects.visible().values_list("video_provider", "video_fallback")
    used = {provider for pair in chosen for provider in pair} & VIDEO.keys()
    services = [*SERVICES, *(VIDEO[name] for name in VIDEO if name in used)]
    return [Processor(one.what, ", ".join(hosts), one.learns) for one in services if (hosts := _hosts(one.setting))]


def _hosts(setting: str) -> list[str]:
    """Return the hosts in the setting, without user, password and path. This machine and our own site are nobody else."""
    value = getattr(settings, setting, "")
    found = map(_host, [value] if isinstance(value, str) else value)
    own = {*settings.LOCAL_HOSTS, _bare(settings.SITE_URL.partition("://")[2])}
    return [*dict.fromkeys(host for host in found if host and host not in own)]


def _host(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    if not separator:  # a host alone, or turn:host:port?transport=udp
        return _bare(
            address.partition(":")[2] if address.startswith(("turn:", "turns:", "stun:", "stuns:")) else address
        )
    if scheme.lower().removesuffix("s") in {"http", "ws", "imap"} or scheme.lower() in AT_ADDRESS:
        return urlsplit(f"//{rest}").hostname or ""
    return scheme


def _bare(address: str) -> str:
    return urlsplit(f"//{address}").hostname or ""


def retention() -> Iterable[Agency]:
    """Return the agencies with bookings, with the days for which each keeps personal data."""
    return Agency.objects.visible().order_by("pk")


def named() -> Iterator[str]:
    """Yield the settings that name a server of others."""
    yield from (service.setting for service in (*SERVICES, *VIDEO.values()))
