import io
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from accounts.database.patience import COMMAND, patience
from accounts.models import User
from agencies.loading import tables
from agencies.models import Branch, Closure, PublishedCount, Synonym
from agencies.wallclock import midnight
from appointments.times.publishing import publish, publish_all
from appointments.watch import alerts
from mydesklive.demo import behalf, cast, hall, history, outage, premises, present, story, wanted
from reports import counting
from reports.opening import releasing

DAY = timedelta(days=1)
# How far back the invented figures go: so that each of the last twelve months has some, with the one that has begun.
YEAR = timedelta(days=333)
# Slots end on the last open day before the horizon. Up to this many closed days in a row are no reason to publish.
CLOSED_DAYS = 9

LAGGING = """
SELECT count(*) FROM agencies_branch branch JOIN agencies_agency agency ON agency.id = branch.agency_id
WHERE EXISTS (SELECT FROM agencies_openingrule rule WHERE rule.branch_id = branch.id) AND NOT EXISTS (
    SELECT FROM appointments_timeslot slot WHERE slot.branch_id = branch.id
        AND slot.starts_at >= %(today)s::date + agency.horizon_days - %(closed_days)s
)
"""


@contextmanager
def _untold() -> Iterator[None]:
    """Gives roles without telling the security log: nobody here is real, and the terminal shows the steps."""
    logger = logging.getLogger("mydesklive.security")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class Command(BaseCommand):
    help = "Fills the demo: agencies, sign-ins, the history and a lively present. A later run moves with the calendar."
    requires_system_checks = ()

    @patience(COMMAND)
    def handle(self, **options: Any) -> None:
        if not settings.MYDESK_DEMO:
            raise CommandError("Invented data belongs into a demo alone: set MYDESK_DEMO=1.")
        now = timezone.now()
        self._load(now)
        with _untold():
            cast.create()
        home = Branch.objects.open().select_related("agency").filter(code=cast.HOME).first()
        self._write_history(timezone.localdate(now))
        self._bring_up_to_date(home, now)

    def _load(self, now: datetime) -> None:
        codes = {row.cells["code"] for row in tables.read(tables.DATA / "branches.csv")}
        is_loaded = Synonym.objects.exists() and PublishedCount.objects.exists()
        if codes - set(Branch.objects.values_list("code", flat=True)) or not is_loaded:
            with self._step("Loading agencies, branches and services"):
                call_command("load_agencies", folder=tables.DATA, stdout=io.StringIO())
        premises.fill()
        years = {now.year, now.year + 1}
        if not all(Closure.objects.filter(kind=Closure.Kind.HOLIDAY, from_date__year=year).exists() for year in years):
            with self._step("Loading holidays"):
                call_command("load_holidays", years=sorted(years), stdout=io.StringIO())

    def _write_history(self, today: date) -> None:
        if history.is_written():
            return
        with self._step("Writing the history of 2020 to 2022"):
            history.write(history.published())
        with self._step("Writing the last year"):
            first = (today - YEAR).replace(day=1)
            history.go_on(first, today - present.PAST - DAY)
            story.visit(first, today - present.PAST - DAY)

    def _bring_up_to_date(self, home: Branch | None, now: datetime) -> None:
        today = timezone.localdate(now)
        open_day = present.queue_day(home, now) if home else today
        past_day = present.last_open_day(home, open_day - 5 * DAY) if home else today
        self._publish(home, open_day, past_day, today)
        filled = present.filled_until()
        since = filled + DAY if filled else today - present.PAST
        if since < open_day:
            with self._step("Writing the visits of the last weeks"):
                present.write_past(max(since, today - present.PAST), open_day)
                story.visit(max(since, today - present.PAST), open_day - DAY)
        self._fill(max(since, open_day), today + present.AHEAD, home, now)
        present.settle(home, User.objects.filter(email=cast.AGENT).values_list("pk", flat=True).first(), now=now)
        story.tell()
        if home:
            behalf.declare_once(now=now)
            cast.book_for_citizen(past=home.midnight(past_day), now=now)
            behalf.book_for_others(home, now=now)
            hall.fill(home, now=now)
            outage.fill(home, now=now)
        if since < open_day:
            with self._step("Adding up"):
                counting.rebuild(now=now)
                wanted.fill((today - YEAR).replace(day=1), now=now)
                releasing.release_due(now=now)
        alerts.check(now=now)

    def _publish(self, home: Branch | None, open_day: date, past_day: date, today: date) -> None:
        with connection.cursor() as cursor:
            cursor.execute(LAGGING, {"today": today, "closed_days": CLOSED_DAYS})
            (lagging,) = cursor.fetchone()
        if not lagging:
            return
        with self._step(f"Publishing the times of {Branch.objects.count()} branches"):
            # Publishes from the morning on, so that the day's queue has its times too.
            publish_all(now=midnight(open_day, timezone.get_default_timezone()))
            if home:
                # The demo's citizen has a past appointment. The last publishing decides the horizon.
                for day in (past_day, open_day):
                    publish([home.pk], now=home.midnight(day))

    def _fill(self, since: date, until: date, home: Branch | None, now: datetime) -> None:
        if since <= until:
            with self._step("Booking into the coming weeks"):
                present.fill(since, until, home, now=now)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self.stdout.write(f"{what} … ", ending="")
        self.stdout.flush()
        began = time.monotonic()
        yield
        self.stdout.write(f"{time.monotonic() - began:.1f} s")
