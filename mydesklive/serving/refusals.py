"""Answers of the server itself, while no thread is there to ask Django."""

import json
from html import escape
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.utils.translation import override

# These need no settings, which may come only with the application.
from django.utils.translation.trans_real import gettext, gettext_noop, parse_accept_lang_header

from mydesklive.serving.wsgi import Answer

LATE_BODY = gettext_noop("The request did not arrive in time. Please try again.")
TOO_LONG = gettext_noop("The request is too long.")
BROKEN = gettext_noop("The request did not arrive whole. Please try again.")
BUSY = gettext_noop("Too many people are here at once, and nothing was done. Please try again in a moment.")
LATE = gettext_noop("The answer takes too long. Please try again in a moment.")
UNKNOWN = gettext_noop(
    "The answer takes too long, and we do not know whether this was done. Look it up, or send the same again: "
    "nothing is done twice."
)
FAILED = gettext_noop("Something went wrong on our side. Please try again in a moment.")
STATUS = {LATE_BODY: 408, TOO_LONG: 413, BROKEN: 400, BUSY: 503, LATE: 503, UNKNOWN: 503, FAILED: 500}
LANGUAGES = ("el", "en")
RETRY_AFTER = 5  # seconds

# Loads nothing, because no thread may be there to send more. Shows both languages, because the wanted one may be unknown.
PAGE = """<!DOCTYPE html>
<html lang="el">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>myDESKlive</title>
</head>
<body>
  <main>
    <h1>myDESKlive</h1>
    <p>{el}</p>
    <p lang="en">{en}</p>
  </main>
</body>
</html>
"""


def headers() -> dict[str, str]:
    """Returns what every answer of the server itself tells browsers: the same as Django's, and to keep and load nothing."""
    return {
        **{name.lower(): value for name, value in settings.ANSWER_HEADERS.items()},
        "cache-control": "max-age=0, no-cache, no-store, must-revalidate, private",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }


class Refusals:
    """The texts of all refusals, made at the start. Pages show both languages, the API the one that is asked for."""

    def __init__(self) -> None:
        self._texts = {message: _in_both(message) for message in STATUS}
        self._pages = {message: self._page(message) for message in STATUS}

    def _page(self, message: str) -> bytes:
        return PAGE.format_map({language: escape(text) for language, text in self._texts[message].items()}).encode()

    def answer(self, message: str, scope: dict[str, Any]) -> Answer:
        told = {**headers(), "content-type": "text/html; charset=utf-8"}
        if scope["path"].startswith("/api/"):
            language = _wanted(scope)
            told |= {"content-type": "application/json", "content-language": language, "vary": "Accept-Language"}
            body = json.dumps(_as_data(message, self._texts[message][language]), ensure_ascii=False).encode()
        else:
            body = self._pages[message]
        if STATUS[message] == HTTPStatus.SERVICE_UNAVAILABLE:
            told["retry-after"] = str(RETRY_AFTER)
        elif STATUS[message] < HTTPStatus.INTERNAL_SERVER_ERROR:
            told["connection"] = "close"  # the rest of the body is not read
        return Answer(STATUS[message], [(name.encode(), value.encode()) for name, value in told.items()], body)


def _as_data(message: str, text: str) -> dict[str, str | list[str]]:
    """Returns the API's own form: what is wrong with the request is a list beside its fields, all else is a detail."""
    is_of_request = STATUS[message] < HTTPStatus.INTERNAL_SERVER_ERROR
    return {"non_field_errors": [text]} if is_of_request else {"detail": text}


def _in_both(message: str) -> dict[str, str]:
    texts = {}
    for language in LANGUAGES:
        with override(language):
            texts[language] = gettext(message)
    return texts


def _wanted(scope: dict[str, Any]) -> str:
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    ranked = (language.split("-")[0] for language, _quality in parse_accept_lang_header(asked.lower()))
    return next((language for language in ranked if language in LANGUAGES), LANGUAGES[0])
