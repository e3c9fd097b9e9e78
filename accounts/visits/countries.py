"""From which country somebody reads a page. The network address is looked up in a file of the operator's, and not kept."""

import logging
import re
from pathlib import Path
from threading import Lock
from time import monotonic

import maxminddb
from django.conf import settings
from django.http import HttpRequest

from accounts.limits.networks import network_of

logger = logging.getLogger(__name__)

UNKNOWN = ""
CODE = re.compile("[A-Z]{2}")
LOOK = 60.0  # seconds between two looks whether the file is another one

_lock = Lock()


class _File:
    """The file as it was opened last. Its publishers replace it each week or month."""

    reader: maxminddb.Reader | None = None
    state: object = None
    looked_at = -LOOK

    def current(self) -> maxminddb.Reader | None:
        """Returns the reader of the file that is there now, None without one that can be read."""
        if monotonic() - self.looked_at >= LOOK and _lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                _lock.release()
        return self.reader

    def _look(self) -> None:
        self.looked_at = monotonic()
        state = _state(settings.GEOIP_PATH)
        if state == self.state:
            return
        self.state, self.reader = state, None
        if settings.GEOIP_PATH:
            try:
                # In memory: a mapped file that somebody overwrites in place would end the process.
                self.reader = maxminddb.open_database(settings.GEOIP_PATH, maxminddb.MODE_MEMORY)
            except (OSError, ValueError, maxminddb.InvalidDatabaseError):
                logger.exception("The file of GEOIP_PATH cannot be read: countries of visitors are not known")


_file = _File()


def country_of(request: HttpRequest) -> str:
    """Returns the country's code (ISO 3166, two letters), or UNKNOWN."""
    reader = _file.current()
    if reader is None:
        return UNKNOWN
    try:
        return _code(reader.get(network_of(request)))
    except (ValueError, maxminddb.InvalidDatabaseError):
        return UNKNOWN


def _code(record: object) -> str:
    """Returns the code in a record, as MaxMind and DB-IP write it ({"country": {"iso_code": …}}), or as IPinfo does."""
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else country
    return code if isinstance(code, str) and CODE.fullmatch(code) else UNKNOWN


def _state(path: str) -> object:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return path
    return (path, found.st_mtime_ns, found.st_size, found.st_ino) if found else None
