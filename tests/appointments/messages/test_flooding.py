"""A stranger who types somebody else's address cannot send many mails there, whichever way is taken."""

from datetime import datetime, timedelta
from pathlib import Path

import allauth
import pytest
from allauth.account.adapter import get_adapter
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from accounts import limits
from accounts.adapter import TO_OWNERS
from appointments import booking
from appointments.history import Actor
from appointments.messages import delivery
from appointments.models import Appointment, Notification, Status
from appointments.models.notification import TO_OTHERS
from appointments.tasks import deliver_due
from tests import codes
from tests.builders import GUEST, NOW, STAFF, a_contact, a_user, an_open_branch, booked_at, slots_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State
VICTIM = "victim@example.org"
MOST = limits.MAILS_AN_HOUR.number
TOLD_BY_OTHERS = {
    Kind.REMINDER,
    Kind.RATING,
    Kind.OFFER,
    Kind.DELAYED,
    Kind.SUMMARY,
    Kind.KEPT,
    Kind.DECLINED,
    Kind.CHANGED,
}


def owed(appointment: Appointment, kind: str, number: int, *, now: datetime = NOW) -> None:
    """Many messages of a kind, as many tries would leave them."""
    Notification.objects.bulk_create(
        Notification(
            appointment=appointment,
            kind=kind,
            medium=Medium.EMAIL,
            revision=appointment.revision,
            minutes_before=each + 1,
            language="el",
            due_at=now,
            sent_to=VICTIM if kind in TO_OTHERS else "",
        )
        for each in range(number)
    )


def one(kind: str = Kind.CONFIRMATION, by: Actor = GUEST, **fields: object) -> Appointment:
    """An appointment with the victim's address, in the state in which the message is sent."""
    appointment = booked_at(an_open_branch(), 12, email=VICTIM)
    if kind == Kind.CANCELLED:
        appointment = booking.cancel(appointment, by=by, reason="", now=NOW)
    if kind == Kind.VERIFY:
        fields |= {"status": Status.UNVERIFIED, "expires_at": NOW + timedelta(minutes=30)}
    Notification.objects.all().delete()
    Appointment.objects.filter(pk=appointment.pk).update(**fields)
    appointment.refresh_from_db()
    return appointment


def test_every_kind_of_message_is_told_apart() -> None:
    """A new kind says whether anybody can cause it."""
    assert {*delivery.OF_ANYBODY} | TOLD_BY_OTHERS == set(Kind)
    assert not {*delivery.OF_ANYBODY} & TOLD_BY_OTHERS


@pytest.mark.parametrize("kind", delivery.OF_ANYBODY)
def test_strangers_cause_few_mails_to_one_address(kind: str) -> None:
    owed(one(kind), kind, MOST + 10)
    deliver_due()
    assert len(mail.outbox) == MOST
    states = Notification.objects.values_list("state", flat=True)
    assert sorted({*states}) == [State.DROPPED, State.SENT]


def library_mails() -> list[str]:
    """Every mail about an account, ours and the library's."""
    places = [Path("templates"), Path(allauth.__path__[0]) / "templates"]
    names = {
        path.name.removesuffix("_subject.txt")
        for place in places
        for path in (place / "account/email").glob("*_subject.txt")
    }
    return sorted(f"account/email/{name}" for name in names)


@pytest.mark.parametrize("name", library_mails())
def test_mails_about_accounts_are_few_but_owners_are_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = EmailMultiAlternatives("Θέμα", "Κείμενο", to=[VICTIM])
    monkeypatch.setattr("accounts.adapter.AccountAdapter.render_mail", lambda *_args: letter)
    for _each in range(MOST + 10):
        get_adapter().send_mail(name, VICTIM.upper(), {})
    assert len(codes.sent()) == (MOST + 10 if name in TO_OWNERS else MOST)


def test_all_ways_count_together_and_nobody_is_told(client: Client) -> None:
    owed(one(), Kind.CONFIRMATION, MOST - 1)
    deliver_due()
    answers = []
    for _each in range(3):
        answers.append(client.post("/accounts/login/code/", {"email": VICTIM}))
        codes.sent()
    assert len(mail.outbox) == MOST
    assert {(answer.status_code, answer["Location"]) for answer in answers[:2]} == {
        (302, "/accounts/login/code/confirm/")
    }


def test_more_come_in_the_next_hour_but_not_all_day() -> None:
    hours = (NOW + timedelta(hours=hour) for hour in range(20))
    came = [not limits.is_flooded(VICTIM, now=hour) for hour in hours for _each in range(20)]
    assert sum(came[:20]) == sum(came[20:40]) == MOST
    assert sum(came) <= limits.MAILS_A_DAY.number + MOST


def test_own_address_of_a_signed_in_citizen_is_not_limited() -> None:
    owed(one(citizen=a_user(VICTIM)), Kind.CONFIRMATION, MOST + 10)
    deliver_due()
    assert len(mail.outbox) == MOST + 10


@pytest.mark.parametrize(("kind", "fields"), [(Kind.CANCELLED, {}), (Kind.CONFIRMATION, {"source": "staff"})])
def test_what_the_agency_does_is_not_limited(kind: str, fields: dict[str, str]) -> None:
    owed(one(kind, STAFF, **fields), kind, MOST + 10)
    deliver_due()
    assert len(mail.outbox) == MOST + 10


def test_address_of_somebody_else_is_limited_for_citizens_too() -> None:
    owed(one(citizen=a_user("stranger@example.org")), Kind.CONFIRMATION, MOST + 10)
    deliver_due()
    assert len(mail.outbox) == MOST


def test_a_guest_who_books_and_cancels_again_and_again_sends_few_mails() -> None:
    branch = an_open_branch()
    procedure = branch.agency.procedures.get()
    for slot in slots_of(branch)[20:40]:
        contact = a_contact(1, email=VICTIM)
        booked = booking.confirm(
            booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW), contact, by=GUEST, now=NOW
        )
        deliver_due()
        booking.cancel(booked, by=GUEST, reason="", now=NOW)
        deliver_due()
    assert len(mail.outbox) == MOST
