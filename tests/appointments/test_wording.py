from datetime import timedelta

import pytest
from django.utils import translation

from agencies.models import Branch
from appointments.models import Appointment
from appointments.wording import clock_of, own_time, short_when, when
from tests.builders import NOW


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "", "Factory", "../Europe/Athens"])
@pytest.mark.parametrize("language", ["el", "en"])
def test_zone_that_is_not_known_is_told_as_utc_and_stops_no_page_or_mail(zone: str, language: str) -> None:
    """A row can name a zone that the data of today does not know."""
    appointment = Appointment(starts_at=NOW, ends_at=NOW + timedelta(hours=1), channel="video")
    appointment.branch, appointment.timezone = Branch(timezone=zone), "Europe/Athens"
    with translation.override(language):
        assert "UTC" in clock_of(zone)
        assert "UTC" in when(appointment)
        assert "05:00" in short_when(appointment)
        assert "07:00" in own_time(appointment)
