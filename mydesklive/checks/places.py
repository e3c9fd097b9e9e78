"""Where something is: on this machine, on a network of our own, or anywhere else."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error

# The tag of all checks of a configuration. A process runs them before it starts.
CONFIGURATION = "configuration"


def wrong(number: int, what: str, to_do: str) -> Error:
    return Error(what, hint=to_do, id=f"mydesklive.E{number:03}")


def is_here(host: str) -> bool:
    """Returns whether the host is this machine. A unix socket is a path, or no host at all."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in {"", "localhost"} or host.endswith(".localhost") or host.startswith("/")


def is_open_to_others(host: str) -> bool:
    """Returns whether others can listen to what is said to this host in the clear."""
    return not is_here(host) and host not in settings.PRIVATE_HOSTS


def host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_public() -> bool:
    """Returns whether people reach this installation from other machines."""
    return not all(map(is_here, [host_of(settings.SITE_URL), *settings.FURTHER_HOSTS]))


def is_demo() -> bool:
    """Returns whether this is the demo on somebody's own machine, where nothing is worth protecting."""
    return settings.MYDESK_DEMO and not is_public()
