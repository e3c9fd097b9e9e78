"""The mails: a report with its file, and the news that a subscription has ended."""

from email.encoders import encode_base64
from email.mime.base import MIMEBase

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.mails import marks
from agencies.accents import text_on
from appointments.messages.mails import paragraphs
from reports.mailing.contents import Contents, File, reports
from reports.models import Recipient, Sending, Subscription

MARKED_AS = "report"
# Bytes of a file that is attached. It is a third larger in the mail, and many mail servers take no more than ten million.
LARGEST = 5_000_000


def report(sending: Sending, contents: Contents, *, largest: int = LARGEST) -> EmailMultiAlternatives:
    """Returns the mail, in the active language. A file of more bytes is not attached. Sent again, it has the same mark."""
    recipient = sending.recipient
    subscription = recipient.subscription
    is_attached = len(contents.file.content) <= largest
    context = {
        "contents": contents,
        "is_attached": is_attached,
        "left_out": sending.left_out,
        "subscription": subscription,
        "maker": subscription.user.name_in_role,
        "stop_link": stop_link(recipient),
        "demo": settings.MYDESK_DEMO,
        **_brand(contents),
    }
    letter = _letter("report", recipient.user.email, context)
    if is_attached:
        letter.attach(_part(contents.file))
    marks.stamp(letter, MARKED_AS, sending.pk)
    # RFC 8058: a mail program stops the mails by one press, and asks nobody to sign in.
    letter.extra_headers["List-Unsubscribe"] = f"<{stop_link(recipient)}>"
    letter.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return letter


def _part(file: File) -> MIMEBase:
    """Returns the file byte by byte as it is. As text, its lines would end in other ways."""
    part = MIMEBase(*file.type.split("/"))
    part.set_payload(file.content)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=file.name)
    return part


def stop_link(recipient: Recipient) -> str:
    return f"{settings.SITE_URL}{reverse('reports:sending-stop', args=[recipient.key])}"


def ended(subscription: Subscription) -> EmailMultiAlternatives:
    """Returns the mail to who made it, in the person's language. It has no figures."""
    with translation.override(subscription.user.language):
        context: dict[str, object] = {
            "title": reports().get(subscription.report, subscription.report),
            "subscription": subscription,
            "link": f"{settings.SITE_URL}{reverse('reports:sendings')}",
        }
        return _letter("report_ended", subscription.user.email, context)


def _letter(name: str, address: str, context: dict[str, object]) -> EmailMultiAlternatives:
    letter = EmailMultiAlternatives(
        subject=" ".join(render_to_string(f"emails/{name}.subject.txt", context).split()),
        body=paragraphs(render_to_string(f"emails/{name}.txt", context)),
        to=[address],
    )
    letter.attach_alternative(render_to_string(f"emails/{name}.html", context), "text/html")
    return letter


def _brand(contents: Contents) -> dict[str, object]:
    """Returns the agency, whose name and colour the mail shows, if the figures are those of one."""
    agency = contents.agency
    return {"agency": agency, "accent_text": text_on(agency.accent[1:])} if agency else {}
