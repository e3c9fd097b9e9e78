"""Mails that the reader of an address asks for: the links to all coming appointments, and the code that opens one of them.

They are about no single step of an appointment, so they leave as the mails about accounts do (`accounts/mails/outbox.py`).
They say nothing that was typed.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from appointments import wording
from appointments.messages.mails import paragraphs
from appointments.models import Appointment, Status
from appointments.models.appointment import PROMISED

LINKS, CODE = "links", "opening_code"  # the kinds of mail
MOST = 50  # appointments in one mail


def links(address: str, *, now: datetime) -> EmailMultiAlternatives:
    """Return the mail with the coming appointments of this address, in the active language. It may say that there are none."""
    found = Appointment.objects.of_address(address).filter(status__in=PROMISED, ends_at__gt=now)
    coming = found.select_related("agency", "branch", "procedure").order_by("starts_at", "pk")[:MOST]
    in_time = (one for one in coming if not one.is_overdue(now))
    return _letter(LINKS, address, {"rows": [*_rows(in_time)]})


def _rows(coming: Iterable[Appointment]) -> Iterator[dict[str, str]]:
    for one in coming:
        waits = one.status == Status.UNVERIFIED
        yield {
            "when": wording.when(one),
            "service": one.procedure.name,
            "place": one.branch.name,
            "reference": one.spoken_reference,
            "link": one.link("verify" if waits else "detail"),
            "text": _("Confirm my appointment") if waits else _("Open my appointment"),
        }


def code(appointment: Appointment, digits: str) -> EmailMultiAlternatives:
    """Return the mail with the code, in the active language."""
    return _letter(CODE, appointment.email, {"code": digits, "reference": appointment.spoken_reference})


def _letter(kind: str, address: str, more: dict[str, object]) -> EmailMultiAlternatives:
    language = (translation.get_language() or settings.LANGUAGE_CODE)[:2]
    told = {"language": language, "site_url": settings.SITE_URL, "code_minutes": settings.CODE_MINUTES, **more}
    subject, body, html = (render_to_string(f"emails/{kind}.{part}", told) for part in ("subject.txt", "txt", "html"))
    letter = EmailMultiAlternatives(" ".join(subject.split()), paragraphs(body), to=[address])
    letter.attach_alternative(html, "text/html")
    return letter
