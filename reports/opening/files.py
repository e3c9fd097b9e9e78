"""The released months as files. Whatever their size, a file takes the memory of some hundred rows."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from hashlib import blake2b
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse
from django.utils import translation

from reports.models import Release, ReleasedRow
from reports.opening.datasets import DATASETS, LICENCE, VERSION, Dataset
from reports.opening.hiding import LEAST, SMALL
from reports.publishing import separated

LANGUAGES = ("el", "en")
CHUNK = 500  # rows that are read at once

Row = dict[str, Any]


def releases(month: date | None = None) -> list[Release]:
    """Returns the released months, the oldest first, or the one that is asked for."""
    return list(Release.objects.filter(**{"month": month} if month else {}))


def tag(dataset: Dataset, kind: str, months: Sequence[Release]) -> str:
    """Returns a text that is another one for other months, other columns, or a file of another kind."""
    told = repr((VERSION, dataset.names, kind, [(one.pk, one.released_at) for one in months]))
    return f'"{blake2b(told.encode(), digest_size=16).hexdigest()}"'


def csv_lines(dataset: Dataset, months: Iterable[Release], *, for_excel: bool = False) -> Iterator[str]:
    cells = (tuple(row.get(name) for name in dataset.names) for row in _rows(dataset, months))
    return separated.lines(chain([dataset.names], cells), for_excel=for_excel)


def json_parts(dataset: Dataset, months: Sequence[Release]) -> Iterator[str]:
    """Yields an object that says what the rows are, and has them in the list `rows`."""
    about = _json(about_of(dataset) | {"months": [_told(one) for one in months]})
    yield f'{about[:-1]}, "rows": ['
    for number, row in enumerate(_rows(dataset, months)):
        yield (",\n" if number else "\n") + _json({name: row.get(name) for name in dataset.names})
    yield "\n]}\n"


def about_of(dataset: Dataset) -> dict[str, object]:
    return {
        "dataset": dataset.name,
        "title": in_languages(dataset.title),
        "version": VERSION,
        "licence": LICENCE,
        "source": address("reports:open-data"),
        "dictionary": address("reports:dictionary-json"),
    }


def dictionary() -> dict[str, object]:
    """Returns what every dataset and column is, in both languages."""
    return {
        "version": VERSION,
        "licence": LICENCE,
        "hidden": {"counts_below": SMALL, "hidden_counts_come_to_at_least": LEAST},
        "datasets": [
            {
                **about_of(dataset),
                "about": in_languages(dataset.about),
                "columns": [
                    {
                        "name": column.name,
                        "type": column.kind,
                        "label": in_languages(column.label),
                        "meaning": in_languages(column.meaning),
                    }
                    for column in dataset.columns
                ],
            }
            for dataset in DATASETS.values()
        ],
    }


def dictionary_lines() -> Iterator[str]:
    """Yields the columns of all datasets as CSV."""
    header = ("dataset", "column", "type", "label_el", "label_en", "meaning_el", "meaning_en")
    columns = (
        (dataset.name, one.name, one.kind.value, *in_languages(one.label).values(), *in_languages(one.meaning).values())
        for dataset in DATASETS.values()
        for one in dataset.columns
    )
    return separated.lines(chain([header], columns))


def in_languages(text: object) -> dict[str, str]:
    told = {}
    for language in LANGUAGES:
        with translation.override(language):
            told[language] = str(text)
    return told


def address(name: str, *args: str) -> str:
    """Returns the whole address that programs may keep: without a language."""
    with translation.override(settings.LANGUAGE_CODE):
        return f"{settings.SITE_URL}{reverse(name, args=args)}"


def _rows(dataset: Dataset, months: Iterable[Release]) -> Iterator[Row]:
    for release in months:
        last = 0
        while rows := _after(last, release, dataset):
            for last, cells in rows:  # noqa: B007 - the last key begins the next chunk
                yield cells


def _after(key: int, release: Release, dataset: Dataset) -> list[tuple[int, Row]]:
    rows = ReleasedRow.objects.filter(release=release, dataset=dataset.name, pk__gt=key)
    return list(rows.order_by("pk").values_list("pk", "cells")[:CHUNK])


def _told(release: Release) -> dict[str, str | datetime]:
    return {"month": str(release), "released_at": release.released_at}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
