"""Cleaning what people type, on every page and in the API, before any form or rule reads it.

What nobody can see is removed: control characters break calendar files and mails, and marks of the direction of text let
a line show something else than it says. Every character counts once, as people count: a line break is one, and so is a
letter with its accent.
"""

import re
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# What PostgreSQL cannot store is not removed but refused: the character zero, and halves of a character.
UNREADABLE = re.compile("[\0\ud800-\udfff]")
# What no person types and no program needs: control characters that break no line. Pages remove them, programs are told.
CONTROL = re.compile("[\x01-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
NO_CONTROL = _("Control characters are not allowed.")
_LINE_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL, _FORMAT = (
    "Cc",
    "Cf",
)  # categories of Unicode: the second has marks of direction, spaces of no width, soft hyphens
_KEPT = "\n\t\0"
# A mail program makes a link of each of these.
_LINK = re.compile(
    r"""
    ://  |  \bwww\.  |  @\w  |  \w\.\w{2,}/
    | \w\w\.(?:com|net|org|edu|gov|info|biz|mobi|pro|xyz|top|vip|icu|app|dev|link|click|site|online|live|shop|store|tech|club|ελ
        |ai|al|at|au|be|bg|br|ca|cc|ch|cn|co|cy|cz|de|es|eu|fr|gg|gr|in|io|it|jp|ly|me|nl|pl|ro|rs|ru|sh|tk|to|tr|tv|ua|uk|us|ws)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def cleaned(text: str) -> str:
    """Return the text as it looks: without characters that nobody sees, and with line breaks of one character."""
    if text.isascii() and text.isprintable():
        return text
    lines = _LINE_BREAKS.sub("\n", unicodedata.normalize("NFC", text))
    return "".join(one for one in lines if one in _KEPT or unicodedata.category(one) not in (_CONTROL, _FORMAT))


def cleaned_deeply(data: Any) -> Any:
    """Return the same JSON with each of its texts cleaned."""
    if isinstance(data, str):
        return cleaned(data)
    if isinstance(data, list):
        return [cleaned_deeply(one) for one in data]
    if isinstance(data, dict):
        return {name: cleaned_deeply(one) for name, one in data.items()}
    return data


def has_control(data: Any) -> bool:
    """Return whether a text in the JSON, or a name in it, has control characters."""
    if isinstance(data, str):
        return bool(CONTROL.search(data))
    if isinstance(data, list):
        return any(map(has_control, data))
    return isinstance(data, dict) and any(has_control(name) or has_control(one) for name, one in data.items())


def on_one_line(text: str) -> str:
    return " ".join(cleaned(text).split())


def validate_name(name: str) -> None:
    """Raise ValidationError unless the text can be a person's or a firm's name. Mails show it, so it must be no link."""
    if not any(letter.isalpha() for letter in name) and not UNREADABLE.search(name):
        raise ValidationError(_("Enter your full name."))
    if _LINK.search(name):
        raise ValidationError(_("Write only the name here, without an internet or e-mail address."))
