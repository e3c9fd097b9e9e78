"""Tells security events of accounts, roles and tokens, whichever page, command or statement of Django causes them."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth import signals as auth
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from accounts.models import User
from accounts.security import Actor, What, tell, tell_when_done
from agencies import access
from agencies.models import Membership, SystemToken
from mydesklive.logs.requests import known_role

# What decides about the rights of an account.
FLAGS = ("is_superuser", "is_operator", "is_official", "is_active")

# Signing in


@receiver(auth.user_logged_in)
def signed_in(user: User, **kwargs: Any) -> None:
    access.memberships(user)  # the role is read once, for this event and for the page that follows
    tell(What.SIGNED_IN, actor=Actor(user.pk, known_role(user)))


@receiver(auth.user_logged_out)
def signed_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        tell(What.SIGNED_OUT, actor=Actor(user.pk, known_role(user)))


@receiver(auth.user_login_failed)
def sign_in_failed(**kwargs: Any) -> None:
    tell(What.SIGN_IN_FAILED)


@receiver(account.login_code_rejected)
@receiver(account.email_verification_code_rejected)
def code_failed(user: User | None, last_attempt: bool = False, **kwargs: Any) -> None:
    tell(What.CODE_FAILED, account=user.pk if user else None, last=int(last_attempt))


@receiver(account.user_signed_up)
def signed_up(user: User, **kwargs: Any) -> None:
    tell_when_done(What.SIGNED_UP, account=user.pk)


@receiver(account.email_confirmed)
def address_confirmed(email_address: Any, **kwargs: Any) -> None:
    tell_when_done(What.ADDRESS_CONFIRMED, account=email_address.user_id)


@receiver(account.email_changed)
def address_changed(user: User, **kwargs: Any) -> None:
    tell_when_done(What.ADDRESS_CHANGED, account=user.pk)


# Second factors


@receiver(mfa.authenticator_added)
def factor_added(user: User, authenticator: Any, **kwargs: Any) -> None:
    tell(What.FACTOR_ADDED, account=user.pk, kind=authenticator.type)


@receiver(mfa.authenticator_removed)
def factor_removed(user: User, authenticator: Any, **kwargs: Any) -> None:
    tell(What.FACTOR_REMOVED, account=user.pk, kind=authenticator.type)


@receiver(mfa.authenticator_reset)
def codes_made(user: User, authenticator: Any, **kwargs: Any) -> None:
    tell(What.FACTOR_ADDED, account=user.pk, kind=authenticator.type)


@receiver(mfa.authenticator_used)
def factor_shown(user: User, authenticator: Any, **kwargs: Any) -> None:
    tell(What.FACTOR_SHOWN, account=user.pk, kind=authenticator.type)


@receiver(mfa.authentication_failed)
def factor_failed(user: User, **kwargs: Any) -> None:
    tell(What.FACTOR_FAILED, account=user.pk)


# Roles and tokens


@receiver(pre_save, sender=User)
@receiver(pre_save, sender=Membership)
@receiver(pre_save, sender=SystemToken)
def remember(sender: type[Model], instance: Any, update_fields: Any = None, **kwargs: Any) -> None:
    """Reads how the row is before it is changed, if it is about rights."""
    watched = WATCHED[sender]
    matters = update_fields is None or set(watched) & set(update_fields)
    rows = sender._default_manager.filter(pk=instance.pk).values(*watched)
    instance.rights_before = rows.first() if instance.pk and matters else None


WATCHED: dict[type[Model], tuple[str, ...]] = {
    User: FLAGS,
    Membership: ("role", "agency_id", "branch_id", "user_id"),
    SystemToken: ("is_active", "agency_id"),
}


def _changed(instance: Any) -> list[str]:
    before = instance.rights_before or {}
    return [name for name, value in before.items() if value != getattr(instance, name)]


@receiver(post_save, sender=User)
def account_saved(instance: User, created: bool, **kwargs: Any) -> None:
    if created:
        given = [flag for flag in ("is_superuser", "is_operator", "is_official") if getattr(instance, flag)]
        for flag in given:
            tell_when_done(What.ROLE_GIVEN, account=instance.pk, given=flag)
        return
    for flag in _changed(instance):
        what = What.ACCOUNT_CHANGED if flag == "is_active" else What.ROLE_CHANGED
        tell_when_done(what, account=instance.pk, **{flag: int(getattr(instance, flag))})


@receiver(post_save, sender=Membership)
def membership_saved(instance: Any, created: bool, **kwargs: Any) -> None:
    if created:
        tell_when_done(What.ROLE_GIVEN, **_of(instance))
    elif _changed(instance):
        tell_when_done(What.ROLE_CHANGED, **_of(instance), before=instance.rights_before["role"])


@receiver(post_delete, sender=Membership)
def membership_deleted(instance: Membership, **kwargs: Any) -> None:
    tell_when_done(What.ROLE_TAKEN, **_of(instance))


def _of(membership: Membership) -> dict[str, Any]:
    return {
        "account": membership.user_id,
        "agency": membership.agency_id,
        "branch": membership.branch_id,
        "given": str(membership.role),
    }


@receiver(post_save, sender=SystemToken)
def token_saved(instance: SystemToken, created: bool, **kwargs: Any) -> None:
    if created:
        tell_when_done(What.TOKEN_MADE, token=instance.pk, agency=instance.agency_id)
    elif "is_active" in _changed(instance):
        what = What.TOKEN_CHANGED if instance.is_active else What.TOKEN_ENDED
        tell_when_done(what, token=instance.pk, agency=instance.agency_id, is_active=int(instance.is_active))


@receiver(post_delete, sender=SystemToken)
def token_deleted(instance: SystemToken, **kwargs: Any) -> None:
    tell_when_done(What.TOKEN_ENDED, token=instance.pk, agency=instance.agency_id)
