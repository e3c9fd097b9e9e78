"""Compares what the product is built on with known vulnerabilities: `make audit`.

The lists are those of OSV (https://osv.dev), one archive for PyPI and one for npm. They are fetched, unless ADVISORIES names a
folder that holds them, as PyPI.zip and npm.zip: a machine that must not reach outside gets them by other means. What is
locked is read from requirements/*.txt and package-lock.json; nothing is installed and nobody is told what we use.
"""

import json
import os
import re
import sys
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.version import InvalidVersion, Version

BASE = Path(__file__).resolve().parent.parent
SOURCE = "https://osv-vulnerabilities.storage.googleapis.com/{}/all.zip"
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
# What is known and does not touch us, with the reason. An entry that nothing asks for is an error too.
BORNE: dict[str, str] = {}

Package = tuple[str, str, str]  # ecosystem, name, version


def locked() -> set[Package]:
    """Return everything that is locked."""
    found = set()
    for path in (BASE / "requirements").glob("*.txt"):
        for line in path.read_text().splitlines():
            if match := LOCKED.match(line):
                found.add(("PyPI", normal(match[1]), match[2]))
    packages = json.loads((BASE / "package-lock.json").read_text())["packages"]
    named = ((place.rpartition("node_modules/")[2], one) for place, one in packages.items() if place)
    return found | {("npm", name, one["version"]) for name, one in named if "version" in one}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def advisories(archive: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(archive) as records:
        for name in records.namelist():
            record = json.loads(records.read(name))
            if "withdrawn" not in record:
                yield record


def touched(packages: Iterable[Package], records: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the ids of the vulnerabilities that touch these packages, each with what it touches."""
    versions: dict[tuple[str, str], set[str]] = {}
    for ecosystem, name, version in packages:
        versions.setdefault((ecosystem, name), set()).add(version)
    found: dict[str, list[str]] = {}
    for record in records:
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            ecosystem, name = package.get("ecosystem", ""), package.get("name", "")
            key = ecosystem, normal(name) if ecosystem == "PyPI" else name
            hit = [f"{key[1]} {version}" for version in versions.get(key, ()) if is_affected(version, affected)]
            if hit:
                found.setdefault(record["id"], []).extend(hit)
    return found


def is_affected(version: str, affected: dict[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = [one for one in affected.get("ranges", ()) if one.get("type") in {"ECOSYSTEM", "SEMVER"}]
    return any(_is_within(version, one.get("events", ())) for one in ranges)


def _is_within(version: str, events: Iterable[dict[str, str]]) -> bool:
    """Read the events in the order of their versions. A version that cannot be read counts as touched."""
    try:
        ordered = sorted((_version(at), what) for event in events for what, at in event.items() if what != "limit")
        wanted, inside = _version(version), False
        for at, what in ordered:
            if what == "introduced" and at <= wanted:
                inside = True
            elif (what == "fixed" and at <= wanted) or (what == "last_affected" and at < wanted):
                inside = False
    except InvalidVersion:
        return True
    return inside


def _version(text: str) -> Version:
    return Version(text.partition("+")[0])


def archive_of(ecosystem: str, folder: Path) -> Path:
    """Return the archive in the folder of ADVISORIES, or fetch it into the other folder."""
    if own := os.environ.get("ADVISORIES"):
        return Path(own) / f"{ecosystem}.zip"
    path = folder / f"{ecosystem}.zip"
    urllib.request.urlretrieve(SOURCE.format(ecosystem), path)  # noqa: S310 (our own https address)
    return path


def main() -> int:
    packages, found = locked(), {}
    with TemporaryDirectory() as folder:
        for ecosystem in ("PyPI", "npm"):
            try:
                found |= touched(packages, advisories(archive_of(ecosystem, Path(folder))))
            except (OSError, zipfile.BadZipFile) as error:
                print(
                    f"The list of {ecosystem} cannot be read: {error}. Set ADVISORIES to a folder with {ecosystem}.zip."
                )
                return 2
    for name, what in sorted(found.items()):
        print(f"{name}: {', '.join(sorted(set(what)))}{' – ' + BORNE[name] if name in BORNE else ''}")
    for name in BORNE.keys() - found.keys():
        print(f"{name} is borne, but touches nothing any more.")
    print(f"{len(packages)} packages, {len(found.keys() - BORNE.keys())} known vulnerabilities that are not borne.")
    return 1 if found.keys() ^ BORNE.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
