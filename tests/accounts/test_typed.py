"""What people type: nothing is left that nobody sees, and a name is no link."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.typed import cleaned, on_one_line, validate_name

NAMES = [
    "Ελένη Παπαδάκη",
    "Μ.Παπαδάκης",
    "Δρ. Μ. Παπαδάκης",
    "Παπαδόπουλος & ΣΙΑ Ο.Ε.",
    "Αφοί Νικολάου Α.Ε.Β.Ε.",
    "J.R.R. Tolkien",
    "Dr.Smith",
    "Seán O’Brien-Nuñez",
    "ACME 24/7 Μ.Ι.Κ.Ε.",
    "Π/Γ Κρήτης",
    "Li",
    "محمد علي",
    "Nguyễn Thị Minh",
    "Sagrotan Company",
    "Σάμος.Μαρία",
]
LINKS = [
    "http://evil.example/click me",
    "HTTPS://EVIL.EXAMPLE",
    "Μαρία www.evil.example",
    "evil.com",
    "Δείτε εδώ: evil.gr!",
    "evil.example/click",
    "maria@example.org",
    "EVIL.ONLINE Παπαδάκη",
    "νερό.ελ",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(name: str) -> None:
    validate_name(name)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError, match="χωρίς διεύθυνση"):
        validate_name(name)


@pytest.mark.parametrize("name", ["...", "12", "🙂", "-"])
def test_a_name_has_letters(name: str) -> None:
    with pytest.raises(ValidationError, match="ονοματεπώνυμό"):
        validate_name(name)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("α\u202eβ\u2066γ\u200fδ\u061c", "αβγδ"),
        ("α\u200bβ\u00adγ\ufeffδ\u2060", "αβγδ"),
        ("α\x00", "α\x00"),  # refused, not removed
        ("α\x1bβ\x07γ\x7fδ\x80", "αβγδ"),
        ("α\r\nβ\rγ\nδ\x0bε\x0cζ\u2028η\u2029θ\x85ι", "α\nβ\nγ\nδ\nε\nζ\nη\nθ\nι"),
        ("α\tβ", "α\tβ"),
        (unicodedata.normalize("NFD", "Ελένη"), "Ελένη"),
        ("Ελένη 🙂 “x” – €", "Ελένη 🙂 “x” – €"),
    ],
)
def test_what_nobody_sees_is_removed(typed: str, expected: str) -> None:
    assert cleaned(typed) == expected


@given(st.text())
def test_clean_text_stays_as_it_is(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert "\r" not in once
    assert len(on_one_line(text).splitlines()) <= 1
