"""Permissions: the agencies and branches that a signed-in person may see and change. All other rows do not exist for them."""

from django.db.models import Model, Q, QuerySet, prefetch_related_objects

from accounts.models import User
from agencies.models import Agency, Branch, Membership, Role
from agencies.models.branch import BranchQuerySet

# In rising order: each role includes the rights of the roles before it.
ROLES = (Role.AGENT, Role.SUPERVISOR, Role.AGENCY_ADMIN)

# SQL: true if the row `membership` is valid at the row `branch`, either for the branch or for its whole agency.
REACHES = """membership.agency_id = branch.agency_id
    AND (membership.branch_id IS NULL OR membership.branch_id = branch.id)"""


def from_role(role: Role) -> tuple[Role, ...]:
    """Returns this role and all higher ones."""
    return ROLES[ROLES.index(role) :]


def _places(user: User, role: Role) -> tuple[set[int], set[int]]:
    """Returns (agency ids, branch ids) where the user has at least this role. An agency id stands for all its branches."""
    held = [membership for membership in memberships(user) if membership.role in from_role(role)]
    agencies = {membership.agency_id for membership in held if not membership.branch_id}
    return agencies, {membership.branch_id for membership in held if membership.branch_id}


def memberships(user: User) -> list[Membership]:
    """Returns the user's memberships. They are read once per user object, that is, once per request."""
    if not user.is_authenticated:
        return []
    prefetch_related_objects([user], "memberships")
    return list(user.memberships.all())


def has_role(user: User, role: Role) -> bool:
    return any(membership.role in from_role(role) for membership in memberships(user))


def is_operator(user: User) -> bool:
    """Returns whether the user configures the whole platform."""
    return user.configures


def supervises(user: User) -> bool:
    """Returns whether the user supervises at least one branch. Operators count, because they configure all branches."""
    return is_operator(user) or has_role(user, Role.SUPERVISOR)


def administers(user: User) -> bool:
    """Returns whether the user configures at least one agency."""
    return is_operator(user) or has_role(user, Role.AGENCY_ADMIN)


def branches(user: User, role: Role = Role.AGENT) -> BranchQuerySet:
    """Returns the branches where the user has at least this role. Operators configure every branch."""
    if is_operator(user):
        return Branch.objects.all()
    agency_ids, branch_ids = _places(user, role)
    return Branch.objects.filter(Q(agency__in=agency_ids) | Q(pk__in=branch_ids))


def agencies(user: User, role: Role = Role.AGENT) -> QuerySet[Agency]:
    """Returns the agencies where the user has at least this role at one of their branches."""
    if is_operator(user):
        return Agency.objects.all()
    agency_ids, branch_ids = _places(user, role)
    return Agency.objects.filter(Q(pk__in=agency_ids) | Q(branches__in=branch_ids)).distinct()


def served_places(user: User) -> tuple[set[int], set[int]]:
    """Returns (agency ids, branch ids) whose citizens the user may see. Only memberships count, so operators see none."""
    return _places(user, Role.AGENT)


def supervised_places(user: User) -> tuple[set[int], set[int]]:
    """Returns (agency ids, branch ids) whose work the user oversees. Only memberships count."""
    return _places(user, Role.SUPERVISOR)


def whole_agencies(user: User, role: Role = Role.AGENT) -> QuerySet[Agency]:
    """Returns the agencies where the user has this role at every branch. Operators configure every agency."""
    if is_operator(user):
        return Agency.objects.all()
    return Agency.objects.filter(pk__in=_places(user, role)[0])


def is_last_administrator(membership: Membership) -> bool:
    """Returns whether nobody else who may sign in administers the agency of this membership."""
    if membership.role != Role.AGENCY_ADMIN:
        return False
    of_agency = Membership.objects.filter(agency=membership.agency_id, role=Role.AGENCY_ADMIN, user__is_active=True)
    return not of_agency.exclude(pk=membership.pk).exists()


def may_reset(user: User, person: User) -> bool:
    """Returns whether the user may take the second factor of the person away, who has lost it.

    Operators may for everybody else. Administrators of agencies may for people whose roles all lie within their agencies and
    below their own.
    """
    if user.pk == person.pk or is_operator(user):
        return user.pk != person.pk
    own, _branches = _places(user, Role.AGENCY_ADMIN)
    held = memberships(person)
    is_below = all(one.agency_id in own and one.role != Role.AGENCY_ADMIN for one in held)
    return bool(held) and is_below and not person.configures and not person.is_official


def counters(user: User) -> BranchQuerySet:
    """Returns the branches whose citizens the user serves. Only memberships count, so operators have none."""
    agency_ids, branch_ids = served_places(user)
    return Branch.objects.filter(Q(agency__in=agency_ids) | Q(pk__in=branch_ids))


def serves(user: User, branch: Branch) -> bool:
    """Returns whether the user serves citizens at the branch, and may still sign in."""
    agency_ids, branch_ids = served_places(user)
    return user.is_active and (branch.agency_id in agency_ids or branch.pk in branch_ids)


def works_at(user: User, row: Model) -> bool:
    """Returns whether the user has any role at the place of the row: its branch, or its agency if it has no branch."""
    branch = row if isinstance(row, Branch) else getattr(row, "branch", None)
    if branch:
        agency_ids, branch_ids = served_places(user)
        return branch.agency_id in agency_ids or branch.pk in branch_ids
    agency = row.pk if isinstance(row, Agency) else getattr(row, "agency_id", None)
    return agency is not None and agency in {membership.agency_id for membership in memberships(user)}


def officers(branch: Branch) -> QuerySet[User]:
    """Returns the users who serve citizens at the branch: they have a role there, or at its whole agency."""
    return officers_of(Branch.objects.filter(pk=branch.pk)).filter(is_active=True)


def officers_of(branches: QuerySet[Branch]) -> QuerySet[User]:
    """Returns the users with a role at one of the branches or at its whole agency. Includes users who can no longer sign in."""
    at_branch = Q(memberships__branch__in=branches.values("pk"))
    at_agency = Q(memberships__branch__isnull=True, memberships__agency__in=branches.values("agency"))
    return User.objects.filter(at_branch | at_agency).distinct().order_by("name", "email")
