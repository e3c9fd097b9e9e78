"""Who declines the invitation in a calendar is told once that this cancels nothing."""

import pytest
from django.core import mail

from appointments import booking, tasks
from appointments.messages.returned.answers import answer_in
from appointments.messages.returned.following import follow_answer
from appointments.messages.returned.parts import parsed
from appointments.models import Appointment, Notification, ReturnedMail, Status
from tests.builders import GUEST, NOW, an_appointment, an_open_branch, slots_of
from tests.servers.returned import answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
Kind, Outcome = Notification.Kind, ReturnedMail.Outcome
FORMS = ("outlook", "google", "apple")


@pytest.fixture
def appointment() -> Appointment:
    made = an_appointment(slots_of(an_open_branch())[80], name="Citizen One")
    Notification.objects.all().delete()
    return made


def comes(raw: bytes) -> Outcome | None:
    found = answer_in(parsed(raw))
    return follow_answer(found, now=NOW) if found else None


def sent() -> list[str]:
    tasks.deliver_due()
    return [letter.subject for letter in mail.outbox]


@pytest.mark.parametrize("form", FORMS)
def test_who_declines_is_told_once(form: str, appointment: Appointment):
    assert [comes(answer(form, appointment)) for _ in range(2)] == [Outcome.DECLINED, Outcome.DECLINED]
    assert len(sent()) == 1
    (letter,) = mail.outbox
    assert letter.to == [appointment.email]
    assert letter.subject.startswith("Το ραντεβού ισχύει ακόμη: ")
    for part in (letter.body, str(letter.alternatives[0].content)):
        assert "δεν ακυρώνει" in part
        assert appointment.link("cancel") in part
    appointment.refresh_from_db()
    assert appointment.status == Status.BOOKED


def test_other_answers_are_ignored(appointment: Appointment):
    for form in FORMS:
        for partstat in ("ACCEPTED", "TENTATIVE", "NEEDS-ACTION", "DELEGATED"):
            assert comes(answer(form, appointment, partstat)) == Outcome.NOTHING, (form, partstat)
    assert sent() == []


def test_who_changes_the_mind_is_told_once(appointment: Appointment):
    for form in FORMS:
        for partstat in ("DECLINED", "ACCEPTED", "DECLINED"):
            comes(answer(form, appointment, partstat))
    assert len(sent()) == 1


def test_new_time_is_declined_anew_and_the_old_one_no_more(appointment: Appointment):
    old = [answer(form, appointment) for form in FORMS]
    comes(old[0])
    booking.reschedule(appointment, slots_of(appointment.branch)[90].pk, by=GUEST, now=NOW)
    appointment.refresh_from_db()
    Notification.objects.exclude(kind=Kind.DECLINED).delete()
    assert set(map(comes, old)) == {Outcome.NOTHING}
    assert {comes(answer(form, appointment)) for form in FORMS} == {Outcome.DECLINED}
    assert len(sent()) == 1


def test_strangers_have_nothing_sent(appointment: Appointment):
    stranger = "mallory@evil.example"
    whole = answer("outlook", appointment)
    forged = {
        "another guest": answer("outlook", appointment, to=stranger),
        "another sender": whole.replace(f"<{appointment.email}>".encode(), f"<{stranger}>".encode()),
        "for somebody else": whole.replace(f"mailto:{appointment.email}".encode(), f"mailto:{stranger}".encode()),
        "two guests": whole.replace(b"COMMENT;", f"ATTENDEE;PARTSTAT=DECLINED:mailto:{stranger}\nCOMMENT;".encode()),
        "another installation": answer("google", appointment, uid=f"{appointment.reference}@elsewhere.example"),
        "another event": answer("apple", appointment, uid="7D2F5D6E-11AA@icloud.example"),
        "no reference": answer("apple", appointment, uid="NOSUCHREF@localhost"),
        "no answer": whole.replace(b"METHOD:REPLY", b"METHOD:REQUEST"),
        "no calendar": whole.replace(b"text/calendar", b"text/plain"),
    }
    assert {why: comes(raw) for why, raw in forged.items() if comes(raw) not in (None, Outcome.FOREIGN)} == {}
    assert sent() == []


def test_address_in_other_letters(appointment: Appointment):
    assert comes(answer("google", appointment, to=appointment.email.upper())) == Outcome.DECLINED


def test_nothing_is_said_of_what_is_not_ahead(appointment: Appointment):
    for status in set(Status) - {Status.BOOKED}:
        slots = [] if status in (Status.CANCELLED, Status.EXPIRED) else appointment.slot_ids
        Appointment.objects.update(status=status, expires_at=NOW, slot_ids=slots)
        assert comes(answer("google", appointment)) == Outcome.NOTHING, status


def test_nothing_is_said_once_it_has_begun(appointment: Appointment):
    Appointment.objects.update(starts_at=NOW)
    assert comes(answer("google", appointment)) == Outcome.NOTHING


def test_who_cancels_after_all_is_told_nothing_of_it(appointment: Appointment):
    comes(answer("google", appointment))
    booking.cancel(appointment, by=GUEST, now=NOW)
    assert [subject for subject in sent() if "ισχύει ακόμη" in subject] == []


@pytest.mark.parametrize("form", FORMS)
def test_answer_that_is_cut_off(form: str):
    appointment = Appointment(reference="K7M4Q2XDBN", email="citizen@example.org")
    raw = answer(form, appointment)
    for end in range(0, len(raw), 7):
        found = answer_in(parsed(raw[:end]))
        assert found is None or found.reference == appointment.reference
