"""Finds the signed-in user, and makes users who get a role before they first sign in."""

from typing import cast

from allauth.account.models import EmailAddress
from django.http import HttpRequest

from accounts.models import User


def invited(email: str, name: str = "") -> User:
    """Returns the user with this address, and makes one if there is none. The code of the first sign-in proves the address."""
    address = email.strip().lower()
    if known := User.objects.filter(email=address).first():
        return known
    user = User.objects.create_user(address, name=name)
    EmailAddress.objects.create(user=user, email=address, primary=True)
    return user


def signed_in(request: HttpRequest) -> User:
    """Returns the user of a request for a page that requires a sign-in."""
    return cast("User", request.user)
