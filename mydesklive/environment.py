"""Reads the settings from the environment of the process.

A value that cannot be read ends nothing here. It is noted in `malformed` with what to set, and the default takes its
place, so that all errors of a configuration are told together (`mydesklive.checks`). No value is repeated in a message,
because many are secret.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

_YES, _NO = {"1", "true", "yes", "on", "y", "t"}, {"0", "false", "no", "off", "n", "f"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_POSTGRESQL = {"postgres", "postgresql", "psql", "pgsql"}


class Environment:
    """The variables of a process. An empty one counts as not set, because Compose passes on what it does not know.

    Any of them may stand in a file instead, whose path is in NAME_FILE: so are secrets handed to containers.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.malformed: dict[str, str] = {}  # the name of a variable, and what to set it to

    def key(self, name: str) -> str:
        """Returns the value to the letter, with spaces and line breaks: it has encrypted data and signed links."""
        return self._given(name)

    def text(self, name: str, default: str = "") -> str:
        value = self._given(name).strip()
        if _CONTROL.search(value):
            self.malformed[name] = "one line without control characters"
            return default
        return value or default

    def _given(self, name: str) -> str:
        value, path = self._variables.get(name, ""), self._variables.get(f"{name}_FILE", "")
        if not path:
            return value
        if value:
            self.malformed[f"{name}_FILE"] = f"nothing, because {name} is set too"
            return value
        try:
            return Path(path).read_text().rstrip("\r\n")
        except (OSError, ValueError):
            self.malformed[f"{name}_FILE"] = "the path of a text file that this process can read"
            return ""

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if value not in {"", *_YES, *_NO}:
            self.malformed[name] = "1 or 0"
        return value in _YES if value in _YES | _NO else default

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        return self.read(name, default, _number(least, most), f"a whole number from {least} to {most}")

    def choice(self, name: str, default: str, choices: Iterable[str]) -> str:
        value = self.text(name, default)
        found = {choice.lower(): choice for choice in choices}
        if value.lower() not in found:
            self.malformed[name] = f"one of {', '.join(found.values())}"
        return found.get(value.lower(), default)

    def items(self, name: str) -> list[str]:
        """Returns the parts between commas."""
        value = self.text(name)
        found = [item.strip() for item in value.split(",")] if value else []
        if not all(found):
            self.malformed[name] = "values with one comma between each two, none of them empty"
        return [item for item in found if item]

    def read(self, name: str, default: T, reader: Callable[[str], T], wanted: str) -> T:
        """Returns what the reader makes of the text. A text that it cannot read is noted with what is `wanted`."""
        value = self.text(name)
        try:
            return reader(value) if value else default
        except (ValueError, TypeError, LookupError, ImproperlyConfigured):
            self.malformed[name] = wanted
            return default


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise ValueError
        return int(text)

    return read


def site(url: str) -> SplitResult:
    """Returns the parts of the address. Raises ValueError if they cannot be told apart."""
    parts = urlsplit(url)
    _ = parts.port
    return parts


def database(url: str) -> dict[str, Any]:
    """Returns Django's settings of a PostgreSQL database. Raises ValueError for any other address."""
    if url.partition(":")[0] not in _POSTGRESQL:
        raise ValueError
    found: dict[str, Any] = environ.Env.db_url_config(url)
    # The folder of a unix socket is given as ?host=, which every PostgreSQL client understands.
    found["HOST"] = found.setdefault("OPTIONS", {}).pop("host", found["HOST"])
    if not found["NAME"]:
        raise ValueError
    return found


def mail(url: str) -> dict[str, Any]:
    """Returns Django's settings of a mail server. Raises ImproperlyConfigured or ValueError for any other address.

    `smtps://` means TLS from the first byte, as everywhere else. STARTTLS is `smtp+tls://`.
    """
    found: dict[str, Any] = environ.Env.email_url_config(re.sub("^smtps://", "smtp+ssl://", url))
    if url.startswith("smtp") and not found["EMAIL_HOST"]:
        raise ValueError
    return found


def levels(text: str) -> dict[str, str]:
    """Returns names with the level of assurance that each means. Raises ValueError if one means none."""
    found = dict(pair.strip().rsplit("=", 1) for pair in text.split(","))
    if not set(found.values()) <= {"low", "substantial", "high"}:
        raise ValueError("no level")
    return found


def origins(*urls: str) -> list[str]:
    """Returns scheme and host of the addresses. Those that cannot be read are left out: the checks tell them."""
    found = []
    for url in filter(None, urls):
        try:
            parts = site(url)
        except ValueError:
            continue
        if parts.scheme in {"http", "https"} and parts.netloc:
            found.append(f"{parts.scheme}://{parts.netloc}")
    return [*dict.fromkeys(found)]
