"""Counts what visitors of the website wanted, and takes their rows away two days later.

All days that still have rows are counted anew each time, so a run may come late, twice, or end half way. A day goes with all
its rows, when it is over everywhere and nobody adds to it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from agencies.models import Search
from appointments.models import Journey, NothingFree
from reports.models import DailySearch

ROWS_STAY = timedelta(days=2)  # after the day (UTC)
# What so many networks looked for, at least, is no secret of one person, and may be shown.
CROWD = 5
# What fewer looked for is forgotten, and stays as a number.
RARE_STAY, SEARCHES_STAY = timedelta(days=30), timedelta(days=365)

ROWS = (Journey, NothingFree, Search)

# Whoever is told in several places that nothing is free counts where it was last.
VISITS = """
SELECT agency_id, branch_id, day, procedure_id, channel, device, language, 1 AS held,
    (filled_at IS NOT NULL OR appointment_id IS NOT NULL)::int AS filled,
    EXISTS (SELECT FROM appointments_appointment WHERE id = appointment_id AND booked_at IS NOT NULL)::int AS booked,
    0 AS nothing_free, 0 AS went_away
FROM appointments_journey
UNION ALL
SELECT agency_id, branch_id, day, procedure_id, channel, device, language, 0, 0, 0, 1, (NOT EXISTS (
    SELECT FROM appointments_journey later
    WHERE later.visitor = told.visitor AND later.procedure_id = told.procedure_id AND later.held_at >= told.at
))::int
FROM (
    SELECT DISTINCT ON (visitor, procedure_id) * FROM appointments_nothingfree ORDER BY visitor, procedure_id, at DESC, id DESC
) AS told
"""
KEY = "agency_id, branch_id, day, procedure_id, channel, device, language"
FIGURES = ("held", "filled", "booked", "nothing_free", "went_away")
# A service, branch or agency that is no more has no figures.
DEMAND = f"""
SELECT {KEY}, {", ".join(f"sum({figure}) AS {figure}" for figure in FIGURES)} FROM ({VISITS}) AS visit
WHERE EXISTS (SELECT FROM agencies_procedure WHERE id = procedure_id)
    AND EXISTS (SELECT FROM agencies_agency WHERE id = agency_id)
    AND (branch_id IS NULL OR EXISTS (SELECT FROM agencies_branch WHERE id = branch_id))
GROUP BY {KEY}
"""
SEARCHES = """
SELECT agency_id, day, language, text, count(*) AS visitors, bit_or(crowd) AS crowd FROM agencies_search search
WHERE agency_id IS NULL OR EXISTS (SELECT FROM agencies_agency WHERE id = search.agency_id)
GROUP BY agency_id, day, language, text
"""
# Days whose rows are gone stand as they were counted. A clock that was wrong may have written some more of them since.
LATE = "day IN (SELECT day FROM reports_settledday)"
SETTLE = f"""
INSERT INTO reports_settledday (day) SELECT day FROM (
    {" UNION ".join(f"SELECT day FROM {model._meta.db_table}" for model in ROWS)}
) AS counted WHERE day < %(first)s
"""
COUNT = (
    *(f"DELETE FROM {model._meta.db_table} WHERE {LATE}" for model in ROWS),
    """DELETE FROM reports_dailydemand WHERE day IN (
        SELECT day FROM appointments_journey UNION SELECT day FROM appointments_nothingfree
    )""",
    f"INSERT INTO reports_dailydemand ({KEY}, {', '.join(FIGURES)}) {DEMAND}",
    "DELETE FROM reports_dailysearch WHERE day IN (SELECT day FROM agencies_search)",
    f"INSERT INTO reports_dailysearch (agency_id, day, language, text, visitors, crowd) {SEARCHES}",
)
# Texts that a crowd looked for: rows of DailySearch that may be shown.
KNOWN = """
SELECT text FROM reports_dailysearch WHERE text <> '' GROUP BY text HAVING bit_count(bit_or(crowd)::bit(64)) >= %(crowd)s
"""
FORGET = tuple(f"DELETE FROM {model._meta.db_table} WHERE day < %(first)s" for model in ROWS)
FORGET_RARE = f"""
WITH gone AS (
    DELETE FROM reports_dailysearch WHERE text <> '' AND day < %(before)s AND text NOT IN ({KNOWN})
    RETURNING agency_id, day, language, visitors
)
INSERT INTO reports_dailysearch AS kept (agency_id, day, language, text, visitors, crowd)
SELECT agency_id, day, language, '', sum(visitors), 0 FROM gone GROUP BY agency_id, day, language
ON CONFLICT (day, text, agency_id, language) DO UPDATE SET visitors = kept.visitors + excluded.visitors
"""


@transaction.atomic
def count(*, now: datetime) -> None:
    """Counts all rows of visitors anew, and deletes those of days that are settled. Others who count wait."""
    today = now.astimezone(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock('reports_dailydemand'::regclass::oid::bigint)")
        for statement in COUNT:
            cursor.execute(statement)
        asked: dict[str, Any] = {"crowd": CROWD, "before": today - RARE_STAY, "first": today - ROWS_STAY}
        for statement in (FORGET_RARE, SETTLE, *FORGET):
            cursor.execute(statement, asked)
    DailySearch.objects.filter(day__lt=today - SEARCHES_STAY).delete()
