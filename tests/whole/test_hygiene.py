"""What holds for the files of the project: who imports tests, and how full a folder may be."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
FILES = sorted(TESTS.rglob("*.py"))
ROOMS = ("accounts", "agencies", "appointments", "bench", "mydesklive", "reports", "tests", "videocalls")
ELSEWHERE = re.compile(r"localdate\(|date\.today\(|datetime\.now\(|now\(\)\.date\(")
MOST = 12  # modules that one takes in at a glance


def modules_read_by(path: Path) -> set[str]:
    """Every module that the file imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_file_imports_a_test_file(path: Path) -> None:
    """What two test files need has a module of its own: builders, pages, races, and so on."""
    read = {module for module in modules_read_by(path) if module.startswith(("tests.", "."))}
    assert {module for module in read if any(part.startswith("test_") for part in module.split("."))} == set()


def test_no_folder_is_too_full() -> None:
    modules = (path for room in ROOMS for path in (TESTS.parent / room).rglob("*.py") if path.name != "__init__.py")
    counted = Counter(str(path.parent.relative_to(TESTS.parent)) for path in modules if "migrations" not in path.parts)
    assert {folder: count for folder, count in counted.items() if count > MOST} == {}


# Who may ask for the date of the settings' time zone: what is about no branch in particular.
OF_NO_BRANCH = {
    "agencies/management/commands/load_holidays.py",
    "agencies/tasks.py",
    "appointments/admin/times/closures.py",  # the first value of a form, before a branch is chosen
    "appointments/admin/times/rules.py",
    "appointments/admin/watch/watch.py",
    "mydesklive/checks/zones.py",
    "mydesklive/management/commands/demo.py",
    "reports/gateway/counting.py",
    "reports/gateway/views.py",
    "reports/opening/releasing.py",
    "reports/showing/pages.py",
    "reports/views.py",
}


def test_nothing_about_a_branch_asks_for_the_date_of_another_place() -> None:
    """A branch has its own `today`. Python's `date.today` and Django's `localdate` give that of another clock."""
    product = [room for room in ROOMS if room not in {"bench", "tests"}]
    files = (path for room in product for path in (TESTS.parent / room).rglob("*.py"))
    asking = {str(path.relative_to(TESTS.parent)) for path in files if ELSEWHERE.search(path.read_text())}
    assert asking == OF_NO_BRANCH


# Django's Trunc… and Extract… ask PostgreSQL for the clock of their `tzinfo`.
ASKS_POSTGRESQL = re.compile(r"AT TIME ZONE (?!'UTC')|import .*\b(Trunc|Extract)[A-Z]?")


def test_no_statement_asks_postgresql_for_the_clock_of_a_zone() -> None:
    """Its time zone data may be older or newer than the product's, or may not know a zone."""
    product = [room for room in ROOMS if room not in {"bench", "tests"}]
    files = (path for room in product for path in (TESTS.parent / room).rglob("*.py"))
    asking = [str(path) for path in files if ASKS_POSTGRESQL.search(path.read_text())]
    assert asking == []


def floors_that_hold() -> dict[str, list[str]]:
    """The floors of each app and room, the highest first, as `make lint` checks them. Migrations are above all."""
    contracts = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found = {}
    for one in contracts:
        if one["type"] == "layers" and len(one["layers"]) > 1:
            floors = [floor.replace(" : ", " | ") for floor in one["layers"]]
            found |= {key: [floor for floor in floors if "apps" not in floor] for key in one.get("containers", [])}
    return found


def floors_that_are_told() -> dict[str, list[str]]:
    """The same, as the page about the architecture tells them: one floor a line, or all in one line."""
    page = (TESTS.parent / "docs" / "architecture.md").read_text()
    chapter = page.partition("## Which way imports point")[2].partition("\n## ")[0]
    found: dict[str, list[str]] = {}
    latest: list[str] = []
    for block in chapter.split("```")[1::2]:
        for line in filter(None, block.splitlines()):
            name, _space, floors = line.partition(" ")
            if name:
                latest = found.setdefault(name, [])
            latest += floors.strip().split(" → ")
    return found


def test_page_about_the_architecture_tells_the_floors_that_hold() -> None:
    assert floors_that_are_told() == floors_that_hold()
