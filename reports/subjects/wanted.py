"""The figures of unmet demand, each with what it means. docs/figures.md says the same in more words."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports.showing.tables import Column, Unit
from reports.subjects.columns import FIRST_FREE, LOOKS

DAY = Column("day", _("Day"), Unit.DAY)
STEP = Column("step", pgettext_lazy("figures", "Step"), Unit.TEXT)
DEVICE = Column("device", _("Device"), Unit.TEXT)
LANGUAGE = Column("language", _("Language"), Unit.TEXT)
SEARCH = Column("text", _("Looked for"), Unit.TEXT)

LONGEST = Column(
    "longest_days",
    _("Longest wait"),
    Unit.DAYS,
    _("The longest of these waits, of the looks that found a free time at all."),
)
NOTHING_SHARE = Column(
    "nothing_free_percent",
    _("Nothing free"),
    Unit.PERCENT,
    _("The share of the looks that found no free time at all, up to the last time that was open for booking."),
)
WAITING = (FIRST_FREE, LONGEST, NOTHING_SHARE, LOOKS)

TOLD_NOTHING = Column(
    "told_nothing",
    _("Told that nothing is free"),
    meaning=_(
        "Visitors of the website to whom a page said that no time is free, at a branch or at all branches. Each counts "
        "once a day for the same service, at the place where it was last."
    ),
)
WENT_AWAY = Column(
    "went_away",
    _("Left without a time"),
    meaning=_("Of these, the visitors who chose no time of the same service later that day."),
)
HELD = Column(
    "held",
    _("Time chosen"),
    meaning=_(
        "Visitors of the website who chose a time, which was then held for them. They count once until they book, on the "
        "day on which they began, for the branch of the first time that they chose."
    ),
)
FILLED = Column("filled", _("Details filled in"), meaning=_("Those of them who filled in their details."))
BOOKED = Column(
    "booked",
    pgettext_lazy("figures", "Booked"),
    meaning=_("Those of them who booked. Guests who have to confirm their address count when they have done so."),
)
STEPS = (HELD, FILLED, BOOKED)
BOOKED_SHARE = Column(
    "booked_percent",
    _("Booked, of those who chose a time"),
    Unit.PERCENT,
    _("Visitors who booked as a share of those who chose a time."),
)
JOURNEYS = Column("journeys", _("Visitors"))
OF_ALL = Column("of_all_percent", _("Of those who chose a time"), Unit.PERCENT)
SEARCHES = Column(
    "searches",
    _("Searches in vain"),
    meaning=_(
        "Visitors who looked for something, on the portal or among the branches of an agency, and found nothing. Each "
        "network counts once a day for the same text. Texts with addresses or long numbers are not kept."
    ),
)

OFFERED = Column(
    "offered_hours",
    _("Hours offered"),
    Unit.HOURS,
    _("Hours of desks that opening hours gave for appointments, as it was at the end of each day."),
)
BOOKED_HOURS = Column(
    "booked_hours",
    _("Hours booked"),
    Unit.HOURS,
    _("The planned length of the appointments on these days that were not cancelled."),
)
USED_HOURS = Column("used_hours", _("Hours used"), Unit.HOURS, _("The same of those that were served."))
BOOKED_OF_OFFERED = Column("booked_of_offered_percent", _("Booked, of those offered"), Unit.PERCENT)
USED_OF_OFFERED = Column("used_of_offered_percent", _("Used, of those offered"), Unit.PERCENT)
CAPACITY = (OFFERED, BOOKED_HOURS, USED_HOURS, BOOKED_OF_OFFERED, USED_OF_OFFERED)

HEADLINES = (FIRST_FREE, NOTHING_SHARE, TOLD_NOTHING, WENT_AWAY, BOOKED_SHARE, SEARCHES)
