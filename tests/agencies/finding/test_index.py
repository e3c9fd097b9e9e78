"""Tests of the index: in which spellings a word finds a thing, and which texts count most."""

import pytest

from agencies.finding.index import Index, Role, Thing
from agencies.text import search_key, stem, words

ONE, OTHER = Thing("service", 1), Thing("branch", 1)


def found(text: str, typed: str) -> bool:
    (word,) = words(typed)
    return ONE in Index([(ONE, ((Role.NAME, text),))]).hits(word)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Υπεύθυνη δήλωση", "δηλώσεων"),
        ("Υπεύθυνη δήλωση", "dilosis"),
        ("Επίδομα", "επιδόματα"),
        ("Δελτίο ανεργίας", "ανεργία"),
        ("Pension", "pensions"),
        ("Διαβατήριο", "διαβ"),
        ("Διαβατήριο", "διαβατηρο"),
        ("Διαβατήριο", "ΔIABATHPIO"),
        ("Διαβατήριο", "δaβατήριο"),
        ("ΑΦΜ", "AΦM"),
        ("731 732", "73100"),
        ("731 732", "73"),
        ("11145", "11145"),
    ],
)
def test_word_finds_text(text: str, typed: str):
    assert found(text, typed)


@pytest.mark.parametrize(
    ("text", "typed"),
    [("Χανιά", "Χίος"), ("731", "74100"), ("Κως", "Κέα"), ("Άρτα", "αδεια")],
)
def test_word_does_not_find_another_text(text: str, typed: str):
    assert not found(text, typed)


def test_known_abbreviation_is_not_taken_for_another_word():
    index = Index([(ONE, ((Role.NAME, "ΚΕΠ"),)), (OTHER, ((Role.NAME, "ΚΕΠΑ"),))])
    assert set(index.hits(search_key("ΚΕΠ"))) == {ONE}


def test_known_town_is_not_taken_for_a_typing_error():
    index = Index([(ONE, ((Role.CITY, "Καλαμαριά"),)), (OTHER, ((Role.CITY, "Καλαμάτα"),))])
    assert set(index.hits(search_key("Καλαμαριά"))) == {ONE}


def test_word_in_a_name_counts_more_than_in_a_description():
    index = Index(
        [(ONE, ((Role.DESCRIPTION, "Μετά τη σύνταξη"), (Role.NAME, "Άλλο"))), (OTHER, ((Role.NAME, "Σύνταξη"),))]
    )
    hits = index.hits(search_key("σύνταξη"))
    assert hits[OTHER].score > hits[ONE].score


def test_stem_is_the_same_in_all_cases():
    for forms in (
        "δήλωση δήλωσης δηλώσεις δηλώσεων δηλώσεως dilosi",
        "κλειδάριθμος κλειδαρίθμου κλειδάριθμο kleidarithmoi",
    ):
        assert len({stem(search_key(form)) for form in forms.split()}) == 1
