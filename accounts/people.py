"""Who asks, and who is given a role before ever having signed in."""

from typing import cast

from allauth.account.models import EmailAddress
from django.http import HttpRequest

from accounts.models import User


def invited(email: str, name: str = "") -> User:
    """The user with this address, made if nobody has it yet. The code of the first sign-in proves the address."""
    address = email.strip().lower()
    if known := User.objects.filter(email=address).first():
        return known
    user = User.objects.create_user(address, name=name)
    EmailAddress.objects.create(user=user, email=address, primary=True)
    return user


def signed_in(request: HttpRequest) -> User:
    """Who asks for a page that nobody sees without signing in."""
    return cast("User", request.user)
