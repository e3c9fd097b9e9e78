"""What sessions note when somebody signs in, sets up a second factor, or takes one away."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.staff import factors, sessions


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    sessions.note_sign_in(request.session, has_role=user.has_role, now=timezone.now())


@receiver(authenticator_added)
def added(request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    factors.note_added(request, authenticator)


@receiver(authenticator_removed)
def removed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    factors.note_removed(request, user)
