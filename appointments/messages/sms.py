"""Sending text messages through a gateway that apprise knows, or through a national one that takes JSON.

SMS_URL is the gateway's address as apprise writes it, with `{phone}` in place of the recipient's number:
`json://gateway.example.org/sms?:to={phone}` or `twilio://sid:token@from/{phone}`. `{id}` stands for an id of the message,
the same at every attempt: `json://gateway.example.org/sms?:to={phone}&:reference={id}`. Each request has it as a header too.

A message is sent once. It is tried again only if the gateway has certainly not taken it.
"""

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import apprise
from django.conf import settings

from accounts.mails.handing import Undeliverable
from accounts.peers import PeerAway
from accounts.typed.phones import mobile_number
from appointments.messages.conversation import Conversation, listening

logger = logging.getLogger(__name__)

# "Not now", said of the gateway and not of the message.
LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


class GatewayAway(PeerAway):
    """The gateway has not taken the message, and takes no other one at the moment."""

    def __init__(self, text: str, pause: timedelta | None = None) -> None:
        super().__init__(text)
        self.pause = pause


class PerhapsSent(Exception):
    """The gateway may have taken the message. `is_away` tells whether it did not answer."""

    def __init__(self, text: str, *, is_away: bool) -> None:
        super().__init__(text)
        self.is_away = is_away


def send(phone: str, text: str, *, key: str, now: datetime) -> None:
    """Send the text. `key` is the id of the message. Raises Undeliverable, GatewayAway or PerhapsSent."""
    gateway = _gateway(mobile_number(phone), key)
    if gateway is None:
        raise Undeliverable("the SMS gateway cannot send to this number")
    with listening(key) as conversation:
        try:
            is_taken = bool(gateway.notify(body=text))
        except Exception:
            logger.exception("The SMS gateway's plugin failed")
            is_taken = False
    if not is_taken:
        raise _failure(conversation, now)


def _gateway(number: str, key: str) -> Any:
    """Return apprise's gateway to this number, or None. A time limit in SMS_URL (`rto`) is kept."""
    url = settings.SMS_URL.replace("{phone}", quote(number, safe="")).replace("{id}", quote(key, safe=""))
    gateway = apprise.Apprise.instantiate(url)
    if gateway is not None and "rto=" not in url:
        gateway.socket_read_timeout = settings.SMS_TIMEOUT
    return gateway


def _failure(heard: Conversation, now: datetime) -> Exception:
    """Return the error for what was heard, from which follows whether the message may be sent again."""
    status, answer = heard.status, f"the SMS gateway answered {heard.status}"
    # At a 504, whoever stands before the gateway has handed the message on, and heard nothing.
    if heard.open or status == HTTPStatus.GATEWAY_TIMEOUT:
        return PerhapsSent(answer if status else "the SMS gateway did not answer", is_away=True)
    if heard.asked and not status:
        return GatewayAway("the SMS gateway cannot be reached")
    if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return GatewayAway("the SMS gateway did not take the message", heard.pause(now=now))
    if status >= HTTPStatus.BAD_REQUEST:
        return Undeliverable(answer)
    return PerhapsSent("the SMS gateway's answer says neither yes nor no", is_away=False)
