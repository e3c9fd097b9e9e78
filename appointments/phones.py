"""Telephone numbers as people type them, Greek and foreign, brought to the one form that is stored: +306912345678."""

import re

_FILLER = re.compile(r"[\s().\-–/]+")
_GREEK = re.compile(r"[26]\d{9}")
_INTERNATIONAL = re.compile(r"\+[1-9]\d{6,14}")  # ITU-T E.164: fifteen digits at most


def normalized(text: str) -> str:
    """The number with its country code; Greece's where none was typed. Raises ValueError for what is no number."""
    number = _FILLER.sub("", text.replace("(0)", ""))
    if number.startswith("00"):
        number = "+" + number[2:]
    elif _GREEK.fullmatch(number):
        number = "+30" + number
    elif number.startswith("30") and _GREEK.fullmatch(number[2:]):
        number = "+" + number
    if not _INTERNATIONAL.fullmatch(number) or (number.startswith("+30") and not _GREEK.fullmatch(number[3:])):
        raise ValueError(text)
    return number
