"""Greek text that people type and search: accents, case, final sigma and Greek in Latin letters do not matter."""

import re
import unicodedata
from functools import cache

from babel import Locale
from django.db.models import Func, Value
from django.db.models.functions import Lower
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
# Latin letters that look like Greek ones. In a word with Greek letters they are meant as these.
_LOOK_ALIKES = str.maketrans("abehikmnoptuvwxyz", "αβεηικμνορτυνωχυζ")
_GREEK = re.compile("[α-ω]")

# Endings of inflected words in the letters of keys, Greek («-ματα», «-σεων», «-ους») and English ("-s"), longest first.
_ENDINGS = (
    "matos",
    "maton",
    "mata",
    "eos",
    "eon",
    "ma",
    "as",
    "es",
    "is",
    "os",
    "us",
    "on",
    "a",
    "e",
    "i",
    "o",
    "u",
    "s",
)
_STEM = 3  # letters that stay at least

_KEYS = {spelling: key for key, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_SOUND = re.compile("|".join(sorted(_KEYS, key=len, reverse=True)))


def folded(text: str) -> str:
    """Returns the text without accents, case and final sigma, with single spaces: «Δ. Χανίων» gives «δ χανιων»."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return _NOT_WORD.sub(" ", plain.casefold().replace("ς", "σ")).strip()


def search_key(text: str) -> str:
    """Returns the key that search compares: «Χανίων», "Chanion", "hanion" and «ΧΑΝΙΩΝ» have the same key."""
    key = " ".join(_as_typed(word) for word in folded(text).split())
    # The letters of a key can spell one sound again («αη» becomes the "ae" of Israel), so it repeats until nothing changes.
    while (shorter := _DOUBLED.sub(r"\1", _SOUND.sub(lambda match: _KEYS[match.group()], key))) != key:
        key = shorter
    return key


def _as_typed(word: str) -> str:
    return word.translate(_LOOK_ALIKES) if _GREEK.search(word) else word


def words(text: str) -> list[str]:
    """Returns the keys of the text's words. Numbers stay as they are, because two equal digits are no double letter."""
    return [word if word.isdigit() else search_key(word) for word in folded(text).split()]


def stem(key: str) -> str:
    """Returns the key of a word without its ending: those of «δήλωση», «δηλώσεων» and "diloseis" have the same stem.

    PostgreSQL's own Greek stemmer knows Greek letters only, and cuts «ανεργία» and «ανεργίας» differently.
    """
    for shortest in (_STEM, _STEM + 1):  # a second ending: «διαβατήρι-ο», "pension-s"
        ending = next((one for one in _ENDINGS if key.endswith(one) and len(key) - len(one) >= shortest), "")
        key = key.removesuffix(ending)
    return key


# Letters that a database without a Greek collation orders away from their place in the alphabet, and that place.
_MARKED, _PLAIN = "άέήίϊΐόύϋΰώς", "αεηιιιουυυωσ"


def alphabetical(field: str) -> Func:
    """Returns what orders rows by the field as in a dictionary, on any database server: «Άργους» stands beside «Αργυρούπολης»."""
    return Func(Lower(field), Value(_MARKED), Value(_PLAIN), function="translate")


def localized(field: str) -> property:
    """Returns a property that reads `<field>_el` or `<field>_en` by the active language. Greek replaces an empty English text."""

    return property(lambda row: in_language(row, field, language_now()))


def language_now() -> str:
    """Returns the two letters of the active language."""
    return (get_language() or "el")[:2]


def in_language(row: object, field: str, language: str) -> str:
    """Returns what `localized` reads. Who reads hundreds of rows asks for the language once."""
    return getattr(row, f"{field}_{language}", "") or getattr(row, f"{field}_el")


# Greek names of cities that do not take the usual ending of the genitive. Those in -ο that are not here have none.
_GENITIVES = {
    "Αμβούργο": "Αμβούργου",
    "Αργυρόκαστρο": "Αργυροκάστρου",
    "Βελιγράδι": "Βελιγραδίου",
    "Βερολίνο": "Βερολίνου",
    "Βηρυτός": "Βηρυτού",
    "Βουκουρέστι": "Βουκουρεστίου",
    "Βρυξέλλες": "Βρυξελλών",
    "Δουβλίνο": "Δουβλίνου",
    "Ιεροσόλυμα": "Ιεροσολύμων",
    "Κάιρο": "Καΐρου",
    "Κίεβο": "Κιέβου",
    "Κορυτσά": "Κορυτσάς",
    "Λονδίνο": "Λονδίνου",
    "Λουξεμβούργο": "Λουξεμβούργου",
    "Μιλάνο": "Μιλάνου",
    "Μόναχο": "Μονάχου",
    "Νέο Δελχί": "Νέου Δελχί",
    "Παρίσι": "Παρισιού",
    "Πεκίνο": "Πεκίνου",
    "Πόλη του Μεξικού": "Πόλης του Μεξικού",
    "Σικάγο": "Σικάγου",
    "Σκόπια": "Σκοπίων",
    "Τίρανα": "Τιράνων",
    "Χανιά": "Χανίων",
}


def of_city(city: str) -> str:
    """Returns the city as it follows «ώρα»: «Νέα Υόρκη» gives «Νέας Υόρκης». In other languages, as it is."""
    if language_now() != "el":
        return city
    words = city.split()
    is_usual = all(word.endswith(("α", "η")) for word in words)
    return _GENITIVES.get(city) or (" ".join(f"{word}ς" for word in words) if is_usual else city)


# Names that are more common or plainer than those of CLDR.
_COUNTRY_NAMES = {
    ("BA", "el"): "Βοσνία και Ερζεγοβίνη",
    ("BA", "en"): "Bosnia and Herzegovina",
    ("NL", "el"): "Ολλανδία",
}


def country_name(code: str, language: str = "") -> str:
    """Returns the name of the country (ISO 3166-1, two letters) in the language, or else in the active one."""
    return _country_name(code, language[:2] or language_now())


@cache
def _country_name(code: str, language: str) -> str:
    return _COUNTRY_NAMES.get((code, language)) or Locale(language).territories.get(code, code)
