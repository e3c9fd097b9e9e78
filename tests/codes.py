"""Sending the mails about accounts that are owed, as the worker does, and reading the codes in them."""

import re

from django.core import mail
from django.core.mail import EmailMessage

from accounts.tasks import send_codes


def sent() -> list[EmailMessage]:
    """Sends the mails that are due, and returns all that have been sent in this test."""
    send_codes()
    return mail.outbox


def latest() -> str:
    """Returns the code of the latest mail."""
    (code,) = re.findall(r"^\d{6}$", sent()[-1].body, re.MULTILINE)
    return code
