"""Finds the signed-in user, and makes users who get a role before they first sign in."""

from typing import cast

from allauth.account.models import EmailAddress
from django.db.models import Q
from django.http import HttpRequest

from accounts.models import User


def invited(email: str, name: str = "") -> User:
    """Returns the user with this address, and makes one if there is none. The code of the first sign-in proves the address.

    An account that somebody has made for themselves stays as it is.
    """
    address = email.strip().lower()
    if known := User.objects.filter(email=address).first():
        return known
    user = User.objects.create_user(address, name=name, is_invited=True)
    EmailAddress.objects.create(user=user, email=address, primary=True)
    return user


def named(query: str, user: str = "") -> Q:
    """Matches people by words of their address or of their name in a role. `user` is the path to them, as in "user__"."""
    found = Q()
    for word in query.split():
        by_name = Q(**{f"{user}is_invited": True, f"{user}name__icontains": word})
        found &= Q(**{f"{user}email__icontains": word}) | by_name
    return found


def signed_in(request: HttpRequest) -> User:
    """Returns the user of a request for a page that requires a sign-in."""
    return cast("User", request.user)
