"""What a provider of OpenID Connect says about a person."""

from collections.abc import Mapping
from typing import Any

from accounts.identities.people import Person
from accounts.identities.reasons import UnusableError, Why
from accounts.models import Identity
from accounts.typed import on_one_line

Level = Identity.Level
# Levels of schemes that are notified to the Commission, and of others that claim the same level.
EIDAS = {
    f"http://eidas.europa.eu/{scheme}/{level}": level.value
    for scheme in ("LoA", "NotNotified/LoA", "LoA/NotNotified")
    for level in Level
}
LONGEST_FIRST, LONGEST_LAST = 120, 250


def person(told: Mapping[str, Any], source: str, levels: Mapping[str, str]) -> Person:
    """Return who has signed in. `levels` are further names of levels. Raises UnusableError if the answer does not say it."""
    signed, asked = told.get("id_token") or {}, told.get("userinfo") or {}
    if not (isinstance(signed, dict) and isinstance(asked, dict) and signed):
        raise UnusableError(Why.BROKEN)
    subject = signed.get("sub")
    if not (isinstance(subject, str) and subject) or asked.get("sub", subject) != subject:  # OpenID Connect Core, 5.3.2
        raise UnusableError(Why.BROKEN)
    first, last = _names(signed | asked)
    if not any(map(str.isalpha, first + last)):
        raise UnusableError(Why.NAME)
    return Person(
        source=source,
        key=f"{signed.get('iss', '')} {subject}",
        level=level_of(signed.get("acr"), levels),
        first_name=first[:LONGEST_FIRST],
        last_name=last[:LONGEST_LAST],
    )


def level_of(acr: Any, levels: Mapping[str, str]) -> str:
    """Return the level of assurance that this `acr` means. What is not known is low: it signs in, and proves little."""
    known = EIDAS | {level.value: level.value for level in Level} | dict(levels)
    return known.get(acr, Level.LOW.value) if isinstance(acr, str) else Level.LOW.value


def _names(claims: Mapping[str, Any]) -> tuple[str, str]:
    """Return first and last name. Who has a whole name alone has it as the last one."""
    first, last, whole = (_text(claims.get(name)) for name in ("given_name", "family_name", "name"))
    return (first, last) if last else ("", whole or first)


def _text(value: Any) -> str:
    return on_one_line(value) if isinstance(value, str) else ""
