"""What supervisors send to change openings and closures, and the times that come of it, counted from the day of NOW."""

from datetime import date, timedelta
from typing import Any

from agencies.models import Branch
from appointments.models import TimeSlot
from tests.builders import MONDAY

RULES, CLOSURES, BRANCHES = (f"/en/admin/agencies/{name}/" for name in ("openingrule", "closure", "branch"))


def in_days(days: int) -> date:
    return MONDAY + timedelta(days=days)


def slots_on(branch: Branch, day: date) -> list[TimeSlot]:
    return list(TimeSlot.objects.filter(branch=branch, starts_at__date=day).order_by("starts_at"))


def rule_data(branch: Branch, **fields: Any) -> dict[str, Any]:
    given = {
        "branch": branch.pk,
        "purpose": "public",
        "weekdays": ["1", "2", "3", "4", "5", "6", "7"],
        "opens_at": "16:00",
        "closes_at": "18:00",
        "slot_minutes": "20",
        "desks": "2",
        "channels": ["in_person"],
        "valid_from": "01/01/2026",
        "every_n_weeks": "1",
    }
    return given | fields


def closure_data(branch: Branch | None, day: date, **fields: Any) -> dict[str, Any]:
    agency = branch.agency_id if branch else fields.pop("agency")
    given = (
        {"agency": agency, "branch": branch.pk, "kind": "closed"}
        if branch
        else {"agency": agency, "everywhere": "on", "kind": "closed"}
    )
    return given | {"from_date": f"{day:%d/%m/%Y}", "until_date": f"{day:%d/%m/%Y}"} | fields
