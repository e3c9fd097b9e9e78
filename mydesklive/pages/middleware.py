"""Middleware of the product."""

from collections.abc import Callable, Iterable
from typing import Any

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.core.exceptions import BadRequest
from django.http import HttpRequest, JsonResponse, QueryDict, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from rest_framework.settings import api_settings

from accounts.typed import NO_CONTROL, UNREADABLE, cleaned, has_control
from mydesklive.pages.forms import SWITCH

UTF_8 = {"utf-8", "utf8"}


def _is_of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


class ReadableMiddleware(MiddlewareMixin):
    """Answers 400 to a request that is not written in UTF-8, or that has characters that cannot be stored.

    Looks at the address, the query and the form, and cleans what people typed there (`accounts.typed`), so that no field
    of any page can forget it. Programs are told instead which field of their query has control characters; the API looks
    at its JSON itself. A cookie with such characters counts as absent.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if _is_readable([name, value])}

    def process_view(self, request: HttpRequest, _view: Callable[..., Any], _args: Any, _kwargs: Any) -> Any:
        if not _is_in_utf_8(request):
            return _refused(request)
        if _is_of_api(request):
            return _refused_fields(request)
        if not _is_readable([request.path_info, *_texts(request.GET), *_texts(_form(request))]):
            return _refused(request)
        request.GET, request.POST = _cleaned(request.GET), _cleaned(request.POST)  # type: ignore[assignment]
        return None


def _is_readable(texts: Iterable[str]) -> bool:
    return not any(map(UNREADABLE.search, texts))


def _is_in_utf_8(request: HttpRequest) -> bool:
    """Returns whether the body is in UTF-8. A Content-Type that cannot be read (see `wsgi.Request`) could say anything."""
    charset = (request.content_params or {}).get("charset", "utf-8")
    is_understood = bool(request.content_type) or not request.META.get("CONTENT_TYPE", "").strip()
    return is_understood and charset.strip().lower() in UTF_8


def _form(request: HttpRequest) -> QueryDict:
    try:
        return request.POST
    except UnreadablePostError as error:
        raise BadRequest from error


def _texts(query: QueryDict) -> Iterable[str]:
    return (text for name, values in query.lists() for text in (name, *values))


def _cleaned(query: QueryDict) -> QueryDict:
    if all(cleaned(text) == text for text in _texts(query)):
        return query
    clean = query.copy()
    for name, values in query.lists():
        clean.setlist(name, [cleaned(text) for text in values])
    return clean


def _refused_fields(request: HttpRequest) -> HttpResponseBase | None:
    wrong = [name for name, values in request.GET.lists() if has_control([name, *values])] if request.GET else []
    return JsonResponse({name: [str(NO_CONTROL)] for name in wrong}, status=400) if wrong else None


def _refused(request: HttpRequest) -> HttpResponseBase:
    if not _is_of_api(request):
        raise BadRequest
    message = _("The request is not valid JSON.")
    return JsonResponse({api_settings.NON_FIELD_ERRORS_KEY: [message]}, status=400)


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


class SwitchMiddleware(MiddlewareMixin):
    """Shows a page in the other language with what was typed on it.

    The language button sends the page's form to the page's other address (templates/_header.html). The page is then
    read, not sent: nothing is checked or changed, and its fields show what came (pages.forms.Field).
    """

    def process_view(self, request: HttpRequest, _view: Callable[..., Any], _args: Any, _kwargs: Any) -> None:
        if request.method == "POST" and not _is_of_api(request) and SWITCH in request.POST:
            request.method = "GET"


class CompressMiddleware(GZipMiddleware):
    """Compresses pages, and pads them, so that their length tells nothing of a secret in them (BREACH).

    Answers of the API stay as they are: programs ask for little at a time, and not all of them can decompress.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if _is_of_api(request) else super().process_response(request, response)


class MessagesMiddleware(MessageMiddleware):
    """Keeps messages for the next page. The API has no pages."""

    def process_request(self, request: HttpRequest) -> None:
        if not _is_of_api(request):
            super().process_request(request)


class PolicyMiddleware(CSPMiddleware):
    """Tells browsers what a page may load: the same for all pages, those of libraries included.

    Data loads nothing, so its policy forbids everything.
    """

    DATA, NOTHING = "application/json", "default-src 'none'; frame-ancestors 'none'"

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Type") == self.DATA:
            response.headers[HEADER] = self.NOTHING
            return response
        return super().process_response(request, response)
