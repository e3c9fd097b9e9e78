"""The published table as files to download. They have the same figures as the page."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import chain
from typing import IO

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reports.published import Table
from reports.publishing import separated
from reports.publishing.definitions import BY_NAME, FIGURES
from reports.publishing.workbook import NARROW, WIDE, Sheet, workbook

# The first nine are promised to programs: more may come after them, and none of them changes.
COLUMNS = (
    *("slug", "platform", "live_since", "submitted", "served", "missed", "cancelled", "procedures", "branches"),
    *("countries", "regions", "satisfied_percent", "name_el", "name_en", "extent_source", "extent_day"),
)
NUMBERS = tuple(figure.name for figure in FIGURES if figure.name != "live_since")


def name(table: Table, ending: str) -> str:
    """Returns what a file is called. `ending` is ".xlsx", ".csv" or "-excel.csv"."""
    return f"agencies-{table.as_of}{ending}"


def tag(table: Table, kind: str) -> str:
    """Returns a text that is another one for other figures, in another language, or of another kind."""
    told = repr((kind, get_language(), table.as_dict(), table.counting_since))
    return f'"{blake2b(told.encode(), digest_size=16).hexdigest()}"'


def csv_lines(table: Table, *, for_excel: bool) -> Iterator[str]:
    """Yields the lines. The table has no last line with totals, which programs would add up with the others."""
    return separated.lines(chain([COLUMNS], _rows(table, COLUMNS)), for_excel=for_excel)


def _rows(table: Table, columns: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    for line in table.lines:
        figures = line.as_dict()
        yield tuple(figures[name] for name in columns)


def xlsx(table: Table) -> IO[bytes]:
    """Returns an open file: the table as on the page, and what the figures mean."""
    title = _("Figures until %(day)s") % {"day": date_format(table.as_of, "j E Y")}
    return workbook([_figures(table), _meanings(table)], title=title, day=table.as_of)


def _figures(table: Table) -> Sheet:
    """Returns the table in the language of the page. An empty cell means that it is not published."""
    name = f"name_{(get_language() or 'el')[:2]}"
    return Sheet(
        name=_("Figures"),
        header=(_("Agency"), _("Platform"), *map(_heading, ("live_since", *NUMBERS)), _("Short code")),
        rows=_rows(table, (name, "platform", "live_since", *NUMBERS, "slug")),
        widths=(WIDE, 20, *(NARROW,) * (len(NUMBERS) + 2)),
        sums=(_("Total"), None, None, *(table.totals[one] for one in NUMBERS), None),
    )


def _heading(name: str) -> str:
    label = str(BY_NAME[name].label)
    return f"{label} (%)" if name.endswith("percent") else label


def _meanings(table: Table) -> Sheet:
    figures = [(one.label, one.name, one.unit, one.meaning, one.day, one.source) for one in FIGURES]
    return Sheet(
        name=_("What the figures mean"),
        header=(_("Figure"), _("In CSV and JSON"), _("Unit"), _("What it is"), _("When it counts"), _("Source")),
        rows=[*figures, *((None, None, None, note, None, None) for note in notes(table))],
        widths=(22, 18, 18, WIDE + 16, WIDE, WIDE),
        is_prose=True,
    )


def notes(table: Table) -> list[str]:
    """Returns the sentences that belong to the table as a whole: its day, where counts come from, and what nobody knows."""
    found = [_("An empty cell or a dash means: not published or not known. It does not mean zero.")]
    for one in table.given:
        given = {"day": date_format(one.cut_off, "j E Y"), "source": one.source}
        found.append(_("Services and branches are as published, counted on %(day)s. Source: %(source)s.") % given)
    if table.is_extent_counted:
        counted = _("Services and branches are those that this service counted at the end of %(day)s.")
        found.append(counted % {"day": date_format(table.as_of, "j E Y")})
    if table.lacks_extent and table.counting_since:
        unknown = _(
            "How many services and branches there were on this day is not known: this service counts them since %(day)s."
        )
        found.append(unknown % {"day": date_format(table.counting_since, "j E Y")})
    return found
