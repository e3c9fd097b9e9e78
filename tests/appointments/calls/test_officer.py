"""The officers' side of a video call: the queue's alarm, the page of the call, the telephone, and the identity on camera."""

from datetime import date, datetime, timedelta
from urllib.parse import unquote

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from agencies.models import Branch
from appointments import counter
from appointments.booking import retention
from appointments.calls import identity, meeting
from appointments.errors import WrongStatus
from appointments.models import Appointment, Event, IdentityCheck, Status, Ticket
from tests.builders import GUEST, a_branch, a_desk, an_officer, by, minutes
from tests.calls import CITIZEN, STARTS_AT, a_video_appointment, again, arrived, call_of, of_link, of_user, path_of
from videocalls import presence
from videocalls.models import Participant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jitsi")]
Role, Verb = Participant.Role, Event.Verb


@pytest.fixture
def appointment() -> Appointment:
    return a_video_appointment()


@pytest.fixture
def staff(appointment: Appointment) -> Client:
    """An officer of the branch, who sits at a desk."""
    officer = an_officer(appointment.branch)
    a_desk(appointment.branch, officer)
    return of_user(officer)


def shown(client: Client, address: str, now: datetime = STARTS_AT, **query: str) -> str:
    with time_machine.travel(now, tick=False):
        answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def press(client: Client, appointment: Appointment, step: str, now: datetime = STARTS_AT, **form: str) -> str:
    """Presses a button, and returns where it leads."""
    with time_machine.travel(now, tick=False):
        answer = client.post(reverse("admin:appointments_call_step", args=[appointment.reference, step]), form)
    assert answer.status_code == 302
    return answer["Location"]


def page_of(appointment: Appointment) -> str:
    return reverse("admin:appointments_call", args=[appointment.reference])


def queue_of(branch: Branch) -> str:
    return f"{reverse('admin:appointments_queue')}?branch={branch.code}"


# The queue


def test_queue_shows_who_waits_at_the_door_loudly(appointment: Appointment, staff: Client) -> None:
    assert "data-alarm" not in shown(staff, queue_of(appointment.branch))
    arrived(appointment, STARTS_AT - minutes(8))
    page = shown(staff, queue_of(appointment.branch), STARTS_AT - minutes(8))
    assert f'data-alarm="{call_of(appointment).pk}:citizen"' in page
    assert "Περιμένει στη βιντεοκλήση από τις 11:52" in page
    later = shown(staff, queue_of(appointment.branch), STARTS_AT)
    assert "Περίμενε στη βιντεοκλήση, τελευταία φορά στις 11:52" in later
    assert "data-alarm" not in later


def polled(client: Client, branch: Branch, key: str, now: datetime, seen: str = "") -> tuple[int, str, str]:
    with time_machine.travel(now, tick=False):
        answer = client.get(reverse("admin:appointments_queue_poll"), {"key": key, "seen": seen})
    return answer.status_code, answer.content.decode(), answer.headers.get("X-State", "")


def key_in(page: str) -> str:
    return unquote(page.partition("poll/?key=")[2].partition('"')[0])


def test_queue_hears_of_the_door_but_not_of_every_question(appointment: Appointment, staff: Client) -> None:
    """Whoever waits asks every few seconds. The line is drawn anew only when something has changed."""
    now, key = STARTS_AT + timedelta(seconds=1), key_in(shown(staff, queue_of(appointment.branch)))
    _status, _board, state = polled(staff, appointment.branch, key, now)
    citizen = arrived(appointment, now)
    status, board, state = polled(staff, appointment.branch, key, now, state)
    assert (status, "data-alarm" in board) == (200, True)
    presence.keep_alive(citizen, now=now + timedelta(seconds=8))
    assert polled(staff, appointment.branch, key, now + timedelta(seconds=10), state)[0] == 204
    presence.tell(citizen, "Μια στιγμή")
    status, board, state = polled(staff, appointment.branch, key, now + timedelta(seconds=11), state)
    assert (status, "data-alarm" in board, "Μια στιγμή" in board) == (200, False, True)
    status, board, state = polled(staff, appointment.branch, key, now + timedelta(seconds=40), state)
    assert (status, "τελευταία φορά" in board) == (200, True)
    meeting.take_phone(again(appointment), Role.VISITOR, by=GUEST, now=now + timedelta(seconds=41))
    status, board, _state = polled(staff, appointment.branch, key, now + timedelta(seconds=41), state)
    assert (status, "Ζητά να του τηλεφωνήσετε" in board, 'href="tel:6900000000"' in board) == (200, True, True)


def test_letting_in_from_the_queue_leads_into_the_room(appointment: Appointment, staff: Client) -> None:
    arrived(appointment, STARTS_AT)
    went = press(staff, appointment, "admit", who="citizen", enter="yes")
    assert went == f"{page_of(appointment)}?in=1"
    enter = reverse("appointments:enter", args=[appointment.reference])
    assert f'data-enter="{enter}"' in shown(staff, went)
    with time_machine.travel(STARTS_AT, tick=False):
        assert staff.get(enter)["Location"].startswith("https://meet.example.org/")
    assert again(appointment).status == Status.SERVING
    assert call_of(appointment).participants.get(role=Role.HOST).is_inside


def test_citizen_who_comes_back_rings_while_served(appointment: Appointment, staff: Client) -> None:
    citizen = arrived(appointment, STARTS_AT)
    press(staff, appointment, "admit", who="citizen")
    presence.leave(citizen, now=STARTS_AT + minutes(1))
    arrived(appointment, STARTS_AT + minutes(2))
    assert "data-alarm" in shown(staff, queue_of(appointment.branch), STARTS_AT + minutes(2))
    serving = reverse("admin:appointments_serving", args=[Ticket.objects.get().code])
    assert "data-alarm" in shown(staff, serving, STARTS_AT + minutes(2))


# The page of the call


@pytest.mark.parametrize(("language", "said"), [("el", "Μια στιγμή, παρακαλώ."), ("en", "One moment, please.")])
def test_saying_is_in_the_citizens_language(appointment: Appointment, staff: Client, language: str, said: str) -> None:
    Appointment.objects.update(language=language)
    citizen = arrived(appointment, STARTS_AT)
    back = queue_of(appointment.branch)
    assert press(staff, appointment, "tell", who="citizen", saying="soon", next=back) == back
    citizen.refresh_from_db()
    assert citizen.told.startswith(said)
    press(staff, appointment, "tell", who="citizen", saying="soon", text=" Σε  πέντε λεπτά ")
    citizen.refresh_from_db()
    assert citizen.told == "Σε πέντε λεπτά"


def test_page_asks_again_only_for_news(appointment: Appointment, staff: Client) -> None:
    page = shown(staff, page_of(appointment))
    seen = page.partition('data-seen="')[2].partition('"')[0].replace("&#x27;", "'")
    with time_machine.travel(STARTS_AT, tick=False):
        assert staff.get(page_of(appointment), {"seen": seen}).status_code == 204
        arrived(appointment, STARTS_AT)
        fresh = staff.get(page_of(appointment), {"seen": seen})
    assert (fresh.status_code, CITIZEN.name in fresh.content.decode()) == (200, True)
    assert "<html" not in fresh.content.decode()


def test_both_pages_follow_the_officer_to_the_telephone_and_back(appointment: Appointment, staff: Client) -> None:
    citizen, join = of_link(appointment), path_of(appointment.page_url("join"))
    press(staff, appointment, "phone")
    assert "Ο υπάλληλος σας καλεί τηλεφωνικά αντί για βιντεοκλήση." in shown(citizen, join)
    assert "Μιλάτε τηλεφωνικά αντί για βιντεοκλήση." in shown(staff, page_of(appointment))
    press(staff, appointment, "video")
    assert "Στην αίθουσα αναμονής" in shown(citizen, join)
    verbs = [*Event.objects.filter(appointment=appointment).order_by("pk").values_list("verb", flat=True)]
    assert verbs[-2:] == [Verb.PHONE, Verb.VIDEO]


def test_citizen_asks_to_be_called_at_a_corrected_number(appointment: Appointment, staff: Client) -> None:
    citizen, join = of_link(appointment), path_of(appointment.page_url("join"))
    with time_machine.travel(STARTS_AT, tick=False):
        citizen.post(join, {"step": "phone", "phone": "694 123 4567"})
    page = shown(staff, queue_of(appointment.branch))
    assert "Ζητά να του τηλεφωνήσετε" in page
    assert 'href="tel:+306941234567"' in page
    assert Ticket.objects.get().state == Ticket.State.WAITING
    assert "Ο υπάλληλος βλέπει ότι ζητάτε να σας τηλεφωνήσει." in shown(citizen, join)
    assert again(appointment).channel == "video"
    assert list(Appointment.objects.matching("6941234567")) == [appointment]


def test_ended_call_can_be_opened_again(appointment: Appointment, staff: Client) -> None:
    arrived(appointment, STARTS_AT)
    press(staff, appointment, "end")
    assert "Η βιντεοκλήση έχει τελειώσει." in shown(staff, page_of(appointment))
    press(staff, appointment, "go-on")
    assert "Είσοδος στη βιντεοκλήση" in shown(staff, page_of(appointment))


def test_strangers_and_other_branches_find_no_call(appointment: Appointment) -> None:
    other = of_user(an_officer(a_branch(appointment.agency, "kep-irakleio"), email="other@example.org"))
    arrived(appointment, STARTS_AT)
    steps = [page_of(appointment), reverse("admin:appointments_call_step", args=[appointment.reference, "admit"])]
    assert other.get(steps[0]).status_code == 404
    assert other.post(steps[1], {"who": "citizen"}).status_code == 404
    assert of_link(appointment).post(steps[1], {"who": "citizen"}).status_code == 302  # to the sign-in
    assert not call_of(appointment).participants.inside().exists()


def test_miss_of_who_waited_asks_once_more(appointment: Appointment, staff: Client) -> None:
    presence.leave(arrived(appointment, STARTS_AT), now=STARTS_AT + minutes(5))
    miss = reverse("admin:appointments_appointment_miss", args=[appointment.reference])
    with time_machine.travel(STARTS_AT + minutes(30), tick=False):
        asked = staff.post(miss)
        assert "Ο πολίτης περίμενε στη βιντεοκλήση." in asked.content.decode()
        assert again(appointment).status == Status.ARRIVED
        staff.post(miss, {"sure": "yes"})
    assert again(appointment).status == Status.NO_SHOW


@pytest.mark.parametrize("script", [True, False])
def test_queues_miss_of_who_waited_asks_once_more(appointment: Appointment, staff: Client, script: bool) -> None:
    presence.leave(arrived(appointment, STARTS_AT), now=STARTS_AT + minutes(5))
    ticket = Ticket.objects.get()
    miss = reverse("admin:appointments_queue_step", args=[appointment.branch.code, "miss"])
    form = {"ticket": ticket.code, "seen": str(ticket.events.latest("pk").pk)}
    headers = {"X-Requested-With": "queue"} if script else {}
    with time_machine.travel(STARTS_AT + minutes(30), tick=False):
        asked = staff.post(miss, form, headers=headers).content.decode()
        assert 'name="sure" value="yes"' in asked
        assert again(appointment).status == Status.ARRIVED
        staff.post(miss, form | {"sure": "yes"}, headers=headers)
    assert again(appointment).status == Status.NO_SHOW


# Identity on camera


def check(client: Client, appointment: Appointment, now: datetime, **form: str) -> str:
    with time_machine.travel(now, tick=False):
        answer = client.post(reverse("admin:appointments_call_identity", args=[appointment.reference]), form)
        assert answer.status_code == 302
        return " ".join(map(str, get_messages(answer.wsgi_request)))


def test_identity_is_kept_as_ticks_with_who_and_when(appointment: Appointment, staff: Client) -> None:
    arrived(appointment, STARTS_AT)
    press(staff, appointment, "admit", who="citizen")
    told = check(staff, appointment, STARTS_AT, is_shown="on", is_same_face="on", valid_until="2030-05-01")
    assert "αποθηκεύτηκε" in told
    made = IdentityCheck.objects.get()
    assert (made.is_shown, made.is_same_face, made.valid_until, made.at) == (True, True, date(2030, 5, 1), STARTS_AT)
    assert made.officer is not None
    event = Event.objects.get(verb=Verb.IDENTIFY)
    assert event.details == {"is_shown": True, "is_same_face": True}
    serving = reverse("admin:appointments_serving", args=[Ticket.objects.get().code])
    assert "Αποθηκεύτηκε από: Άννα Υπαλλήλου, ώρα 12:00." in shown(staff, serving)
    assert "Δείξατε το έγγραφο ταυτότητάς σας στην κάμερα" in shown(
        of_link(appointment), path_of(appointment.page_url())
    )
    retention.erase_old(now=STARTS_AT + timedelta(days=4000))
    made.refresh_from_db()
    assert (made.valid_until, made.is_shown) == (None, True)


def test_identity_is_checked_only_while_served(appointment: Appointment, staff: Client) -> None:
    officer = by(an_officer(appointment.branch, email="second@example.org"))
    with pytest.raises(WrongStatus):
        identity.check(appointment, is_shown=True, is_same_face=True, valid_until=None, by=officer, now=STARTS_AT)
    check(staff, appointment, STARTS_AT, is_shown="on")
    assert "δεν είναι σωστή" in check(staff, appointment, STARTS_AT, valid_until="soon")
    assert not IdentityCheck.objects.exists()


def test_step_before_the_identity_can_still_be_undone(appointment: Appointment) -> None:
    officer = an_officer(appointment.branch)
    meeting.let_in(appointment, arrived(appointment, STARTS_AT), by=by(officer), now=STARTS_AT)
    ticks = {"is_shown": True, "is_same_face": True, "valid_until": None}
    identity.check(appointment, **ticks, by=by(officer), now=STARTS_AT)  # type: ignore[arg-type]
    counter.undo(Ticket.objects.get(), by=by(officer), now=STARTS_AT + timedelta(seconds=3))
    assert again(appointment).status == Status.ARRIVED
