"""Roles that nobody uses: the warning by mail, and the end."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from accounts.mails import outbox
from agencies.models import Agency, Membership


@transaction.atomic
def follow(membership: Membership, *, now: datetime) -> None:
    """Warns the holder of the role, or ends it, whichever is due. Does nothing if it has been used or changed meanwhile.

    The agency is locked, so that of two last administrators one stays.
    """
    Agency.objects.select_for_update(no_key=True).get(pk=membership.agency_id)
    due = (
        Membership.objects.lapsing(now=now).select_related("user", "agency", "branch").filter(pk=membership.pk).first()
    )
    if due is None:
        return
    if due.is_warned:  # type: ignore[attr-defined]  # annotated
        _mail(due, "right_ended", now=now)
        due.delete()
    else:
        Membership.objects.filter(pk=due.pk).update(warned_at=now)
        _mail(due, "right_unused", now=now)


def _mail(membership: Membership, event: str, *, now: datetime) -> None:
    user = membership.user
    if not user.is_active:
        return
    with translation.override(user.language):
        said = {
            "membership": membership,
            "agency": membership.agency,
            "ends_at": now + timedelta(days=settings.RIGHTS_WARNING_DAYS),
            "site_url": settings.SITE_URL,
        }
        subject, text, html = (
            render_to_string(f"emails/{event}.{part}", said) for part in ("subject.txt", "txt", "html")
        )
        letter = EmailMultiAlternatives(" ".join(subject.split()), text, to=[user.email])
        letter.attach_alternative(html, "text/html")
        outbox.owe(letter, event, now=now)
