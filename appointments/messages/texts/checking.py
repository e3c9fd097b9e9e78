"""What an agency's text may not say or leave out. It is refused before it is saved, not when a message is due."""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from appointments.messages.texts.kinds import BLOCKS, Key, allowed, in_subject, needed
from appointments.messages.texts.parsing import has_stray_brace, names_in, parsed, without_placeholders

LONGEST = 4000  # characters
# Whoever publishes there is a public body of the country.
STATE = "gov.gr"
_SCHEME = re.compile(r"\b(?:[a-z][a-z0-9+.-]*://|(?:javascript|vbscript|data|file|blob):)[^\s)»”]+", re.IGNORECASE)
# What mail programs make a link of without a scheme. The domain of an e-mail address is none.
_BARE = re.compile(r"(?<![@\w.-])(?:[\w-]+\.)+(?:[a-z]{2,}|ελ|xn--[\w-]+)\b(?:/[^\s)»”]*)?", re.IGNORECASE)
_SAFE = re.compile(r"https://[\w.-]+(?::\d+)?(?:[/?#][\w./?#&=%~+,;:-]*)?")
_DOTS = str.maketrans("。．｡", "...")


def check(key: Key, subject: str, body: str) -> None:
    """Raise ValidationError, with every problem at its field."""
    problems = {"subject": [*_of_subject(key, subject)], "body": [*_of_body(key, body)]}
    if found := {field: list(dict.fromkeys(each)) for field, each in problems.items() if each}:
        raise ValidationError(found)


def _of_subject(key: Key, subject: str) -> Iterator[str]:
    if key.medium == "email" and not subject.strip():
        yield _("Write a subject.")
    yield from _of_braces(subject, in_subject(key))
    yield from _of_links(subject)


def _of_body(key: Key, body: str) -> Iterator[str]:
    if len(body) > LONGEST:
        yield _("At most %(number)s characters.") % {"number": LONGEST}
    yield from _of_braces(body, allowed(key))
    for name in needed(key):
        if name not in names_in(body):
            yield _("The text needs %(name)s.") % {"name": f"{{{name}}}"}
    lines = (line for paragraph in parsed(body) for line in paragraph)
    crowded = [name for line in lines for name in line.names if name in BLOCKS and line.alone != name]
    if key.medium == "email":
        yield from (_("%(name)s needs a line of its own.") % {"name": f"{{{name}}}"} for name in crowded)
    yield from _of_links(body)


def _of_braces(text: str, names: list[str]) -> Iterator[str]:
    for name in names_in(text):
        if name not in names:
            yield _("There is no %(name)s here. See the list of placeholders.") % {"name": f"{{{name}}}"}
    if has_stray_brace(text):
        yield _("A brace stands alone. Braces are only for placeholders, such as {when}.")


def _of_links(text: str) -> Iterator[str]:
    """Yield each link to another host. What a text links to, our citizens trust as ours."""
    plain = unicodedata.normalize("NFKC", without_placeholders(text).translate(_DOTS))
    for link in (*_SCHEME.findall(plain), *_BARE.findall(_SCHEME.sub(" ", plain))):
        if not _is_ours(link.rstrip(".,;·")):
            yield _(
                "“%(link)s” leads elsewhere. Link only to this site and to gov.gr; {link} leads to the appointment."
            ) % {"link": link}


def _is_ours(link: str) -> bool:
    url = link if ":" in link.partition("/")[0] else f"https://{link}"
    if not _SAFE.fullmatch(url):
        return url.startswith(f"{settings.SITE_URL}/") and "\\" not in url and "@" not in url
    host = urlsplit(url).hostname or ""
    return host in {urlsplit(settings.SITE_URL).hostname, STATE} or host.endswith(f".{STATE}")
