"""Answers what allauth asks about second factors."""

from io import BytesIO

import segno
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext as _

from accounts.sealing import opened, sealed

SEALED_AS = "second factor"


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return sealed(text, SEALED_AS).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return opened(encrypted_text.encode(), SEALED_AS)

    def build_totp_svg(self, url: str) -> str:
        """Returns the picture that an authenticator app reads, dark on white also in a dark theme."""
        picture = BytesIO()
        segno.make(url, micro=False).save(picture, kind="svg", scale=5, border=4, light="#fff")
        return picture.getvalue().decode()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey %(number)s") % {"number": number}
