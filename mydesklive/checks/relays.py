"""The servers that help browsers in a video call to find each other."""

import re

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution

from mydesklive.checks.keys import weakness
from mydesklive.checks.places import CONFIGURATION, is_public, wrong

# RFC 7064 and RFC 7065: no slashes, a transport only for TURN.
URL = re.compile(
    r"(?:stuns?:{host}|turns?:{host}(?:\?transport=(?:udp|tcp))?)".replace(
        "{host}", r"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-f:.]+\])(?::[1-9]\d{0,4})?"
    ),
    re.ASCII,
)
LEAST = 24  # characters of the secret
MOST_URLS = 6  # browsers become slow with more


@register(CONFIGURATION)
def check_relays(**kwargs: object) -> list[CheckMessage]:
    urls = settings.TURN_URLS
    has_relay = any(url.startswith(("turn:", "turns:")) for url in urls)
    to_do = "E.g. turn:turn.example.org:3478?transport=udp,turns:turn.example.org:5349?transport=tcp"
    found: list[CheckMessage] = []
    found += [
        wrong(51, f"TURN_URLS has {url!r}, which is no address.", to_do) for url in urls if not URL.fullmatch(url)
    ]
    if len(urls) > MOST_URLS:
        found.append(wrong(51, f"TURN_URLS has more than {MOST_URLS} addresses.", "Keep one for each transport."))
    if has_relay and (why := weakness(settings.TURN_SECRET, LEAST)):
        text = (
            f"TURN_SECRET {why}: strangers could use the relay." if settings.TURN_SECRET else "TURN_SECRET is not set."
        )
        found.append(wrong(52, text, "Set it to the static-auth-secret of the TURN server (openssl rand -hex 24)."))
    if settings.TURN_SECRET and not has_relay:
        found.append(wrong(53, "TURN_SECRET without a turn: address in TURN_URLS.", to_do))
    if settings.TURN_ONLY and not has_relay:
        found.append(wrong(54, "TURN_ONLY without a turn: address in TURN_URLS: no call could connect.", to_do))
    return found


@register(CONFIGURATION)
def check_relay_is_there(**kwargs: object) -> list[CheckMessage]:
    if settings.TURN_URLS or not is_public():
        return []
    hint = "Set TURN_URLS and TURN_SECRET. Without a relay, people behind different networks do not see each other."
    return [Caution("TURN_URLS is not set: many video calls will not connect.", hint=hint, id="mydesklive.W051")]
