"""`python -m bench`: measures everything once, prints the table and writes RESULTS.md.

`--quick` uses shorter runs and a shorter past, and the file says so.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django

from bench.stack import services
from mydesklive.local.install import ticking

SMALL, MIDDLE, LARGE, QUICK_LARGE = 200_000, 2_000_000, 10_000_000, 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, and a past of a million appointments")
    quick = parser.parse_args().quick
    with _services():
        measure(large=QUICK_LARGE if quick else LARGE, seconds=1.5 if quick else 4.0, rounds=1 if quick else 3)


@contextmanager
def _services() -> Iterator[None]:
    with services() as environment:
        os.environ |= environment | {"DJANGO_SETTINGS_MODULE": "mydesklive.settings"}
        django.setup()
        from accounts.database import patience

        patience.set_usual(patience.COMMAND)  # a million rows take longer than a page may
        yield


def measure(*, large: int, seconds: float, rounds: int) -> None:
    from django.utils import timezone

    from bench import booking, delivering, figures, pages, reading, results, world
    from bench.polling import calls, desks

    now = timezone.now()
    with ticking("Loading agencies and publishing their calendars"):
        world.make(now)
    with ticking("Polling"):
        polled = [*desks.measure(seconds=10 * seconds), *calls.measure(seconds=10 * seconds)]
    rows, rates, took = [], [], []
    for size in sorted({SMALL, min(MIDDLE, large), large}):
        past = f"{size / 1e6:g} million past"
        with ticking(f"A past of {size:,} appointments"):
            world.grow_past(size)
        with ticking("Reading"):
            rates.append(reading.free_times(past, seconds=seconds, rounds=rounds, now=now))
            rows += [rates[-1].row, *reading.earliest_times(past, now=now)]
        with ticking("Counting"):
            counted, seconds_of_pages = figures.measure(size, now=now)
            rows, took = rows + counted, [*took, seconds_of_pages]
        with ticking("Pages"):
            rows += pages.measure(past, seconds=seconds, rounds=rounds)
        if size == SMALL:
            with ticking("Booking"):
                rows = booking.measure(seconds=seconds, rounds=rounds) + rows
    with ticking("Delivering"):
        sent = delivering.measure(seconds=10 * seconds, now=timezone.now())
    rows += [reading.steadiness(rates[0], rates[-1]), *figures.steadiness(took[0], took[-1])]
    rows += [*polled, *sent]
    print(results.table(rows))
    results.write(rows, now=now, past=f"The long past has {large:,} appointments.")
    print(f"Written to {results.FILE.name}.")


if __name__ == "__main__":
    sys.exit(main())
