"""A stand-in for TAXISnet and for a provider of OpenID Connect. It checks what the real ones check, and has moods."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from django.test import Client

from accounts import identities
from accounts.identities import joining
from accounts.identities.people import Person
from accounts.models import User
from tests.builders import NOW

CLIENT_ID, SECRET = "mydesk", "a secret of thirty-two bytes or more"
MARIA = '<root><userinfo userid="User065278322" taxid="065278322   " lastname="&#928;ΑΠΑ&#916;ΑΚΗ  " firstname="ΜΑΡΙΑ "/></root>'
CLAIMS = {"sub": "FR/GR/1", "given_name": "Jean", "family_name": "Dupont", "acr": "http://eidas.europa.eu/LoA/high"}


@dataclass
class Provider:
    """What it says, and what it was asked. `status`, `wait` and `drip` are of the request for who has signed in."""

    url: str = ""
    xml: str | bytes = MARIA
    token: Any = field(default_factory=lambda: {"access_token": "t0ken", "token_type": "bearer", "expires_in": 60})
    token_status: int = 200
    status: int = 200
    wait: float = 0
    drip: float = 0
    claims: dict[str, Any] = field(default_factory=lambda: dict(CLAIMS))
    userinfo: Any = None  # instead of the claims
    configuration: Any = None
    codes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.provider.asked.append(self.path)
        (code,) = form.get("code", [""])
        is_right = form.get("client_id") == [CLIENT_ID] and form.get("client_secret") == [SECRET]
        if not is_right or code in self.provider.codes:
            self._answer(401, json.dumps({"error": "invalid_grant"}))
            return
        self.provider.codes.append(code)
        token = self.provider.token
        if isinstance(token, dict) and "/oidc/" in self.path:
            token = token | {"id_token": self._signed()}
        self._answer(self.provider.token_status, token if isinstance(token, str) else json.dumps(token))

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.provider.asked.append(self.path)
        if path.endswith("openid-configuration"):
            self._answer(200, json.dumps(self.provider.configuration or self._configuration()))
        elif self.headers["Authorization"] != "Bearer t0ken":
            self._answer(401, '{"error": "invalid_token"}')
        elif "/oidc/" in path:
            told = self.provider.claims if self.provider.userinfo is None else self.provider.userinfo
            self._answer(self.provider.status, json.dumps(told))
        else:
            assert self.path.endswith("/userinfo?format=xml")
            self._answer(self.provider.status, self.provider.xml)

    def _configuration(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "a", "token_endpoint": "t", "userinfo_endpoint": "u", "jwks_uri": "k"}
        endpoints = {name: f"{self.provider.url}/oidc/{path}" for name, path in names.items()}
        return endpoints | {"issuer": "https://eidas.example.org"}

    def _signed(self) -> str:
        now = int(time.time())
        about = {"iss": "https://eidas.example.org", "aud": CLIENT_ID, "iat": now, "exp": now + 60}
        return jwt.encode(about | self.provider.claims, SECRET, algorithm="HS256")

    def _answer(self, status: int, body: str | bytes) -> None:
        raw = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if raw[:1] in b"{[" else "text/xml")
        self.send_header("Content-Length", str(len(raw)))
        if 300 <= status < 400:
            self.send_header("Location", self.provider.url)
        self.end_headers()
        time.sleep(self.provider.wait)
        pieces = [raw[place : place + 1] for place in range(len(raw))] if self.provider.drip else [raw]
        try:
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(self.provider.drip)
        except OSError:
            self.close_connection = True


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()


def left(client: Client, source: str = "taxisnet", prefix: str = "", **form: str) -> dict[str, str]:
    """Goes to the provider, and returns with what, above all with which `state`."""
    answer = client.post(f"{prefix}/accounts/{source}/login/", form)
    assert answer.status_code == 302, answer
    query = parse_qs(urlsplit(answer["Location"]).query)
    return {name: value for name, (value,) in query.items()} | {"to": answer["Location"].partition("?")[0]}


def back(client: Client, source: str = "taxisnet", code: str = "c0de", **form: str) -> Any:
    """Goes to the provider and comes back, and returns the answer."""
    state = left(client, source, **form)["state"]
    return client.get(f"/accounts/{source}/login/callback/", {"code": code, "state": state})


def signed_in_at(client: Client, user: User, level: str = "substantial", **told: str) -> Client:
    """Signs in an account with an identity, as after a sign-in at TAXISnet at this level."""
    about = {"last_name": "ΠΑΠΑΔΑΚΗ", "first_name": "ΜΑΡΙΑ", "tax_number": "065278322"} | told
    joining.renew(user, Person("taxisnet", "065278322", level, **about), now=NOW)
    client.force_login(user)
    session = client.session
    session[identities.PROOF] = {"user": user.pk, "source": "taxisnet", "level": level}
    session.save()
    return client
