"""Sweeps of the worker: a step for each of many rows, each looked after by itself."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
logger = logging.getLogger(__name__)


def each(rows: Iterable[T], step: Callable[[T], R], *, doing: str) -> list[R]:
    """Return what the step returns for each row.

    A row that fails is logged, and left to the next run. It never keeps the others from their turn. The step is a
    transaction of its own, so that a row that fails changes nothing. `doing` says in the log what the step does. The
    text of a row could name somebody, so the log has its number.
    """
    done = []
    for row in rows:
        try:
            done.append(step(row))
        except Exception:
            logger.exception("Failed while %s: %s %s", doing, type(row).__name__, getattr(row, "pk", ""))
    return done
