"""Greek tax numbers (AFM), as people and providers write them."""

import re

from stdnum.gr import vat

_NINE_DIGITS = re.compile("[0-9]{9}")
_SEPARATORS = re.compile(r"[\s.-]")
# The country code before the number: EL in the European Union, GR elsewhere, or ΕΛ in Greek letters.
_COUNTRY = re.compile(r"^(EL|GR|ΕΛ)", re.IGNORECASE)


def clean_tax_number(text: str) -> str:
    """Return the nine digits of a Greek tax number (AFM) as people write it: "EL 090 000 045", "090000045".

    Raises ValueError unless there are nine digits, not all zeros, of which the last is the right check digit.
    """
    number = _COUNTRY.sub("", _SEPARATORS.sub("", text))
    if not _NINE_DIGITS.fullmatch(number) or not vat.is_valid(number) or number == "000000000":
        raise ValueError(text)
    return number
