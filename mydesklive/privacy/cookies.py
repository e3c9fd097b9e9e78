"""The cookies that the product sets. A test compares them with those that a walk over all addresses gets."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Cookie:
    """The names that it has, and what it is for."""

    names: tuple[str, ...]
    purpose: Promise


COOKIES = [
    Cookie((settings.SESSION_COOKIE_NAME,), _("keeps your booking or sign-in together")),
    Cookie((settings.CSRF_COOKIE_NAME,), _("protects forms from being sent by other sites")),
    Cookie(tuple(f"seat-{code}" for code, _name in settings.LANGUAGES), _("lets you into the room of your video call")),
    Cookie(("timezone",), _("the time zone of your device, so that reminders do not come at night")),
    Cookie(("messages",), _("a short message for the next page, such as “You are signed in”")),
    Cookie((settings.LANGUAGE_COOKIE_NAME,), _("the language that officers choose for their pages")),
]
NAMES = {name for cookie in COOKIES for name in cookie.names}
