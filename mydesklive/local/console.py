"""The log of the local stack. Output that stands still (a paused terminal, a full disk) holds nothing up."""

import os
import threading
from contextlib import suppress
from queue import SimpleQueue

MOST = 10_000  # lines that wait for a terminal; further ones are left out
OUTPUT = 1

_waiting: SimpleQueue[str | threading.Event] = SimpleQueue()
_full = threading.Event()


def say(text: str) -> None:
    """Writes the text and a line break soon. Returns at once, even if the text before it can't be written yet."""
    if _waiting.qsize() < MOST:
        _waiting.put(f"{text}\n")
    else:
        _full.set()


def flush(timeout: float = 1) -> None:
    """Waits until everything is written, `timeout` seconds at most."""
    reached = threading.Event()
    _waiting.put(reached)
    reached.wait(timeout)


def _write_all() -> None:
    while True:
        item = _waiting.get()
        if isinstance(item, threading.Event):
            item.set()
            continue
        _write(item)
        if _full.is_set() and _waiting.empty():
            _full.clear()
            _write("(some lines were left out here, because nobody took them)\n")


def _write(text: str) -> None:
    rest = text.encode(errors="replace")
    with suppress(OSError):  # the terminal was closed, or the disk of the file is full
        while rest:
            rest = rest[os.write(OUTPUT, rest) :]


threading.Thread(target=_write_all, daemon=True).start()
