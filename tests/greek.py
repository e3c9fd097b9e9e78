"""Rules of written Greek that can be checked by program: accents, letters of other alphabets, punctuation, final ν."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

_LETTERS = r"[^\W\d_]"
_WORD = re.compile(rf"{_LETTERS}+")
_GREEK = "[α-ωά-ώΑ-ΩΆ-ΏϊϋΐΰΪΫ]"
_NUCLEUS = re.compile("αι|ει|οι|υι|ου|αυ|ευ|ηυ|[αεηιουω]")
_MARKUP = re.compile(r"<[^>]*>|%\(\w+\)[sd]|%[sd]|\{[^}]*\}|https?:\S+|\w+@\S+")
_CLITICS = {"μου", "σου", "του", "της", "το", "τον", "την", "τα", "τους", "τις", "μας", "σας"}

# One syllable each, although they are written with two vowels.
_SHORT = {
    "πια",
    "πιο",
    "μια",
    "μιας",
    "δυο",
    "γεια",
    "ποιος",
    "ποια",
    "ποιο",
    "ποιοι",
    "ποιες",
    "ποιον",
    "ποιου",
    "ποιων",
    "ποιους",
    "ποιας",
}
_LONG = {"μία", "μίας", "δύο"}  # the same words, said slowly
# Written without an accent: names of the month and the day in short, and words before a full stop.
_ABBREVIATED = {"Ιαν", "Φεβ", "Απρ", "Ιουν", "Ιουλ", "Αυγ", "Σεπ", "Οκτ", "Νοε", "Δεκ", "Δευ", "Τετ", "Παρ", "Κυρ"}
# Words of one syllable that take an accent to tell them from another.
_ACCENTED = {"ή", "πού", "πώς", "Ή", "Πού", "Πώς"}

_PUNCTUATION = {
    "a question mark that is not Greek": re.compile(rf"{_GREEK}[»)]?\?"),
    "quotation marks that are not Greek": re.compile('[“”„"]'),
    "a space too many": re.compile(r"\S  +\S| [,;:!·.»](?=\s|$)|« "),
    "no space after a comma": re.compile(rf"{_GREEK},(?!τι){_GREEK}"),
    "a final ν that is missing": re.compile(r"\b(?:[Ττ]η|[Σσ]τη|[Δδ]ε) (?=[αεηιουωάέήίόύώκπτξψ]|μπ|ντ|γκ|τσ|τζ)"),
    "a final ν too many": re.compile(r"(?<!τε )\b(?:[Ττ]ην|[Σσ]την|[Μμ]ην) (?=[βγδζθλμνρσφχ])(?!μπ|ντ|γκ|γχ)"),
    "δε for δεν": re.compile(r"\b[Δδ]ε (?=[α-ω])"),
    "το, στο for τον, στον": re.compile(
        r"\b(?:σ?το) (?:χρήστη|μήνα|χρόνο|φάκελο|λογαριασμό|πολίτη|υπάλληλο|φορέα|δήμο|κωδικό)\b"
    ),
}


def mistakes(text: str) -> Iterator[str]:
    """Yields what is wrong with a Greek text: its words and its punctuation. Markup and placeholders are left out."""
    if unicodedata.normalize("NFC", text) != text:
        yield "a letter apart from its accent, or a sign that only looks like ; or ·"
    text = _without_markup(text)
    if re.search(_GREEK, text):
        yield from (f"{name}: {wrong.group()!r}" for name, rule in _PUNCTUATION.items() if (wrong := rule.search(text)))
        yield from misspelt(text)


def misspelt(text: str) -> Iterator[str]:
    """Yields the Greek words of a text in any language that are spelt wrong."""
    text = _without_markup(text)
    found = list(_WORD.finditer(text))
    for word, following in zip_longest(found, found[1:]):
        gap = text[word.end() : following.start() if following else None]
        clitic = following.group() if following and gap == " " else ""
        is_part = gap.startswith((".", "’", "-")) or gap == ","  # «π.χ.», «γι’ αυτό», «ό,τι»
        if problem := problem_of(word.group(), clitic, is_part=is_part):
            yield f"{problem}: {word.group()}"


def _without_markup(text: str) -> str:
    return _MARKUP.sub("1", unicodedata.normalize("NFC", text))


def problem_of(word: str, following: str = "", *, is_part: bool = False) -> str:
    """Returns what is wrong with the spelling of a word before another one, or nothing."""
    greek = re.findall(_GREEK, word)
    if not greek:
        return ""
    if len(greek) != len(word):
        return "letters of two alphabets"
    if re.search("ς.", word) or (word.endswith("σ") and not is_part):
        return "the wrong sigma"
    if sum(letter.isupper() for letter in word) > 1 or is_part or word in _ABBREVIATED:
        return ""
    return _problem_of_accents(word, following)


def _problem_of_accents(word: str, following: str) -> str:
    nuclei = _nuclei(word)
    accents = [len(nuclei) - at for at, one in enumerate(nuclei) if one]  # 1 is the last syllable
    if len(nuclei) < 2 or (word.lower() not in _LONG and _plain(word) in _SHORT):
        return "an accent too many" if accents and word not in _ACCENTED else ""
    if accents == [3, 1]:
        return "" if following in _CLITICS else "an accent too many"
    if len(accents) != 1:
        return "no accent" if not accents else "an accent too many"
    return "an accent too far from the end" if accents[0] > 3 else ""


def _plain(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", word.lower()) if letter != "\u0301")


def _nuclei(word: str) -> list[bool]:
    """Returns for each vowel or pair of vowels that sounds as one whether it has an accent."""
    letters = unicodedata.normalize("NFD", word.lower())
    plain, accents = "", set[int]()
    for letter in letters:
        if letter == "\u0301":
            accents.add(len(plain) - 1)
        elif letter == "\u0308":
            plain = plain[:-1] + ("Ι" if plain[-1] == "ι" else "Υ")  # parted from the vowel before
        else:
            plain += letter
    plain = re.sub("^γι(?=[αεοω])", "γγ", plain)  # «γιορ-τή»
    nuclei, at = [], 0
    while at < len(plain):
        pair = _NUCLEUS.match(plain, at)
        if pair and not (len(pair.group()) == 2 and at in accents):  # «άι» is two
            nuclei.append(any(one in accents for one in range(*pair.span())))
            at = pair.end()
        else:
            if plain[at] in "αεηιουωΙΥ":
                nuclei.append(at in accents)
            at += 1
    return nuclei
