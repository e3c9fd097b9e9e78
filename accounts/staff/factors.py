"""The second factor of people with a role: whether a session has shown one, and taking all of them away."""

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import clear_authentication_records, record_authentication
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from accounts.models import User

Type = Authenticator.Type
# What allauth calls a second factor in the records of a session.
FACTOR = "mfa"
# Recovery codes stand in for a factor; by themselves they are none.
FACTORS = (Type.TOTP, Type.WEBAUTHN)


def has_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def exists_for(user: str) -> Exists:
    """Returns an expression for whether the user in this field has a second factor."""
    return Exists(Authenticator.objects.filter(user=OuterRef(user), type__in=FACTORS))


def is_shown(request: HttpRequest, user: User) -> bool:
    """Returns whether the person has shown a second factor in this session, or set it up there."""
    return any(record["method"] == FACTOR for record in get_authentication_records(request, user))


def is_missing(request: HttpRequest, user: User) -> bool:
    """Returns whether the person has a role, and this session lacks the second factor without which it is not in force."""
    return settings.SECOND_FACTOR_REQUIRED and user.has_role and not is_shown(request, user)


def note_added(request: HttpRequest, factor: Authenticator) -> None:
    """Notes that the factor was set up in this session. Whoever could do that needs to show it only the next time."""
    if factor.type in FACTORS:
        record_authentication(request, factor.user, FACTOR, id=factor.pk, type=factor.type, reauthenticated=True)


def note_removed(request: HttpRequest, user: User) -> None:
    """Ends the other sessions of the person, and what this one has shown if no factor is left."""
    user.end_sessions()
    if not has_factor(user):
        clear_authentication_records(request)
    update_session_auth_hash(request, user)


@transaction.atomic
def reset(user: User) -> bool:
    """Takes all factors of the person away and ends the sessions. Returns False if there was none."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    gone, _rows = Authenticator.objects.filter(user=user).delete()
    user.end_sessions()
    return gone > 0
