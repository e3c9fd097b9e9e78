"""The published table, kept in memory for some seconds, and only until an appointment or what agencies offer changes."""

from dataclasses import dataclass
from datetime import date
from time import monotonic

from django.db import connection

from accounts.work.kept import Kept
from agencies import offering
from reports.published import Table, published

SECONDS = 5.0
MOST = 64  # days whose tables are kept

# Whatever changes a figure takes a number from this sequence. A step that ends after a later one does not change it then;
# that is why a table is kept only for seconds.
COUNTED = "SELECT last_value FROM appointments_changedday_id_seq"


@dataclass(frozen=True, slots=True)
class _Made:
    stamp: tuple[str, str]
    at: float
    table: Table


_tables: Kept[date, _Made] = Kept(MOST)


def table(as_of: date) -> Table:
    """Returns what `published` returns. Takes two queries if the table is kept."""
    stamp, now = (offering.stamp_now(), _counted()), monotonic()
    return _tables.get(
        as_of,
        holds=lambda made: made.stamp == stamp and now - made.at <= SECONDS,
        make=lambda: _Made(stamp, now, published(as_of)),
    ).table


def _counted() -> str:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
        return str(cursor.fetchone()[0])
