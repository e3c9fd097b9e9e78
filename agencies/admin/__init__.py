"""Agencies in the admin. `appointments` registers branches, opening rules and closures, and publishes them."""

from agencies.admin.agencies import AgencyAdmin
from agencies.admin.memberships import MembershipAdmin
from agencies.admin.procedures import ProcedureAdmin
from agencies.admin.tokens import SystemTokenAdmin

__all__ = ["AgencyAdmin", "MembershipAdmin", "ProcedureAdmin", "SystemTokenAdmin"]
