"""How many SMS a text takes, and making it take no more than MOST (3GPP TS 23.038 and 23.040).

A text of the GSM alphabet has 160 signs in one SMS, and 153 in each part of a longer one. Any other sign, such as a small Greek
letter, makes the whole text UCS-2: 70 or 67. No national table of the standard has Greek letters, but the GSM alphabet
has the capital ones, and Latin letters look like the others. So a text that does not fit is shortened where it may be, and is
written in capitals if that is not enough: nothing that somebody needs is left out.
"""

import unicodedata
from collections.abc import Callable, Iterator

MOST = 2
GSM_ONE, GSM_PART, UCS2_ONE, UCS2_PART = 160, 153, 70, 67
_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = set("^{}\\[~]|€\f")  # two places each: an escape, and the sign
# Signs of print that have a plain form.
_PLAIN = str.maketrans("’‘“”«»–—\u00a0", '\'\'""""-- ') | {ord("…"): "..."}
_CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ·", "ABEZHIKMNOPTYX-")
# Of a text that may be shortened, so many signs are tried, the most first.
_LENGTHS, _IN_CAPITALS = (60, 45, 35, 28, 22), (16, 12)
_ELLIPSIS = "..."

# Writes the text with the names no longer than this (None: whole), and with or without what can be left out.
Write = Callable[[int | None, bool], str]


def count(text: str) -> int:
    """Return the number of SMS that the text takes. A sign is never divided between two."""
    if is_gsm(text):
        return _parts([2 if sign in _EXTENDED else 1 for sign in text], GSM_ONE, GSM_PART)
    return _parts([len(sign.encode("utf-16-be")) // 2 for sign in text], UCS2_ONE, UCS2_PART)


def is_gsm(text: str) -> bool:
    return all(sign in _BASIC or sign in _EXTENDED for sign in text)


def _parts(places: list[int], one: int, part: int) -> int:
    if sum(places) <= one:
        return 1
    number, left = 1, part
    for each in places:
        if each > left:
            number, left = number + 1, part
        left -= each
    return number


def plain(text: str) -> str:
    """Return the text with composed letters and plain signs, on one line. It reads the same and takes less."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_PLAIN).split())


def in_capitals(text: str) -> str:
    """Return the text in the GSM alphabet, as far as it can be: without accents, Greek in capitals."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    greek = (sign.upper() if "\u0370" <= sign <= "\u03ff" else sign for sign in bare)
    return "".join(greek).translate(_CAPITALS)


def shortened(text: str, most: int | None) -> str:
    """Return at most so many signs of the text, which end with a whole word if possible."""
    if most is None or len(text) <= most:
        return text
    room = text[: most - len(_ELLIPSIS) + 1]
    whole = room.rpartition(" ")[0].rstrip(" ,.·-(")
    return (whole if len(whole) >= most // 2 else room[:-1].rstrip()) + _ELLIPSIS


def is_tight(most: int | None) -> bool:
    """Return whether only what cannot be done without has a place."""
    return most in _IN_CAPITALS


def fitted(write: Write) -> str:
    """Return the text so that it takes MOST SMS: first without what can be left out, then with shorter names, then in capitals.

    If nothing helps, the last one is longer.
    """
    text = ""
    for text in _tries(write):
        if count(text) <= MOST:
            break
    return text


def _tries(write: Write) -> Iterator[str]:
    texts = [plain(write(most, extras)) for most, extras in ((None, True), (None, False))]
    yield from texts
    for most in _LENGTHS:
        texts.append(plain(write(most, False)))
        yield texts[-1]
    yield from map(in_capitals, texts)
    yield from (in_capitals(plain(write(most, False))) for most in _IN_CAPITALS)
