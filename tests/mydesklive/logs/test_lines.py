"""What a line of the log says, and what it never says."""

import json
import logging
import smtplib
import sys
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.test import RequestFactory

from accounts.models import User
from accounts.security import CURRENT, Work
from mydesklive.logs.lines import Json, Line
from tests.builders import a_user

FORMS = [Json(), Line()]
FORGED = "ok\n2026-11-28 10:00:00,000 ERROR   django: all is lost\x1b[2J\x85\u2028\u202e"


def a_record(name: str = "appointments.tasks", message: str = "Done", *args: Any, **extra: Any) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.INFO, "file.py", 1, message, args, extra.pop("exc_info", None))
    record.__dict__.update(extra)
    return record


def raised(error: Exception, cause: Exception | None = None) -> Any:
    try:
        raise error from cause
    except type(error):
        return sys.exc_info()


def both(record: logging.LogRecord) -> str:
    return "\n".join(form.format(record) for form in FORMS)


def test_json_has_the_message_the_details_and_the_id_of_the_request():
    token = CURRENT.set(Work("a1b2c3d4"))
    line = json.loads(Json().format(a_record(told={"route": "en/<slug:platform>/", "status": 200})))
    CURRENT.reset(token)
    assert line.pop("at").endswith("+00:00")
    expected = {"level": "INFO", "logger": "appointments.tasks", "message": "Done", "id": "a1b2c3d4"}
    assert line == expected | {"route": "en/<slug:platform>/", "status": 200}


def test_a_line_for_people_has_the_same():
    token = CURRENT.set(Work("a1b2c3d4"))
    line = Line().format(a_record(told={"route": "en/<slug:platform>/", "status": 200}))
    CURRENT.reset(token)
    assert line.endswith("INFO    appointments.tasks: Done route=en/<slug:platform>/ status=200 [a1b2c3d4]")


@pytest.mark.parametrize(
    "record", [a_record("django", FORGED), a_record("appointments", "%s", FORGED), a_record(told={"a": FORGED})]
)
def test_no_text_forges_a_line(record: logging.LogRecord):
    for form in FORMS:
        line = form.format(record)
        assert len(line.splitlines()) == 1
        assert not {"\n", "\x1b", "\x85", "\u2028", "\u202e"} & set(line)
    json.loads(Json().format(record))


def test_no_error_forges_a_line():
    record = a_record(exc_info=raised(ValueError(FORGED)))
    assert [line[:4] for line in Line().format(record).splitlines()[1:]] == ["    "] * 2
    assert json.loads(Json().format(record))["error"][0].startswith("ValueError: ok")


@pytest.mark.parametrize("odd", ["\ud800", object(), b"\xff", {1: {2}}])
def test_json_can_always_be_read(odd: object):
    assert json.loads(Json().format(a_record("x", "%s", odd, told={"odd": odd})))


PERSONAL = [
    "eleni@example.org",
    "Ελένη",
    "6912345678",
    "+30 21 0123 4567",
    "094259216",
    "K7M4Q2XDBN",
    "s3cr3tT0kenOf32",
]


@pytest.mark.parametrize("value", PERSONAL)
def test_lines_of_libraries_and_errors_lose_what_is_personal(value: str):
    for record in (
        a_record("kombu", "lost %s", value),
        a_record("django.request", f"/x/?name={value}&a=1"),
        a_record("celery", "%r failed", {"who": value}),
        a_record(exc_info=raised(ValueError(f"wrong: {value}"))),
        a_record(exc_info=raised(KeyError(value))),
        a_record(exc_info=raised(RuntimeError("above"), RuntimeError(value))),
        a_record(exc_info=raised(smtplib.SMTPRecipientsRefused({value: (550, value.encode())}))),
        a_record(exc_info=raised(smtplib.SMTPDataError(550, value.encode()))),
    ):
        assert value not in both(record)


def test_a_name_in_latin_letters_is_lost_with_its_quotation_marks():
    assert "Eleni" not in both(a_record(exc_info=raised(ValueError("invalid literal: 'Eleni Papadaki'"))))
    assert "no attribute 'branch'" in both(a_record(exc_info=raised(AttributeError("no attribute 'branch'"))))


@pytest.mark.django_db
def test_an_error_of_the_database_tells_the_constraint_and_no_row():
    a_user("eleni@example.org")
    try:
        User.objects.bulk_create([User(email="eleni@example.org", name="Eleni Papadaki")])
    except IntegrityError:
        text = both(a_record(exc_info=sys.exc_info()))
    assert isinstance(connection.connection, psycopg.Connection)
    assert "23505 accounts_user_email" in text
    assert "eleni" not in text.lower()


def test_the_request_of_a_record_is_told_by_its_route_alone():
    request = RequestFactory().get("/appointments/secret-reference/?key=made-up")
    request.resolver_match = SimpleNamespace(route="appointments/<slug:reference>/")  # type: ignore[assignment]
    for path in (request.path, request.get_full_path()):
        text = both(a_record("django.request", "Internal Server Error: %s", path, request=request, status_code=500))
        assert "secret-reference" not in text
        assert "made-up" not in text
        assert "Internal Server Error: appointments/<slug:reference>/" in text
