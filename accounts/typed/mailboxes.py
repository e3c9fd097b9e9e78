"""Which mailbox an address means, so that one person is counted as one however the address is written.

Only what the provider itself ignores is left out. Anywhere else a dot or a plus may tell two people apart. Messages always go
to the address as it was typed.
"""

import re
from functools import lru_cache

from disposable_email_domains import blocklist
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Providers under several names that are one mailbox.
_SAME = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "pm.me": "proton.me",
    "ya.ru": "yandex.ru",
}
# What these ignore inside the name of the mailbox.
_IGNORED = {"gmail.com": re.compile(r"\."), "proton.me": re.compile(r"[._-]")}
# These deliver name+anything to name.
_WITH_PLUS = frozenset(
    [
        "gmail.com",
        "icloud.com",
        "proton.me",
        "fastmail.com",
        "fastmail.fm",
        "zoho.com",
        "yandex.ru",
        "yandex.com",
        "hey.com",
    ]
)
_MICROSOFT = re.compile(r"(outlook|hotmail|live|msn)\.([a-z]{2,3}|com?\.[a-z]{2})")


@lru_cache(maxsize=1024)
def counted(address: str) -> str:
    """Return the address as it is counted: in lower case, and without what its provider ignores. "" for none."""
    name, at, domain = address.strip().casefold().rpartition("@")
    if not at:
        return address.strip().casefold()
    domain = _SAME.get(ascii_domain := _in_ascii(domain), ascii_domain)
    if domain in _WITH_PLUS or _MICROSOFT.fullmatch(domain):
        name = name.partition("+")[0] or name
    if ignored := _IGNORED.get(domain):
        name = ignored.sub("", name) or name
    return f"{name}@{domain}"


def is_disposable(address: str) -> bool:
    """Return whether everybody can read the mailbox, or it lasts for minutes: such an address stands for nobody."""
    labels = _in_ascii(address.strip().casefold().rpartition("@")[2]).split(".")
    return any(".".join(labels[place:]) in blocklist for place in range(len(labels) - 1))


def refuse_disposable(address: str) -> None:
    """Raise ValidationError for an address of a provider on the list of the package `disposable-email-domains`."""
    if is_disposable(address):
        raise ValidationError(
            _(
                "This is a throw-away address. Use one that you keep, because we write to you there until the appointment."
            ),
            code="disposable",
        )


def _in_ascii(domain: str) -> str:
    domain = domain.rstrip(".")
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
