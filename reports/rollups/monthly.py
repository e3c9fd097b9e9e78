"""The figures of months, which are sums of those of days. The database adds them up itself.

A trigger takes away what a day had when its rows are deleted, and adds what new rows have, in one statement. So a changed
day costs the same, however long the month and however large the agency, and whoever counts days cannot forget the months.
"""

from dataclasses import dataclass, replace

from reports.rollups.facts import DAYS, FIGURES, SECONDS

SPREADS = {
    "ahead_spread": len(DAYS) + 1,
    **dict.fromkeys(("late_spread", "waiting_spread", "serving_spread"), len(SECONDS) + 1),
}
SUMS = tuple(name for name in FIGURES if name not in SPREADS)


@dataclass(frozen=True)
class Months:
    """A table of sums of days. `key` gives the SQL of each column that tells rows apart, from a row of the daily table."""

    table: str
    key: dict[str, str]
    sums: tuple[str, ...]
    spreads: dict[str, int]
    rows: str = "count(*)"

    @property
    def columns(self) -> str:
        return ", ".join((*self.key, *self.sums, *self.spreads, "rows"))

    def summed(self, days: str) -> str:
        """Returns the SQL of the sums of the rows of `days`, which are rows of the daily table."""
        key = [
            f"max({column}) AS {name}" if name in self.decided else f"{column} AS {name}"
            for name, column in self.key.items()
        ]
        sums = [f"sum({name})::bigint AS {name}" for name in self.sums]
        spreads = [
            f"{_places(size, f'coalesce(sum({name}[{{0}}]), 0)')}::int[] AS {name}"
            for name, size in self.spreads.items()
        ]
        return f"""
            SELECT {", ".join((*key, *sums, *spreads, f"({self.rows})::int AS rows"))} FROM {days}
            GROUP BY {", ".join(column for name, column in self.key.items() if name not in self.decided)}
        """

    def add(self, days: str, sign: int) -> str:
        """Returns the statement that adds the rows of `days`, or takes them away."""
        numbers = (*self.sums, "rows")
        signed = [
            *(f"{sign} * told.{name}" for name in numbers),
            *(_places(size, f"{sign} * told.{name}[{{0}}]") for name, size in self.spreads.items()),
        ]
        more = [
            *(f"{name} = excluded.{name}" for name in self.decided),
            *(f"{name} = kept.{name} + excluded.{name}" for name in numbers),
            *(
                f"{name} = {_places(size, f'kept.{name}[{{0}}] + excluded.{name}[{{0}}]')}"
                for name, size in self.spreads.items()
            ),
        ]
        return f"""
            INSERT INTO {self.table} AS kept ({", ".join((*self.key, *numbers, *self.spreads))})
            SELECT {", ".join((*(f"told.{name}" for name in self.key), *signed))} FROM ({self.summed(days)}) AS told
            ON CONFLICT ({", ".join(name for name in self.key if name not in self.decided)})
            DO UPDATE SET {", ".join(more)}
        """

    def follow(self, days: str) -> str:
        """Returns the SQL of the triggers on the daily table that keep this one. Rows of days are never updated."""
        return "".join(
            f"""
            CREATE FUNCTION {self.table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                {self.add("changed", sign)};
                RETURN NULL;
            END $$;
            CREATE TRIGGER {self.table}_{event} AFTER {event} ON {days}
                REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {self.table}_{event}();
            """
            for event, rows, sign in (("insert", "NEW", 1), ("delete", "OLD", -1))
        )

    @property
    def unfollow(self) -> str:
        return "".join(f"DROP FUNCTION {self.table}_{event}() CASCADE;" for event in ("insert", "delete"))

    @property
    def decided(self) -> tuple[str, ...]:
        """Returns the columns that another one decides: the branch its agency."""
        return ("agency_id",) if "branch_id" in self.key else ()

    def forget(self, months: str) -> str:
        """Returns the statement that deletes what no day is left of, in `months`: SQL of branches or agencies, and months."""
        place = "branch_id" if "branch_id" in self.key else "agency_id"
        return f"""
            DELETE FROM {self.table} kept USING ({months}) AS at ({place}, month)
            WHERE kept.rows = 0 AND kept.{place} = at.{place} AND kept.month = at.month
        """


def _places(size: int, value: str) -> str:
    """Returns the SQL of an array of that size, from the SQL of the value at place {0}."""
    return f"ARRAY[{', '.join(value.format(place) for place in range(1, size + 1))}]"


MONTH = "date_trunc('month', day)::date"
KIND = {name: name for name in ("procedure_id", "channel", "source", "outcome")}
PLACE = {"agency_id": "agency_id", "branch_id": "branch_id", "month": MONTH}
OF_BRANCHES = Months("reports_monthlyfact", PLACE | KIND, SUMS, SPREADS)
OF_AGENCIES = Months("reports_monthlysum", {"agency_id": "agency_id", "month": MONTH} | KIND, SUMS, SPREADS)
OF_HOURS = Months("reports_monthlyhours", PLACE | {"weekday": "extract(isodow FROM day)::int"}, (), {"hours": 24})
OF_RATINGS = Months(
    "reports_monthlyrating",
    {name: name for name in ("agency_id", "procedure_id", "channel", "score")} | {"month": MONTH},
    ("ratings",),
    {},
)
OF_WAITS = Months(
    "reports_monthlywait", PLACE | {name: name for name in ("procedure_id", "channel", "first_days")}, (), {}
)
OF_DEMAND = Months(
    "reports_monthlydemand",
    PLACE | {name: name for name in ("procedure_id", "channel", "device", "language")},
    ("held", "filled", "booked", "nothing_free", "went_away"),
    {},
)
# The second from the first, which is shorter than the days.
OF_AGENCIES_AGAIN = replace(OF_AGENCIES, key={"agency_id": "agency_id", "month": "month"} | KIND, rows="sum(rows)")
