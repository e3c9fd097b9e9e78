"""The choice of an answer's media type."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ANYTHING = "*/*"


class QuickNegotiation(DefaultContentNegotiation):
    """Answers at once those clients that accept anything and ask for no format, which are nearly all.

    Others get what DRF chooses for them. It takes as long as reading the whole request.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        query = request.META.get("QUERY_STRING") and request.query_params
        asks = format_suffix or (query and query.get(self.settings.URL_FORMAT_OVERRIDE))
        if request.META.get("HTTP_ACCEPT", ANYTHING) == ANYTHING and not asks:
            first = next(iter(renderers))
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)
