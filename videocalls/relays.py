"""The servers that let browsers find each other: STUN tells them their address, TURN relays what finds no direct way."""

import base64
import hmac
from datetime import datetime

from django.conf import settings

from accounts.sealing import random_key

STUN = ("stun:", "stuns:")


def servers(*, until: datetime) -> list[dict[str, object]]:
    """Returns what a browser's connection needs to know. The credentials are valid until then (UTC).

    They are made as TURN servers expect that share a secret with us (draft-uberti-behave-turn-rest-00, coturn's
    `use-auth-secret`): nothing is stored, and what somebody takes along soon opens nothing.
    """
    stun = [url for url in settings.TURN_URLS if url.startswith(STUN)]
    turn = [url for url in settings.TURN_URLS if not url.startswith(STUN)]
    found: list[dict[str, object]] = [{"urls": stun}] if stun else []
    if turn:
        username = f"{int(until.timestamp())}:{random_key()}"
        code = hmac.new(settings.TURN_SECRET.encode(), username.encode(), "sha1").digest()
        found.append({"urls": turn, "username": username, "credential": base64.b64encode(code).decode()})
    return found


def has_relay() -> bool:
    return any(not url.startswith(STUN) for url in settings.TURN_URLS)


def policy() -> str:
    """Returns which ways a browser may try: "all", or "relay" where no other way is wanted."""
    return "relay" if settings.TURN_ONLY else "all"
