"""What figures know of the visitors of public pages: the kind of device, the language, and a mark of the network.

The mark changes each day and holds no address. It lets a visitor who looks at a page ten times count once. Visitors of one
network with the same kind of device are taken for one, so counts are rather too low than too high: nobody can
make them grow alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from accounts.limits.networks import network_of
from accounts.visits.devices import device_of

WIDTH = {4: 24, 6: 48}  # bits that tell networks of a crowd apart, by the version of IP
CROWD = 62  # marks of networks that are told apart for ever, see `Visitor.network_bit`


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor as figures know one."""

    network: str
    device: str
    language: str

    def mark(self, now: datetime) -> str:
        """Returns the mark of the day (UTC) for the network and device."""
        return _mark("visitor", f"{self.network} {self.device} {_day(now)}")

    def network_mark(self, now: datetime) -> str:
        """Returns the mark of the day (UTC) for the network alone."""
        return _mark("network", f"{self.network} {_day(now)}")

    @property
    def network_bit(self) -> int:
        """Returns one bit of CROWD, always the same for a network. One bit stands for a sixtieth of all networks.

        Bits of several days can be put together. As many as there are set, so many networks have been there at least. So
        nobody passes for a crowd by coming again each day, and nobody can be recognised by a bit. Here a network is what a
        customer of a provider may have as a whole: a /24 of IPv4, a /48 of IPv6.
        """
        return int(1 << int(_mark("crowd", _wide(self.network)), 16) % CROWD)


def visitor_of(request: HttpRequest) -> Visitor | None:
    """Returns the visitor who sees the page, or None if a program asks for it, or a browser ahead of the visitor."""
    device = device_of(request)
    is_ahead = "prefetch" in f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}"
    if device is None or is_ahead or request.method == "HEAD":
        return None
    return Visitor(network_of(request), device, (get_language() or "el")[:2])


def _wide(network: str) -> str:
    try:
        address = ip_address(network)
    except ValueError:
        return network
    return str(ip_network((address, WIDTH[address.version]), strict=False))


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()


def _mark(of: str, value: str) -> str:
    return salted_hmac(f"accounts.visits.{of}", value, algorithm="sha256").hexdigest()[:32]
