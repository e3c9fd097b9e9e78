"""The Greek that readers get, whichever catalog or file it is from."""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.template.engine import Engine
from django.utils.translation import gettext, ngettext, pgettext

from tests import messages
from tests.greek import misspelt, mistakes, problem_of
from tests.messages import Key

# What the admin is made of, without the pages for signing in and passwords, which it leaves to the public site, and
# without controls that no form has.
LIBRARIES = re.compile(r"/(unfold|django/contrib/admin|django/core)/")
NOT_SHOWN = re.compile(
    "/(login|color_theme_toggle|toolbar|filters_numeric_slider)\\.html$"
    "|/templates/(registration|admin/auth)/|/unfold/forms\\.py$|/contrib/admin/models\\.py$"
)
# They are the same in Greek.
SAME = ("…", "IPv4", "IPv6")

# Texts that read badly although they break no rule.
MISTAKES = re.compile(
    "διέυθ|κατα |πιο κοντινές ώρες|έχει νωρίτερα ώρες|Επαναφορά Συνθηματικού|\\(ώρα: |ωθείται πως|τοπολύ|ημένον |Επιβεβαιώσ[αέ]τ"
)
# Ours alone: one word for each thing.
OTHER_WORDS = re.compile(
    "(?<![(\\w])email|κρατείται|έγκαιρα|Αιτία|[Ππ]αύση|Παραπομπή|(?<![Κκ]άθε )\\bμέρα\\b|: καλέστε$|Κλείστηκε$"
)
# Parts of libraries that the product does not install or show.
UNUSED = re.compile("allauth/(socialaccount|idp|usersessions|headless|templates/(mfa|socialaccount|idp))|authtoken")
SHORT_NAMES = {"Τρί", "Πέμ", "Σάβ", "Μάρ", "Μάι", "Αύγ"}  # of days and months
SAME_IN_GREEK = {"%(class_name)s %(instance)s", "Cookies", "E-mail", "IPv4", "IPv6", "SMS"}
PROPER = {"Ελλάδα", "Ελλάδας", "Δευτέρα", "Δημόσιο", "Συνήγορο", "Πολίτη", "Χανίων", "Μίτος", "Μητρώο", "Διαδικασιών"}
PROPER |= {"Παπαδοπούλου", "Αρχή", "Προστασίας", "Δεδομένων", "Προσωπικού", "Χαρακτήρα"}
# Always more than one.
ALWAYS_MANY = {
    "The appointments of %d branches are being put right.",
    "At most %(days)s days can be asked for.",
    "At most %(number)s characters.",
    "No free time in the next %(days)s days:",
    "See all %(branches)s branches",
    "Show all %(number)s branches",
    "The first %(shown)s of %(number)s branches.",
    "The times of %d branches are being published.",
    "To look at: %(number)s branches",
    "about %(minutes)d minutes",
    "every %(weeks)s weeks",
    "this is about %d branches: their times are published afterwards",
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+(?::\w+)?\}")
NUMBER = r"(?:%d|%s|%\(\w+\)d|%\((?:minutes|hours|days|weeks|number|count|total|branches|shown|planned)\)s)"
COUNTED = re.compile(NUMBER + r"(?:</\w+>)? (?:<\w+>)?[α-ωά-ώ]*(?:ά|α|ες|ων|ους|θηκαν)\b")
LATER_CAPITAL = re.compile(r"[^\W\d_],? ([Α-ΩΆ-Ώ][α-ωά-ώ]+)")

TAG_OR_PLACEHOLDER = re.compile(r"<[^>]+>|%\(\w+\)[sd]|%[sd]")
INVENTED = {"pistopoiitiko"}  # what somebody may type in the search

CATALOG = polib.pofile(str(messages.CATALOG))
DATA = Path(messages.BASE / "agencies/data")


def shown() -> Iterator[str]:
    """Yields every text of ours and of the libraries, as it is shown to readers of Greek."""
    for (context, msgid), (plural, path) in (messages.borrowed() | messages.found()).items():
        if msgid and not UNUSED.search(str(path)):
            yield from {ngettext(msgid, plural, n) for n in (1, 2)} if plural else [_one(context, msgid)]


def _one(context: str, msgid: str) -> str:
    return pgettext(context, msgid) if context else gettext(msgid)


def greek_of(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_no_text_of_ours_or_borrowed_has_a_known_mistake() -> None:
    assert [text for text in shown() if MISTAKES.search(text)] == []


def test_texts_of_ours_use_one_word_for_each_thing() -> None:
    assert [text for entry in CATALOG for text in greek_of(entry) if OTHER_WORDS.search(text)] == []


def test_texts_of_ours_and_borrowed_follow_the_rules_of_writing() -> None:
    found = {text: wrong for text in shown() if text not in SHORT_NAMES and (wrong := list(mistakes(text)))}
    assert found == {}


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.name)
def test_texts_of_data_files_follow_the_rules_of_writing(path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        cells = {part for row in csv.reader(file) for cell in row for part in cell.split(";")}
    assert {text: wrong for text in cells if (wrong := list(mistakes(text)))} == {}


def test_greek_in_pages_and_documents_is_spelt_right() -> None:
    paths = [messages.BASE / "README.md", *(messages.BASE / "docs").glob("*.md")]
    paths += [path for folder in ("templates", "mydesklive/demo") for path in (messages.BASE / folder).rglob("*.*")]
    texts = [path for path in paths if path.suffix in {".md", ".html", ".txt", ".py"}]
    assert {path.name: wrong for path in texts if (wrong := list(misspelt(path.read_text(encoding="utf-8"))))} == {}


def test_greek_has_the_placeholders_of_the_english() -> None:
    wrong = []
    for entry in CATALOG:
        wanted = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        texts = greek_of(entry)
        if set(PLACEHOLDER.findall(texts[-1])) != wanted or any(
            set(PLACEHOLDER.findall(one)) - wanted for one in texts
        ):
            wrong.append(entry.msgid)
    assert wrong == []


def test_what_is_counted_has_a_form_for_one() -> None:
    single = [entry for entry in CATALOG if not entry.msgid_plural and entry.msgid not in ALWAYS_MANY]
    assert [entry.msgid for entry in single if COUNTED.search(entry.msgstr)] == []


def test_greek_differs_from_the_english() -> None:
    assert {entry.msgid for entry in CATALOG if entry.msgid == entry.msgstr} == SAME_IN_GREEK


def test_only_names_have_a_capital_within_a_sentence() -> None:
    found = {word for entry in CATALOG for text in greek_of(entry) for word in LATER_CAPITAL.findall(text)}
    assert found - PROPER == set()


@pytest.mark.parametrize("text", ["Password Reset", "Add Email Address"])
def test_titles_of_libraries_are_in_plain_greek(text: str) -> None:
    assert gettext(text).split(maxsplit=1)[1].islower()


@pytest.mark.parametrize(
    "word",
    ["διέυθυνση", "διευθυνση", "διεύθύνση", "σάς", "έχεi", "Aνάκτησης", "χρονοσ", "σημειο", "πίστοποιητικό", "ποιός"],
)
def test_wrong_word_is_found(word: str) -> None:
    assert problem_of(word)


@pytest.mark.parametrize(
    "text",
    [
        "Τι είναι?",
        "την διεύθυνση",
        "στη εφορία",
        "δε βρέθηκε",
        'Το "όνομα"',
        "στο λογαριασμό σας",
        "ναι , όχι",
        "έως  τώρα",
        "ναι,όχι",
    ],
)
def test_wrong_punctuation_or_article_is_found(text: str) -> None:
    assert list(mistakes(text))


@pytest.mark.parametrize(
    "text",
    [
        "Η διεύθυνσή σας, ό,τι κι αν είναι, και η ταυτότητά σας.",
        "για μια γιορτή πιο πέρα· πού, πώς, ή ποιος;",
        "π.χ. ΑΦΜ, ΔΟΥ, κ.ο.κ. γι’ αυτό",
        "Πληροφορίες: στη θυρίδα, την τρίτη και την κλήση του υπαλλήλου (%(name)s).",
        "προϋπηρεσία, πλαΐσιο, ρολόι, γαϊδουράκι, άυλος, ευθύνη, κοροϊδεύω",
        "Γράψτε την μόνο μία φορά.",
    ],
)
def test_right_greek_passes(text: str) -> None:
    assert list(mistakes(text)) == []


def said(texts: Iterable[str]) -> set[str]:
    """Returns the texts without what differs between a page and a guide: line breaks, tags, numbers, the first capital."""
    return {TAG_OR_PLACEHOLDER.sub("…", " ".join(text.split())).strip(" .:;").casefold() for text in texts}


@pytest.mark.parametrize("name", ["citizens.md", "officers.md", "officials.md"])
def test_guides_quote_pages_as_they_are(name: str) -> None:
    greek, english = (messages.BASE / "docs" / name).read_text(encoding="utf-8").split("\n---\n")
    ours = said(text for entry in CATALOG for text in greek_of(entry)) | INVENTED
    theirs = said(text for entry in CATALOG for text in (entry.msgid, entry.msgid_plural)) | INVENTED
    assert said(re.findall("«([^»]+)»", greek)) - ours == set()
    assert said(re.findall("“([^”]+)”", english)) - theirs == set()


def test_the_theme_and_the_admin_speak_greek() -> None:
    texts = {key: plural for key, (plural, source) in messages.borrowed().items() if is_shown(source)}
    assert len(texts) > 100
    assert [key[1] for key, plural in texts.items() if is_foreign(key, plural) and key[1] not in SAME] == []


def is_shown(source: Path) -> bool:
    """Whether the admin can show a text of this file: of an installed app, and in a template that nothing replaces."""
    if not LIBRARIES.search(str(source)) or NOT_SHOWN.search(str(source)):
        return False
    installed = {Path(config.path) for config in apps.get_app_configs()}
    app = next((folder for folder in source.parents if (folder / "apps.py").exists()), None)
    if app and app not in installed:
        return False
    _, in_templates, name = str(source).partition("/templates/")
    return not in_templates or found_first(name) == source


def found_first(name: str) -> Path | None:
    """The file that Django takes for the template with this name."""
    loaders = Engine.get_default().template_loaders[0].loaders
    places = (Path(origin.name) for loader in loaders for origin in loader.get_template_sources(name))
    return next((place for place in places if place.exists()), None)


def is_foreign(key: Key, plural: str | None) -> bool:
    context, text = key
    if plural:
        return ngettext(text, plural, 2) == plural
    return (pgettext(context, text) if context else gettext(text)) == text
