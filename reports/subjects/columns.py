"""The figures that several pages show, each with what it means. docs/figures.md says the same in more words."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports.showing.tables import Column, Unit

MONTH = Column("month", _("Month"), Unit.MONTH)
AGENCY = Column("agency", _("Agency"), Unit.TEXT)
BRANCH = Column("branch", _("Branch"), Unit.TEXT)
PROCEDURE = Column("procedure", _("Service"), Unit.TEXT)
CHANNEL = Column("channel", _("Channel"), Unit.TEXT)
REGION = Column("region", _("Region"), Unit.TEXT)
COUNTRY = Column("country", _("Country"), Unit.TEXT)
PERIOD = Column("period", _("Period"), Unit.TEXT)
HOUR = Column("hour", _("Hour"), Unit.TEXT)

REQUESTED = Column(
    "requested",
    _("Requests"),
    meaning=_(
        "Appointments that were asked for in this time, with those still to come and those cancelled later. A time that "
        "was held and not booked is no request."
    ),
)
SERVED = Column(
    "served",
    _("Served"),
    meaning=_("Appointments at which the citizen was served. They count on the day of the appointment."),
)
MISSED = Column(
    "missed", _("Missed"), meaning=_("Appointments to which the citizen did not come, on the day of the appointment.")
)
MISSED_SHARE = Column(
    "missed_percent",
    _("Missed, of those due"),
    Unit.PERCENT,
    _("Missed appointments as a share of served and missed ones."),
)
CANCELLED = Column(
    "cancelled",
    pgettext_lazy("figures", "Cancelled"),
    meaning=_("Cancellations that came in this time, by the citizen or by the agency. A move is none."),
)
CANCELLED_EARLY = Column(
    "cancelled_early",
    _("Cancelled early"),
    meaning=_("Cancellations at least 24 hours before the appointment: the time could be given to somebody else."),
)
CANCELLED_LATE = Column(
    "cancelled_late", _("Cancelled late"), meaning=_("Cancellations less than 24 hours before the appointment.")
)
CANCELLED_LATE_SHARE = Column(
    "cancelled_late_percent",
    _("Cancelled late, of those due"),
    Unit.PERCENT,
    _(
        "Cancellations less than 24 hours before the appointment, as a share of these and of served and missed appointments."
    ),
)
WALK_INS = Column(
    "walk_ins_served",
    _("Served without an appointment"),
    meaning=_("Visits with a ticket and no appointment that were served."),
)
AVOIDED = Column(
    "visits_avoided",
    _("Visits avoided"),
    meaning=_("Appointments served by video call or telephone: nobody had to come to a branch."),
)
ASSISTED = Column(
    "assisted",
    _("Booked by an officer"),
    meaning=_("Requests that an officer entered for a citizen, who called or stood at the counter."),
)
ACCESS_NEEDS = Column(
    "access_needs",
    _("With priority"),
    meaning=_("Visits whose ticket has priority: disability, pregnancy, a small child, old age."),
)
SATISFIED = Column(
    "satisfied_percent",
    _("Completely satisfied"),
    Unit.PERCENT,
    _(
        "The share of the best of five answers in the anonymous evaluation after the visit. It is not shown where fewer "
        "than ten people answered."
    ),
)
SATISFIED_LOW = Column(
    "satisfied_low",
    _("At least"),
    Unit.PERCENT,
    _("If everybody had answered, the share would with 95 % certainty not be lower (Wilson's interval)."),
)
SATISFIED_HIGH = Column(
    "satisfied_high", _("At most"), Unit.PERCENT, _("And with the same certainty it would not be higher.")
)
RATINGS = Column(
    "ratings", _("Evaluations"), meaning=_("Answers to the anonymous evaluation, by the day of the visit.")
)
RESPONSE = Column(
    "response_percent", _("Answered"), Unit.PERCENT, _("Evaluations as a share of the appointments served.")
)

WAITING = Column(
    "waiting_median",
    _("Waiting, median"),
    Unit.MINUTES,
    _("Half of the visits waited no longer than this, from their arrival until they were called."),
)
WAITING_MOST = Column(
    "waiting_90",
    _("Waiting, nine of ten"),
    Unit.MINUTES,
    _("Nine of ten visits waited no longer than this, from their arrival until they were called."),
)
WAITED = Column("waited", _("Visits with a waiting time"), meaning=_("Visits that arrived and were called."))
SERVING = Column(
    "serving_median",
    _("Service, median"),
    Unit.MINUTES,
    _("Half of the services lasted no longer than this, from their beginning until they were completed."),
)
SERVING_MOST = Column(
    "serving_90",
    _("Service, nine of ten"),
    Unit.MINUTES,
    _("Nine of ten services lasted no longer than this, from their beginning until they were completed."),
)
PUNCTUAL = Column(
    "punctual_percent",
    _("On time"),
    Unit.PERCENT,
    _("Appointments that began at most 10 minutes after their time, as a share of those that began."),
)
OVERRAN = Column(
    "overran_percent",
    _("Took longer"),
    Unit.PERCENT,
    _("Served appointments that took longer than they were planned, as a share of all those served."),
)
BEGUN = Column("begun", _("Appointments that began"), meaning=_("Appointments at which service began."))
MISSING = Column(
    "missing_documents",
    _("Documents missing"),
    meaning=_("Visits that ended without the service because a document was missing."),
)
MISSING_SHARE = Column(
    "missing_documents_percent",
    _("Documents missing, of visits"),
    Unit.PERCENT,
    _("Visits that ended because a document was missing, as a share of all visits that were served."),
)
VISITS = Column("visits", _("Visits"), meaning=_("Served with an appointment or without."))
CALLS = Column("video_calls", _("Video calls"), meaning=_("Video appointments for which a call was made."))
CONNECTED = Column(
    "video_connected_percent",
    _("Video calls that connected"),
    Unit.PERCENT,
    _("Video calls in which an officer and the citizen were both let in, as a share of those made."),
)
MESSAGES = Column(
    "messages",
    _("Messages"),
    meaning=_("Mails and SMS about the appointments of this time that were sent, or that had to be given up."),
)
LOST = Column(
    "messages_lost_percent",
    _("Messages that did not arrive"),
    Unit.PERCENT,
    _("Messages that failed, came back, or of which nobody knows whether they arrived, as a share of all."),
)

FIRST_FREE = Column(
    "first_free_days",
    _("Days to a free time"),
    Unit.DAYS,
    _(
        "Each morning it is looked up for each branch, service and channel how many days away the first time is that the "
        "public can book. In half of these looks it was so many days away or fewer. 0 is the same day. It is empty if "
        "nothing was free in more than half of them."
    ),
)
THIRD_FREE = Column(
    "third_free_days",
    _("Days to the third free time"),
    Unit.DAYS,
    _("The same of the third free time. It says more than the first, which somebody may just have given back."),
)
LOOKS = Column(
    "looks", _("Looks"), meaning=_("How often it was looked up: once a day for each branch, service and channel.")
)
