"""What each figure means. The page, the spreadsheets and the guide for officials say it in these words."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Figure:
    """A figure of the published table. `name` is what programs call it; `day` says on which day something counts."""

    name: str
    label: Promise | str
    unit: Promise | str
    meaning: Promise | str
    day: Promise | str
    source: Promise | str

    @property
    def anchor(self) -> str:
        return f"figure-{self.name}"


APPOINTMENTS = _("appointments")
FROM_APPOINTMENTS = _("The appointments of this service.")
FROM_AGENCY = _("What the agency has told us.")
AT_THE_END = _("As they were at the end of the day that you asked for.")
EXTENT = _(
    "From the day on which this service began to count: its own count, with every change. For earlier days: what was "
    "published, with its cut-off. Where nothing was published, nobody knows."
)

FIGURES = (
    Figure(
        "live_since",
        _("In production since"),
        _("date"),
        _(
            "The first day on which everybody could book at the agency's platform. A pilot before that day does not count."
        ),
        _("The same for every day that you ask for."),
        FROM_AGENCY,
    ),
    Figure(
        "submitted",
        _("Requests"),
        APPOINTMENTS,
        _(
            "All appointments that citizens asked for, with those still to come and those cancelled. A time that somebody "
            "held without booking it is not a request, and neither is one whose e-mail address was never confirmed."
        ),
        _("On the day on which the appointment was booked."),
        FROM_APPOINTMENTS,
    ),
    Figure(
        "served",
        _("Served"),
        APPOINTMENTS,
        _("Appointments at which the citizen was served, in person, by video call or by telephone."),
        _("On the day of the appointment, by the clock of the branch."),
        FROM_APPOINTMENTS,
    ),
    Figure(
        "missed",
        _("Missed"),
        APPOINTMENTS,
        _("Appointments to which the citizen did not come."),
        _("On the day of the appointment, by the clock of the branch."),
        FROM_APPOINTMENTS,
    ),
    Figure(
        "cancelled",
        pgettext_lazy("figures", "Cancelled"),
        APPOINTMENTS,
        _(
            "Appointments that the citizen or the agency cancelled. An appointment that is moved to another time is not "
            "cancelled."
        ),
        _("On the day on which the cancellation came."),
        FROM_APPOINTMENTS,
    ),
    Figure(
        "satisfied_percent",
        _("Completely satisfied"),
        _("per cent of the ratings"),
        _(
            "The share of the best of five answers in the anonymous evaluation after the visit. It is not shown where fewer "
            "than ten people have answered."
        ),
        _("On the day of the appointment."),
        _("The anonymous evaluation. It has no link to the citizen."),
    ),
    Figure(
        "procedures",
        _("Services"),
        _("services"),
        _(
            "Services that the agency offered to the public for booking. A service counts once, however many branches have it."
        ),
        AT_THE_END,
        EXTENT,
    ),
    Figure(
        "branches",
        _("Branches"),
        _("branches"),
        _(
            "Branches that took bookings. Agencies that serve from their headquarters do not publish a number; the total "
            "leaves them out."
        ),
        AT_THE_END,
        EXTENT,
    ),
    Figure(
        "countries",
        _("Countries"),
        _("countries"),
        _(
            "Countries with at least one of these branches, Greece too. In the total, a country with several agencies counts "
            "once; if only published numbers exist, there is no total, because they cannot be added up."
        ),
        AT_THE_END,
        EXTENT,
    ),
    Figure(
        "regions",
        _("Regions"),
        _("regions of Greece"),
        _("Regions of Greece with at least one of these branches. There are thirteen. In the total, each counts once."),
        AT_THE_END,
        EXTENT,
    ),
)
BY_NAME = {figure.name: figure for figure in FIGURES}
