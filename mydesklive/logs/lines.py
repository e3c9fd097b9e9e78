"""The two forms of a line: JSON for programs, and words for people.

`python-json-logger` writes all extra data of a record, also the request that Django adds, whose path holds keys of citizens.
`structlog` would still need a form for the records of libraries. So these few lines are our own, and twice as fast.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from accounts.security import CURRENT
from mydesklive.logs.telling import details_of, stack_of, text_of, visible

_encoded = json.JSONEncoder(default=repr).encode


class Others(logging.Filter):
    """Lets through what is not of the logger `name`."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not super().filter(record)


class Json(logging.Formatter):
    """One object a line, in ASCII. Its keys: at (UTC), level, logger, message, id (of the request or task), and details."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": text_of(record),
        }
        if work := CURRENT.get():
            line["id"] = work.id
        line |= details_of(record)
        if record.exc_info and record.exc_info[1]:
            line["error"] = stack_of(record.exc_info[1])
        return _encoded(line)


class Line(logging.Formatter):
    """One line to read, on the clock of the machine. The stack of an error follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        work = CURRENT.get()
        parts = [
            f"{self.formatTime(record)} {record.levelname:<7} {record.name}: {text_of(record)}",
            *(f"{name}={value}" for name, value in details_of(record).items()),
            f"[{work.id}]" if work else "",
        ]
        error = record.exc_info[1] if record.exc_info else None
        lines = [" ".join(filter(None, parts)), *(f"    {line}" for line in (stack_of(error) if error else ()))]
        return "\n".join(map(visible, lines))
