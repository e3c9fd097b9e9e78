"""Turning telephone numbers as people type them into the form that is stored: +306912345678 (ITU-T E.164)."""

import re
from collections.abc import Iterator
from itertools import chain

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
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
NO_PHONE = _("Enter a telephone number, like 6912345678, or with its country code, like +44 20 7946 0000.")
# Digits of any script, and the signs that people write between them. Copied numbers may contain invisible marks of the
# direction of the text.
_MARKS = r"\u200e\u200f\u202a-\u202e\u2066-\u2069"
_WRITTEN = re.compile(rf"[\s({_MARKS}]*\+?[\d\s().\-‐-―−/{_MARKS}]+")
_INTERNATIONAL = {CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN, CountryCodeSource.FROM_NUMBER_WITH_IDD}
# Of some countries nobody can tell from the number whether it is a mobile. Numbers in no known range reach nobody.
_TAKES_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def is_written(text: str) -> bool:
    """Return whether the text consists only of signs of a telephone number."""
    return bool(_WRITTEN.fullmatch(text))


def cleaned(text: str, country: str) -> str:
    """Return the number as `normalized` does, and nothing as nothing. Raises ValidationError, which tells the person."""
    try:
        return normalized(text, country) if text else ""
    except ValueError as error:
        raise ValidationError(NO_PHONE) from error


def normalized(text: str, country: str) -> str:
    """Return the number in E.164 form, as it is meant when it is typed for a branch in `country` (ISO 3166 code).

    Without a country code, it is a number of that country, or else a Greek one. If the zero that the country dials
    first is missing, it is Greek if possible: 6912345678 typed for Berlin is a Greek mobile, not a landline of
    Frankfurt. Raises ValueError if the text is no number, or one that costs its caller extra.
    """
    if not is_written(text):
        raise ValueError(text)
    readings = [*_readings(text, country)]
    if abroad := [number for number in readings if number.country_code_source in _INTERNATIONAL]:
        chosen = next(chain(filter(is_valid_number, abroad), filter(_is_possible, abroad)), None)
    else:
        valid = [*filter(is_valid_number, readings)]
        if len(valid) > 1:
            valid = [*filter(_is_as_dialled, valid), *filter(_is_greek, valid), *valid]
        chosen = valid[0] if valid else None
    if chosen is None or number_type(chosen) == PhoneNumberType.PREMIUM_RATE:
        raise ValueError(text)
    return format_number(chosen, PhoneNumberFormat.E164)


def mobile_number(phone: str, country: str = GREECE) -> str:
    """Return the number, stored for a branch in `country`, in E.164 form, or "" if no SMS can reach it."""
    try:
        number = normalized(phone, country)
    except ValueError:
        return ""
    return number if number_type(parse(number)) in _TAKES_SMS else ""


def _readings(text: str, country: str) -> Iterator[PhoneNumber]:
    """Yield the ways to read the text: as a number of the country, then as a Greek one.

    A zero in brackets is read and left out, because some countries dial it and others do not.
    """
    for written in dict.fromkeys((text, text.replace("(0)", ""))):
        for region in dict.fromkeys((country, GREECE)):
            try:
                yield parse(written, region, keep_raw_input=True)
            except NumberParseException:
                continue


def _is_as_dialled(number: PhoneNumber) -> bool:
    """Return whether the number was typed with exactly the digits that are dialled inside its country."""
    national = format_number(number, PhoneNumberFormat.NATIONAL)
    return normalize_digits_only(national) == normalize_digits_only(number.raw_input or "")


def _is_greek(number: PhoneNumber) -> bool:
    return region_code_for_number(number) == GREECE


def _is_possible(number: PhoneNumber) -> bool:
    return is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
