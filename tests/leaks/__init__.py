"""Looks at every line that any test has logged, also below the level that is shown, for what somebody has typed.

It sees the text that would leave the process. Names in tests are Greek and our lines are English, addresses are at example.org,
and numbers are mobile telephones or tax numbers. So whatever a test books with is found, without a list of it.
"""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

from mydesklive.logs.lines import Json
from mydesklive.logs.telling import OURS

PERSONAL = re.compile(
    r"""
    [\w.+-]+@(?:[\w-]+\.)*example\.(?:org|net|com)    # addresses of people in tests
    | [\u0370-\u03ff\u1f00-\u1fff]{3,}                # names
    | (?<![\w.:-])(?:\+?30)?69\d{8}(?![\w-])          # telephones
    | (?<![\w.:-])0\d{8}(?![\w.-])                    # tax numbers
    """,
    re.VERBOSE,
)
# A level that nobody else uses: our own loggers make records from here on, and hand on what their real level allows.
LISTENING = logging.INFO - 1
_form = Json()
_found: list[str] = []


def listen() -> None:
    """Looks at all records from now on. Handlers get those that they would get without this."""
    for name in OURS:
        logging.getLogger(name).setLevel(LISTENING)
    hand_on: Callable[[logging.Logger, logging.LogRecord], None] = logging.Logger.callHandlers

    def look_first(logger: logging.Logger, record: logging.LogRecord) -> None:
        look(record)
        if record.levelno >= _level_of(logger):
            hand_on(logger, record)

    logging.Logger.callHandlers = look_first  # type: ignore[method-assign]


def look(record: logging.LogRecord) -> None:
    try:
        line = json.dumps(json.loads(_form.format(record)), ensure_ascii=False)
    except (TypeError, ValueError, AttributeError):  # a record that no handler could write either
        return
    if found := PERSONAL.search(line):
        _found.append(f"{found[0]!r} in {line[:500]}")


def taken() -> list[str]:
    """Returns what has been found since the last time."""
    found = _found[:]
    _found.clear()
    return found


def _level_of(logger: Any) -> int:
    """The level that would hold if nobody listened."""
    while logger:
        if logger.level not in (logging.NOTSET, LISTENING):
            return int(logger.level)
        logger = logger.parent
    return logging.NOTSET
