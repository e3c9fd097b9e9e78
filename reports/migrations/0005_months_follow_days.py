from django.db import migrations

from reports.rollups.monthly import Months

MONTH = "date_trunc('month', day)::date"
KIND = {name: name for name in ("procedure_id", "channel", "source", "outcome")}
PLACE = {"agency_id": "agency_id", "branch_id": "branch_id", "month": MONTH}
SUMS = (
    *("requested", "booked", "due", "minutes", "moved", "video_calls", "video_connected", "messages", "messages_lost"),
    *("walk_ins", "access_needs", "missing_documents", "overran"),
    *("cancelled", "cancelled_late", "cancelled_by_citizen", "cancelled_late_by_citizen"),
    *("days_ahead", "late_seconds", "waiting_seconds", "serving_seconds", "begun", "punctual", "waited", "timed"),
)
SPREADS = {"ahead_spread": 13, "late_spread": 15, "waiting_spread": 15, "serving_spread": 15}
OF_BRANCHES = Months("reports_monthlyfact", PLACE | KIND, SUMS, SPREADS)
OF_AGENCIES = Months("reports_monthlysum", {"agency_id": "agency_id", "month": MONTH} | KIND, SUMS, SPREADS)
OF_HOURS = Months("reports_monthlyhours", PLACE | {"weekday": "extract(isodow FROM day)::int"}, (), {"hours": 24})
OF_RATINGS = Months(
    "reports_monthlyrating",
    {name: name for name in ("agency_id", "procedure_id", "channel", "score")} | {"month": MONTH},
    ("ratings",),
    {},
)

FOLLOW = "".join(
    (
        OF_BRANCHES.follow("reports_dailyfact"),
        OF_AGENCIES.follow("reports_dailyfact"),
        OF_HOURS.follow("reports_dailyhours"),
        OF_RATINGS.follow("reports_dailyrating"),
    )
)
UNFOLLOW = "".join(months.unfollow for months in (OF_BRANCHES, OF_AGENCIES, OF_HOURS, OF_RATINGS))
# What was counted before. The hours are counted with the days, as the worker takes these notes away.
FILL = f"""
{OF_BRANCHES.add("reports_dailyfact", 1)};
{OF_AGENCIES.add("reports_dailyfact", 1)};
{OF_RATINGS.add("reports_dailyrating", 1)};
INSERT INTO appointments_changedday (branch_id) SELECT id FROM agencies_branch;
"""


class Migration(migrations.Migration):
    """The sums of months follow the figures of days, whichever release counts these."""

    dependencies = [("appointments", "0039_noting_changed_days"), ("reports", "0004_figures_of_months")]

    operations = [migrations.RunSQL(FOLLOW, UNFOLLOW), migrations.RunSQL(FILL, migrations.RunSQL.noop)]
