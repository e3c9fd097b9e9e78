"""A guest's link goes by mail to an address that is used once: nothing typed is in it, and nothing is kept."""

from datetime import datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.limits import MAILS_AN_HOUR
from agencies.models import Branch
from appointments import booking, tasks
from appointments.calls.guests import MOST
from appointments.history import timeline
from appointments.models import Appointment, Notice
from appointments.views.calls.guests import LINKS
from tests.builders import STAFF, an_officer
from tests.calls import STARTS_AT, a_video_appointment, again, call_of, of_link, of_user
from tests.pages import text_of
from videocalls import presence
from videocalls.models import Participant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jitsi")]
NOW = STARTS_AT - timedelta(days=1)
HERS = "interpreter@example.org"


@pytest.fixture
def appointment() -> Appointment:
    return a_video_appointment(name="Μαρία Παπαδοπούλου", notes="Επιστροφή φόρου")


@pytest.fixture
def guest(appointment: Appointment) -> Participant:
    guest = presence.invite(call_of(appointment))
    assert guest
    return guest


@pytest.fixture(params=["citizen", "officer"])
def sender(request: pytest.FixtureRequest, appointment: Appointment) -> Client:
    return of_link(appointment) if request.param == "citizen" else of_user(an_officer(appointment.branch))


def send(client: Client, guest: Participant, to: str = HERS, *, now: datetime = NOW, language: str = "", **more: str):
    appointment = Appointment.objects.get(video_call=guest.call_id)
    address = language + reverse("appointments:send_link", args=[appointment.reference])
    with time_machine.travel(now, tick=False):
        return client.post(f"{address}?guest={guest.token}", {"email": to, **more})


def delivered(now: datetime = NOW) -> list[list[str]]:
    mail.outbox.clear()
    with time_machine.travel(now, tick=False):
        tasks.tell_turns()
        tasks.deliver_urgent()
    return [one.to for one in mail.outbox if HERS in one.to]


def page(client: Client, appointment: Appointment) -> str:
    with time_machine.travel(NOW, tick=False):
        return text_of(client.get(reverse("appointments:join", args=[appointment.reference]), follow=True))


def test_link_is_sent_and_the_address_is_not_kept(appointment: Appointment, guest: Participant, sender: Client) -> None:
    assert "#guests" in send(sender, guest)["Location"]
    assert "Το e-mail με τον σύνδεσμο στέλνεται." in page(sender, appointment)
    assert delivered() == [[HERS]]
    notice = Notice.objects.get()
    assert (notice.state, notice.address) == ("sent", "")
    assert "Ο σύνδεσμος στάλθηκε με e-mail στις 12:00." in page(sender, appointment)


@pytest.mark.parametrize(
    ("language", "invited"), [("", "Σας προσκαλούν σε βιντεοκλήση"), ("/en", "You are invited to a video call")]
)
def test_mail_has_the_link_and_nothing_that_was_typed(
    appointment: Appointment, guest: Participant, language: str, invited: str
) -> None:
    Participant.objects.update(name="Επιστροφή του Γιώργου")
    send(of_link(appointment), guest, language=language)
    delivered()
    letter = next(one for one in mail.outbox if one.to == [HERS])
    html = str(letter.alternatives[0][0])
    for part in (str(letter.body), html):
        assert f"{settings.SITE_URL}{language}/guests/{guest.token}/" in part
        assert "12:00" in part
        for typed in ("Μαρία", "Επιστροφή", appointment.reference, appointment.phone):
            assert typed not in unescape(part)
    assert letter.subject.startswith(invited)
    assert f'<html lang="{language.strip("/") or "el"}">' in html


@pytest.mark.parametrize("to", ["", "nobody", "maria@gmial.com"])
def test_wrong_address_is_asked_for_again(guest: Participant, sender: Client, to: str) -> None:
    answer = send(sender, guest, to)
    assert answer.status_code == 200
    assert "govgr-error-message" in answer.content.decode()
    assert to in answer.content.decode()
    assert not Notice.objects.exists()


def test_address_that_was_asked_about_is_taken(guest: Participant, sender: Client) -> None:
    send(sender, guest, "maria@gmial.com", asked_about="maria@gmial.com")
    assert Notice.objects.get().address == "maria@gmial.com"


def test_language_button_takes_the_page_along(appointment: Appointment, guest: Participant) -> None:
    page = f"{reverse('appointments:send_link', args=[appointment.reference])}?guest={guest.token}"
    citizen = of_link(appointment)
    with time_machine.travel(NOW, tick=False):
        for method in (citizen.get, citizen.post):
            assert f'formaction="/en{page}"' in text_of(method(page))


def test_stranger_sends_nothing(guest: Participant) -> None:
    assert send(Client(), guest).status_code == 404
    assert not Notice.objects.exists()


def test_nothing_is_sent_for_a_link_that_was_taken_back(guest: Participant, sender: Client) -> None:
    send(sender, guest)
    presence.arrive(guest.call, presence.Visitor(guest.key, "Γιώργος"), now=NOW)
    presence.withdraw(guest, now=NOW)
    assert delivered() == []
    notice = Notice.objects.get()
    assert (notice.state, notice.address) == ("dropped", "")
    send(sender, guest)
    assert Notice.objects.count() == 1


def test_nothing_is_sent_for_a_call_that_does_not_take_place(
    appointment: Appointment, guest: Participant, sender: Client
) -> None:
    send(sender, guest)
    booking.cancel(appointment, by=STAFF, now=NOW)
    assert delivered() == []
    send(sender, guest)
    assert Notice.objects.count() == 1


def test_double_press_sends_one_mail(guest: Participant, sender: Client) -> None:
    send(sender, guest)
    send(sender, guest)
    assert delivered() == [[HERS]]
    send(sender, guest)  # it did not come: once more
    assert Notice.objects.count() == 2


def test_one_call_sends_few_links(guest: Participant, sender: Client) -> None:
    for number in range(MOST):
        Notice.objects.create(
            guest=guest, kind="guest", medium="email", address=f"a{number}@example.org", language="el"
        )
    assert "Στάλθηκαν πάρα πολλοί σύνδεσμοι" in text_of(send(sender, guest))
    assert Notice.objects.count() == MOST


def test_citizens_of_one_network_send_few_links_and_officers_any_number(
    appointment: Appointment, guest: Participant
) -> None:
    citizen, officer = of_link(appointment), of_user(an_officer(appointment.branch))
    for number in range(LINKS.number):
        send(citizen, guest, f"a{number}@example.org")
        Notice.objects.all().delete()
    assert "Στάλθηκαν πάρα πολλοί σύνδεσμοι" in text_of(send(citizen, guest))
    assert send(officer, guest).status_code == 302


def test_one_address_gets_few_links(guest: Participant) -> None:
    number = MAILS_AN_HOUR.number + 2
    for _ in range(number):
        Notice.objects.create(guest=guest, kind="guest", medium="email", address=HERS, language="el", due_at=NOW)
    assert len(delivered()) == MAILS_AN_HOUR.number
    assert Notice.objects.filter(state="dropped", address="").count() == 2


def test_history_tells_officers_that_it_was_sent(appointment: Appointment, guest: Participant) -> None:
    send(of_link(appointment), guest)
    delivered()
    told = [step.text for step in timeline.of(again(appointment))]
    assert "Στάλθηκε μήνυμα: Σύνδεσμος προσκεκλημένου (E-mail)" in told


def test_guest_who_is_forgotten_takes_the_mail_along(guest: Participant) -> None:
    send(of_link(Appointment.objects.get()), guest)
    presence.withdraw(guest, now=NOW)
    assert not Notice.objects.exists()


def test_branch_of_another_zone_names_its_clock(appointment: Appointment, guest: Participant) -> None:
    Branch.objects.update(timezone="America/New_York")
    send(of_link(appointment), guest)
    delivered()
    assert "12:00 (ώρα Νέας Υόρκης)" in str(next(one for one in mail.outbox if one.to == [HERS]).body)
