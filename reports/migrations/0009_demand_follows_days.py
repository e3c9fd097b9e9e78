from django.db import migrations

from reports.rollups.monthly import Months

PLACE = {"agency_id": "agency_id", "branch_id": "branch_id", "month": "date_trunc('month', day)::date"}
KIND = {name: name for name in ("procedure_id", "channel")}
OF_WAITS = Months("reports_monthlywait", PLACE | KIND | {"first_days": "first_days"}, (), {})
OF_DEMAND = Months(
    "reports_monthlydemand",
    PLACE | KIND | {"device": "device", "language": "language"},
    ("held", "filled", "booked", "nothing_free", "went_away"),
    {},
)
FOLLOW = OF_WAITS.follow("reports_dailywait") + OF_DEMAND.follow("reports_dailydemand")


class Migration(migrations.Migration):
    """The waits and visitors of months follow those of days."""

    dependencies = [("reports", "0008_unmet_demand")]

    operations = [migrations.RunSQL(FOLLOW, OF_WAITS.unfollow + OF_DEMAND.unfollow)]
