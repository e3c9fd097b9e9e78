"""Who may: what of each agency a signed-in person sees and changes. Rows outside of it do not exist for one."""

from django.db.models import Q, QuerySet, prefetch_related_objects

from accounts.models import User
from agencies.models import Agency, Branch, Membership, Role

# What a role may, from the least to the most; each includes the ones before it.
RANK = {Role.AGENT: 0, Role.SUPERVISOR: 1, Role.AGENCY_ADMIN: 2}


def _places(user: User, role: Role) -> tuple[set[int], set[int]]:
    """(agency ids, branch ids) where the user holds at least the role; an agency id stands for all its branches."""
    agencies, branches = set(), set()
    for membership in memberships(user):
        if RANK[Role(membership.role)] < RANK[role]:
            continue
        if membership.branch_id:
            branches.add(membership.branch_id)
        else:
            agencies.add(membership.agency_id)
    return agencies, branches


def memberships(user: User) -> list[Membership]:
    """The user's memberships, read once per user object (that is, once per request)."""
    if not user.is_authenticated:
        return []
    prefetch_related_objects([user], "memberships")
    return list(user.memberships.all())


def has_role(user: User, role: Role) -> bool:
    return any(RANK[Role(membership.role)] >= RANK[role] for membership in memberships(user))


def branches(user: User, role: Role = Role.AGENT) -> QuerySet[Branch]:
    """Branches where the user works with at least this role. Operators configure every branch."""
    if user.is_superuser or user.is_operator:
        return Branch.objects.all()
    agency_ids, branch_ids = _places(user, role)
    return Branch.objects.filter(Q(agency__in=agency_ids) | Q(pk__in=branch_ids))


def agencies(user: User, role: Role = Role.AGENT) -> QuerySet[Agency]:
    """Agencies where the user works with at least this role, at any of their branches."""
    if user.is_superuser or user.is_operator:
        return Agency.objects.all()
    agency_ids, branch_ids = _places(user, role)
    return Agency.objects.filter(Q(pk__in=agency_ids) | Q(branches__in=branch_ids)).distinct()


def citizens_branch_ids(user: User) -> tuple[set[int], set[int]]:
    """(agency ids, branch ids) whose citizens the user may see: by membership only, so operators see none."""
    return _places(user, Role.AGENT)


def is_operator(user: User) -> bool:
    return user.is_superuser or user.is_operator


def whole_agencies(user: User, role: Role = Role.AGENT) -> QuerySet[Agency]:
    """Agencies where the role holds at every branch. Operators configure every agency."""
    if is_operator(user):
        return Agency.objects.all()
    return Agency.objects.filter(pk__in=_places(user, role)[0])


def counters(user: User) -> QuerySet[Branch]:
    """Branches whose citizens the user serves: by membership only, so operators have none."""
    agency_ids, branch_ids = citizens_branch_ids(user)
    return Branch.objects.filter(Q(agency__in=agency_ids) | Q(pk__in=branch_ids))


def officers(branch: Branch) -> QuerySet[User]:
    """Who serves citizens at the branch: by a role there, or at its whole agency."""
    at_agency = Q(memberships__agency=branch.agency_id, memberships__branch__isnull=True)
    found = User.objects.filter(Q(memberships__branch=branch) | at_agency, is_active=True)
    return found.distinct().order_by("name", "email")
