from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from agencies.loading.catalogue import load_agencies
from agencies.loading.words import load_words
from tests.database.emptying import empty_database


@pytest.fixture(scope="module")
def all_agencies(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The agencies, branches, services and search words of the data files, for all tests of a module that only read."""
    with django_db_blocker.unblock():
        load_agencies()
        load_words()
    yield
    with django_db_blocker.unblock():
        empty_database()
