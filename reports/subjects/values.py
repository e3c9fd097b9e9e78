"""The value of each figure of a page, from what is counted."""

from collections.abc import Callable

from reports.reading.counts import Counts, percent
from reports.showing.tables import Cell, Column

HALF, MOST = 0.5, 0.9
# With fewer, a median or a share would tell of single visits.
FEWEST = 10


def _ended(counts: Counts) -> int:
    return counts.served + counts.missed


def _stood(counts: Counts) -> int:
    """Returns how many appointments there still were a day before."""
    return _ended(counts) + counts.cancelled_late


# Medians and shares: how many each stands for, and its value.
VALUES: dict[str, tuple[Callable[[Counts], int], Callable[[Counts], float | None]]] = {
    "waiting_median": (lambda one: one.waited, lambda one: one.waiting(HALF)),
    "waiting_90": (lambda one: one.waited, lambda one: one.waiting(MOST)),
    "serving_median": (lambda one: one.timed, lambda one: one.serving(HALF)),
    "serving_90": (lambda one: one.timed, lambda one: one.serving(MOST)),
    "missed_percent": (_ended, lambda one: one.missed_share),
    "cancelled_late_percent": (_stood, lambda one: percent(one.cancelled_late, _stood(one))),
    "punctual_percent": (lambda one: one.begun, lambda one: percent(one.punctual, one.begun)),
    "overran_percent": (lambda one: one.served, lambda one: percent(one.overran, one.served)),
    "missing_documents_percent": (lambda one: one.visits, lambda one: percent(one.missing_documents, one.visits)),
    "video_connected_percent": (
        lambda one: one.video_calls,
        lambda one: percent(one.video_connected, one.video_calls),
    ),
    "messages_lost_percent": (lambda one: one.messages, lambda one: percent(one.messages_lost, one.messages)),
}
# Counts that have another name here than where they are read.
COUNTS = {"visits_avoided": "served_remotely"}


def value_of(counts: Counts, column: Column) -> Cell:
    """Returns a figure, None if it stands for too few."""
    if column.name not in VALUES:
        number: int = getattr(counts, COUNTS.get(column.name, column.name))
        return number
    number_of, value = VALUES[column.name]
    return value(counts) if number_of(counts) >= FEWEST else None
