"""Greek text that people type and search: accents, case, final sigma and Greek in Latin letters do not matter."""

import re
import unicodedata
from functools import cache

from babel import Locale
from django.utils.translation import get_language

_NOT_WORD = re.compile(r"[\W_]+")
_DOUBLED = re.compile(r"(.)\1+")

# One key letter for each sound, in any alphabet and spelling. Sounds that Latin spellings mix up (β, φ and the υ of αυ, ευ;
# χ and ξ, both often x) share a key. A few matches too many are better than a city that is not found.
_SPELLINGS = {
    "u": "ου ou",
    "e": "αι ai ae ε e",
    "i": "ει οι υι ει ei oi ui yi η ι υ i y",
    "o": "ω ο o w",
    "ab": "αυ au",
    "eb": "ευ eu",
    "b": "μπ mp mb β b v φ f ph",
    "d": "ντ nt δ d",
    "g": "γκ γγ gk gg ng γ g",
    "j": "τζ tz j",
    "4": "ψ ps",
    "8": "θ th 8",
    "x": "χ ch kh h x ξ ks",
    "k": "κ k c q",
    "a": "α a",
    "z": "ζ z",
    "l": "λ l",
    "m": "μ m",
    "n": "ν n",
    "p": "π p",
    "r": "ρ r",
    "s": "σ s",
    "t": "τ t",
}
_KEYS = {spelling: key for key, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_SOUND = re.compile("|".join(sorted(_KEYS, key=len, reverse=True)))


def folded(text: str) -> str:
    """Returns the text without accents, case and final sigma, with single spaces: «Δ. Χανίων» gives «δ χανιων»."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return _NOT_WORD.sub(" ", plain.casefold().replace("ς", "σ")).strip()


def search_key(text: str) -> str:
    """Returns the key that search compares: «Χανίων», "Chanion", "hanion" and «ΧΑΝΙΩΝ» have the same key."""
    key = folded(text)
    # The letters of a key can spell one sound again («αη» becomes the "ae" of Israel), so it repeats until nothing changes.
    while (shorter := _DOUBLED.sub(r"\1", _SOUND.sub(lambda match: _KEYS[match.group()], key))) != key:
        key = shorter
    return key


def localized(field: str) -> property:
    """Returns a property that reads `<field>_el` or `<field>_en` by the active language. Greek replaces an empty English text."""

    def read(self: object) -> str:
        language = (get_language() or "el")[:2]
        return getattr(self, f"{field}_{language}", "") or getattr(self, f"{field}_el")

    return property(read)


# Names that are more common or plainer than those of CLDR.
_COUNTRY_NAMES = {
    ("BA", "el"): "Βοσνία και Ερζεγοβίνη",
    ("BA", "en"): "Bosnia and Herzegovina",
    ("NL", "el"): "Ολλανδία",
}


def country_name(code: str, language: str = "") -> str:
    """Returns the name of the country (ISO 3166-1, two letters) in the language, or else in the active one."""
    return _country_name(code, (language or get_language() or "el")[:2])


@cache
def _country_name(code: str, language: str) -> str:
    return _COUNTRY_NAMES.get((code, language)) or Locale(language).territories.get(code, code)
