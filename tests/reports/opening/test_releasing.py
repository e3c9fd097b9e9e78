"""Tests of the release of months: what is in one, that it never changes, and that nothing small can be found again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, Branch, Channel, Procedure
from appointments.models import Appointment, Miscount, Rating, Status
from reports import counting, tasks
from reports.models import DailyFact, PageViews, Release, ReleasedRow
from reports.opening import releasing
from reports.opening.hiding import LEAST, SMALL
from reports.opening.releasing import UnreleasedError
from reports.published import published
from tests.builders import a_branch, a_procedure, an_agency, counted_since

pytestmark = pytest.mark.django_db
# October is released on the day of November on which it is over for two weeks.
OCTOBER, NOVEMBER = date(2025, 10, 1), date(2025, 11, 1)
LAST = date(2025, 10, 31)
JUST_BEFORE = datetime(2025, 11, 14, 21, 59, tzinfo=UTC)
RELEASED = datetime(2025, 11, 14, 22, 0, tzinfo=UTC)
FIGURES = ("served", "missed", "cancelled")
minutes = count()


def an_office(slug: str = "kep", services: int = 3, **fields: object) -> Branch:
    agency = an_agency(slug, live_since=date(2025, 9, 1), **fields)
    for number in range(services):
        a_procedure(agency, f"{slug}-{number}", channels=[*Channel])
    counted_since(date(2025, 9, 1))
    return a_branch(agency, f"{slug}-one")


def visits(branch: Branch, number: int, service: int = 0, *, status: str = Status.COMPLETED, **fields: object) -> None:
    """Makes appointments on one day of October."""
    day = fields.pop("day", date(2025, 10, 15))
    assert isinstance(day, date)
    procedure = Procedure.objects.get(code=f"{branch.agency.slug}-{service}")
    at = [
        datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(seconds=next(minutes) % 9_999)
        for _ in range(number)
    ]
    ended = status in (Status.NO_SHOW, Status.CANCELLED)
    Appointment.objects.bulk_create(
        Appointment(
            agency=branch.agency,
            branch=branch,
            procedure=procedure,
            status=status,
            starts_at=one,
            ends_at=one + timedelta(minutes=10),
            created_at=one - timedelta(days=1),
            ended_at=one if ended else None,
            **{"channel": Channel.IN_PERSON} | fields,
        )
        for one in at
    )


def rows(dataset: str, month: str = "2025-10") -> list[dict]:
    return [
        cells
        for cells in ReleasedRow.objects.filter(dataset=dataset).order_by("pk").values_list("cells", flat=True)
        if cells["month"] == month
    ]


def released(now: datetime = RELEASED) -> list[str]:
    releasing.release_due(now=now)
    return [str(release) for release in Release.objects.all()]


def test_month_is_released_two_weeks_after_its_end() -> None:
    visits(an_office(), 30)
    assert released(JUST_BEFORE) == []
    assert released() == ["2025-10"]


def test_late_start_releases_every_month_once() -> None:
    branch = an_office()
    visits(branch, 30)
    visits(branch, 40, day=date(2025, 12, 30))
    assert released(datetime(2026, 3, 1, tzinfo=UTC)) == ["2025-10", "2025-11", "2025-12", "2026-01"]
    before = list(ReleasedRow.objects.values_list("pk", "cells"))
    assert releasing.release_due(now=datetime(2026, 3, 1, tzinfo=UTC)) == 0
    assert list(ReleasedRow.objects.values_list("pk", "cells")) == before
    assert [row["served"] for row in rows("agencies", "2025-12")] == [40]


def test_month_that_fails_leaves_the_others_alone_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    visits(an_office(), 30)
    visits(Branch.objects.get(), 30, day=date(2025, 11, 3))
    right = releasing._release

    def release(month: date, now: datetime) -> bool:
        if month == OCTOBER:
            raise RuntimeError
        return right(month, now)

    monkeypatch.setattr(releasing, "_release", release)
    later = RELEASED + timedelta(days=31)
    with pytest.raises(UnreleasedError, match="1 months"):
        releasing.release_due(now=later)
    assert [str(one) for one in Release.objects.all()] == ["2025-11"]
    monkeypatch.undo()
    assert released(later) == ["2025-10", "2025-11"]


def test_nothing_is_released_before_there_is_anything() -> None:
    an_office()
    assert released() == []


def test_agencies_have_the_figures_of_the_published_table() -> None:
    branch = an_office()
    visits(branch, 30)
    visits(branch, 4, 1, status=Status.NO_SHOW)
    visits(branch, 12, 2, status=Status.CANCELLED)
    visits(branch, 50, day=date(2025, 11, 3))
    released()
    (row,) = rows("agencies")
    (line,) = published(LAST).lines
    assert line.totals is not None
    assert [row[name] for name in ("requests", *FIGURES)] == [46, 30, None, 12]
    assert row["requests"] == line.totals.submitted
    assert row.keys() == {"month", "agency", "agency_el", "agency_en", "requests", *FIGURES, "satisfied_percent"}


def test_services_show_what_is_not_small() -> None:
    branch = an_office()
    for service, number in enumerate((12, 300, 25)):
        visits(branch, number, service)
    visits(branch, 40, channel=Channel.VIDEO)
    released()
    shown = {(row["service"], row["channel"]): row["served"] for row in rows("services")}
    assert shown == {
        ("kep-0", "in_person"): 12,
        ("kep-0", "video"): 40,
        ("kep-1", "in_person"): 300,
        ("kep-2", "in_person"): 25,
    }
    assert {row["missed"] for row in rows("services")} == {0}


def test_small_count_is_hidden_with_another_one() -> None:
    branch = an_office()
    for service, number in enumerate((3, 300, 25)):
        visits(branch, number, service)
    released()
    assert len(rows("services")) == 1
    assert "kep-0" not in {row["service"] for row in rows("services")}


def test_month_stays_as_it_was_when_something_is_corrected_later() -> None:
    branch = an_office()
    for service, number in enumerate((9, 300, 25)):
        visits(branch, number, service)
    released()
    before = rows("services") + rows("agencies")
    visits(branch, 1)
    Appointment.objects.filter(procedure__code="kep-1").first().delete()  # type: ignore[union-attr]
    assert releasing.release_due(now=RELEASED + timedelta(days=20)) == 0
    assert rows("services") + rows("agencies") == before


def test_release_after_a_restored_backup_is_the_same() -> None:
    branch = an_office(services=8)
    for service, number in enumerate((9, 300, 25, 4, 80, 90, 100, 110)):
        visits(branch, number, service)
    released()
    before = rows("services")
    ReleasedRow.objects.all().delete()
    Release.objects.all().delete()
    released()
    assert rows("services") == before


@pytest.mark.parametrize(
    "fields", [{"publishes_figures": False}, {"stage": Agency.Stage.PILOT}, {"stage": Agency.Stage.REQUEST}]
)
def test_agency_that_publishes_no_figures_is_in_nothing(fields: dict) -> None:
    visits(an_office("kep"), 30)
    hidden = an_office("dypa", **fields)
    visits(hidden, 70)
    released()
    assert {row["agency"] for row in [*rows("agencies"), *rows("services")]} == {"kep"}
    assert rows("agencies")[0]["served"] == 30


def test_agency_that_starts_or_stops_to_publish_changes_no_month_of_before() -> None:
    visits(an_office("kep"), 30)
    late = an_office("dypa", publishes_figures=False)
    for day in (date(2025, 10, 15), date(2025, 11, 15)):
        visits(late, 70, day=day)
    released()
    Agency.objects.filter(slug="kep").update(publishes_figures=False)
    Agency.objects.filter(slug="dypa").update(publishes_figures=True)
    released(RELEASED + timedelta(days=31))
    assert [row["agency"] for row in rows("agencies")] == ["kep"]
    assert [row["agency"] for row in rows("agencies", "2025-11")] == ["dypa"]


def test_page_views_are_those_of_agencies_that_publish_without_small_ones() -> None:
    visits(an_office("kep"), 30)
    an_office("dypa", publishes_figures=False)
    for code, country, device, number in (
        ("kep-0", "GR", "phone", 900),
        ("kep-0", "GR", "computer", 50),
        ("kep-0", "", "computer", 40),
        ("kep-1", "MT", "tablet", 2),
        ("dypa-0", "GR", "phone", 700),
    ):
        for language in ("el", "en"):
            service = Procedure.objects.get(code=code)
            PageViews.objects.create(
                month=OCTOBER, procedure=service, language=language, country=country, device=device, views=number
            )
    released()
    shown = {(row["service"], row["country"], row["device"]): row["views"] for row in rows("page-views")}
    everything = {
        ("kep-0", "GR", "phone"): 1800,
        ("kep-0", "GR", "computer"): 100,
        ("kep-0", "unknown", "computer"): 80,
    }
    assert len(shown) == 2
    assert shown.items() <= everything.items()


def test_share_of_satisfied_needs_ten_on_either_side() -> None:
    branch = an_office()
    visits(branch, 30)
    shares = []
    for month, others in enumerate((9, 10)):
        day = date(2025, 10 + month, 15)
        scores = [5] * 20 + [3] * others
        Rating.objects.bulk_create(
            Rating(
                agency=branch.agency,
                procedure=branch.agency.procedures.first(),
                channel="video",
                served_on=day,
                score=score,
            )
            for score in scores
        )
        released(RELEASED + month * timedelta(days=31))
        shares += [row["satisfied_percent"] for row in rows("agencies", f"{day:%Y-%m}")]
    assert shares == [None, 67]


def test_no_month_is_released_while_figures_differ_from_the_rows(caplog: pytest.LogCaptureFixture) -> None:
    branch = an_office()
    visits(branch, 30)
    wrong = Miscount.objects.create(
        agency_id=branch.agency_id, branch=branch, first_day=OCTOBER, days=1, found_at=RELEASED
    )
    assert released() == []
    assert "wait for their release" in caplog.text
    wrong.delete()
    tasks.release_months()
    assert "2025-10" in {str(release) for release in Release.objects.all()}


def test_month_takes_the_same_queries_for_many_agencies() -> None:
    for slug in ("a", "b"):
        visits(an_office(slug), 12)
    counting.count_all(now=RELEASED)
    with CaptureQueriesContext(
        connection,
    ) as two:
        released()

    ReleasedRow.objects.all().delete()
    Release.objects.all().delete()
    for slug in ("c", "d", "e"):
        visits(an_office(slug, services=5), 12)
    counting.count_all(now=RELEASED)
    with CaptureQueriesContext(connection) as five:
        released()
    assert len(rows("agencies")) == 5
    assert len(five) == len(two)


def columns_of(attacked: list[dict], agency: str) -> Iterator[tuple[str, int, list[int]]]:
    """Yields what somebody has who read the published table and the dataset: a total, and what is shown of it."""
    (totals,) = [line.totals for line in published(LAST).lines if line.agency.slug == agency]
    for name in FIGURES:
        cells = [row[name] for row in attacked if row["agency"] == agency]
        yield name, getattr(totals, name), [cell for cell in cells if cell is not None]


@pytest.mark.parametrize("seed", range(2))
def test_nobody_finds_what_is_hidden(seed: int) -> None:
    """Makes agencies of chance. What is left of a total is never small, unless the agency's public total is."""
    random = Random(seed)
    sizes = (0, 1, 3, 9, 10, 11, 19, 60)
    for slug in ("one", "two", "three"):
        branch = an_office(slug, services=random.randint(1, 4))
        for service in range(branch.agency.procedures.count()):
            for channel in Channel:
                for status in (Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED):
                    visits(branch, random.choice(sizes), service, channel=channel, status=status)
    released()
    for slug in ("one", "two", "three"):
        true = DailyFact.objects.filter(agency__slug=slug)
        for name, total, cells in columns_of(rows("services"), slug):
            left = total - sum(cells)
            assert left == 0 or left >= min(LEAST, total), name
            assert not any(0 < cell < SMALL for cell in cells)
            assert not 0 < (next(row for row in rows("agencies") if row["agency"] == slug)[name] or 0) < SMALL
            assert total == sum(
                row.cancelled if name == "cancelled" else row.due * (row.outcome == name) for row in true
            )
