"""Sending text messages through a gateway that apprise knows, or through a national one that takes JSON.

SMS_URL is the gateway's address as apprise writes it, with `{phone}` in place of the recipient's number:
`json://gateway.example.org/sms?:to={phone}` or `twilio://sid:token@from/{phone}`.
"""

from urllib.parse import quote

import apprise
from django.conf import settings

from appointments.phones import mobile_number


class GatewayError(Exception):
    """The gateway did not take the message. Apprise does not say why."""


def send(phone: str, text: str) -> None:
    gateway = apprise.Apprise()
    gateway.add(settings.SMS_URL.replace("{phone}", quote(mobile_number(phone), safe="")))
    if not gateway.notify(body=text):
        raise GatewayError("the SMS gateway did not take the message")
