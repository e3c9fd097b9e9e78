"""Requests that no browser sends: they get a page or a plain refusal, never an error of the server."""

from io import BytesIO
from typing import Any

import pytest
from django.test import Client, RequestFactory

from mydesklive.wsgi import application

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
ODD_TYPES = [
    f"{FORM}; charset=utf-7",
    f"{FORM}; charset=unknown",
    f"{FORM}; charset=base64",
    f"{FORM}; charset=iso-8859-7",
    f"{FORM}; charset=a\0b",
    f"{FORM}; charset*=unknown''utf-8",
    f"{FORM}; charset*=utf-16''%ff",
    "multipart/form-data; boundary=x; charset=utf-16",
    "multipart/form-data; boundary=x; charset=base64",
    "application/json; charset=base64",
    "text/plain; charset=rot13",
]


def answered(path: str, **environ: Any) -> tuple[int, str]:
    """The status and the body that the server gets from the application."""
    given = RequestFactory().generic("POST", path).environ | environ
    given["wsgi.input"] = BytesIO(b"reference=K7M4Q2XDBN")
    started = []
    body = b"".join(application(given, lambda status, _headers: started.append(status)))
    return int(started[0].split()[0]), body.decode()


@pytest.mark.parametrize("content_type", ODD_TYPES)
@pytest.mark.parametrize("path", ["/appointments/find/", "/en/admin/login/", "/api/v1/appointments/"])
def test_a_form_that_is_not_in_utf_8_is_refused(path: str, content_type: str) -> None:
    status, body = answered(path, CONTENT_TYPE=content_type, CONTENT_LENGTH="20")
    assert status == 400
    assert body


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=UTF-8", "; charset*=utf-8''UTF-8"])
def test_a_form_in_utf_8_is_read(charset: str) -> None:
    client = Client(headers={"content-type": FORM + charset})
    page = client.generic("POST", "/appointments/find/", b"reference=K7M4Q2XDBN", content_type=FORM + charset)
    assert page.context["form"]["reference"].value() == "K7M4Q2XDBN"


def test_a_refused_request_gets_the_page_for_it(client: Client) -> None:
    page = client.get("/en/mykeplive/?branch=%00")
    assert page.status_code == 400
    assert "We could not understand this request" in page.content.decode()
    assert client.get("/api/v1/branches/?q=%00", headers={"accept-language": "en"}).json() == {
        "q": ["Null characters are not allowed."]
    }


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "django_language", "timezone", "messages"])
@pytest.mark.parametrize("odd", ["a\0b" * 9, "\xed\xa0\x80" * 9, "²" * 9])
def test_a_cookie_that_cannot_be_stored_counts_as_absent(client: Client, name: str, odd: str) -> None:
    client.cookies[name] = odd
    assert client.get("/appointments/find/").status_code == 200
    assert client.get("/admin/").status_code == 302
    assert client.get("/api/v1/appointments/K7M4Q2XDBN/").status_code == 401
