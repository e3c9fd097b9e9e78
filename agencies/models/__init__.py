"""The models of agencies: services, branches, openings, closures, memberships and tokens."""

from agencies.models.agency import Agency
from agencies.models.branch import Branch
from agencies.models.channel import Channel
from agencies.models.membership import Invitation, Membership, Role
from agencies.models.opening import Closure, OpeningRule
from agencies.models.procedure import Category, Declaration, ForWhom, Procedure
from agencies.models.production import ProductionPeriod, PublishedCount
from agencies.models.search import Search
from agencies.models.synonym import Synonym
from agencies.models.token import SystemToken

__all__ = [
    "Agency",
    "Branch",
    "Category",
    "Channel",
    "Closure",
    "Declaration",
    "ForWhom",
    "Invitation",
    "Membership",
    "OpeningRule",
    "Procedure",
    "ProductionPeriod",
    "PublishedCount",
    "Role",
    "Search",
    "Synonym",
    "SystemToken",
]
