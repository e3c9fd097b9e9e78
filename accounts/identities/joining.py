"""Giving an account to a person whom a provider has signed in, and keeping what the provider says each time."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction

from accounts.identities.people import Person
from accounts.identities.reasons import Why
from accounts.models import Identity, User
from accounts.security import What, tell_when_done

ATTEMPTS = 2  # a second click of the same moment has made what the second attempt finds


class NotJoinedError(Exception):
    """The person cannot have this account."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Reached:
    """Where a person is reached, at an address that a code has just proved, and in which language."""

    address: str
    phone: str
    language: str


@dataclass(frozen=True)
class Joined:
    user: User
    account: SocialAccount
    is_new: bool


def join(person: Person, at: Reached, *, is_staff: bool, now: datetime) -> Joined:
    """Give the person the account with this address, or make one. Doing it twice, by a second click, changes nothing.

    Everything is made, or nothing. Raises NotJoinedError if the account is another person's, may not be used, or if the
    person has got another account in the same moment.
    """
    for _attempt in range(ATTEMPTS):
        with suppress(IntegrityError), transaction.atomic():
            return _join(person, at, is_staff, now)
    raise NotJoinedError(Why.AGAIN)


def _join(person: Person, at: Reached, is_staff: bool, now: datetime) -> Joined:
    user = User.objects.select_for_update().filter(email=at.address).first()
    is_new = user is None
    if user is None:
        if is_staff:
            raise NotJoinedError(Why.NO_ROLE)
        user = User.objects.create_user(at.address, language=at.language)
    _require_usable(user, person, is_staff)
    EmailAddress.objects.filter(email=at.address).exclude(user=user).filter(verified=False).delete()
    EmailAddress.objects.update_or_create(user=user, email=at.address, defaults={"verified": True, "primary": True})
    if at.phone:
        user.phone = at.phone
        user.save(update_fields=["phone"])
    account, _is_first = SocialAccount.objects.get_or_create(user=user, provider=person.source, uid=person.subject)
    renew(user, person, now=now)
    if is_new:
        tell_when_done(What.SIGNED_UP, account=user.pk)
    tell_when_done(What.IDENTITY_GIVEN, account=user.pk, source=person.source, level=person.level)
    return Joined(user, account, is_new)


def _require_usable(user: User, person: Person, is_staff: bool) -> None:
    if not user.is_active:
        raise NotJoinedError(Why.CLOSED)
    if is_staff != user.has_role:
        raise NotJoinedError(Why.NO_ROLE if is_staff else Why.HAS_ROLE)
    identity = Identity.objects.filter(user=user).first()
    if identity and not person.is_same_as(identity):
        raise NotJoinedError(Why.OTHER)


def renew(user: User, person: Person, *, now: datetime) -> None:
    """Keep what the provider says about the owner of the account now: names change, and so do levels."""
    Identity.objects.update_or_create(user=user, defaults=person.fields() | {"confirmed_at": now})
    if user.name != person.name:
        user.name = person.name
        user.save(update_fields=["name"])
