import unicodedata

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from agencies.loading import tables
from agencies.models import Agency
from agencies.text import country_name, folded, of_city, search_key

GREEK = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"
WORDS = st.text(alphabet=GREEK + GREEK.upper() + "abcdefghijklmnopqrstuvwxyz -–.’", max_size=40)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ΧΑΝΙΑ", "Χανιά"),
        ("hania", "Χανιά"),
        ("xania", "Χανιά"),
        ("chania", "Χανιά"),
        ("Iraklio", "Ηράκλειο"),
        ("Irakleio", "Ηράκλειο"),
        ("8essaloniki", "Θεσσαλονίκη"),
        ("thesaloniki", "Θεσσαλονίκη"),
        ("nafplio", "Ναύπλιο"),
        ("kalambaka", "Καλαμπάκα"),
        ("kalampaka", "Καλαμπάκα"),
        ("Aigaleo", "Αιγάλεω"),
        ("Egaleo", "Αιγάλεω"),
        ("psahna", "Ψαχνά"),
        ("israel", "Ισραήλ"),
        ("giannitsa", "Γιαννιτσά"),
        ("marousi", "Μαρούσι"),
        ("ΠΕΙΡΑΙΑΣ", "Πειραιάς"),
    ],
)
def test_search_key_of_other_spelling(typed: str, name: str):
    assert search_key(typed) == search_key(name)


def test_search_key_of_another_place_differs():
    names = ["Χανιά", "Χίος", "Χαλκίδα", "Κιλκίς", "Κιάτο", "Κως", "Κέα"]
    assert len({search_key(name) for name in names}) == len(names)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_search_key_of_a_key_is_the_key(text: str):
    assert search_key(search_key(text)) == search_key(text)


@settings(deadline=None)
@given(WORDS)
def test_search_key_ignores_accents_and_final_sigma(text: str):
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    assert search_key(bare) == search_key(text) == search_key(text.replace("ς", "σ"))


@settings(deadline=None)
@given(WORDS)
def test_search_key_ignores_case(text: str):
    assert search_key(text.upper()) == search_key(text.lower()) == search_key(text)


@settings(deadline=None)
@given(WORDS)
def test_search_key_has_only_plain_words(text: str):
    key = search_key(text)
    assert key.split() == [word for word in key.split(" ") if word]
    assert key == "" or key.replace(" ", "").isalnum()


def test_folded_keeps_words_apart():
    assert folded("  Δ. Χανίων–Σούδας ") == "δ χανιων σουδασ"


@pytest.mark.parametrize(
    ("code", "name_el", "name_en"),
    [
        ("GB", "Ηνωμένο Βασίλειο", "United Kingdom"),
        ("DE", "Γερμανία", "Germany"),
        ("NL", "Ολλανδία", "Netherlands"),
        ("BA", "Βοσνία και Ερζεγοβίνη", "Bosnia and Herzegovina"),
        ("MK", "Βόρεια Μακεδονία", "North Macedonia"),
        ("XX", "XX", "XX"),
    ],
)
def test_country_name_in_both_languages(code: str, name_el: str, name_en: str):
    assert (country_name(code, "el"), country_name(code, "en")) == (name_el, name_en)


def test_country_name_follows_the_active_language():
    with translation.override("en"):
        assert country_name("GR") == "Greece"
    with translation.override("el"):
        assert country_name("GR") == "Ελλάδα"


def test_every_country_of_a_branch_has_a_name():
    codes = {row.cells["country"] for row in tables.read(tables.DATA / "branches.csv")}
    assert len(codes) == 64
    for code in codes:
        assert folded(country_name(code, "el")) != folded(country_name(code, "en"))
        assert country_name(code, "el") != code


def test_localized_reads_the_active_language_and_falls_back_to_greek():
    agency = Agency(name_el="Φορέας", name_en="Agency", description_el="Μόνο ελληνικά")
    with translation.override("en"):
        assert (agency.name, agency.description) == ("Agency", "Μόνο ελληνικά")
    with translation.override("el"):
        assert agency.name == "Φορέας"
    with translation.override(None):
        assert agency.name == "Φορέας"


@pytest.mark.parametrize(
    ("city", "genitive"),
    [
        ("Μελβούρνη", "Μελβούρνης"),
        ("Νέα Υόρκη", "Νέας Υόρκης"),
        ("Αθήνα", "Αθήνας"),
        ("Λονδίνο", "Λονδίνου"),
        ("Βρυξέλλες", "Βρυξελλών"),
        ("Σίδνεϊ", "Σίδνεϊ"),
        ("Τορόντο", "Τορόντο"),
        ("Λα Παζ", "Λα Παζ"),
    ],
)
def test_city_of_a_clock_is_in_the_genitive(city: str, genitive: str):
    assert of_city(city) == genitive
    with translation.override("en"):
        assert of_city("Athens") == "Athens"
