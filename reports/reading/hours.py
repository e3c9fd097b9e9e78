"""Reads when people come: served visits by weekday and hour."""

from django.db import connection

from reports.selecting.selection import Selection

SUMS = ", ".join(f"coalesce(sum(visit.hours[{hour}]), 0)" for hour in range(1, 25))


def hours(selection: Selection) -> dict[int, list[int]]:
    """Returns for each weekday (1 is Monday) the visits that began in each of its 24 hours, by the clocks of the branches.

    Services and channels are not told apart here.
    """
    condition, params = selection.everything_there.where("visit", branch="branch")
    statement = f"""
        SELECT weekday, {SUMS} FROM reports_monthlyhours visit JOIN agencies_branch branch ON branch.id = visit.branch_id
        WHERE {condition} GROUP BY weekday ORDER BY weekday
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return {weekday: found for weekday, *found in cursor.fetchall()}
