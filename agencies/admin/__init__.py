"""Agencies in the admin. `appointments` registers agencies, branches, opening rules and closures, because it publishes the
times that depend on them."""

from agencies.admin.memberships import MembershipAdmin
from agencies.admin.procedures import ProcedureAdmin
from agencies.admin.synonyms import SynonymAdmin
from agencies.admin.tokens import SystemTokenAdmin

__all__ = ["MembershipAdmin", "ProcedureAdmin", "SynonymAdmin", "SystemTokenAdmin"]
