"""Loads the words that people type in the search, and what they mean. Loaded rows belong to staff."""

from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from agencies.loading import tables
from agencies.loading.catalogue import Tally
from agencies.loading.tables import DATA, Row, TableError
from agencies.models import Agency, Procedure, Synonym

FILE = "synonyms.csv"


@transaction.atomic
def load_words(folder: Path = DATA) -> Tally:
    """Creates the rows of the folder's file that are missing. Raises TableError with all errors, and then writes nothing.

    A folder without the file is fine.
    """
    if not (folder / FILE).exists():
        return Tally()
    existing = set(Synonym.objects.values_list("code", flat=True))
    agencies = {agency.slug: agency for agency in Agency.objects.all()}
    procedures = {procedure.code: procedure for procedure in Procedure.objects.all()}
    made, errors, kept = [], [], 0
    for row in tables.read(folder / FILE):
        if row.cells["code"] in existing:
            kept += 1
            continue
        try:
            made.append(_built(row, agencies, procedures))
        except ValidationError as error:
            errors += [f"{FILE}, row {row.number}: {message}" for message in error.messages]
    if errors:
        raise TableError(errors)
    Synonym.objects.bulk_create(made)
    return Tally(created=len(made), unchanged=kept)


def _built(row: Row, agencies: dict[str, Agency], procedures: dict[str, Procedure]) -> Synonym:
    slug, code = row.cells["agency_slug"], row.cells["procedure_code"]
    if slug and slug not in agencies:
        raise ValidationError(f"“{slug}” is not an agency")
    if code and code not in procedures:
        raise ValidationError(f"“{code}” is not a service")
    synonym = Synonym(
        code=row.cells["code"],
        agency=agencies.get(slug),
        procedure=procedures.get(code),
        words="\n".join(row.parts("words")),
        note_el=row.cells["note_el"],
        note_en=row.cells["note_en"],
    )
    synonym.full_clean(validate_unique=False)
    return synonym
