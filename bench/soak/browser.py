"""A browser without JavaScript. It keeps cookies, follows redirects, and presses "Try again" when it is told to."""

import html
import http.client
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from threading import Event
from urllib.parse import urlencode, urlsplit

from bench.soak.ledger import BUSY, NO_ANSWER, Ask, Ledger

PATIENCE = 20.0  # seconds until the browser gives a connection up
PAUSE = 1.0  # seconds until a person tries again


class GoneHome(Exception):
    """The soak is over, so the person stops in the middle of what they did."""


@dataclass
class Form:
    action: str
    step: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Finds the forms of a page with their hidden fields, and the values of their radio buttons and submit buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("data-step", "")))
        elif self.found and tag in {"input", "button"} and given.get("name"):
            form, name, value = self.found[-1], given["name"], given.get("value", "")
            if given.get("type") == "hidden":
                form.fields[name] = value
            else:
                form.choices.setdefault(name, []).append(value)


@dataclass(frozen=True)
class Page:
    status: int
    address: str
    headers: Mapping[str, str]
    text: str

    @property
    def forms(self) -> list[Form]:
        reader = _Forms()
        reader.feed(self.text)
        return reader.found

    def form(self, *, step: str = "", choice: str = "") -> Form | None:
        """Returns the first form for this step of the queue, or the first with such a choice or hidden field."""
        for form in self.forms:
            if (step and form.step == step) or (choice and (choice in form.choices or choice in form.fields)):
                return form
        return None


class Browser:
    def __init__(
        self, port: int, who: str, address: str, ledger: Ledger, over: Event, *, cookies: Mapping[str, str]
    ) -> None:
        self.who, self.address = who, address
        self._port, self._ledger, self._over = port, ledger, over
        self.cookies = dict(cookies)
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **headers: str) -> Page:
        return self._asked("GET", path, None, headers)

    def send(self, path: str, form: Mapping[str, object], **headers: str) -> Page:
        return self._asked("POST", path, urlencode(form, doseq=True).encode(), headers)

    def ask_once(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Page:
        """Asks without following or trying again. A page with status 0 says that no answer came."""
        at = self._ledger.now
        try:
            page = self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException):
            self.close()
            page = Page(NO_ANSWER, path, {}, "")
        what = f"{method} {_kind(path)}"
        self._ledger.note(Ask(self.who, what, at, self._ledger.now - at, page.status))
        return page

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _asked(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        while True:
            page = self.ask_once(method, path, body, **headers)
            if page.status == NO_ANSWER or page.status in BUSY:
                if self._over.is_set():
                    raise GoneHome
                time.sleep(PAUSE)
            elif page.status in {301, 302, 303}:
                split = urlsplit(page.headers["location"])
                method, body, path = "GET", None, split.path + (f"?{split.query}" if split.query else "")
            else:
                return page

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = {"Host": f"localhost:{self._port}", "Accept-Language": "el", "X-Forwarded-For": self.address}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        for name, value in re.findall(r"(?im)^set-cookie: ([^=]+)=([^;\r\n]*)", str(answer.headers)):
            self.cookies[name] = value
        if answer.will_close:
            self.close()
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Page(answer.status, path, told, text)


def _kind(path: str) -> str:
    """Returns the path without what differs from person to person."""
    return re.sub(r"/[0-9A-Za-z_-]{10,}/", "/…/", urlsplit(path).path)


def unescaped(text: str) -> str:
    return html.unescape(text)
