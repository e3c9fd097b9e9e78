"""`make audit`: what is locked is compared with known vulnerabilities, also without a way outside."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy import audit

BASE = Path(__file__).parent.parent.parent


def record(name: str, ecosystem: str = "PyPI", **affected: object) -> dict[str, object]:
    return {"id": "TEST-1", "affected": [{"package": {"ecosystem": ecosystem, "name": name}, **affected}]}


def within(*events: dict[str, str]) -> dict[str, object]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


def test_everything_that_is_locked_is_looked_at() -> None:
    names = {(ecosystem, name) for ecosystem, name, _version in audit.locked()}
    assert {("PyPI", "django"), ("PyPI", "altcha"), ("PyPI", "pytest"), ("npm", "altcha"), ("npm", "d3")} <= names


@pytest.mark.parametrize(
    ("version", "events", "touched"),
    [
        ("1.2", [{"introduced": "0"}, {"fixed": "1.3"}], True),
        ("1.3", [{"introduced": "0"}, {"fixed": "1.3"}], False),
        ("1.10", [{"introduced": "1.9"}], True),
        ("1.8", [{"introduced": "1.9"}], False),
        ("1.9", [{"introduced": "1.0"}, {"last_affected": "1.9"}], True),
        ("1.9.1", [{"introduced": "1.0"}, {"last_affected": "1.9"}], False),
        ("3.5", [{"introduced": "1.0"}, {"fixed": "2.0"}, {"introduced": "3.0"}, {"fixed": "4.0"}], True),
        ("2.5", [{"introduced": "3.0"}, {"fixed": "4.0"}, {"introduced": "1.0"}, {"fixed": "2.0"}], False),
        ("what is this", [{"introduced": "0"}, {"fixed": "1"}], True),
    ],
)
def test_which_versions_are_touched(version: str, events: list[dict[str, str]], touched: bool) -> None:
    found = audit.touched([("PyPI", "some-thing", version)], [record("Some_Thing", **within(*events))])
    assert bool(found) is touched


def test_a_listed_version_is_touched_and_another_ecosystem_is_not() -> None:
    packages = [("npm", "thing", "1.0")]
    assert audit.touched(packages, [record("thing", "npm", versions=["1.0"])]) == {"TEST-1": ["thing 1.0"]}
    assert audit.touched(packages, [record("thing", "PyPI", versions=["1.0"])]) == {}


def ended(folder: Path, records: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
    for ecosystem in ("PyPI", "npm"):
        with zipfile.ZipFile(folder / f"{ecosystem}.zip", "w") as archive:
            for place, one in enumerate(records):
                archive.writestr(f"{place}.json", json.dumps(one))
    environment = os.environ | {"ADVISORIES": str(folder)}
    command = [sys.executable, "deploy/audit.py"]
    return subprocess.run(command, cwd=BASE, env=environment, capture_output=True, text=True, check=False)


def test_lists_in_a_folder_need_no_way_outside(tmp_path: Path) -> None:
    assert ended(tmp_path, [record("nobody-uses-this", **within({"introduced": "0"}))]).returncode == 0
    bad = ended(tmp_path, [record("django", **within({"introduced": "0"}))])
    assert (bad.returncode, "TEST-1: django" in bad.stdout) == (1, True)
    assert ended(tmp_path, [record("django", **within({"introduced": "0"})) | {"withdrawn": "2026"}]).returncode == 0
    (tmp_path / "npm.zip").write_text("no archive")
    environment = os.environ | {"ADVISORIES": str(tmp_path)}
    command = [sys.executable, "deploy/audit.py"]
    assert subprocess.run(command, cwd=BASE, env=environment, capture_output=True, check=False).returncode == 2
