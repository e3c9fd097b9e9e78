"""Loads how many services and branches agencies had, as it was published before this service counted them itself."""

from datetime import date
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from agencies.loading import tables
from agencies.loading.catalogue import Tally
from agencies.loading.tables import DATA, Row, TableError
from agencies.models import Agency, PublishedCount

FILE = "published.csv"
NUMBERS = ("procedures", "branches", "countries", "regions")
TEXTS = ("source_el", "source_en")


@transaction.atomic
def load_publications(folder: Path = DATA, *, update: bool = False) -> Tally:
    """Creates the rows of the folder's file that are missing. Raises TableError with all errors, and then writes nothing.

    A folder without the file is fine, and so is a row about an agency that does not exist here.
    """
    if not (folder / FILE).exists():
        return Tally()
    agencies = {agency.slug: agency for agency in Agency.objects.all()}
    tally, errors = Tally(), []
    for row in tables.read(folder / FILE):
        if agency := agencies.get(row.cells["agency_slug"]):
            try:
                _load(agency, row, tally, update=update)
            except ValidationError as error:
                errors += [f"{FILE}, row {row.number}: {message}" for message in error.messages]
    if errors:
        raise TableError(errors)
    return tally


def _load(agency: Agency, row: Row, tally: Tally, *, update: bool) -> None:
    given: dict[str, object] = {name: _day(row, name) for name in ("until", "cut_off")}
    given |= {name: _number(row, name) for name in NUMBERS} | {name: row.cells[name] for name in TEXTS}
    since = _day(row, "since")
    count = PublishedCount.objects.filter(agency=agency, since=since).first() or PublishedCount(
        agency=agency, since=since
    )
    is_new, differs = count.pk is None, any(getattr(count, name) != value for name, value in given.items())
    if is_new or (differs and update):
        for name, value in given.items():
            setattr(count, name, value)
        count.full_clean()
        count.save()
    tally.created += is_new
    tally.updated += differs and update and not is_new
    tally.kept += differs and not update and not is_new
    tally.unchanged += not differs and not is_new


def _day(row: Row, column: str) -> date:
    try:
        return date.fromisoformat(row.cells[column])
    except ValueError:
        raise ValidationError(f"{column}: “{row.cells[column]}” is not a date") from None


def _number(row: Row, column: str) -> int | None:
    """Returns the cell as a number. An empty one means that it was not published."""
    cell = row.cells[column]
    if cell and not (cell.isascii() and cell.isdigit()):
        raise ValidationError(f"{column}: “{cell}” is not a whole number")
    return int(cell) if cell else None
