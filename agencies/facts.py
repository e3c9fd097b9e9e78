"""Reads the few columns of a service, a branch and a caller that free times and bookings need, without the texts.

The results are small frozen objects. They come from plain SQL, because the ORM takes longer to write such a query than
PostgreSQL to answer it. They have no other columns than these. `…_plainly` reads the same through the models, and tests
compare the two.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from agencies.models import Agency, Branch, Channel, Procedure, SystemToken
from agencies.wallclock import midnight, zone_of

Row = tuple


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    pk: int
    slug: str
    stage: str
    notice_minutes: int
    hold_minutes: int
    reminders: list[int]

    @property
    def is_live(self) -> bool:
        return self.stage in Agency.LIVE

    @property
    def notice(self) -> timedelta:
        return timedelta(minutes=self.notice_minutes)


@dataclass(frozen=True, slots=True)
class ProcedureFacts:
    pk: int
    agency_id: int
    code: str
    duration_minutes: int
    channels: list[str]
    identification: str
    assurance: str
    open_limit: int
    category_id: int | None
    period_limit: int | None
    period_days: int
    days_between: int
    is_offered: bool
    by_referral: bool
    booked_for: list[str]
    declaration_version: int
    agency: AgencyFacts

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.duration_minutes)

    @property
    def channel_choices(self) -> list[tuple[str, str]]:
        """Returns the channels as (value, label), in the order that all pages use."""
        return [(channel.value, str(channel.label)) for channel in Channel if channel.value in self.channels]


@dataclass(frozen=True, slots=True)
class BranchFacts:
    pk: int
    agency_id: int
    code: str
    country: str
    timezone: str
    is_open: bool

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.timezone)

    def local(self, moment: datetime) -> datetime:
        """Returns the moment (aware) in the branch's time zone."""
        return moment.astimezone(self.zone)

    def today(self, now: datetime) -> date:
        return self.local(now).date()

    def midnight(self, day: date) -> datetime:
        """Returns the first moment (UTC) of the branch's local day."""
        return midnight(day, self.zone)


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """The token of an agency's own system that calls the REST API."""

    pk: int
    agency_id: int


# A service or a branch, as a model or as facts. Free times need only the attributes that both have.
AnyProcedure = Procedure | ProcedureFacts
AnyBranch = Branch | BranchFacts

AGENCY_COLUMNS = "agency.id, agency.slug, agency.stage, agency.lead_minutes, agency.hold_minutes, agency.reminders"
PROCEDURE_COLUMNS = """procedure.id, procedure.agency_id, procedure.code, procedure.duration_minutes, procedure.channels,
    procedure.identification, procedure.assurance, procedure.open_limit, procedure.category_id, procedure.period_limit,
    procedure.period_days, procedure.days_between, procedure.is_offered, procedure.by_referral, procedure.booked_for,
    procedure.declaration_version"""
BRANCH_COLUMNS = "branch.id, branch.agency_id, branch.code, branch.country, branch.timezone, branch.is_open"
# The numbers of these columns.
AGENCY_WIDTH, PROCEDURE_WIDTH = 6, 16

PROCEDURE_BY_CODE = f"""
SELECT {PROCEDURE_COLUMNS}, {AGENCY_COLUMNS}
FROM agencies_procedure procedure JOIN agencies_agency agency ON agency.id = procedure.agency_id
WHERE procedure.code = %(code)s
"""
BRANCH_BY_CODE = f"""
SELECT {BRANCH_COLUMNS}
FROM agencies_branch branch JOIN agencies_agency agency ON agency.id = branch.agency_id
WHERE branch.code = %(code)s AND branch.is_open AND agency.stage = ANY(%(live)s)
"""
SYSTEM_COLUMNS = "system.id, system.agency_id"
IS_SYSTEM = "system.digest = %(digest)s AND system.is_active AND (system.ends_at IS NULL OR system.ends_at > %(now)s)"
SYSTEM_BY_DIGEST = f"SELECT {SYSTEM_COLUMNS} FROM agencies_systemtoken system WHERE {IS_SYSTEM}"


def procedure_in(row: Row) -> ProcedureFacts:
    """Returns the service from a row that begins with PROCEDURE_COLUMNS and AGENCY_COLUMNS."""
    agency = AgencyFacts(*row[PROCEDURE_WIDTH : PROCEDURE_WIDTH + AGENCY_WIDTH])
    return ProcedureFacts(*(*row[:PROCEDURE_WIDTH], agency))


def procedure_of(code: str) -> ProcedureFacts | None:
    """Returns the service with its agency, even if it is not offered."""
    row = _row(PROCEDURE_BY_CODE, code=code)
    return procedure_in(row) if row else None


def procedure_plainly(code: str) -> ProcedureFacts | None:
    """Reads the same through the models."""
    found = Procedure.objects.select_related("agency").filter(code=code).first()
    return facts_of(found) if found else None


def facts_of(procedure: Procedure) -> ProcedureFacts:
    agency = procedure.agency
    return ProcedureFacts(
        *(procedure.pk, procedure.agency_id, procedure.code, procedure.duration_minutes, procedure.channels),
        *(procedure.identification, procedure.assurance, procedure.open_limit, procedure.category_id),
        *(procedure.period_limit, procedure.period_days, procedure.days_between),
        *(procedure.is_offered, procedure.by_referral),
        procedure.booked_for,
        procedure.declaration_version,
        AgencyFacts(
            *(agency.pk, agency.slug, agency.stage, agency.notice_minutes, agency.hold_minutes, agency.reminders)
        ),
    )


def facts_of_branch(branch: Branch) -> BranchFacts:
    return BranchFacts(branch.pk, branch.agency_id, branch.code, branch.country, branch.timezone, branch.is_open)


def offered_procedure_of(code: str) -> ProcedureFacts | None:
    """Returns the service if the public can book it."""
    procedure = procedure_of(code)
    return procedure if procedure and procedure.is_offered and procedure.agency.is_live else None


def open_branch_of(code: str) -> BranchFacts | None:
    """Returns the branch if the public can book there."""
    row = _row(BRANCH_BY_CODE, code=code, live=[*Agency.LIVE])
    return BranchFacts(*row) if row else None


def open_branch_plainly(code: str) -> BranchFacts | None:
    """Reads the same through the models."""
    found = Branch.objects.open().filter(code=code).first()
    return facts_of_branch(found) if found else None


def system_of(key: str, *, now: datetime | None = None) -> SystemFacts | None:
    """Returns the system with this token if the token is valid at `now`, which is this moment if nobody says another."""
    row = _row(SYSTEM_BY_DIGEST, digest=SystemToken.digest_of(key), now=now or timezone.now())
    return SystemFacts(*row) if row else None


def _row(sql: str, **params: str | list[str] | datetime) -> Row | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()
