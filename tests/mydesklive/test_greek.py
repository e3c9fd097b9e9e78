"""The Greek that readers get, whichever catalog it is from."""

import re

import pytest
from django.utils.translation import gettext, pgettext

from tests import messages

MISTAKES = re.compile("διέυθ|κατα |πιο κοντινές ώρες|έχει νωρίτερα ώρες|Επαναφορά Συνθηματικού|\\(ώρα: ")


def test_no_text_of_ours_or_borrowed_has_a_known_mistake() -> None:
    texts = [pgettext(*key) if key[0] else gettext(key[1]) for key in messages.borrowed() | messages.found() if key[1]]
    assert [text for text in texts if MISTAKES.search(text)] == []


@pytest.mark.parametrize("text", ["Password Reset", "Add Email Address"])
def test_titles_of_libraries_are_in_plain_greek(text: str) -> None:
    assert gettext(text).split(maxsplit=1)[1].islower()
