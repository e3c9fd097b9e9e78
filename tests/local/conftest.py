from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from mydesklive.local import places
from mydesklive.local.places import Place


@pytest.fixture
def place() -> Iterator[Place]:
    """Folders of a local stack that is thrown away. They are not below pytest's folders, which other users can't enter."""
    folder = Path(mkdtemp(prefix="mydesklive-test-"))
    folder.chmod(0o711)
    place = places.prepare(folder)
    yield place
    place.remove()
