import re

import pytest

from accounts.typed.phones import mobile_number, normalized
from agencies.models import Branch
from appointments.booking.owed import sms_number
from appointments.models import Appointment

# Typed as people type it there, the branch's country, as it is stored, whether an SMS can reach it.
TYPED_AT_A_BRANCH = [
    ("6912345678", "GR", "+306912345678", True),
    ("2821012345", "GR", "+302821012345", False),
    ("(212) 736-5000", "US", "+12127365000", True),  # nobody can tell from the number
    ("1 212 736 5000", "US", "+12127365000", True),
    ("647 555 0123", "CA", "+16475550123", True),
    ("212 736 5000", "CA", "+12127365000", True),  # both sides of that border dial alike
    ("0151 23456789", "DE", "+4915123456789", True),
    ("151 23456789", "DE", "+4915123456789", True),
    ("030 901820", "DE", "+4930901820", False),
    ("0412 345 678", "AU", "+61412345678", True),
    ("(03) 9123 4567", "AU", "+61391234567", False),
    ("99 123456", "CY", "+35799123456", True),
    ("22 123456", "CY", "+35722123456", False),
    ("050-234-5678", "IL", "+972502345678", True),
    ("03-6123456", "IL", "+97236123456", False),
    ("010 0123 4567", "EG", "+201001234567", True),
    ("٠١٠ ٠١٢٣ ٤٥٦٧", "EG", "+201001234567", True),
    ("02 27947606", "EG", "+20227947606", False),
    ("07400 123456", "GB", "+447400123456", True),
    ("020 7946 0000", "GB", "+442079460000", False),
    ("442079460000", "GB", "+442079460000", False),
]
ABROAD = sorted({country for _typed, country, _stored, _sms in TYPED_AT_A_BRANCH} - {"GR"})


@pytest.mark.parametrize(("typed", "country", "stored", "sms"), TYPED_AT_A_BRANCH)
def test_number_without_country_code_is_one_of_the_branchs_country(
    typed: str, country: str, stored: str, sms: bool
) -> None:
    assert normalized(typed, country) == stored
    assert mobile_number(stored) == (stored if sms else "")


@pytest.mark.parametrize(("typed", "country", "stored", "sms"), TYPED_AT_A_BRANCH)
@pytest.mark.parametrize("at", ["GR", *ABROAD])
def test_number_with_its_country_code_is_the_same_everywhere(
    typed: str, country: str, stored: str, sms: bool, at: str
) -> None:
    digits = stored.removeprefix("+")
    for written in (stored, f"00{digits}", f"00 {digits[:2]} {digits[2:]}"):
        assert normalized(written, at) == stored


@pytest.mark.parametrize("country", ["", "XK", *ABROAD])
@pytest.mark.parametrize("typed", ["6912345678", "691 234 56 78", "306912345678", "2101234567", "2821012345"])
def test_greek_number_is_greek_also_abroad(typed: str, country: str) -> None:
    """Also in Berlin, where 69 is Frankfurt to whoever dials the zero before it."""
    assert normalized(typed, country) == "+30" + typed.replace(" ", "").removeprefix("30")


@pytest.mark.parametrize("typed", ["647 555 0123", "0151 23456789", "020 7946 0000", "050-234-5678", "0412 345 678"])
def test_foreign_number_needs_its_country_code_in_greece(typed: str) -> None:
    with pytest.raises(ValueError, match=typed):
        normalized(typed, "GR")


@pytest.mark.parametrize(
    ("typed", "country", "stored"),
    [
        ("28210-12345", "GR", "+302821012345"),
        ("+30 (691) 234.5678", "GR", "+306912345678"),
        ("\u202a+30 691 234 5678\u202c", "GR", "+306912345678"),  # copied from a telephone's list of contacts
        ("٦٩١٢٣٤٥٦٧٨", "GR", "+306912345678"),
        ("+30 (0)210 1234567", "GR", "+302101234567"),
        ("+49 (0)30 901820", "GR", "+4930901820"),
        ("+39 (0)6 12345678", "GR", "+390612345678"),  # where the zero is dialled from abroad too
        ("+44 (0)7700 900123", "GR", "+447700900123"),
        ("011 30 6912345678", "US", "+306912345678"),
        ("0011 30 6912345678", "AU", "+306912345678"),
    ],
)
def test_number_is_read_however_it_is_written(typed: str, country: str, stored: str) -> None:
    assert normalized(typed, country) == stored


@pytest.mark.parametrize(
    "typed",
    [
        *("", "123", "112", "69123456789", "call me", "+", "++306912345678", "+3069", "020 7946 0000", "+1 555 0123"),
        *("1-800-FLOWERS", "6912345678 ext. 12", "6912345678 #12", "6912345678;ext=12", "tel:+306912345678"),
        *("9012345678", "+30 901 234 5678", "+1 900 555 0123", "+999 123 456 789", "+30" + "6" * 20),
    ],
)
@pytest.mark.parametrize("country", ["GR", "CY"])
def test_what_is_no_number_to_call_is_refused(typed: str, country: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(typed)}$"):
        normalized(typed, country)
    assert mobile_number(typed) == ""


@pytest.mark.parametrize(("stored", "sms"), [("+447700900123", False), ("+12127365000", True), ("+30694999", False)])
def test_sms_go_to_numbers_that_can_be_mobiles(stored: str, sms: bool) -> None:
    """The first is in no known range: it is kept for officers to call, and costs no SMS."""
    assert mobile_number(stored) == (stored if sms else "")


@pytest.mark.parametrize(("typed", "country", "stored", "sms"), TYPED_AT_A_BRANCH)
def test_number_that_was_stored_as_typed_is_still_one_of_the_country(
    typed: str, country: str, stored: str, sms: bool
) -> None:
    appointment = Appointment(phone=typed, branch=Branch(country=country))
    assert sms_number(appointment) == (stored if sms else "")
