"""The list of branches to choose from, and other branches with free times when one branch has none."""

from datetime import datetime

from django.http import HttpRequest

from agencies.finding import search
from agencies.finding.places import Row, by_place, soonest
from agencies.models import Branch, Procedure
from agencies.models.branch import BranchQuerySet
from appointments.times.availability import earliest

MAX_QUERY = 100
SOONEST = 3  # branches offered before the list of all
ELSEWHERE = 3  # other branches offered where nothing is free
FEW = 30  # branches that are listed at once; of more, those of the place that is chosen


def to_choose_from(
    request: HttpRequest, branches: BranchQuerySet, procedure: Procedure, channel: str, now: datetime
) -> dict[str, object]:
    """Returns what the page of branches shows: the branches that match the search, by place, and the soonest.

    `opened` are the keys of the places whose branches are listed. A page with hundreds of branches would be heavy.
    """
    query = request.GET.get("q", "").strip()[:MAX_QUERY]
    free = earliest(procedure, channel, now=now)
    found = branches.filter(pk__in=search.branches(query, branches)) if query else branches
    places = by_place(found, {pk: time.starts_at for pk, time in free.items()})
    are_few = len(places) == 1 or sum(len(place.rows) for place in places) <= FEW
    return {
        "query": query,
        "places": places,
        "opened": [place.key for place in places] if are_few else [request.GET.get("place")],
        "soonest": soonest(places, SOONEST) if len(places) > 1 else [],
    }


def with_earliest_times(procedure: Procedure, channel: str, branch: Branch, now: datetime) -> list[Row]:
    """Returns other branches with their earliest times, with two queries.

    Branches of the same region come first, then those of the same country, then the others.
    """
    free = earliest(procedure, channel, now=now)
    rows = [Row(one, free[one.pk].starts_at) for one in Branch.objects.filter(pk__in=free).exclude(pk=branch.pk)]

    def nearness(row: Row) -> tuple[bool, bool, datetime | None]:
        return row.branch.country != branch.country, row.branch.region_el != branch.region_el, row.earliest

    return sorted(rows, key=nearness)[:ELSEWHERE]
