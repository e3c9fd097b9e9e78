"""An officer whose role ends in the middle of a call is put out of the room at once."""

from collections.abc import Callable

import pytest
import time_machine

from accounts.models import User
from agencies.models import Branch, Channel, Membership, Role
from appointments.calls.roles import host_key
from appointments.models import Ticket
from tests.builders import a_branch, an_officer
from tests.calls import STARTS_AT, a_video_appointment, call_of
from videocalls import presence
from videocalls.models import VideoCall
from videocalls.providers import Visitor

pytestmark = pytest.mark.django_db
Change = Callable[[User, Branch], object]


def other_branch(branch: Branch) -> Branch:
    return a_branch(branch.agency, "kep-irakleio")


def deactivated(officer: User) -> None:
    officer.is_active = False
    officer.save(update_fields=["is_active"])


def moved_to(branch: Branch, officer: User) -> None:
    role = officer.memberships.get()
    role.branch = branch
    role.save()


LOSSES: dict[str, Change] = {
    "role deleted": lambda officer, _branch: officer.memberships.get().delete(),
    "roles deleted at once": lambda officer, _branch: Membership.objects.filter(user=officer).delete(),
    "at another branch now": lambda officer, branch: moved_to(other_branch(branch), officer),
    "account closed": lambda officer, _branch: deactivated(officer),
}
OTHER_CHANGES: dict[str, Change] = {
    "supervisor now": lambda officer, _branch: [
        (setattr(role, "role", Role.SUPERVISOR), role.save()) for role in officer.memberships.all()
    ],
    "one more role": lambda officer, branch: Membership.objects.create(
        user=officer, agency=branch.agency, branch=other_branch(branch), role=Role.AGENT
    ),
    "signs in again": lambda officer, _branch: officer.save(),
}


@pytest.fixture(params=["appointment", "line"])
def call(request: pytest.FixtureRequest) -> VideoCall:
    appointment = a_video_appointment("room")
    call = call_of(appointment)
    if request.param == "line":  # the same room, of a place in the line
        type(appointment).objects.update(video_call=None)
        Ticket.objects.create(
            branch=appointment.branch,
            day=STARTS_AT.date(),
            number=1,
            code="ABCD2345",
            procedure=appointment.procedure,
            channel=Channel.VIDEO,
            video_call=call,
            arrived_at=STARTS_AT,
            due_at=STARTS_AT,
        )
    return call


def inside(call: VideoCall, *officers: User) -> set[str]:
    """Lets the officers in, does nothing else, and returns who is inside."""
    for officer in officers:
        presence.arrive(call, Visitor(key=host_key(officer.pk), name=str(officer), is_host=True), now=STARTS_AT)
    return {one.key for one in call.participants.inside()}


@pytest.mark.parametrize("loses", LOSSES.values(), ids=LOSSES)
def test_who_loses_the_role_is_put_out_and_colleagues_stay(call: VideoCall, loses: Change) -> None:
    branch = Branch.objects.get()
    leaves, stays = an_officer(branch), an_officer(branch, email="second@example.org")
    assert len(inside(call, leaves, stays)) == 2
    with time_machine.travel(STARTS_AT, tick=False):
        loses(leaves, branch)
    assert inside(call) == {host_key(stays.pk)}
    assert call.participants.get(key=host_key(leaves.pk)).left_at == STARTS_AT


@pytest.mark.parametrize("changes", OTHER_CHANGES.values(), ids=OTHER_CHANGES)
def test_who_still_serves_there_stays(call: VideoCall, changes: Change) -> None:
    branch = Branch.objects.get()
    officer = an_officer(branch)
    inside(call, officer)
    changes(officer, branch)
    assert inside(call) == {host_key(officer.pk)}
