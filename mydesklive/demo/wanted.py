"""What visitors of the demo have wanted over the last year: invented, in the size of what they have booked.

Free times are looked up once, today, and a little more or less of them is told for a day of each month before.
"""

from datetime import UTC, date, datetime

from django.db import connection, transaction

from reports.demand import sampling
from reports.models import DailyWait

# A day of each month in the middle, with more days to wait in the busy months. One in thirty finds nothing.
WAITS = """
INSERT INTO reports_dailywait (agency_id, branch_id, day, procedure_id, channel, first_days, third_days, reach_days)
SELECT agency_id, branch_id, past.day, procedure_id, channel, CASE WHEN luck %% 30 > 0 THEN first END,
    CASE WHEN luck %% 30 > 0 THEN first + luck %% 4 END, reach_days
FROM reports_dailywait today
CROSS JOIN LATERAL (
    SELECT (month + interval '14 days')::date AS day, extract(month FROM month)::int AS number
    FROM generate_series(date_trunc('month', %(since)s::date), %(today)s::date - interval '1 month', '1 month') AS month
) AS past
CROSS JOIN LATERAL (SELECT abs(hashtext(concat(branch_id, procedure_id, channel, past.day))) AS luck) AS one
CROSS JOIN LATERAL (
    SELECT coalesce(first_days, 9) + luck %% 5 + CASE WHEN number IN (9, 10) THEN 3 WHEN number = 8 THEN -1 ELSE 0 END AS wanted
) AS more
CROSS JOIN LATERAL (SELECT greatest(wanted, 0) AS first) AS days
WHERE today.day = %(today)s
"""
# For each booking on the website there were some who held a time and went away, and some who found none.
JOURNEYS = """
INSERT INTO reports_dailydemand (agency_id, branch_id, day, procedure_id, channel, device, language, held, filled, booked,
    nothing_free, went_away)
SELECT agency_id, branch_id, day, procedure_id, channel, device, language, round(booked * held), round(booked * filled),
    round(booked * share), round(booked * none), round(booked * none * 0.6)
FROM (
    SELECT agency_id, branch_id, day, procedure_id, channel, sum(booked) AS booked FROM reports_dailyfact
    WHERE source = 'web' AND day BETWEEN %(since)s AND %(today)s GROUP BY 1, 2, 3, 4, 5
) AS fact
CROSS JOIN (VALUES ('phone', 'el', 0.62, 1.21, 0.85, 0.13), ('computer', 'el', 0.33, 0.52, 0.41, 0.05),
    ('tablet', 'el', 0.04, 0.07, 0.05, 0.01), ('phone', 'en', 0.05, 0.12, 0.08, 0.02))
    AS kind (device, language, share, held, filled, none)
WHERE booked * held >= 1 ON CONFLICT DO NOTHING
"""
# Most read a page without booking.
VIEWS = """
INSERT INTO reports_pageviews (month, procedure_id, language, country, device, views)
SELECT month, procedure_id, language, country, device, round(booked * share)
FROM (
    SELECT month, procedure_id, sum(booked) AS booked FROM reports_monthlysum
    WHERE source = 'web' AND month >= date_trunc('month', %(since)s::date) AND month <= %(today)s GROUP BY month, procedure_id
) AS fact
CROSS JOIN (VALUES ('el', 'GR', 'phone', 2.9), ('el', 'GR', 'computer', 1.4), ('el', 'GR', 'tablet', 0.15),
    ('el', 'CY', 'phone', 0.09), ('el', 'DE', 'phone', 0.16), ('el', 'DE', 'computer', 0.07), ('en', 'GR', 'phone', 0.2),
    ('en', 'GB', 'phone', 0.06), ('en', 'US', 'computer', 0.05), ('en', 'AU', 'phone', 0.07), ('el', '', 'phone', 0.3))
    AS kind (language, country, device, share)
WHERE booked * share >= 1 ON CONFLICT DO NOTHING
"""
# Texts that some networks have looked for, so that they may be shown: they stand for what no agency here offers yet.
SEARCHES = """
INSERT INTO reports_dailysearch (agency_id, day, language, text, visitors, crowd)
SELECT NULL, day, 'el', text, 1 + abs(hashtext(concat(text, day))) %% often, 1::bigint << (abs(hashtext(concat(day, text))) %% 60)
FROM generate_series(%(since)s::date, %(today)s::date, '3 days') AS day
CROSS JOIN (VALUES ('διαβατηριο', 9), ('διπλωμα οδηγησης', 6), ('αδεια διαμονης', 4), ('αμκα', 3)) AS sought (text, often)
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def fill(since: date, *, now: datetime) -> int:
    """Writes it for the days from `since` on, unless it is there; returns how many waits."""
    if DailyWait.objects.exists():
        return 0
    morning = datetime.combine(now.date(), sampling.MORNING, UTC)
    sampling.sample(now=max(now, morning))
    with connection.cursor() as cursor:
        for statement in (WAITS, JOURNEYS, VIEWS, SEARCHES):
            cursor.execute(statement, {"since": since, "today": now.date()})
    return DailyWait.objects.count()
