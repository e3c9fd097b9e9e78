"""What holds for the files of the project: who imports tests, and how full a folder may be."""

import ast
import re
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
