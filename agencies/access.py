"""Who may: what of each agency a signed-in person sees and changes. Rows outside of it do not exist for one."""

from django.db.models import Q, QuerySet, prefetch_related_objects

from accounts.models import User
from agencies.models import Agency, Branch, Membership, Role

# From the one that may least to the one that may most: each may what the ones before it may.
ROLES = (Role.AGENT, Role.SUPERVISOR, Role.AGENCY_ADMIN)

# Whether the row `membership` holds at the row `branch`: there, or at its whole agency.
REACHES = """membership.agency_id = branch.agency_id
    AND (membership.branch_id IS NULL OR membership.branch_id = branch.id)"""


def from_role(role: Role) -> tuple[Role, ...]:
    """The roles that may at least what this one may."""
    return ROLES[ROLES.index(role) :]


def _places(user: User, role: Role) -> tuple[set[int], set[int]]:
    """(agency ids, branch ids) where the user holds at least the role; an agency id stands for all its branches."""
    held = [membership for membership in memberships(user) if membership.role in from_role(role)]
    agencies = {membership.agency_id for membership in held if not membership.branch_id}
    return agencies, {membership.branch_id for membership in held if membership.branch_id}


def memberships(user: User) -> list[Membership]:
    """The user's memberships, read once per user object (that is, once per request)."""
    if not user.is_authenticated:
        return []
    prefetch_related_objects([user], "memberships")
    return list(user.memberships.all())


def has_role(user: User, role: Role) -> bool:
    return any(membership.role in from_role(role) for membership in memberships(user))


def is_operator(user: User) -> bool:
    """Whether the user configures the whole platform."""
    return user.configures


def supervises(user: User) -> bool:
    """Whether the user supervises at least one branch; operators configure them all."""
    return is_operator(user) or has_role(user, Role.SUPERVISOR)


def administers(user: User) -> bool:
    """Whether the user configures at least one agency."""
    return is_operator(user) or has_role(user, Role.AGENCY_ADMIN)


def branches(user: User, role: Role = Role.AGENT) -> QuerySet[Branch]:
    """Branches where the user works with at least this role. Operators configure every branch."""
    if is_operator(user):
        return Branch.objects.all()
    agency_ids, branch_ids = _places(user, role)
    return Branch.objects.filter(Q(agency__in=agency_ids) | Q(pk__in=branch_ids))


def agencies(user: User, role: Role = Role.AGENT) -> QuerySet[Agency]:
    """Agencies where the user works with at least this role, at any of their branches."""
    if is_operator(user):
        return Agency.objects.all()
    agency_ids, branch_ids = _places(user, role)
    return Agency.objects.filter(Q(pk__in=agency_ids) | Q(branches__in=branch_ids)).distinct()


def served_places(user: User) -> tuple[set[int], set[int]]:
    """(agency ids, branch ids) whose citizens the user may see: by membership only, so operators see none."""
    return _places(user, Role.AGENT)


def whole_agencies(user: User, role: Role = Role.AGENT) -> QuerySet[Agency]:
    """Agencies where the role holds at every branch. Operators configure every agency."""
    if is_operator(user):
        return Agency.objects.all()
    return Agency.objects.filter(pk__in=_places(user, role)[0])


def counters(user: User) -> QuerySet[Branch]:
    """Branches whose citizens the user serves: by membership only, so operators have none."""
    agency_ids, branch_ids = served_places(user)
    return Branch.objects.filter(Q(agency__in=agency_ids) | Q(pk__in=branch_ids))


def officers(branch: Branch) -> QuerySet[User]:
    """Who serves citizens at the branch: by a role there, or at its whole agency."""
    return officers_of(Branch.objects.filter(pk=branch.pk)).filter(is_active=True)


def officers_of(branches: QuerySet[Branch]) -> QuerySet[User]:
    """Who works at one of the branches, or at the whole agency of one, also who no longer signs in."""
    at_branch = Q(memberships__branch__in=branches.values("pk"))
    at_agency = Q(memberships__branch__isnull=True, memberships__agency__in=branches.values("agency"))
    return User.objects.filter(at_branch | at_agency).distinct().order_by("name", "email")
