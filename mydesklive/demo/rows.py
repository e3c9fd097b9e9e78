"""Makes rows of invented appointments and ratings, and writes them into their tables fast (COPY)."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import islice
from operator import attrgetter
from random import Random

from django.db import connection

from appointments.models import Appointment, Status
from appointments.references import ALPHABET, LENGTH
from mydesklive.demo.offers import Choice, Offer
from mydesklive.demo.people import NOBODY, Person

ONLINE = 0.85
REASONS = ("", "", "Δεν θα μπορέσω να έρθω.", "Εξυπηρετήθηκα ηλεκτρονικά.", "Θα κλείσω άλλη ώρα.")
SCORES, SCORE_WEIGHTS = (5, 4, 3, 2, 1), (84, 10, 3, 2, 1)
RATED = 0.25
BATCH = 500


@dataclass(slots=True)
class Row:
    """A row of appointments. Its fields have the names of the columns. Times are UTC."""

    reference: str
    agency_id: int
    branch_id: int
    procedure_id: int
    channel: str
    status: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    booked_at: datetime
    name: str = ""
    email: str = ""
    phone: str = ""
    language: str = "el"
    timezone: str = ""
    notes: str = ""
    person_key: str = ""
    search: str = ""
    source: str = Appointment.Source.WEB.value
    idempotency_key: str | None = None
    revision: int = 0
    slot_ids: str = "{}"
    promised_day: date | None = None
    promised_time: time | None = None
    arrived_at: datetime | None = None
    serving_at: datetime | None = None
    completed_at: datetime | None = None
    ended_at: datetime | None = None
    cancelled_by: str = ""
    cancel_reason: str = ""
    video_call_id: int | None = None


def invented(
    offer: Offer,
    choice: Choice,
    starts_at: datetime,
    created_at: datetime,
    random: Random,
    *,
    person: Person = NOBODY,
    key: str | None = None,
) -> Row:
    """Returns a booked appointment. `finish` gives it an outcome."""
    return Row(
        reference="".join(random.choices(ALPHABET, k=LENGTH)),
        agency_id=offer.branch.agency_id,
        branch_id=offer.branch.pk,
        procedure_id=choice.procedure,
        channel=choice.channel,
        status=Status.BOOKED.value,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=choice.minutes),
        created_at=created_at,
        booked_at=created_at,
        name=person.name,
        email=person.email,
        phone=person.phone,
        language=person.language,
        search=searchable(person) if person.name else "",
        source=(Appointment.Source.WEB if random.random() < ONLINE else Appointment.Source.STAFF).value,
        idempotency_key=key,
    )


def searchable(person: Person) -> str:
    """Returns the text by which officers find the person. The slow part is cached for people with the same name."""
    return f"{_searchable(person.name, person.email)} '{person.phone}'"


@cache
def _searchable(name: str, email: str) -> str:
    appointment = Appointment(name=name, email=email)
    appointment.index_contact()
    return str(appointment.search)


def finish(row: Row, status: Status, random: Random) -> Row:
    """Returns the row as completed, missed or cancelled, with the matching times."""
    row.status = status.value
    if status == Status.COMPLETED:
        row.arrived_at = row.starts_at - timedelta(minutes=int(random.random() * 12))
        row.serving_at = row.starts_at + timedelta(minutes=int(random.random() ** 3 * 19))  # most are on time
        row.completed_at = row.serving_at + (row.ends_at - row.starts_at) * random.uniform(0.5, 1.1)
    elif status == Status.NO_SHOW:
        row.ended_at = row.starts_at + timedelta(minutes=15)
    else:
        row.ended_at = row.created_at + (row.starts_at - row.created_at) * random.random()
        row.cancelled_by = Appointment.CancelledBy.CITIZEN.value
        row.cancel_reason = random.choice(REASONS)
    return row


def rating(row: Row, offer: Offer, random: Random) -> tuple[object, ...] | None:
    """Returns a rating for one in four served citizens, or None."""
    if row.status != Status.COMPLETED or random.random() >= RATED:
        return None
    score = random.choices(SCORES, SCORE_WEIGHTS)[0]
    return row.agency_id, row.procedure_id, row.channel, offer.branch.local(row.starts_at).date(), score, ""


APPOINTMENT_COLUMNS = tuple(field.name for field in fields(Row))
RATING_COLUMNS = ("agency_id", "procedure_id", "channel", "served_on", "score", "comment")


def write(rows: Iterable[Row]) -> int:
    return _copy("appointments_appointment", APPOINTMENT_COLUMNS, map(attrgetter(*APPOINTMENT_COLUMNS), rows))


def write_ratings(ratings: Iterable[tuple[object, ...]]) -> int:
    return _copy("appointments_rating", RATING_COLUMNS, ratings)


def analyse() -> None:
    """Updates the statistics of the database's planner. Nothing else does so before the first visitor."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE appointments_appointment, appointments_rating, appointments_timeslot")


def _copy(table: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> int:
    """Copies the rows into the table. Invented values have no tab, line break or backslash, so lines need no escaping."""
    number, rows = 0, iter(rows)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        while batch := list(islice(rows, BATCH)):
            lines = ["\t".join(["\\N" if value is None else str(value) for value in row]) for row in batch]
            copy.write("\n".join(lines) + "\n")
            number += len(batch)
    return number
