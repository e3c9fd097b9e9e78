from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse, translate_url
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from accounts.entering.waiting import WAITING
from accounts.providers import configured
from appointments.views.acting import IN_LINE


def site(request: HttpRequest) -> dict[str, object]:
    """Returns what every template can use about the site."""
    return {
        "demo": settings.MYDESK_DEMO,
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "site_url": settings.SITE_URL,
        "code_minutes": settings.CODE_MINUTES,
        "LANGUAGE_CODE": translation.get_language(),
        "ways": SimpleLazyObject(configured.ways),
        "has_traces": SimpleLazyObject(lambda: _has_traces(request)),
        "languages": SimpleLazyObject(lambda: _languages(request)),
    }


def _has_traces(request: HttpRequest) -> bool:
    """Returns whether a guest has left something in this browser that the next person should not see."""
    session = getattr(request, "session", {})
    return any(session.get(name) for name in ("hold", "typed", "appointments", "linked", IN_LINE, WAITING))


def _languages(request: HttpRequest) -> list[dict[str, str]]:
    """Returns each language with its name and the address of this page in it, or of the portal if there is no such page."""
    path = request.get_full_path()
    try:
        resolve(request.path_info)
    except Resolver404:
        path = reverse("agencies:portal")
    return [
        {"code": code, "name": translation.get_language_info(code)["name_local"], "url": translate_url(path, code)}
        for code, _name in settings.LANGUAGES
    ]
