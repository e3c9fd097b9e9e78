"""What TAXISnet answers when it is asked who has signed in.

`<root><userinfo taxid="068933130   " lastname="&#914;…" firstname="…" fathername="…" …/></root>`: attributes, padded with
spaces, some letters as numeric entities. Errors come as JSON although XML was asked for. Only the tax number and the name
are read: nobody here needs the names of the parents or the year of birth.
"""

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from accounts.identities.people import Person
from accounts.identities.reasons import UnusableError, Why
from accounts.models import Identity
from accounts.typed import on_one_line
from accounts.typed.tax_numbers import clean_tax_number

LONGEST_FIRST, LONGEST_LAST = 120, 250


def person(body: bytes, source: str, level: str) -> Person:
    """Return who has signed in. Raises UnusableError if the answer does not say it, or without a right tax number.

    A business has no first name.
    """
    told = _attributes(body)
    try:
        number = clean_tax_number(told.get("taxid", ""))
    except ValueError:
        raise UnusableError(Why.NUMBER) from None
    first, last = told.get("firstname", ""), told.get("lastname", "")
    if not any(map(str.isalpha, first + last)):
        raise UnusableError(Why.NAME)
    if not last:  # some people have one name alone
        first, last, kind = "", first, Identity.Kind.PERSON
    else:
        kind = Identity.Kind.PERSON if first else Identity.Kind.BUSINESS
    return Person(
        source=source,
        key=number,
        level=level,
        first_name=first[:LONGEST_FIRST],
        last_name=last[:LONGEST_LAST],
        kind=kind,
        tax_number=number,
    )


def _attributes(body: bytes) -> dict[str, str]:
    """Return the attributes of the answer without the spaces around them."""
    try:
        root = fromstring(body.strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise UnusableError(Why.BROKEN) from None
    found = root if root.tag == "userinfo" else root.find(".//userinfo")
    if found is None:
        raise UnusableError(Why.BROKEN)
    return {name.lower(): _told(text) for name, text in found.attrib.items()}


def _told(text: str) -> str:
    text = on_one_line(text)
    return "" if text.lower() == "null" else text
