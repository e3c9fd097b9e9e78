"""What a line may say of a record, of an error, and of the text in both."""

import logging
import re
import traceback
from pathlib import Path
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

import psycopg
from django.http import HttpRequest

BASE = f"{Path(__file__).resolve().parent.parent.parent}/"
OURS = ("accounts", "agencies", "appointments", "mydesklive", "reports", "videocalls")
LONGEST, DEEPEST, CHAIN = 300, 25, 5  # characters of an error's text; frames of a stack; errors that caused each other

# Control characters would let a text forge a line or colour a terminal; marks of direction turn it around.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PERSONAL = re.compile(
    r"""
    \S+@\S+                                        # addresses
    | (?<=[?&;])[\w.-]+=[^\s&;]+                   # values of a query
    | \+?\d(?:[\s-]?\d){5,}                        # telephone and tax numbers, codes
    | \b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{8,}    # references, keys and tokens
    | [^\x00-\x7f]+(?:\s+[^\x00-\x7f]+)*           # our own texts are English, so this is what somebody typed
    """,
    re.VERBOSE,
)
_QUOTED = re.compile(r"(['\"“]).*?(['\"”])")
# Their texts name code, not data.
_OF_CODE = (AttributeError, ImportError, NameError, TypeError)


def visible(text: str) -> str:
    """Returns the text on one line, with what nobody can see written as an escape."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def redacted(text: str) -> str:
    return _PERSONAL.sub("…", text)


def text_of(record: logging.LogRecord) -> str:
    """Returns the message. Ours are known to be harmless; those of libraries repeat paths and values."""
    if record.name.split(".")[0] in OURS:
        return record.getMessage()
    message, request = record.getMessage(), getattr(record, "request", None)
    if isinstance(request, HttpRequest):
        message = message.replace(request.get_full_path(), route_of(request)).replace(request.path, route_of(request))
    return redacted(message)


def route_of(request: HttpRequest) -> str:
    """Returns the pattern of the page's address, which has no values in it."""
    match = request.resolver_match
    return match.route if match else "-"


def error_of(error: BaseException) -> str:
    """Returns the kind of the error and what may be said of its text."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"{kind}: {_words_of(error)}".removesuffix(": ")


def _words_of(error: BaseException) -> str:
    """PostgreSQL repeats the row that it refuses, and a mail server the recipient."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if isinstance(cause, psycopg.Error) and cause.sqlstate:
        named = (cause.diag.constraint_name, cause.diag.table_name, cause.diag.column_name)
        return " ".join(filter(None, (cause.sqlstate, *named)))
    if isinstance(error, SMTPRecipientsRefused):
        return " ".join(str(code) for code, _text in error.recipients.values())
    if isinstance(error, SMTPException):
        return str(error.smtp_code) if isinstance(error, SMTPResponseException) else ""
    text = str(error)[:LONGEST]
    return redacted(text if isinstance(error, _OF_CODE) else _QUOTED.sub(r"\1…\2", text))


def stack_of(error: BaseException) -> list[str]:
    """Returns the error and those that caused it, each with where it came through. No line of code, and no values."""
    lines: list[str] = []
    for _ in range(CHAIN):
        lines.append(error_of(error))
        lines += map(_where, traceback.extract_tb(error.__traceback__)[-DEEPEST:])
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            break
        error = cause
    return lines


def _where(frame: traceback.FrameSummary) -> str:
    name = frame.filename.removeprefix(BASE)
    return f"  {name.rpartition('site-packages/')[2]}:{frame.lineno} in {frame.name}"


def details_of(record: logging.LogRecord) -> dict[str, Any]:
    """Returns the fields of a record. Other `extra` data is left out: Django adds the whole request to it."""
    found: dict[str, Any] = getattr(record, "told", {})
    return found
