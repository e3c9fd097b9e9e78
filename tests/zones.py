"""Time zones, the changes of their clocks, and a plain way to read a clock: minute by minute."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo, reset_tzpath

from agencies import wallclock

MINUTE = timedelta(minutes=1)
BRANCHES = Path(__file__).parents[1] / "agencies/data/branches.csv"
# Zones whose clocks change in different ways, or never.
ZONES = [
    "Europe/Athens",
    "America/New_York",
    "Australia/Melbourne",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
]


def zones_of_branches() -> list[str]:
    with BRANCHES.open() as rows:
        return sorted({row["timezone"] for row in csv.DictReader(rows)})


def walk(zone: str, begin: datetime, end: datetime, step: timedelta = MINUTE) -> dict[datetime, datetime]:
    """Maps each local minute that the clock shows from `begin` until `end` to the first moment (UTC) that shows it.

    With a longer step, it is each of so many minutes.
    """
    clock, shown, moment = ZoneInfo(zone), {}, begin
    while moment < end:
        shown.setdefault(moment.astimezone(clock).replace(tzinfo=None, fold=0), moment)
        moment += step
    return shown


def changes(zone: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yields the moments (UTC) at which the zone's clock changes. Clocks change on a quarter of an hour."""
    clock, step = ZoneInfo(zone), 15 * MINUTE
    before = begin.astimezone(clock).utcoffset()
    moment = begin
    while moment < end:
        if (now := moment.astimezone(clock).utcoffset()) != before:
            yield moment
        before, moment = now, moment + step


@contextmanager
def law(zone: str, like: str) -> Iterator[None]:
    """Gives the zone the clock of another one, as new time zone data would."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / zone
        file.parent.mkdir(parents=True)
        file.write_bytes(files("tzdata.zoneinfo").joinpath(like).read_bytes())
        reset_tzpath([folder])
        _forget(zone)
        try:
            yield
        finally:
            reset_tzpath([])
            _forget(zone)


def _forget(zone: str) -> None:
    """Forgets the old clock, as a restarted process has."""
    ZoneInfo.clear_cache(only_keys=[zone])
    wallclock._kept_spans.cache_clear()
