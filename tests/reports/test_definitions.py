"""Tests that each figure is defined, in both languages, on the page, in the guide and in the files."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from reports import downloads
from reports.published import SHOWN, published
from reports.publishing.definitions import BY_NAME, FIGURES
from tests.builders import TUESDAY

GUIDE = Path(settings.BASE_DIR) / "docs/officials.md"


@pytest.mark.parametrize(("language", "place"), [("el", 0), ("en", 1)])
def test_guide_defines_each_figure_as_the_page_does(language: str, place: int) -> None:
    guide = " ".join(GUIDE.read_text(encoding="utf-8").split("\n---\n")[place].split())
    with translation.override(language):
        told = {
            f"{getattr(figure, what)}" for figure in FIGURES for what in ("label", "meaning", "unit", "day", "source")
        }
    assert [text for text in sorted(told) if text not in guide] == []


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_page_defines_each_figure_that_it_shows(client: Client, prefix: str) -> None:
    page = client.get(f"{prefix}/reports/agencies/?as_of=2026-03-03").content.decode()
    assert [figure.name for figure in FIGURES if f'id="{figure.anchor}"' not in page] == []
    assert [figure.name for figure in SHOWN if f'href="#{figure.anchor}"' not in page] == []


@pytest.mark.django_db
def test_files_have_no_number_without_a_definition() -> None:
    assert set(downloads.NUMBERS) <= BY_NAME.keys()
    assert published(TUESDAY).totals.keys() <= BY_NAME.keys()
