"""The results: rows of a table, each with its goal. They are printed and written to RESULTS.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from platform import machine, python_version
from types import MappingProxyType

import django
import psutil
from django.db import connection

FILE = Path(__file__).parent / "RESULTS.md"
VERDICT = MappingProxyType({True: "reached", False: "missed", None: ""})


@dataclass(frozen=True)
class Row:
    """One line: what is measured, the result, the value beside it, and whether the goal is reached (None: no goal)."""

    what: str
    ours: str
    beside: str = ""
    ratio: float | None = None
    goal: str = ""
    reached: bool | None = None

    @property
    def cells(self) -> list[str]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.what, self.ours, self.beside, ratio, self.goal, VERDICT[self.reached]]


HEADER = ["measured", "here", "beside", "ratio", "goal", ""]


def rate(number: float) -> str:
    return f"{number:,.0f}/s"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def table(rows: Iterable[Row]) -> str:
    cells = [HEADER, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def write(rows: list[Row], *, now: datetime, past: str) -> None:
    memory = psutil.virtual_memory().total / 2**30
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0].split()[0]
    machine_told = f"{psutil.cpu_count()} cores ({machine()}) and {memory:.0f} GB of memory"
    versions = f"Python {python_version()}, Django {django.__version__}, PostgreSQL {postgres}"
    head = HEAD.format(day=f"{now:%-d %B %Y}", machine=machine_told, versions=versions, past=past)
    FILE.write_text(f"{head}\n{table(rows)}\n\n{EXPLANATION}")


HEAD = """\
# Figures of speed

`make bench`, {day}, on a machine of {machine} that client, web server and database share. {versions}.

Rates depend on the machine and on what else it does; the ratios are of runs taken in turn, so they tell more. {past}
"""

EXPLANATION = """\
How it is measured:

- 16 clients, each with one kept connection, in one thread that does nothing but sockets; granian as `make run` starts
  it. Each rate is the median of several short runs, taken in turn with those it is compared with.
- *Booking* sends `POST /api/v1/appointments/` with an agency's token and an idempotency key for a new person each time;
  the product checks everything, counts the limit per person, and writes the appointment, its messages and its event.
  Commits reach the disk. The worker that sends the messages does not run.
- *The lean view* (`bench/lean.py`) is Django without middleware: the update of the slot and one insert, no checks, no
  token, no messages; once by the ORM, as such views are mostly written, and once in plain SQL. *pgbench* sends the two
  statements of the latter, prepared, over 16 connections.
- *Free times* are those of one service at one branch for 30 days, of a calendar that is half booked. The lean view
  answers the same list, made by PostgreSQL out of one simple query, on UTC.
- *Pages* are asked for by 16 clients without a session, as browsers ask that cannot decompress. *Their lean views*
  (`bench/lean_pages.py`) are Django without middleware that renders the same template from the data that the product gave
  it once; they read nothing. *A whole booking* is what a browser sends from the page of a service to the last page: the
  service, the times, the held time, the form, the details, the check, the booking and its page, each time for a new
  person; one that finds its time taken begins anew and is not counted.
- *The earliest time* is `EXPLAIN ANALYZE` of the one query that pages and API ask, all branches half booked.
- *Reminders* are claimed, rendered and recorded as sent by two processes, as the worker does it, but handed to nobody. *Beside
  them* the real worker and beat run with a mail server in a process of its own, and with an SMS gateway that accepts
  connections and never answers. Twice a second somebody books an appointment by video, and a held time runs out; the
  times are from there to the row that says it is done.
- *Desks polling* are sixty queue pages of one branch, each of which asks every five seconds, with forty people waiting:
  the processor time of web server and database, while nobody is called, and while somebody is every four seconds.
- *People who wait, and calls* poll at the intervals of their pages: three hundred people at the doors of ten video calls at
  each of thirty branches, with an officer's queue page at each; and a hundred rooms with two browsers. Those that connect
  ask all the time as often as while connecting, and send an offer, an answer and six addresses each every twelve seconds,
  as when no attempt succeeds. Of one core, the processor time of web server and database.
"""
