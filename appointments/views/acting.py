"""Who acts on a citizen's page: the signed-in citizen, or a guest, who can sign in and come back."""

from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts import identities
from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from accounts.models import User
from accounts.sealing import random_key
from appointments.errors import TooManyCancelled
from appointments.history import Actor, By

CANCELLATIONS = DatabaseLimit("cancellations", 30, 3600)
IN_LINE = "place in line"  # in the session: the code of the ticket that the visitor took from home


def visitor(request: HttpRequest) -> Actor:
    page = request.resolver_match.view_name if request.resolver_match else ""
    if isinstance(request.user, User):
        return Actor(By.CITIZEN, request.user, page, identities.level_of(request))
    return Actor(By.GUEST, page=page)


def count_cancellation(request: HttpRequest, *, now: datetime) -> None:
    """Count one more cancellation of the account, or of a guest's network. Raises TooManyCancelled if it is too often."""
    who = f"account {request.user.pk}" if isinstance(request.user, User) else network_of(request)
    if CANCELLATIONS.passed(who, now=now):
        raise TooManyCancelled


def device_of(request: HttpRequest) -> str:
    """Returns the name by which this browser is told apart from others of the same person. It says nothing."""
    return request.session.setdefault("device", random_key())


def to_sign_in(back: str) -> str:
    """Returns the address of the sign-in page, which leads to `back` afterwards."""
    return f"{reverse('account_login')}?{urlencode({'next': back})}"
