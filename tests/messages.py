"""Checks that every text of the product has a Greek translation: `python -m tests.messages check`.

`update` brings the file up to date. Babel reads the texts from code, and Django's own reader those from templates, so no
gettext programs are needed.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import allauth
import django
import django.contrib.admin
import django.core
import django.utils
import polib
import rest_framework
import unfold
from babel.messages.extract import extract
from django.utils.translation.template import templatize

BASE = Path(__file__).resolve().parent.parent
CATALOG = BASE / "locale/el/LC_MESSAGES/django.po"
APPS = ("accounts", "agencies", "appointments", "mydesklive", "reports", "videocalls")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}

Key = tuple[str, str]  # context, msgid


Texts = dict[Key, tuple[str | None, Path]]  # the plural, if any, and a file with the text


def found() -> Texts:
    """Returns every text of the product."""
    return _read([BASE / "templates", *(BASE / app for app in APPS)])


def borrowed() -> Texts:
    """Returns the texts of Django, the admin, its theme, sign-in and the API framework. Our catalog may add to their Greek."""
    libraries = [allauth, django.core, django.utils, django.contrib.admin, rest_framework, unfold]
    return _read([Path(library.__file__).parent for library in libraries])


def _read(folders: list[Path]) -> Texts:
    texts = {}
    for path in _sources(folders):
        for _, message, _, context in extract("python", io.BytesIO(_as_python(path)), keywords=KEYWORDS):
            msgid, plural = message if isinstance(message, tuple) else (message, None)
            texts[context or "", msgid] = (plural, path)
    return texts


def _sources(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        paths = sorted(folder.rglob("*"))
        yield from (path for path in paths if path.suffix == ".py" and "migrations" not in path.parts)
        yield from (path for path in paths if path.suffix in {".html", ".txt"} and "templates" in path.parts)


def _as_python(path: Path) -> bytes:
    source = path.read_text()
    if path.suffix == ".py":
        return source.encode()
    lines = templatize(source, origin=str(path)).splitlines()
    return "\n".join(line.strip() for line in lines).encode()


def problems() -> Iterator[str]:
    catalog = polib.pofile(str(CATALOG))
    entries = {(entry.msgctxt or "", entry.msgid): entry for entry in catalog if not entry.obsolete}
    texts = found()
    for key, (plural, source) in texts.items():
        path, entry = source.relative_to(BASE), entries.get(key)
        if entry is None:
            yield f"{path}: no Greek for {key[1]!r}"
        elif not entry.translated():
            yield f"{path}: the Greek of {key[1]!r} is empty or fuzzy"
        elif plural and entry.msgid_plural != plural:
            yield f"{path}: the Greek of {key[1]!r} has another plural"
    for key in entries.keys() - texts.keys() - borrowed().keys():
        yield f"{CATALOG.relative_to(BASE)}: nothing says {key[1]!r} any more"
    if catalog.obsolete_entries():
        yield f"{CATALOG.relative_to(BASE)}: holds obsolete entries"


def update() -> None:
    """Adds missing texts with an empty translation, and removes texts that are no longer used."""
    catalog = polib.pofile(str(CATALOG), wrapwidth=120)
    kept = {(entry.msgctxt or "", entry.msgid): entry for entry in catalog if not entry.obsolete}
    texts = {key: text for key, text in borrowed().items() if key in kept} | found()
    catalog.clear()
    catalog.extend(_entry(key, plural, kept.get(key)) for key, (plural, _) in sorted(texts.items()))
    catalog.save(str(CATALOG))


def _entry(key: Key, plural: str | None, old: polib.POEntry | None) -> polib.POEntry:
    context, msgid = key
    if old and (old.msgid_plural or None) == plural:
        return old
    entry = polib.POEntry(msgctxt=context or None, msgid=msgid)
    if plural:
        entry.msgid_plural, entry.msgstr_plural = plural, {0: "", 1: ""}
    return entry


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "update":
        update()
    else:
        sys.exit("\n".join(problems()) or None)
