"""Handing one mail to the mail server, and telling what went wrong: this mail, or the server."""

import re
from datetime import timedelta
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from accounts.mails import marks
from accounts.peers import Peer, PeerAway

# All mail goes through it: messages, codes and alerts.
MAIL_SERVER = Peer("mail server", pauses=(2, 5, 10, 15), probe=timedelta(minutes=2))
LARGE = (
    552  # RFC 1870: the mail is larger than the server takes. It says so when it hears of the sender, or at the end.
)
CLOSING = 421  # RFC 5321: the server closes the connection, whatever it was asked
# RFC 3463: there is no such address, or its mailbox is closed. Other refusals may be the fault of our own server.
NO_ADDRESS = re.compile(rb"\b5\.(1\.\d{1,3}|2\.1)\b")
PERMANENT = 500  # RFC 5321: reply codes from here on mean that trying again is useless


class DeliveryError(Exception):
    pass


class Undeliverable(DeliveryError):
    """The message will never arrive."""


class TooLarge(Undeliverable):
    """The server takes no mail as large as this one. A smaller one may arrive."""


class AddressRefused(Undeliverable):
    """Nor will any other message to this address."""


class ServerAway(DeliveryError, PeerAway):
    """No message can be sent at the moment, because the mail server does not work."""


def hand_over(mail: EmailMessage, mailer: BaseEmailBackend) -> None:
    """Send the mail over the connection that the sweep keeps open.

    Raises Undeliverable, ServerAway or an SMTPException. Every error of smtplib is an OSError.
    """
    if not marks.is_stamped(mail):
        raise ValueError("Nobody would note that this mail came back (accounts/mails/marks.py)")
    try:
        mailer.open()
    except OSError as error:
        raise ServerAway(str(error)) from error
    try:
        mailer.send_messages([mail])
    except OSError as error:
        mailer.close()
        if _is_too_large(error):
            raise TooLarge(str(error)) from error
        if _is_permanent(error):
            raise (AddressRefused if _is_of_address(error) else Undeliverable)(str(error)) from error
        if _is_away(error):
            raise ServerAway(_told(error)) from error
        raise


def _is_too_large(error: OSError) -> bool:
    """Return whether this mail is too large. Without this, a large mail would look like a server that takes no mail at all."""
    return isinstance(error, SMTPSenderRefused | SMTPDataError) and error.smtp_code == LARGE


def _is_away(error: OSError) -> bool:
    """Return whether the server would take no other mail either: it is gone, is closing, or refuses our own address."""
    if isinstance(error, SMTPRecipientsRefused):
        return any(code == CLOSING for code, _reply in error.recipients.values())
    if isinstance(error, SMTPHeloError | SMTPSenderRefused | SMTPServerDisconnected) or not isinstance(
        error, SMTPException
    ):
        return True
    return isinstance(error, SMTPResponseException) and error.smtp_code == CLOSING


def _told(error: OSError) -> str:
    """Return the error without the recipient, because it is told of the server."""
    return f"{CLOSING}" if isinstance(error, SMTPRecipientsRefused) else str(error)


def _is_of_address(error: OSError) -> bool:
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(NO_ADDRESS.search(reply) for _code, reply in error.recipients.values())


def _is_permanent(error: OSError) -> bool:
    """Return whether the server will never take this mail. A refused sender does not count: we can correct that."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _reply in error.recipients.values())
    if isinstance(error, SMTPDataError):
        return error.smtp_code >= PERMANENT
    return isinstance(error, SMTPNotSupportedError)
