"""Whom one can be in the sandbox: invented people and a business, and what can go wrong."""

from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CITIZENS, STAFF, EUROPE = "citizens", "staff", "europe"


@dataclass(frozen=True)
class Somebody:
    """`told` are the attributes, or claims, that the provider tells. `mood` is what goes wrong, if anything does."""

    key: str
    label: str | Promise
    told: dict[str, str] = field(default_factory=dict)
    mood: str = ""


def _citizen(key: str, number: str, last: str, first: str, **others: str) -> Somebody:
    told = {"taxid": number, "lastname": last, "firstname": first, "fathername": "", "mothername": "", "birthyear": ""}
    return Somebody(key, f"{first} {last}".strip(), told | others)


MARIA = _citizen(
    "maria", "065278322", "ΠΑΠΑΔΟΠΟΥΛΟΥ", "ΜΑΡΙΑ", fathername="ΓΕΩΡΓΙΟΣ", mothername="ΕΛΕΝΗ", birthyear="1984"
)
CITIZENS_LISTED = [
    MARIA,
    _citizen("nikos", "061795149", "ΓΕΩΡΓΙΟΥ", "ΝΙΚΟΛΑΟΣ", birthyear="1951"),
    _citizen("zoe", "069653258", "ΚΑΛΛΙΓΑ-ΟΪΚΟΝΟΜΟΥ", "ΖΩΗ", birthyear="1999"),
    _citizen("business", "997001230", "ΑΦΟΙ ΜΑΝΟΥΣΑΚΗ ΚΑΙ ΣΙΑ Ο.Ε.", ""),
]
EMPLOYEES_LISTED = [
    _citizen("employee", "061554354", "ΑΝΔΡΕΑΔΑΚΗ", "ΚΑΛΛΙΟΠΗ", birthyear="1978"),
    _citizen("second-employee", "066267944", "ΣΤΑΥΡΟΥΛΑΚΗΣ", "ΕΜΜΑΝΟΥΗΛ", birthyear="1969"),
]
MOODS = [
    Somebody("refuses", _("Does not agree to the sign-in"), mood="refuses"),
    Somebody("no-number", _("Has no tax number"), MARIA.told | {"taxid": ""}),
    Somebody("wrong-number", _("Has a wrong tax number"), MARIA.told | {"taxid": "123456789"}),
    Somebody("zeros", _("Has the tax number 000000000"), MARIA.told | {"taxid": "000000000"}),
    Somebody("no-name", _("Has no name"), MARIA.told | {"lastname": "", "firstname": ""}),
    Somebody("slow", _("The answer takes too long"), MARIA.told, mood="slow"),
    Somebody("json", _("The answer is an error in JSON"), MARIA.told, mood="json"),
    Somebody("broken", _("The answer is not whole"), MARIA.told, mood="broken"),
    Somebody("no-token", _("The code is not accepted"), MARIA.told, mood="no-token"),
    Somebody("foreign", _("The way back is that of somebody else"), MARIA.told, mood="foreign"),
]
_EIDAS = "http://eidas.europa.eu/LoA/"
EUROPEANS_LISTED = [
    Somebody(
        "jean",
        "Jean Dupont (substantial)",
        {"sub": "FR/GR/1", "given_name": "Jean", "family_name": "Dupont", "acr": f"{_EIDAS}substantial"},
    ),
    Somebody(
        "anna",
        "Anna Schmidt (high)",
        {"sub": "DE/GR/2", "given_name": "Anna", "family_name": "Schmidt", "acr": f"{_EIDAS}high"},
    ),
    Somebody(
        "luca",
        "Luca Bianchi (low)",
        {"sub": "IT/GR/3", "given_name": "Luca", "family_name": "Bianchi", "acr": f"{_EIDAS}low"},
    ),
]
EUROPEAN_MOODS = [
    Somebody("refuses", _("Does not agree to the sign-in"), mood="refuses"),
    Somebody("no-name", _("Has no name"), {"sub": "FR/GR/9"}),
    Somebody("broken", _("The answer is not whole"), {"sub": "FR/GR/9"}, mood="broken"),
]
LISTED = {
    CITIZENS: (CITIZENS_LISTED, MOODS),
    STAFF: (EMPLOYEES_LISTED, MOODS),
    EUROPE: (EUROPEANS_LISTED, EUROPEAN_MOODS),
}


def find(group: str, key: str) -> Somebody | None:
    listed, moods = LISTED[group]
    return next((one for one in [*listed, *moods] if one.key == key), None)
