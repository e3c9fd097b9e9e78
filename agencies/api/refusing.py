"""Refusals of the REST API: always JSON, in the language that is asked for."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ParseError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

TOO_LONG = _("The request is too long.")


class TooLong(APIException):
    """The body is larger than the server reads at all."""

    status_code = 413

    def __init__(self) -> None:
        self.detail = {api_settings.NON_FIELD_ERRORS_KEY: [ErrorDetail(str(TOO_LONG))]}


def answered(error: Exception, context: dict[str, Any]) -> Response | None:
    """Returns the response for the error, or None if it is none of the client's.

    Django's own errors would be answered with a page, or with the English text of a query.
    """
    if isinstance(error, Http404):
        error = NotFound()
    elif isinstance(error, RequestDataTooBig):
        error = TooLong()
    elif isinstance(error, SuspiciousOperation):
        error = ParseError()
    return exception_handler(error, context)
