"""What is published for everybody each month: the datasets, and what each of their columns means (the data dictionary)."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.publishing.definitions import BY_NAME

# Changes when a column is renamed, removed, or means something else. Further columns come at the end and change nothing.
VERSION = "1.0"
LICENCE = "https://creativecommons.org/licenses/by/4.0/"
LICENCE_NAME = "CC BY 4.0"


class Kind(StrEnum):
    """What programs find in a column, by the names of XML Schema."""

    TEXT = "string"
    NUMBER = "integer"
    MONTH = "gYearMonth"


@dataclass(frozen=True)
class Column:
    """A column of a dataset. An empty number is hidden, see `reports.opening.hiding`."""

    name: str
    kind: Kind
    label: Promise | str
    meaning: Promise | str


@dataclass(frozen=True)
class Dataset:
    """A table of which each month adds rows. `name` stands in its addresses."""

    name: str
    title: Promise | str
    about: Promise | str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _text(name: str, label: Promise | str, meaning: Promise | str) -> Column:
    return Column(name, Kind.TEXT, label, meaning)


def _number(name: str, label: Promise | str, meaning: Promise | str) -> Column:
    return Column(name, Kind.NUMBER, label, meaning)


MONTH = Column("month", Kind.MONTH, _("Month"), _("Year and month, such as 2026-10."))
AGENCY = (
    _text("agency", _("Agency"), _("The agency's short code, as in the published table.")),
    _text("agency_el", _("Agency (Greek)"), _("Its name in Greek when the month was published.")),
    _text("agency_en", _("Agency (English)"), _("Its name in English when the month was published.")),
)
SERVICE = (
    _text("service", _("Service"), _("The service's code, as in its address.")),
    _text("service_el", _("Service (Greek)"), _("Its name in Greek when the month was published.")),
    _text("service_en", _("Service (English)"), _("Its name in English when the month was published.")),
)
SERVED = _number(
    "served",
    BY_NAME["served"].label,
    _("Appointments of this month at which the citizen was served."),
)
MISSED = _number("missed", BY_NAME["missed"].label, _("Appointments of this month to which the citizen did not come."))
CANCELLED = _number(
    "cancelled",
    BY_NAME["cancelled"].label,
    _("Appointments that the citizen or the agency cancelled in this month, whenever they would have been."),
)

AGENCIES = Dataset(
    "agencies",
    _("Appointments by agency and month"),
    _(
        "What each agency that publishes its figures did in a month. These are the figures of the published table, "
        "month by month, as they were two weeks after its end. Counts from 1 to 9 are empty here; that table has them."
    ),
    (
        MONTH,
        *AGENCY,
        _number("requests", BY_NAME["submitted"].label, _("Appointments that citizens asked for in this month.")),
        SERVED,
        MISSED,
        CANCELLED,
        _number(
            "satisfied_percent",
            BY_NAME["satisfied_percent"].label,
            _(
                "Per cent of the anonymous evaluations of visits in this month that gave the best of five answers. Empty "
                "if fewer than ten gave it, or fewer than ten gave another one."
            ),
        ),
    ),
)
SERVICES = Dataset(
    "services",
    _("Appointments by service, way of service and month"),
    _(
        "How many appointments each service had in a month: in person, by video call and by telephone. Small numbers are "
        "hidden. A row in which nothing is left to show is not there."
    ),
    (
        MONTH,
        *AGENCY,
        *SERVICE,
        _text("channel", _("Way of service"), _("in_person: in person. video: by video call. phone: by telephone.")),
        SERVED,
        MISSED,
        CANCELLED,
        _number("walk_ins", _("Without an appointment"), _("Visits of people who came without an appointment.")),
    ),
)
PAGE_VIEWS = Dataset(
    "page-views",
    _("Page views by service, country, device and month"),
    _(
        "How often the page of each service was read in a month. Each time that a person gets the page counts; programs such "
        "as search engines do not, as far as they say what they are. Small numbers are hidden, and their rows are not there."
    ),
    (
        MONTH,
        *AGENCY,
        *SERVICE,
        _text(
            "country",
            _("Country"),
            _(
                "From where the page was read, by the network address (ISO 3166). unknown: nobody knows. No address is kept."
            ),
        ),
        _text(
            "device",
            _("Device"),
            _("phone, tablet or computer, as the browser says. Most iPads say that they are computers."),
        ),
        _number("views", _("Page views"), _("How often the page was read, in any language.")),
    ),
)
DATASETS = {dataset.name: dataset for dataset in (AGENCIES, SERVICES, PAGE_VIEWS)}
