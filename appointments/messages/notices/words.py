"""What notices say: the branch, the service, the number and a link of ours. Nothing that anybody typed.

A telephone may show an SMS while it is locked. The link in it opens a place in a line, which shows neither a name nor a
number that was typed.
"""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.mails import marks
from agencies.accents import text_on
from agencies.models import Branch
from appointments import wording
from appointments.messages import segments
from appointments.messages.mails import paragraphs
from appointments.models import Appointment, Notice
from videocalls.models import Participant

MARKED_AS = "notice"


def mail(notice: Notice) -> EmailMultiAlternatives:
    """Return the mail. Sent again, it has the same Message-ID."""
    branch, moment = _where(notice)
    with translation.override(notice.language), timezone.override(branch.zone):
        told = _told(notice, branch, moment)
        names = (f"emails/{notice.kind}.{part}" for part in ("subject.txt", "txt", "html"))
        subject, body, html = (render_to_string(name, told) for name in names)
    reply_to = [branch.email] if branch.email else None
    letter = EmailMultiAlternatives(" ".join(subject.split()), paragraphs(body), to=[notice.address], reply_to=reply_to)
    letter.attach_alternative(html, "text/html")
    marks.stamp(letter, MARKED_AS, notice.pk)
    return letter


def text(notice: Notice) -> str:
    """Return the text of an SMS. It takes two at most; the name of the branch is shortened for it."""
    branch, moment = _where(notice)
    with translation.override(notice.language):
        told = _told(notice, branch, moment)
        name = f"sms/{notice.kind}.txt"
        return segments.fitted(
            lambda most, _extras: render_to_string(name, {**told, "branch_name": segments.shortened(branch.name, most)})
        )


def _where(notice: Notice) -> tuple[Branch, datetime | None]:
    """Return the branch, and when the call of a guest begins (UTC)."""
    if notice.ticket:
        return notice.ticket.branch, None
    of_call = Appointment.objects.select_related("branch__agency").get(video_call=_guest(notice).call_id)
    return of_call.branch, of_call.promised_at


def _told(notice: Notice, branch: Branch, moment: datetime | None) -> dict[str, object]:
    """Return what the templates use, in the active language."""
    page = notice.ticket.get_absolute_url() if notice.ticket else _of_guest(notice)
    return {
        "language": notice.language,
        "branch": branch,
        "agency": branch.agency,
        "accent_text": text_on(branch.agency.accent[1:]),
        "ticket": notice.ticket,
        "procedure": notice.ticket.procedure if notice.ticket else None,
        "when": f"{wording.moment(moment, branch.zone)} ({wording.clock_of(branch.timezone)})" if moment else "",
        "link": settings.SITE_URL + page,
    }


def _of_guest(notice: Notice) -> str:
    return reverse("appointments:guest", args=[_guest(notice).token])


def _guest(notice: Notice) -> Participant:
    assert notice.guest is not None  # noqa: S101  a constraint says so
    return notice.guest
