"""What an SMS takes, and that none takes more than two: all kinds, both languages, the longest names of all time zones."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from agencies.loading.tables import DATA
from agencies.models import Branch, Channel
from appointments import wording
from appointments.messages import mails, segments
from appointments.messages.segments import count, fitted, in_capitals, plain, shortened
from appointments.models import Appointment, Notification
from tests.builders import NOW, WEDNESDAY, a_strike, booked_at

Kind, Medium = Notification.Kind, Notification.Medium
KINDS = sorted(set(Kind) & {path.stem for path in Path("templates/sms").glob("*.txt")})
LANGUAGES = [code for code, _name in settings.LANGUAGES]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # two places each
        ("€" * 81, 2),
        ("a" * 152 + "€" * 76, 2),  # the first does not fit any more into the first part
        ("a" * 152 + "€" * 77, 3),
        ("ΓΔΘΛΞΠΣΦΨΩ" * 16, 1),  # capitals that the alphabet has
        ("ά" * 70, 1),
        ("ά" * 71, 2),
        ("ά" * 134, 2),
        ("ά" * 135, 3),
        ("a" * 70 + "ά", 2),  # one letter makes all of them long
        ("😀" * 35, 1),  # two units each, never cut in two
        ("😀" * 66, 2),
        ("😀" * 67, 3),
    ],
)
def test_parts_of_a_text(text: str, parts: int) -> None:
    assert count(text) == parts


def test_composed_and_plain_signs_take_less() -> None:
    assert plain("Ραντεβου\u0301  στις\n10:00 …") == "Ραντεβού στις 10:00 ..."
    assert segments.is_gsm(plain("“Don’t” – 5\u00a0€…"))


@pytest.mark.parametrize(
    "greek", ["Άέήίόύώϊΰ", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", "αβγδεζηθικλμνξοπρσςτυφχψω", "Ποιος; Εδώ· ναι."]
)
def test_capitals_of_every_greek_letter_are_in_the_alphabet(greek: str) -> None:
    assert segments.is_gsm(in_capitals(greek))


@pytest.mark.parametrize(
    ("most", "short"),
    [
        (None, "Γενικό Προξενείο Μελβούρνης"),
        (27, "Γενικό Προξενείο Μελβούρνης"),
        (26, "Γενικό Προξενείο..."),
        (22, "Γενικό Προξενείο..."),
        (12, "Γενικό..."),
        (6, "Γεν..."),
    ],
)
def test_names_end_with_a_whole_word(most: int | None, short: str) -> None:
    assert shortened("Γενικό Προξενείο Μελβούρνης", most) == short


def test_what_can_be_left_out_goes_first_then_names_then_small_letters() -> None:
    name, must = "Πολύ μακρύ όνομα " * 4, "ώ" * 90

    def write(most: int | None, extras: bool) -> str:
        return f"{shortened(name, most)} {must}{' επιπλέον' * 10 * extras}"

    assert fitted(write) == f"{shortened(name, 45)} {must}"
    must = "ώ" * 200
    assert fitted(write).endswith("Ω" * 200)
    assert count(fitted(write)) == 2


def longest_of_each_zone() -> Iterator[dict[str, str]]:
    with (DATA / "branches.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: len(row["name_el"]))
    yield from {row["timezone"]: row for row in rows}.values()


def texts(appointment: Appointment) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        details = {
            "branch.address_el": "-",
            "branch.address_en": "-",
            "branch.phone": "-",
            "procedure.documents_el": "-",
        }
        message = Notification(appointment=appointment, kind=kind, medium=Medium.SMS, language=appointment.language)
        message.details = details if kind == Kind.CHANGED else {"outcome": "several"}
        yield kind, mails.text(message, now=NOW)


@pytest.mark.django_db
def test_no_message_takes_more_than_two_and_none_loses_time_place_or_reference(branch: Branch) -> None:
    booked = booked_at(branch, 10, day=WEDNESDAY, timezone="America/New_York")
    a_strike(branch, day=WEDNESDAY, reason_el="Απεργία των εργαζομένων στη δημόσια διοίκηση " * 3)
    address = {"address_el": "Λεωφόρος Ελευθερίου Βενιζέλου 123", "address_en": "123 Eleftheriou Venizelou Avenue"}
    places = ("name_el", "name_en", "city_el", "city_en", "timezone")
    for row in longest_of_each_zone():
        Branch.objects.update(**{name: row[name] for name in places}, **address, phone="+302821012345")
        for language in LANGUAGES:
            Appointment.objects.update(language=language, channel=Channel.IN_PERSON)
            appointment = Appointment.objects.select_related("agency", "branch", "procedure").get(pk=booked.pk)
            must = {appointment.spoken_reference, wording.short_when(appointment)[:16]}
            if language == "en":
                must |= {row["name_en"][:7]}
            for kind, text in texts(appointment):
                where = (row["name_el"], language, kind, text)
                assert count(text) <= segments.MOST, where
                known = in_capitals(text)
                assert all(in_capitals(one) in known for one in must), where
                if kind in (Kind.CONFIRMATION, Kind.MOVED, Kind.REMINDER, Kind.CHANGED):
                    assert in_capitals(plain(address[f"address_{language}"])) in known, where
