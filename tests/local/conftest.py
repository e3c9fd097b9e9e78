from collections.abc import Iterator

import pytest

from mydesklive.local import places
from mydesklive.local.places import Place


@pytest.fixture
def place() -> Iterator[Place]:
    """Folders of a local stack that is thrown away. They are not below pytest's folders, which other users can't enter."""
    with places.throw_away("test") as place:
        yield place
