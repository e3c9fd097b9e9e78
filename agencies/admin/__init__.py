"""Agencies in the admin. `appointments` registers what times depend on and publishes it: agencies, branches, opening
rules and closures."""

from agencies.admin.memberships import MembershipAdmin
from agencies.admin.procedures import ProcedureAdmin
from agencies.admin.tokens import SystemTokenAdmin

__all__ = ["MembershipAdmin", "ProcedureAdmin", "SystemTokenAdmin"]
