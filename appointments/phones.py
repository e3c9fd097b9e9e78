"""Telephone numbers as people type them, brought to the one form that is stored: +306912345678 (ITU-T E.164)."""

import re
from collections.abc import Iterator

from phonenumbers import (
    CountryCodeSource,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    is_valid_number,
    normalize_digits_only,
    number_type,
    parse,
    region_code_for_number,
)

GREECE = "GR"
# Digits of any script and what people put between them; copied numbers carry marks of the writing's direction.
_MARKS = r"\u200e\u200f\u202a-\u202e\u2066-\u2069"
_WRITTEN = re.compile(rf"[\s({_MARKS}]*\+?[\d\s().\-‐-―−/{_MARKS}]+")
_INTERNATIONAL = {CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN, CountryCodeSource.FROM_NUMBER_WITH_IDD}
# Nobody knows the type of a number that is possible and of no known range: a gateway may.
_TAKES_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.UNKNOWN}


def is_written(text: str) -> bool:
    """Whether the text has the signs of a telephone number alone."""
    return bool(_WRITTEN.fullmatch(text))


def normalized(text: str, country: str) -> str:
    """The number with its country code, as somebody means it who types it for a branch in this country.

    Without a country code it is the country's own, or else a Greek one. A number that lacks the zero which the country
    dials first is Greek if it can be: 6912345678 is no landline of Frankfurt in Berlin. Raises ValueError for what is
    no number, and for one that costs its caller extra.
    """
    if not is_written(text):
        raise ValueError(text)
    readings = [*_readings(text, country)]
    if abroad := [number for number in readings if number.country_code_source in _INTERNATIONAL]:
        chosen = [*filter(is_valid_number, abroad), *filter(_is_possible, abroad)]
    else:
        valid = [*filter(is_valid_number, readings)]
        chosen = [*filter(_is_as_dialled, valid), *filter(_is_greek, valid), *valid]
    if not chosen or number_type(chosen[0]) == PhoneNumberType.PREMIUM_RATE:
        raise ValueError(text)
    return format_number(chosen[0], PhoneNumberFormat.E164)


def mobile_number(phone: str) -> str:
    """The number in international form, or nothing if no SMS can reach it."""
    try:
        number = normalized(phone, GREECE)
    except ValueError:
        return ""
    return number if number_type(parse(number)) in _TAKES_SMS else ""


def _readings(text: str, country: str) -> Iterator[PhoneNumber]:
    """As one of the country, as a Greek one; a zero in brackets is dialled in some countries and left out in others."""
    for written in dict.fromkeys((text, text.replace("(0)", ""))):
        for region in dict.fromkeys((country, GREECE)):
            try:
                yield parse(written, region, keep_raw_input=True)
            except NumberParseException:
                continue


def _is_as_dialled(number: PhoneNumber) -> bool:
    """Whether it was typed with all the digits that the country dials."""
    national = format_number(number, PhoneNumberFormat.NATIONAL)
    return normalize_digits_only(national) == normalize_digits_only(number.raw_input or "")


def _is_greek(number: PhoneNumber) -> bool:
    return region_code_for_number(number) == GREECE


def _is_possible(number: PhoneNumber) -> bool:
    return is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
