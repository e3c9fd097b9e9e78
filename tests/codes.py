"""Sending the mails about accounts that are owed, as the worker does, reading the codes in them, and passing checks by them."""

import re
from typing import Any

from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from playwright.sync_api import Page

from accounts.tasks import send_codes
from appointments.models import Appointment


def sent() -> list[EmailMessage]:
    """Sends the mails that are due, and returns all that have been sent in this test."""
    send_codes()
    return mail.outbox


def latest() -> str:
    """Returns the code of the latest mail."""
    (code,) = re.findall(r"^\d{6}$", sent()[-1].body, re.MULTILINE)
    return code


def follow(client: Client, appointment: Appointment, view: str = "detail", *, link: str = "") -> Any:
    """Follows the link of a message, and passes the second check by the code that is mailed. Returns the page."""
    page = client.get(link or appointment.link(view), follow=True)
    if page.request["PATH_INFO"].endswith("/open/"):
        gate = page.request["PATH_INFO"] + f"?{page.request['QUERY_STRING']}"
        client.post(gate, {"action": "send"})
        page = client.post(gate, {"code": latest()}, follow=True)
    return page


def pass_check(page: Page) -> None:
    """Passes the second check in the browser that has just followed a link."""
    page.locator("button[value=send]").click()
    page.locator("[name=code]").wait_for()  # the code is owed before the page asks for it
    page.locator("[name=code]").fill(latest())
    page.keyboard.press("Enter")
    page.locator("[name=code]").wait_for(state="detached")


def open_for(client: Client, appointment: Appointment, *, by_mail: bool = True) -> None:
    """Lets the browser open the appointment, as if it had followed the link and passed the second check before."""
    session = client.session
    for name in ("appointments", "linked", *(["mailed"] if by_mail else [])):
        session[name] = [*session.get(name, []), appointment.opened_as]
    session.save()
    client.cookies["sessionid"] = session.session_key
