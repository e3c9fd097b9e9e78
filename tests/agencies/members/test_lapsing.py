"""Roles that nobody uses: who is warned, when they end, and whose stay."""

from datetime import datetime, timedelta

import pytest
import time_machine

from accounts.models import User
from agencies.members import lapsing
from agencies.models import Agency, Membership, Role
from agencies.tasks import lapse_rights
from tests import codes
from tests.builders import NOW, an_agency, an_officer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
DAYS = timedelta(days=1)


@pytest.fixture
def kep() -> Agency:
    return an_agency()


@pytest.fixture
def role(kep: Agency) -> Membership:
    return an_officer(kep).memberships.get()


def used(role: Membership, days: int, *, signed_in: bool = True) -> None:
    """Lets the role be given, or its holder have signed in, so many days ago."""
    at = NOW - days * DAYS
    Membership.objects.filter(pk=role.pk).update(given_at=NOW - 400 * DAYS if signed_in else at)
    User.objects.filter(pk=role.user_id).update(last_login=at if signed_in else None)


def warned(role: Membership) -> datetime | None:
    role.refresh_from_db()
    return role.warned_at


@pytest.mark.parametrize("signed_in", [True, False])
def test_holder_is_warned_thirty_days_before_and_once(role: Membership, signed_in: bool):
    used(role, 149, signed_in=signed_in)
    lapse_rights()
    assert warned(role) is None
    used(role, 150, signed_in=signed_in)
    for _again in range(2):
        lapse_rights()
    assert warned(role) == NOW
    (mail,) = codes.sent()
    assert mail.to == [role.user.email]


def test_unused_role_ends_when_the_warning_is_thirty_days_old(role: Membership, clock: time_machine.Traveller):
    used(role, 150)
    lapse_rights()
    clock.move_to(NOW + 29 * DAYS)
    lapse_rights()
    assert Membership.objects.exists()
    clock.move_to(NOW + 30 * DAYS)
    lapse_rights()
    assert not Membership.objects.exists()
    assert len(codes.sent()) >= 1


def test_nobody_loses_a_role_unwarned(role: Membership):
    used(role, 400)
    lapse_rights()
    assert Membership.objects.exists()
    assert warned(role) == NOW


def test_whoever_signs_in_keeps_the_role_and_is_warned_anew(role: Membership, clock: time_machine.Traveller):
    used(role, 150)
    lapse_rights()
    User.objects.update(last_login=NOW + DAYS)
    clock.move_to(NOW + 40 * DAYS)
    lapse_rights()
    assert Membership.objects.exists()
    clock.move_to(NOW + 151 * DAYS)
    lapse_rights()
    assert warned(role) == NOW + 151 * DAYS


def test_one_of_two_administrators_stays(kep: Agency, clock: time_machine.Traveller):
    roles = [an_officer(kep, Role.AGENCY_ADMIN, f"admin{n}@example.org").memberships.get() for n in range(2)]
    for role in roles:
        used(role, 150)
    lapse_rights()
    clock.move_to(NOW + 30 * DAYS)
    lapse_rights()
    assert Membership.objects.count() == 1


def test_last_administrator_is_not_even_warned(kep: Agency):
    role = an_officer(kep, Role.AGENCY_ADMIN).memberships.get()
    used(role, 400)
    lapse_rights()
    assert warned(role) is None


def test_role_that_fails_leaves_the_others_alone(kep: Agency, monkeypatch: pytest.MonkeyPatch):
    roles = [an_officer(kep, email=f"officer{n}@example.org").memberships.get() for n in range(2)]
    for role in roles:
        used(role, 150)
    real = lapsing._mail
    monkeypatch.setattr(lapsing, "_mail", lambda one, *args, **kw: 1 / 0 if one == roles[0] else real(one, *args, **kw))
    lapse_rights()
    assert [warned(role) for role in roles] == [None, NOW]
