"""From which network somebody comes, as limits count it."""

import logging
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

logger = logging.getLogger(__name__)

# One subscriber of IPv6 has at least so much (RFC 6177), and may use another of its addresses for each request.
SUBSCRIBER = 64  # bits


def network_of(request: HttpRequest) -> str:
    """Returns the IPv4 address or the /64 of IPv6 from which the request comes.

    An IPv4 address in the clothes of IPv6 (mapped, 6to4, Teredo) counts as itself. Requests without an address, as over
    a unix socket without a proxy, are counted together.
    """
    if not settings.ALLAUTH_TRUSTED_PROXY_COUNT and "HTTP_X_FORWARDED_FOR" in request.META:
        _warn_of_proxy()
    try:
        address = ip_address(get_adapter().get_client_ip(request).split("%")[0])
    except (PermissionDenied, ValueError):
        return "unknown"
    return _subscriber(address)


def _subscriber(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    teredo = address.teredo
    if inner := address.ipv4_mapped or address.sixtofour or (teredo and teredo[1]):
        return str(inner)
    return str(ip_network((address, SUBSCRIBER), strict=False).network_address)


@cache
def _warn_of_proxy() -> None:
    """Warns once for each process. Anybody can send the header, so it is not believed."""
    logger.warning("X-Forwarded-For arrives, but TRUSTED_PROXIES is 0: limits count the proxy's address for everybody")
