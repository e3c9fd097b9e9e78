"""Agencies in the admin. `appointments` registers agencies, branches, services, opening rules and closures, because it
publishes the times that depend on them, and tells citizens what changes."""

from agencies.admin.invitations import InvitationAdmin
from agencies.admin.memberships import MembershipAdmin
from agencies.admin.procedures import CategoryAdmin
from agencies.admin.synonyms import SynonymAdmin
from agencies.admin.tokens import SystemTokenAdmin

__all__ = ["CategoryAdmin", "InvitationAdmin", "MembershipAdmin", "SynonymAdmin", "SystemTokenAdmin"]
