"""SMS that citizens send: what they mean, on which appointment they act, and whom the hook believes."""

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from agencies.models import Branch, Procedure
from appointments.booking import retention
from appointments.history import timeline
from appointments.messages import mails, replies, truth
from appointments.messages.replies import meaning
from appointments.models import Appointment, Event, Notification, ReceivedSms, Status
from mydesklive.checks import keys
from tests.builders import NOON, WEDNESDAY, booked_at, messages_of, minutes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State
Outcome = ReceivedSms.Outcome
SECRET = "k8Jq2mVx7Zt4Wc9Rb6Ny3Hd5Lf1Ps0Ga"
PHONE = "+306900000000"


@pytest.fixture(autouse=True)
def _gateway() -> Any:
    with override_settings(SMS_URL="json://localhost/{phone}", SMS_HOOK_SECRET=SECRET):
        yield


@pytest.fixture
def appointment(branch: Branch) -> Appointment:
    return booked_at(branch, 10, day=WEDNESDAY)


def sent(text: str, name: str = "1", number: str = PHONE) -> str:
    return replies.receive(name, number, text, now=NOON)


def state_of(appointment: Appointment) -> str:
    return Appointment.objects.get(pk=appointment.pk).status


def answer_to(appointment: Appointment) -> str:
    message = Notification.objects.select_related("appointment").get(appointment=appointment, kind=Kind.REPLY)
    assert message.medium == Medium.SMS
    assert truth.is_true(message, now=NOON)
    return mails.text(message, now=NOON)


@pytest.mark.parametrize(
    "text",
    [
        *("ΟΧΙ", "όχι", "Όχι.", " ΟΧΙ ! ", "oxi", "OXI", "ohi", "Ο Χ Ι", "no", "No."),
        *("ΑΚΥΡΩΣΗ", "ακύρωση", "Ακυρωση", "akyrosi", "AKIROSI", "akyrwsh", "ΑΚΥΡΩΝΩ", "ακυρώστε", "άκυρο", "ακύ ρωση"),
        *("CANCEL", "cancel", "Cancel please", "cancel my appointment", "ακυρώστε το ραντεβού μου παρακαλώ"),
        *("ΑΚΥΡΩΣΗ\n", "«ΑΚΥΡΩΣΗ»", "\u200eΟΧΙ"),
    ],
)
def test_plain_cancellation(text: str) -> None:
    assert meaning(text) == Outcome.CANCELLED


@pytest.mark.parametrize(
    "text", ["ΝΑΙ", "ναι", "nai", "YES", "ok", "ΟΚ", "Επιβεβαιώνω", "epivevaiono", "confirm please"]
)
def test_plain_confirmation(text: str) -> None:
    assert meaning(text) == Outcome.CONFIRMED


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "?",
            "👍",
            "ίσως",
            "ΟΧΙ ΝΑΙ",
            "ΟΧΙ ακύρωση",
            "όχι, θα έρθω",
            "μην ακυρώσετε",
            "do not cancel",
            "no cancel",
        ),
        *("να μην ακυρωθεί", "δεν ακυρώνω", "cancel?? no", "yes cancel", "ακύρωση ή αλλαγή;", "ΟΧΙ παρακαλώ", "stop"),
        *("πώς ακυρώνω;", "θέλω άλλη ώρα", "10:00", "Αύριο δεν μπορώ"),
    ],
)
def test_what_is_not_plain_means_nothing(text: str) -> None:
    assert meaning(text) is None


def test_no_cancels_the_only_appointment_as_its_page_would(appointment: Appointment) -> None:
    assert sent("Όχι") == Outcome.CANCELLED
    assert state_of(appointment) == Status.CANCELLED
    assert (Kind.CANCELLED, State.PENDING) in messages_of(appointment)
    assert appointment.notifications.filter(kind=Kind.CANCELLED, medium=Medium.SMS).exists()
    event = appointment.events.get(verb=Event.Verb.CANCEL)
    assert (event.by, event.page) == ("guest", "sms-replies")
    entry = timeline.of(Appointment.objects.get(pk=appointment.pk))[-1]
    assert entry.by.endswith("(SMS)")


def test_yes_is_noted_and_answered(appointment: Appointment) -> None:
    assert sent("ΝΑΙ") == Outcome.CONFIRMED
    assert state_of(appointment) == Status.BOOKED
    assert appointment.events.filter(verb=Event.Verb.CONFIRM).exists()
    text = answer_to(appointment)
    assert "Ευχαριστούμε" in text
    assert appointment.spoken_reference in text


def test_unclear_text_changes_nothing_and_asks_back(appointment: Appointment) -> None:
    assert sent("μην ακυρώσετε") == Outcome.UNCLEAR
    assert state_of(appointment) == Status.BOOKED
    assert "ΟΧΙ για ακύρωση" in answer_to(appointment)


@pytest.mark.parametrize("number", ["306900000000", "00306900000000", "+30 690 000 0000", "6900000000"])
def test_number_is_read_however_the_gateway_writes_it(appointment: Appointment, number: str) -> None:
    assert sent("ΟΧΙ", number=number) == Outcome.CANCELLED


@pytest.mark.parametrize("number", ["", "KEP", "+306911111111", "12345"])
def test_strange_number_does_nothing(appointment: Appointment, number: str) -> None:
    assert sent("ΟΧΙ", number=number) == Outcome.UNKNOWN
    assert state_of(appointment) == Status.BOOKED
    assert not appointment.notifications.filter(kind=Kind.REPLY).exists()


def test_several_appointments_need_the_reference(branch: Branch, appointment: Appointment) -> None:
    other = booked_at(branch, 11, day=WEDNESDAY)
    assert sent("ΟΧΙ") == Outcome.SEVERAL
    assert (state_of(appointment), state_of(other)) == (Status.BOOKED, Status.BOOKED)
    assert f"ΟΧΙ {appointment.spoken_reference}" in answer_to(appointment)
    assert sent(f"ΟΧΙ {other.spoken_reference}", "2") == Outcome.CANCELLED
    assert (state_of(appointment), state_of(other)) == (Status.BOOKED, Status.CANCELLED)


@pytest.mark.parametrize("written", ["{0} ΟΧΙ", "οχι {0}", "ΑΚΥΡΩΣΗ κωδικός: {0}.", "cancel, ref {1}", "no {2}"])
def test_reference_is_found_however_it_is_written(branch: Branch, appointment: Appointment, written: str) -> None:
    other = booked_at(branch, 11, day=WEDNESDAY)
    forms = (other.spoken_reference, other.reference, other.reference.lower())
    assert sent(written.format(*forms)) == Outcome.CANCELLED
    assert (state_of(appointment), state_of(other)) == (Status.BOOKED, Status.CANCELLED)


def test_reference_of_somebody_else_does_nothing(branch: Branch, appointment: Appointment) -> None:
    other = booked_at(branch, 11, day=WEDNESDAY, phone="+306911111111")
    assert sent(f"ΟΧΙ {other.spoken_reference}") == Outcome.UNCLEAR
    assert (state_of(appointment), state_of(other)) == (Status.BOOKED, Status.BOOKED)


def test_too_late_is_answered_with_the_telephone(branch: Branch) -> None:
    Branch.objects.update(phone="28210 12345")
    soon = booked_at(branch, 12, 30)
    assert sent("ΑΚΥΡΩΣΗ") == Outcome.TOO_LATE
    assert state_of(soon) == Status.BOOKED
    assert "28210 12345" in answer_to(soon)


@pytest.mark.parametrize(
    "status", [Status.UNVERIFIED, Status.ARRIVED, Status.SERVING, Status.COMPLETED, Status.NO_SHOW]
)
def test_only_what_is_booked_is_acted_on(appointment: Appointment, status: str) -> None:
    Appointment.objects.update(status=status, expires_at=NOON + minutes(20))
    assert sent("ΟΧΙ") == Outcome.UNKNOWN
    assert state_of(appointment) == status


def test_repetition_acts_once(branch: Branch, appointment: Appointment) -> None:
    assert sent("ΟΧΙ") == Outcome.CANCELLED
    later = booked_at(branch, 11, day=WEDNESDAY)
    assert sent("ΟΧΙ") == Outcome.CANCELLED
    assert state_of(later) == Status.BOOKED
    assert sent("ΟΧΙ", "another") == Outcome.CANCELLED
    assert state_of(later) == Status.CANCELLED


def test_number_that_sends_all_the_time_is_not_answered(appointment: Appointment) -> None:
    outcomes = [sent("γεια", f"{number}") for number in range(replies.OF_ONE_NUMBER.number + 1)]
    assert outcomes == [Outcome.UNCLEAR] * replies.OF_ONE_NUMBER.number + [Outcome.TOO_MANY]
    assert appointment.notifications.filter(kind=Kind.REPLY).count() == 1


def test_reminder_says_how_to_answer_only_where_answers_are_read(appointment: Appointment) -> None:
    reminder = appointment.notifications.filter(kind=Kind.REMINDER).select_related("appointment").first()
    assert reminder
    assert "Στείλτε ΟΧΙ" in mails.text(reminder, now=NOON)
    with override_settings(SMS_HOOK_SECRET=""):
        assert "Στείλτε ΟΧΙ" not in mails.text(reminder, now=NOON)


def test_received_messages_are_forgotten(appointment: Appointment) -> None:
    sent("ΝΑΙ")
    assert retention.forget_received(now=NOON + timedelta(days=29)) == 0
    assert retention.forget_received(now=NOON + timedelta(days=31)) == 1


# The hook


def post(client: Client, body: bytes, *, at: float | None = None, secret: str = SECRET, **headers: str) -> Any:
    sent_at = str(int(NOON.timestamp() if at is None else at))
    signed = hmac.new(secret.encode(), sent_at.encode() + b"." + body, "sha256").hexdigest()
    given = {"X-MyDesk-Timestamp": sent_at, "X-MyDesk-Signature": f"sha256={signed}"} | headers
    return client.post("/hooks/sms/", body, content_type="application/json", headers=given)


def message(**fields: Any) -> bytes:
    return json.dumps({"id": "gw-1", "from": PHONE, "text": "ΟΧΙ"} | fields).encode()


def test_signed_message_is_acted_on_once(client: Client, appointment: Appointment) -> None:
    for _ in range(2):
        answer = post(client, message())
        assert (answer.status_code, answer.json()) == (200, {"outcome": "cancelled"})
    assert state_of(appointment) == Status.CANCELLED
    assert appointment.events.filter(verb=Event.Verb.CANCEL).count() == 1


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "another secret of thirty-two signs"},
        {"at": NOON.timestamp() - 301},
        {"at": NOON.timestamp() + 302},
        {"X-MyDesk-Signature": ""},
        {"X-MyDesk-Signature": "sha256=é"},
        {"X-MyDesk-Timestamp": ""},
        {"X-MyDesk-Timestamp": "٣"},
        {"X-MyDesk-Timestamp": "1" * 400},
        {"X-MyDesk-Timestamp": str(int(NOON.timestamp()) + 1)},  # not the one that was signed
    ],
)
def test_nobody_else_is_believed(client: Client, appointment: Appointment, how: dict[str, Any]) -> None:
    assert post(client, message(), **how).status_code == 403
    assert state_of(appointment) == Status.BOOKED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (message(id=""), 400),
        (message(id=5), 400),
        (message(text=None), 400),
        (message(**{"from": "6" * 31}), 400),
        (message(text="a" * 5000), 413),
        (message(text="a" * 1600), 200),
        (message(text="\x00"), 200),
        (message(id="\ud800"), 400),  # half of a letter
        (b"[" * 4000, 400),
        (b'"id"', 400),
    ],
)
def test_malformed_messages_are_refused(client: Client, body: bytes, status: int) -> None:
    assert post(client, body).status_code == status


def test_without_a_secret_there_is_no_hook(client: Client) -> None:
    with override_settings(SMS_HOOK_SECRET=""):
        assert post(client, message(), secret="").status_code == 404
    assert client.get("/hooks/sms/").status_code == 405


@pytest.mark.parametrize(("secret", "found"), [("", 0), (SECRET, 0), ("short", 1), ("a" * 40, 1)])
def test_weak_secret_does_not_start(secret: str, found: int) -> None:
    with override_settings(SMS_HOOK_SECRET=secret):
        assert len(keys.check_sms_hook_secret()) == found


def test_an_appointment_of_the_same_number_elsewhere_counts(branch: Branch, appointment: Appointment) -> None:
    Procedure.objects.update(open_limit=2)
    booked_at(branch, 12, 0, 1, day=WEDNESDAY, phone="690 000 0000")
    assert sent("ΟΧΙ") == Outcome.SEVERAL
    assert settings.SMS_HOOK_SECRET == SECRET
