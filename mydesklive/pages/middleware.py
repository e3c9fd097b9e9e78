"""Middleware of the product."""

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers


def _is_of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


class LanguageMiddleware(LocaleMiddleware):
    """Sets the language: pages use that of their address, the API the one that its client asks for."""

    def process_request(self, request: HttpRequest) -> None:
        if not _is_of_api(request):
            super().process_request(request)
            return
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not _is_of_api(request):
            return super().process_response(request, response)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


class MessagesMiddleware(MessageMiddleware):
    """Keeps messages for the next page. The API has no pages."""

    def process_request(self, request: HttpRequest) -> None:
        if not _is_of_api(request):
            super().process_request(request)


class PolicyMiddleware(CSPMiddleware):
    """Tells browsers what a page may load. Our own pages keep the strict policy of the settings.

    Pages of libraries get a looser one. Data loads nothing, so its policy forbids everything.
    """

    OF_LIBRARIES = ("/admin/", "/en/admin/", "/api/v1/docs/")
    DATA, NOTHING = "application/json", "default-src 'none'; frame-ancestors 'none'"

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Type") == self.DATA:
            response.headers[HEADER] = self.NOTHING
            return response
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(self.OF_LIBRARIES):
            parts.replace = settings.LIBRARY_PAGES_POLICY
        return parts
