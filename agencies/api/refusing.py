"""Refusals of the REST API: always JSON, in the language that is asked for."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ParseError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from accounts.database import outages

logger = logging.getLogger(__name__)

TOO_LONG = _("The request is too long.")


class TooLong(APIException):
    """The body is larger than the server reads at all."""

    status_code = 413

    def __init__(self) -> None:
        self.detail = {api_settings.NON_FIELD_ERRORS_KEY: [ErrorDetail(str(TOO_LONG))]}


class Unavailable(APIException):
    """The database could not do its work at this moment. A repeated booking with the same Idempotency-Key books once."""

    status_code = 503
    default_detail = _("The service cannot do this at the moment. Try again in a few seconds.")
    default_code = "unavailable"
    wait = outages.RETRY_AFTER


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
    elif outages.is_outage(error):
        return _unavailable(error, context)
    return exception_handler(error, context)


def _unavailable(error: Exception, context: dict[str, Any]) -> Response | None:
    """Returns the response for an outage, and leaves the error on it for who may repeat the request."""
    logger.warning("The database failed: %s", error)
    response = exception_handler(Unavailable(), context)
    if response is not None:
        response.outage = error  # type: ignore[attr-defined]
    return response
