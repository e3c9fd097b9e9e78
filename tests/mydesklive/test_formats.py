from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from django.utils.formats import date_format, get_format, number_format

MOMENT = datetime(2026, 3, 23, 14, 5, tzinfo=ZoneInfo("Europe/Athens"))


@pytest.mark.parametrize(
    ("language", "moment", "number"),
    [("el", "Δευτέρα 23 Μαρτίου 2026, 14:05", "231.805"), ("en", "Monday 23 March 2026, 14:05", "231,805")],
)
def test_dates_and_numbers_read_as_people_write_them(language: str, moment: str, number: str):
    with translation.override(language):
        assert date_format(MOMENT, "DATETIME_FORMAT") == moment
        assert number_format(231805, use_l10n=True, force_grouping=True) == number
        assert get_format("FIRST_DAY_OF_WEEK") == 1


def test_short_names_of_days_have_their_accents():
    with translation.override("el"):
        short = [date_format(datetime(2026, 3, day), "D") for day in range(2, 9)]
    assert short == ["Δευ", "Τρί", "Τετ", "Πέμ", "Παρ", "Σάβ", "Κυρ"]
