"""The addresses at which people reach this installation, and what must not be open there."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution

from mydesklive.checks.places import CONFIGURATION, host_of, is_here, is_public, wrong

HOST = re.compile(r"\.?[a-z0-9_]([-a-z0-9_.]*[a-z0-9_])?|\[[0-9a-f:.]+\]", re.IGNORECASE)
PUBLIC_DEMO = "MYDESK_DEMO is on: anybody can sign in with the password “demo”, and mail is shown on a page."
PUBLIC_DEBUG = "DEBUG is on: error pages show the code, its variables and the settings to anybody."


@register(CONFIGURATION)
def check_site_url(**kwargs: object) -> list[CheckMessage]:
    if "SITE_URL" in settings.MALFORMED:
        return []
    site = urlsplit(settings.SITE_URL)
    to_do = "Give the whole address, e.g. https://rantevou.example.org."
    host = site.hostname or ""
    if site.scheme not in {"http", "https"} or not (HOST.fullmatch(host) or ":" in host):  # a colon: IPv6
        return [wrong(2, f"SITE_URL {settings.SITE_URL!r} is not an address.", to_do)]
    if site.path or site.query or site.fragment or site.username is not None:
        return [wrong(2, "SITE_URL has more than a host.", f"{to_do} Pages are at its root.")]
    if site.scheme == "http" and not is_here(host):
        return [wrong(3, "SITE_URL is http: people would send their data in the clear.", "Give an https address.")]
    return []


@register(CONFIGURATION)
def check_hosts(**kwargs: object) -> list[CheckMessage]:
    """A request may name any host that is allowed, and links in mails are made of it."""
    return [
        wrong(14, f"ALLOWED_HOSTS has {host!r}, {why}.", "Name each host, e.g. rantevou.example.org,www.example.org.")
        for host in settings.FURTHER_HOSTS
        if (why := _fault_of(host))
    ]


def _fault_of(host: str) -> str:
    if "*" in host:
        return "which allows every host"
    if not HOST.fullmatch(host):
        return "which is no name of a host"
    if host.startswith(".") and host[1:] != host_of(settings.SITE_URL):
        return "which allows hosts of other people: only names below the host of SITE_URL may be left open"
    return ""


@register(CONFIGURATION)
def check_private_hosts(**kwargs: object) -> list[CheckMessage]:
    return [
        wrong(15, f"PRIVATE_HOSTS has {host!r}, which is no name of one host.", "Name each host, e.g. mail,postgres.")
        for host in settings.PRIVATE_HOSTS
        if not HOST.fullmatch(host) or host.startswith(".")
    ]


@register(CONFIGURATION)
def check_proxies(**kwargs: object) -> list[CheckMessage]:
    if not is_public() or settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        return []
    hint = "Set it to the number of your own proxies, usually 1. Without it all visitors share one network address."
    return [Caution("TRUSTED_PROXIES is 0 at a public address.", hint=hint, id="mydesklive.W004")]


@register(CONFIGURATION)
def check_nothing_is_open(**kwargs: object) -> list[CheckMessage]:
    return _open() if is_public() else []


@register(CONFIGURATION, deploy=True)
def check_nothing_is_open_when_deployed(**kwargs: object) -> list[CheckMessage]:
    """`check --deploy` asks about a public installation, whatever its address is."""
    return [] if is_public() else _open()


def _open() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.MYDESK_DEMO:
        found.append(wrong(16, PUBLIC_DEMO, "Set MYDESK_DEMO=0, or run the demo on your own machine alone."))
    if settings.DEBUG:
        found.append(wrong(17, PUBLIC_DEBUG, "Set DEBUG=0."))
    return found
