"""What the public can book: the services that are offered, the open branches, and which branch serves which service.

Every page of a booking reads it, and it changes a few times a day. So it is kept in memory, together with a stamp of its
rows. PostgreSQL makes the stamp anew for each page. Any change of a row gives another stamp, also a change by another
process or by plain SQL, so a page never shows what no longer holds.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.db import connection

from accounts.work.kept import Kept
from agencies.models import Agency, Branch, OpeningRule, Procedure
from agencies.models.channel import REMOTE

Purpose = OpeningRule.Purpose
OF_RULES = ("purpose", "branch__agency", "branch", "channels", "procedures")

_TABLES = [model._meta.db_table for model in (Agency, Procedure, Branch, OpeningRule, OpeningRule.procedures.through)]
# `ctid` is the place of a row and `xmin` the transaction that wrote it. A changed row gets a new place.
STAMP = "SELECT sum(rows) || '-' || sum(places) FROM ({}) AS stamp".format(
    " UNION ALL ".join(
        f"SELECT count(*) AS rows, sum(hashtidextended(ctid, xmin::text::bigint)) AS places FROM {table}"
        for table in _TABLES
    )
)


@dataclass(frozen=True, slots=True)
class Offering:
    """The rows are shared by all pages: nobody may change them.

    `stamp` is different for every state of the rows. `services` are by the address of the platform and their own code;
    `branches` are the open ones of each agency (its key). `served` are the keys of the services that a branch (its key)
    serves in a channel, with None if it serves all. `lines` are the branches (keys) of each agency (its key) that people
    can call without an appointment at some hours, by telephone or video.
    """

    stamp: str
    services: dict[tuple[str, str], Procedure]
    branches: dict[int, list[Branch]]
    served: dict[tuple[int, str], set[int | None]]
    lines: dict[int, set[int]]

    def serving(self, procedure: Procedure, channel: str) -> list[Branch]:
        """Returns the same as `Branch.objects.serving`: the branches where the public can book, even without free times."""
        return [
            branch
            for branch in self.branches.get(procedure.agency_id, [])
            if not self.served.get((branch.pk, channel), set()).isdisjoint((procedure.pk, None))
        ]

    def with_line(self, agency: int) -> list[Branch]:
        """Returns the open branches of the agency (its key) in `lines`."""
        lines = self.lines.get(agency)
        return [branch for branch in self.branches.get(agency, []) if branch.pk in lines] if lines else []


_offerings: Kept[None, Offering] = Kept(most=1)


def current() -> Offering:
    """Returns the offering as it is now. Takes one query, or four if it has changed."""
    stamp = stamp_now()
    # Rows that change while they are read get another stamp, and are read again for the next page.
    return _offerings.get(None, holds=lambda offering: offering.stamp == stamp, make=lambda: _read(stamp))


def stamp_now() -> str:
    """Returns the stamp of the rows as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(STAMP)
        return str(cursor.fetchone()[0])


def _read(stamp: str) -> Offering:
    services = {
        (one.agency.platform_slug, one.code): one for one in Procedure.objects.offered().select_related("agency")
    }
    branches: dict[int, list[Branch]] = defaultdict(list)
    for branch in Branch.objects.open().select_related("agency").order_by("pk"):
        branches[branch.agency_id].append(branch)
    served: dict[tuple[int, str], set[int | None]] = defaultdict(set)
    lines: dict[int, set[int]] = defaultdict(set)
    for purpose, agency, branch, channels, named in OpeningRule.objects.values_list(*OF_RULES):
        if purpose == Purpose.PUBLIC:
            for channel in channels:
                served[branch, channel].add(named)
        elif purpose == Purpose.WALK_IN and REMOTE.intersection(channels):
            lines[agency].add(branch)
    return Offering(stamp, services, dict(branches), dict(served), dict(lines))
