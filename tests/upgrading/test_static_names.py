"""Two builds of the static files behind one address: each answers for the names of the other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from mydesklive.pages.files import StaticFilesMiddleware

OLD = {
    "css/app.css": "body { color: black; background: url(../dot.svg) }" + " " * 2000,
    "dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "js/app.js": "console.log('old')",
    "js/app.js.map": "{}",
    "js/gone.js": "console.log('gone')",
}
NEW = OLD | {"css/app.css": OLD["css/app.css"].replace("black", "navy"), "js/app.js": "console.log('new')"}
del NEW["js/gone.js"]

Build = tuple[StaticFilesMiddleware, dict[str, str]]


@pytest.fixture
def build(settings: Settings, tmp_path: Path) -> Callable[[str, dict[str, str]], Build]:
    """Builds static files as for production. Returns what answers for them, and the hashed names of the plain ones."""

    def collect(name: str, files: dict[str, str]) -> Build:
        for path, text in files.items():
            source = tmp_path / name / "source" / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text)
        settings.STATICFILES_DIRS = [tmp_path / name / "source"]
        settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
        settings.STATIC_ROOT = tmp_path / name / "built"
        settings.WHITENOISE_USE_FINDERS = False
        backend = "mydesklive.pages.storage.StaticFilesStorage"
        settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": backend}}
        call_command("collectstatic", interactive=False, verbosity=0)
        return StaticFilesMiddleware(lambda _request: HttpResponse(status=404)), dict(staticfiles_storage.hashed_files)

    return collect


@pytest.fixture
def old_and_new(build: Callable[[str, dict[str, str]], Build]) -> tuple[dict[str, str], Build]:
    _old, old_names = build("old", OLD)
    return old_names, build("new", NEW)


def get(files: StaticFilesMiddleware, name: str, **headers: str) -> Any:
    """Returns the answer, with what it says as `said`."""
    answer: Any = files(RequestFactory(headers=headers).get(f"/static/{name}"))
    answer.said = b"".join(answer)
    if file := getattr(answer, "file_to_stream", None):
        file.close()
    return answer


def test_name_of_the_other_release_is_answered_with_the_present_file(old_and_new: Any) -> None:
    names, (files, own) = old_and_new
    for plain in ("css/app.css", "js/app.js"):
        assert names[plain] != own[plain]
        answer, present = get(files, names[plain]), get(files, own[plain])
        assert (answer.status_code, answer.said) == (200, present.said)
        assert answer["Content-Type"] == present["Content-Type"]
        assert "immutable" in present["Cache-Control"]
        assert answer["Cache-Control"] == "max-age=0, public, must-revalidate"
    assert (
        own["dot.svg"] in get(files, names["css/app.css"]).said.decode()
    )  # a file that the present one names is here too


def test_it_is_compressed_and_asked_for_anew(old_and_new: Any) -> None:
    names, (files, _own) = old_and_new
    plain = get(files, names["css/app.css"], accept_encoding="gzip")
    assert plain["Content-Encoding"] == "gzip"
    again = get(files, names["css/app.css"], if_none_match=plain["ETag"])
    assert (again.status_code, again["Cache-Control"]) == (304, "max-age=0, public, must-revalidate")


def test_same_file_keeps_its_name_for_ever(old_and_new: Any) -> None:
    names, (files, own) = old_and_new
    assert names["dot.svg"] == own["dot.svg"]
    assert "immutable" in get(files, names["dot.svg"])["Cache-Control"]


@pytest.mark.parametrize(
    "name",
    [
        "js/gone.0123456789ab.js",  # not in this release
        "js/app.js.0123456789ab.map",
        "js/app.0123456789ab.js.map",
        "css/app.0123456789ab.css.gz",
        "css/app.0123456789AB.css",
        "css/app.0123456789a.css",
        "css/app.0123456789abc.css",
        "staticfiles.0123456789ab.json",
        "../../etc/passwd.0123456789ab.txt",
        "css/../css/app.0123456789ab.css",
        "css//app.0123456789ab.css",
        "css/app.0123456789ab.css/",
        "css.0123456789ab/app.css",
    ],
)
def test_other_names_stay_unknown(old_and_new: Any, name: str) -> None:
    _names, (files, _own) = old_and_new
    assert get(files, name).status_code == 404


def test_name_outside_the_static_files_goes_to_the_pages(old_and_new: Any) -> None:
    _names, (files, _own) = old_and_new
    assert files(RequestFactory().get("/css/app.0123456789ab.css")).status_code == 404


def test_scripts_name_what_they_import_as_the_manifest_does(build: Callable[[str, dict[str, str]], Build]) -> None:
    """A browser that keeps an imported script for a year must not run it beside a page of the next release."""
    modules = {
        "js/page.js": 'import { draw } from "./parts/drawing.js";\nimport "./parts/plain.js";\ndraw();',
        "js/parts/drawing.js": "export const draw = () => {};",
        "js/parts/plain.js": "window.plain = true;",
    }
    files, names = build("modules", modules)
    said = get(files, names["js/page.js"]).said.decode()
    for module in ("js/parts/drawing.js", "js/parts/plain.js"):
        assert f'"./{names[module].removeprefix("js/")}"' in said
