import pytest

from appointments.models import TimeSlot
from appointments.publishing import Published, publish
from tests.builders import NOW, an_open_branch

pytestmark = pytest.mark.django_db


def test_publish_twice_changes_nothing() -> None:
    branch = an_open_branch()
    # 2 to 16 March are eleven weekdays: six hours of six slots each.
    assert TimeSlot.objects.count() == 11 * 36
    assert publish([branch.pk], now=NOW) == Published()
