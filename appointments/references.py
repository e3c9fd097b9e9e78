"""The reference of an appointment, as people and scanners type it.

A reference is Latin. Somebody with Greek letters on the keyboard types those that look the same (Κ for K), or presses the
keys that the Latin letters are on (ς for W, ; for Q), as a scanner always does. Only Ρ differs: it looks like P and is on
the key of R. So a typed text can have several readings; a wrong one is the reference of nothing.
"""

import re
import secrets
from collections.abc import Iterator
from itertools import product

# Without 0/O, 1/I/L and U/V, because a reference is read out on the telephone and typed from paper.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"
LENGTH = 10
SHORTEST_BEGINNING = 4  # of a reference in Greek letters; a shorter text is rather the beginning of a name
_SEPARATORS = re.compile(r"[\s\-‐-―−]")
_LATIN = re.compile("[A-Za-z]")
# What each character can stand for. Shift and the key of W give Σ or ΅, depending on the system.
_ITSELF = {character: one for one in ALPHABET for character in (one, one.lower())}
_KEYS = dict(zip("αβψδεφγηξκμνπρστχυζ", "ABCDEFGHJKMNPRSTXYZ", strict=True))
_BY_KEY = _ITSELF | _KEYS | {greek.upper(): latin for greek, latin in _KEYS.items()}
_BY_KEY |= {"ς": "W", "΅": "W", "Σ": "SW", ";": "Q", ":": "Q"}
_BY_LOOK = _BY_KEY | {"Ρ": "P", "ρ": "P"}


def random_reference() -> str:
    """Return the digits of a random number, written with the letters of ALPHABET."""
    number, letters = secrets.randbelow(len(ALPHABET) ** LENGTH), ""
    for _ in range(LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters += ALPHABET[letter]
    return letters


def readings(typed: str) -> list[str]:
    """Return the references that a typed or scanned text can mean, the likeliest first. It may be an address or in groups."""
    parts = _SEPARATORS.sub("", typed.partition("?")[0]).split("/")
    return next((found for part in reversed(parts) if len(part) == LENGTH and (found := _spellings(part))), [])


def beginnings(typed: str) -> list[str]:
    """Return the beginnings of references that a search text can mean."""
    text = _SEPARATORS.sub("", typed)
    if not text.isascii() and len(text) < SHORTEST_BEGINNING:
        return []
    return _spellings(text) if len(text) <= LENGTH else []


def _spellings(text: str) -> list[str]:
    ways = (_BY_LOOK, _BY_KEY) if _LATIN.search(text) else (_BY_KEY, _BY_LOOK)
    return [*dict.fromkeys(spelling for way in ways for spelling in _spelled(text, way))]


def _spelled(text: str, way: dict[str, str]) -> Iterator[str]:
    """Yield all spellings of the text in this way. None if a character stands for nothing."""
    return map("".join, product(*(way.get(character, "") for character in text)))
