"""The list of branches to choose from, and other branches with free times when one branch has none."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.http import HttpRequest

from agencies.finding import search
from agencies.finding.places import Row, best_first, by_place, soonest
from agencies.models import Branch
from appointments.times.availability import FreeTime

MAX_QUERY = 100
SOONEST = 3  # branches offered before the list of all
ELSEWHERE = 3  # other branches offered where nothing is free
FEW = 30  # branches that are listed at once; of more, those of the place that is chosen


def to_choose_from(request: HttpRequest, branches: list[Branch], free: Mapping[int, FreeTime]) -> dict[str, object]:
    """Returns what the page of branches shows: the branches that match the search, by place, and the soonest.

    `free` is the earliest time of each branch (its key).
    `opened` are the keys of the places whose branches are listed. A page with hundreds of branches would be heavy.
    """
    query = request.GET.get("q", "").strip()[:MAX_QUERY]
    found = _matching(query, branches)
    places = by_place(found, {pk: time.starts_at for pk, time in free.items()})
    if query:
        places = best_first(places, found)
    are_few = len(places) == 1 or sum(len(place.rows) for place in places) <= FEW
    return {
        "query": query,
        "places": places,
        "opened": [place.key for place in places] if are_few else [request.GET.get("place")],
        "soonest": soonest(places, SOONEST) if len(places) > 1 else [],
    }


def _matching(query: str, branches: list[Branch]) -> list[Branch]:
    if not query:
        return branches
    return list(search.ranked(Branch.objects.filter(pk__in=[branch.pk for branch in branches]), query))


def with_earliest_times(branch: Branch, branches: Iterable[Branch], free: Mapping[int, FreeTime]) -> list[Row]:
    """Returns others of the branches with their earliest times.

    Branches of the same region come first, then those of the same country, then the others.
    """
    rows = [Row(one, free[one.pk].starts_at) for one in branches if one.pk in free and one.pk != branch.pk]

    def nearness(row: Row) -> tuple[bool, bool, datetime | None]:
        return row.branch.country != branch.country, row.branch.region_el != branch.region_el, row.earliest

    return sorted(rows, key=nearness)[:ELSEWHERE]
