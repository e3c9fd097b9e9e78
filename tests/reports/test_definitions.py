"""Tests that each figure is defined, in both languages, on the page, in the guide and in the files."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from reports import downloads, subjects
from reports.published import SHOWN, published
from reports.publishing.definitions import BY_NAME, FIGURES
from reports.showing.tables import Column
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


def columns_with_a_meaning() -> dict[str, Column]:
    """Returns the figures of the pages for the signed-in, wherever they are defined."""
    modules = (import_module(f"{subjects.__name__}.{one.name}") for one in iter_modules(subjects.__path__))
    every = [value for module in modules for value in vars(module).values() if isinstance(value, Column)]
    return {one.name: one for one in every if one.meaning}


@pytest.mark.parametrize(("language", "place"), [("el", 0), ("en", 1)])
def test_guide_defines_each_figure_of_the_pages_as_they_do(language: str, place: int) -> None:
    guide = " ".join(GUIDE.read_text(encoding="utf-8").split("\n---\n")[place].split())
    with translation.override(language):
        lines = (f"| {one.label} | {one.meaning} | `{one.name}` |" for one in columns_with_a_meaning().values())
        told = {" ".join(line.split()) for line in lines}
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
