"""Invitations: the offer of a role by mail, and what may come of it.

The mail holds a key that only its reader has, so accepting needs no sign-in: the role begins for the account with that
address, which opens with a code that is mailed there, and with a second factor.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.limits import is_flooded
from accounts.mails import outbox
from accounts.models import User
from accounts.people import invited
from accounts.sealing import random_key
from accounts.security import What, tell_when_done
from agencies import access
from agencies.models import Invitation, Membership, Role, SystemToken

State = Invitation.State
# Rows go so long after their answer was due.
KEPT = timedelta(days=90)


class NotOpen(Exception):
    """The invitation is answered, withdrawn or too old, or whoever sent it may no longer give the role."""


class TooMany(Exception):
    """The address has got too many mails."""


def send(invitation: Invitation, *, now: datetime) -> None:
    """Saves the invitation with a new key, and mails it. A key of an earlier mail opens nothing any more."""
    key = random_key()
    invitation.digest = SystemToken.digest_of(key)
    invitation.sent_at, invitation.expires_at = now, now + timedelta(days=settings.INVITATION_DAYS)
    with transaction.atomic():
        invitation.save()
        outbox.owe(_letter(invitation, key), "invitation", now=now)
        tell_when_done(What.ROLE_OFFERED, **_of(invitation))


def send_again(invitation: Invitation, *, by: User, now: datetime) -> bool:
    """Mails an invitation anew that is not answered. Returns False if it is. Raises TooMany."""
    if is_flooded(invitation.email, now=now):
        raise TooMany
    with transaction.atomic():
        kept = _locked(invitation)
        if kept.state != State.OPEN:
            return False
        kept.invited_by = by
        send(kept, now=now)
    return True


def withdraw(invitation: Invitation) -> bool:
    """Takes back an invitation that is not answered. Returns False if it is."""
    is_done = bool(Invitation.objects.filter(pk=invitation.pk, state=State.OPEN).update(state=State.WITHDRAWN))
    if is_done:
        tell_when_done(What.ROLE_OFFER_ENDED, **_of(invitation), state=State.WITHDRAWN.value)
    return is_done


def found(key: str, *, now: datetime) -> Invitation:
    """Returns the invitation that the key opens. Raises NotOpen."""
    related = ("agency", "branch", "invited_by")
    invitation = Invitation.objects.select_related(*related).filter(digest=SystemToken.digest_of(key)).first()
    if invitation is None or not invitation.is_open(now=now) or not _is_backed(invitation):
        raise NotOpen
    return invitation


@transaction.atomic
def accept(key: str, *, now: datetime) -> Membership:
    """Gives the role to the account with the invited address, and makes one if there is none. Raises NotOpen."""
    invitation = _locked(found(key, now=now))
    person = invited(invitation.email, invitation.name)
    if not invitation.is_open(now=now) or invitation.digest != SystemToken.digest_of(key) or not person.is_active:
        raise NotOpen
    Invitation.objects.filter(pk=invitation.pk).update(state=State.ACCEPTED)
    place = {"user": person, "agency": invitation.agency, "branch": invitation.branch}
    membership, is_new = Membership.objects.get_or_create(**place, defaults={"role": invitation.role})
    if not is_new and invitation.role in access.from_role(Role(membership.role)):
        membership.role = invitation.role
        membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def decline(key: str, *, now: datetime) -> None:
    """Notes that the person does not want the role. Raises NotOpen."""
    invitation = _locked(found(key, now=now))
    if invitation.state != State.OPEN:
        raise NotOpen
    Invitation.objects.filter(pk=invitation.pk).update(state=State.DECLINED)
    tell_when_done(What.ROLE_OFFER_ENDED, **_of(invitation), state=State.DECLINED.value)


def forget(*, now: datetime) -> int:
    """Deletes the invitations whose answer was due long ago; returns how many."""
    return Invitation.objects.forgettable(before=now - KEPT).delete()[0]


def _locked(invitation: Invitation) -> Invitation:
    return Invitation.objects.select_for_update(of=("self",)).select_related("agency", "branch").get(pk=invitation.pk)


def _is_backed(invitation: Invitation) -> bool:
    """Returns whether whoever sent it may still give the role, which may have ended since."""
    by = invitation.invited_by
    if by is None or not by.is_active:
        return False
    return access.whole_agencies(by, Role.AGENCY_ADMIN).filter(pk=invitation.agency_id).exists()


def _letter(invitation: Invitation, key: str) -> EmailMultiAlternatives:
    """Returns the mail in the language of the page on which it was asked for."""
    with translation.override(translation.get_language() or settings.LANGUAGE_CODE):
        said = {
            "invitation": invitation,
            "agency": invitation.agency,
            "by": invitation.invited_by.name_in_role if invitation.invited_by else "",
            "link": settings.SITE_URL + reverse("invitation", args=[key]),
            "site_url": settings.SITE_URL,
        }
        subject, text, html = (
            render_to_string(f"emails/invitation.{part}", said) for part in ("subject.txt", "txt", "html")
        )
    letter = EmailMultiAlternatives(" ".join(subject.split()), text, to=[invitation.email])
    letter.attach_alternative(html, "text/html")
    return letter


def _of(invitation: Invitation) -> dict[str, int | str | None]:
    return {"agency": invitation.agency_id, "branch": invitation.branch_id, "given": str(invitation.role)}
