"""The demo's mail: it is kept in the database and shown on a page, and never sent."""

from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage as ParsedMessage

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from accounts.models import DemoMail


class DemoBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        mails = [
            DemoMail(recipient=recipient, subject=mail.subject[:250], source=mail.message().as_string())
            for mail in email_messages
            for recipient in mail.recipients()
        ]
        DemoMail.objects.bulk_create(mails)
        return len(email_messages)


def parsed(mail: DemoMail) -> ParsedMessage:
    """Returns the stored mail as a message with its parts: text, HTML, calendar file."""
    return message_from_bytes(mail.source.encode(), policy=policy.default)
