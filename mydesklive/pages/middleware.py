"""Middleware of the product."""

from collections.abc import Callable

from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

Handler = Callable[[HttpRequest], HttpResponseBase]


class LanguageMiddleware(LocaleMiddleware):
    """Sets the language: pages use that of their address, the API the one that its client asks for."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if request.path_info.startswith("/api/"):
            translation.activate(translation.get_language_from_request(request))
            request.LANGUAGE_CODE = translation.get_language()


class PolicyOfLibraryPages:
    """Loosens the strict content security policy for pages of libraries. All other pages keep it."""

    PREFIXES = ("/admin/", "/en/admin/", "/api/v1/docs/")

    def __init__(self, get_response: Handler) -> None:
        self.strict = get_response
        self.relaxed: Handler = csp_replace(settings.LIBRARY_PAGES_POLICY)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        handler = self.relaxed if request.path_info.startswith(self.PREFIXES) else self.strict
        return handler(request)
