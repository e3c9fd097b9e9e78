"""Loads agencies, procedures, branches and their openings from CSV files.

Loaded rows belong to staff. A later run creates missing rows and changes no others, unless it is told to update. Opening
rules are made only for branches that have none, and are never changed afterwards.
"""

import copy
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction

from agencies.loading import tables
from agencies.loading.tables import DATA, Row, TableError
from agencies.models import Agency, Branch, OpeningRule, Procedure

ONE_A_LINE = {"documents_el", "documents_en"}
YES_NO = {"yes": True, "no": False}


@dataclass
class Tally:
    """The result for one file. `kept` counts the rows that differ from the file, because staff changed them."""

    created: int = 0
    updated: int = 0
    kept: int = 0
    unchanged: int = 0


@dataclass
class Source:
    """One file, the model that it fills, the column that identifies a row, and further values that follow from the columns."""

    path: Path
    model: type[models.Model]
    key: str


def load_agencies(folder: Path = DATA, *, update: bool = False) -> dict[str, Tally]:
    """Loads the folder's four files in one transaction. Returns the tally of each file by its name.

    Raises TableError with all errors of the first faulty file. Nothing is written then.
    """
    sources = (
        Source(folder / "agencies.csv", Agency, "slug"),
        Source(folder / "procedures.csv", Procedure, "code"),
        Source(folder / "branches.csv", Branch, "code"),
    )
    with transaction.atomic():
        tallies = {source.path.name: _load(source, update) for source in sources}
        tallies["opening_rules.csv"] = _load_opening_rules(folder / "opening_rules.csv")
    return tallies


def _load(source: Source, update: bool) -> Tally:
    rows = tables.read(source.path)
    columns = _columns(source, rows)
    existing = {getattr(thing, source.key): thing for thing in source.model._default_manager.all()}
    agencies = {agency.slug: agency for agency in Agency.objects.all()}

    unique = _unique_columns(source, columns)
    more = set(unique) - {source.key}  # may be another row's already; the key is looked up in `existing`

    def build(row: Row) -> models.Model:
        thing = _filled(source.model, columns, row, existing.get(row.cells[source.key]), agencies)
        _check(thing, exclude={"agency"} & set(columns), validate_unique=bool(more))
        return thing

    built = _all_or_errors(source.path, rows, build, unique=unique)
    names = ["agency" if column == "agency" else _field(source.model, column).name for column in columns]
    return _stored(source, built, existing, names, update)


def _columns(source: Source, rows: list[Row]) -> list[str]:
    """Returns the model's fields that the file fills."""
    header = list(rows[0].cells) if rows else []
    wrong = [name for name in header if name != "agency_slug" and not _has_field(source.model, name)]
    errors = [f"{source.path.name}: column “{name}” is unknown" for name in wrong]
    if source.key not in header:
        errors.append(f"{source.path.name}: column “{source.key}” is missing")
    if source.model is not Agency and "agency_slug" not in header:
        errors.append(f"{source.path.name}: column “agency_slug” is missing")
    if errors:
        raise TableError(errors)
    return ["agency" if name == "agency_slug" else name for name in header]


def _has_field(model: type[models.Model], name: str) -> bool:
    return any(field.column == name for field in model._meta.concrete_fields)


def _field(model: type[models.Model], column: str) -> Any:
    """Returns the model's field for a column. Files use the database's names of columns."""
    return next(field for field in model._meta.concrete_fields if field.column == column)


def _unique_columns(source: Source, columns: list[str]) -> list[str]:
    return [column for column in columns if column != "agency" and _field(source.model, column).unique]


def _all_or_errors(
    path: Path, rows: list[Row], build: Callable[[Row], models.Model], unique: Iterable[str] = ()
) -> list[models.Model]:
    """Returns what `build` makes of each row. Raises one TableError about all rows for which it fails."""
    built, errors = [], _repeated(path, rows, unique)
    for row in rows:
        try:
            built.append(build(row))
        except ValidationError as error:
            errors += [f"{path.name}, row {row.number}: {line}" for line in _lines(error)]
    if errors:
        raise TableError(errors)
    return built


def _repeated(path: Path, rows: list[Row], unique: Iterable[str]) -> list[str]:
    errors = []
    for column in unique:
        first: dict[str, int] = {}
        for row in rows:
            value = row.cells[column]
            if first.setdefault(value, row.number) != row.number:
                errors.append(f"{path.name}, row {row.number}: {column}: “{value}” is in row {first[value]} too")
    return errors


def _lines(error: ValidationError) -> list[str]:
    return [
        message if field == NON_FIELD_ERRORS else f"{field}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    ]


def _filled(
    model: type[models.Model], columns: list[str], row: Row, existing: models.Model | None, agencies: dict[str, Agency]
) -> models.Model:
    """Returns the row as an unsaved instance. It is a copy of the existing one, so other fields keep their values."""
    thing = copy.copy(existing) if existing else model()
    for column in columns:
        if column == "agency":
            setattr(thing, column, _agency(row, agencies))
        else:
            field = _field(model, column)
            setattr(thing, field.name, _value(field, row))
    return thing


def _check(thing: models.Model, **how: Any) -> None:
    """Checks the instance. Errors have the file's names of columns."""
    try:
        thing.full_clean(**how)
    except ValidationError as error:
        raise ValidationError(_by_column(type(thing), error)) from error


def _by_column(model: type[models.Model], error: ValidationError) -> dict[str, list[str]]:
    """Returns the error's messages by the file's names of columns."""
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields if not field.is_relation}
    return {columns.get(name, name): messages for name, messages in error.message_dict.items()}


def _agency(row: Row, agencies: dict[str, Agency]) -> Agency:
    slug = row.cells["agency_slug"]
    if slug not in agencies:
        raise ValidationError({"agency_slug": f"“{slug}” is not an agency"})
    return agencies[slug]


def _value(field: Any, row: Row) -> Any:
    """Returns the cell as the field's `clean` takes it. An empty cell means the field's default."""
    cell = row.cells[field.column]
    if not cell:
        return field.get_default()
    if isinstance(field, ArrayField):
        return json.dumps(row.parts(str(field.column)))
    if field.name in ONE_A_LINE:
        return "\n".join(row.parts(str(field.column)))
    if isinstance(field, models.BooleanField):
        return YES_NO.get(cell.lower(), cell)
    return cell


def _stored(
    source: Source, built: list[models.Model], existing: dict[str, models.Model], fields: list[str], update: bool
) -> Tally:
    new = [thing for thing in built if thing.pk is None]
    old = {getattr(thing, source.key): thing for thing in built if thing.pk is not None}
    changed = [thing for key, thing in old.items() if _values(thing, fields) != _values(existing[key], fields)]
    source.model._default_manager.bulk_create(new)
    if update and changed:
        source.model._default_manager.bulk_update(changed, fields, batch_size=500)
    tally = Tally(created=len(new), unchanged=len(old) - len(changed))
    tally.updated, tally.kept = (len(changed), 0) if update else (0, len(changed))
    return tally


def _values(thing: models.Model, fields: list[str]) -> list[Any]:
    return [thing.serializable_value(name) for name in fields]


def _load_opening_rules(path: Path) -> Tally:
    """Makes rules for branches without any. Rows that name branches replace the agency's general rows for these branches."""
    rows = tables.read(path)
    branches = _branches_by_agency()
    procedures = {(procedure.agency.slug, procedure.code): procedure for procedure in _procedures()}
    named = {code for row in rows for code in row.parts("branches")}

    def build(row: Row) -> tuple[OpeningRule, list[Branch], list[Procedure]]:
        places = _places(row, branches, named)
        return _rule(row, places), places, _rule_procedures(row, procedures)

    specified: list[Any] = _all_or_errors(path, rows, build)  # type: ignore[arg-type]
    ruled = set(OpeningRule.objects.values_list("branch_id", flat=True))
    made = [
        (_for_branch(rule, branch), limited)
        for rule, places, limited in specified
        for branch in places
        if branch.pk not in ruled
    ]
    OpeningRule.objects.bulk_create([rule for rule, _ in made])
    through = OpeningRule.procedures.through
    through.objects.bulk_create(
        through(openingrule_id=rule.pk, procedure_id=procedure.pk) for rule, limited in made for procedure in limited
    )
    return Tally(created=len(made), unchanged=OpeningRule.objects.count() - len(made))


def _branches_by_agency() -> dict[str, dict[str, Branch]]:
    found: dict[str, dict[str, Branch]] = defaultdict(dict)
    for branch in Branch.objects.select_related("agency"):
        found[branch.agency.slug][branch.code] = branch
    return found


def _procedures() -> models.QuerySet[Procedure]:
    return Procedure.objects.select_related("agency")


def _places(row: Row, branches: dict[str, dict[str, Branch]], named: set[str]) -> list[Branch]:
    """Returns the branches of a row: those that it names, or all of its agency that no other row names."""
    own = branches.get(row.cells["agency_slug"], {})
    codes = row.parts("branches")
    unknown = [code for code in codes if code not in own]
    if unknown:
        raise ValidationError({"branches": [f"“{code}” is not a branch of this agency" for code in unknown]})
    places = [own[code] for code in codes] if codes else [branch for code, branch in own.items() if code not in named]
    if not places:
        raise ValidationError({"agency_slug": f"“{row.cells['agency_slug']}” has no branch for this row"})
    return places


def _rule(row: Row, places: list[Branch]) -> OpeningRule:
    """Returns the row as a checked rule of its first branch."""
    rule = OpeningRule(branch=places[0])
    for name in row.cells.keys() - {"agency_slug", "branches", "procedures"}:
        setattr(rule, name, _value(OpeningRule._meta.get_field(name), row))
    rule.full_clean(exclude={"branch"})
    return rule


def _rule_procedures(row: Row, procedures: dict[tuple[str, str], Procedure]) -> list[Procedure]:
    keys = [(row.cells["agency_slug"], code) for code in row.parts("procedures")]
    unknown = [code for slug, code in keys if (slug, code) not in procedures]
    if unknown:
        raise ValidationError({"procedures": f"“{unknown[0]}” is not a service of this agency"})
    return [procedures[key] for key in keys]


def _for_branch(rule: OpeningRule, branch: Branch) -> OpeningRule:
    twin = copy.copy(rule)
    twin.branch = branch
    return twin
