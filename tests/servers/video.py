"""Stand-ins for hosted video servers, on a free port. They verify what the real ones verify, and have bad moods."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt

SECRET = "a secret of the video server, with forty characters"
KEY = "mydesk"


@dataclass
class Reply:
    status: int = 200
    body: str = ""
    kind: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


class VideoServer:
    """`mood` is one of: "", slow, silent, broken, busy, refusing, garbage, half, long, elsewhere. `now` is its clock."""

    def __init__(self) -> None:
        self.port = 0
        self.mood = ""
        self.loses: set[str] = set()  # methods and paths that are done, but whose answer is lost
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.asked: list[str] = []
        self.entered: list[dict[str, Any]] = []
        self.meetings: dict[str, dict[str, Any]] = {}
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        raise NotImplementedError

    def claims(self, token: str, **options: Any) -> dict[str, Any] | None:
        """Returns the content of a token if signature and times are right on the server's clock, or None."""
        off = {"verify_exp": False, "verify_nbf": False, "verify_aud": False}
        try:
            claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"], options=off, **options)
        except jwt.InvalidTokenError:
            return None
        now = self.now().timestamp()
        return claims if claims["nbf"] <= now < claims["exp"] else None


class Jitsi(VideoServer):
    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        if parts.path == "/":
            return Reply(body="<title>Jitsi Meet</title>")
        query = dict(parse_qsl(parts.query))
        claims = self.claims(query.get("jwt", ""))
        wanted = {"aud": KEY, "iss": KEY, "sub": "127.0.0.1", "room": parts.path[1:]}
        if claims is None or {name: claims.get(name) for name in wanted} != wanted:
            return Reply(403, "no")
        self.entered.append(claims)
        return Reply(body="<title>Room</title>")


class LiveKit(VideoServer):
    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        if parts.path == "/":
            return Reply(body="OK")
        claims = self.claims(dict(parse_qsl(parts.query)).get("access_token", ""))
        if parts.path != "/rtc/validate":
            return Reply(404)
        if claims is None or claims["iss"] != KEY or not claims["video"].get("roomJoin") or not claims["video"]["room"]:
            return Reply(401, "invalid token")
        self.entered.append(claims)
        return Reply(body="success")


class BigBlueButton(VideoServer):
    """`vanish` empties it, as it does by itself minutes after nobody is in a meeting."""

    def vanish(self) -> None:
        self.meetings.clear()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        call = parts.path.removeprefix("/bigbluebutton/api/")
        query, _, checksum = parts.query.partition("&checksum=")
        if sha256(f"{call}{query}{SECRET}".encode()).hexdigest() != checksum:
            return _xml("FAILED", messageKey="checksumError")
        asked = dict(parse_qsl(query))
        calls = {"create": self._create, "join": self._join, "end": self._end, "isMeetingRunning": self._is_running}
        return calls[call](asked)

    def _is_running(self, asked: dict[str, str]) -> Reply:
        return _xml("SUCCESS", running=str(asked["meetingID"] in self.meetings).lower())

    def _create(self, asked: dict[str, str]) -> Reply:
        assert (asked["record"], asked["allowStartStopRecording"]) == ("false", "false")
        made = {"made": str(1_700_000_000_000 + len(self.asked)), "duration": asked["duration"]}
        meeting = self.meetings.setdefault(asked["meetingID"], made)
        return _xml("SUCCESS", meetingID=asked["meetingID"], createTime=meeting["made"])

    def _join(self, asked: dict[str, str]) -> Reply:
        meeting = self.meetings.get(asked["meetingID"])
        if meeting is None or asked["createTime"] != meeting["made"] or asked["role"] not in {"MODERATOR", "VIEWER"}:
            return _xml("FAILED", messageKey="notFound")
        self.entered.append(asked)
        return Reply(body="<title>Room</title>")

    def _end(self, asked: dict[str, str]) -> Reply:
        if self.meetings.pop(asked["meetingID"], None) is None:
            return _xml("FAILED", messageKey="notFound")
        return _xml("SUCCESS", messageKey="sentEndMeetingRequest")


def _xml(code: str, **said: str) -> Reply:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in {"returncode": code, **said}.items())
    return Reply(body=f"<response>{inner}</response>", kind="text/xml")


class Webex(VideoServer):
    """Knows one account with a refresh token, and the token that it gives for it."""

    TOKEN, REFRESH = "token-1", "refresh"

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        path = parts.path.removeprefix("/v1/").split("/")
        if path == ["access_token"]:
            return self._access(dict(parse_qsl(body.decode())))
        if headers.get("authorization") != f"Bearer {self.TOKEN}":
            return Reply(401)
        data = json.loads(body) if body else {}
        if path == ["meetings", "join"]:
            return self._join(data)
        if path == ["meetings"] and method == "POST":
            return self._made(data)
        if path == ["meetings"]:
            return self._found({name: values[0] for name, values in parse_qs(parts.query).items()})
        return self._of_one(method, path[1], data)

    def _access(self, form: dict[str, str]) -> Reply:
        right = {
            "grant_type": "refresh_token",
            "client_id": KEY,
            "client_secret": SECRET,
            "refresh_token": self.REFRESH,
        }
        return _json({"access_token": self.TOKEN, "expires_in": 1209599}) if form == right else Reply(401)

    def _is_right(self, data: dict[str, Any]) -> bool:
        start, end = (datetime.fromisoformat(data[name]) for name in ("start", "end"))
        return start > self.now() and end - start >= timedelta(minutes=10)

    def _made(self, data: dict[str, Any]) -> Reply:
        if not self._is_right(data) or data["enabledAutoRecordMeeting"] or data["sendEmail"]:
            return Reply(400)
        key = f"meeting-{len(self.asked)}"
        self.meetings[key] = {"id": key, "hostKey": "123456", "password": "BgJep@43", **data}
        return _json(self.meetings[key])

    def _found(self, query: dict[str, str]) -> Reply:
        since, until = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
        ours = [
            {**meeting, "id": f"{meeting['id']}_instance", "meetingSeriesId": meeting["id"]}
            for meeting in self.meetings.values()
            if query["integrationTag"] in meeting["integrationTags"]
            and since <= datetime.fromisoformat(meeting["end"])
            and datetime.fromisoformat(meeting["start"]) <= until
        ]
        return _json({"items": ours})

    def _of_one(self, method: str, key: str, data: dict[str, Any]) -> Reply:
        if key not in self.meetings:
            return Reply(404)
        if method == "DELETE":
            del self.meetings[key]
            return Reply(204)
        if not self._is_right(data):
            return Reply(400)
        self.meetings[key] |= data
        return _json(self.meetings[key])

    def _join(self, data: dict[str, Any]) -> Reply:
        meeting = self.meetings.get(data["meetingId"])
        if meeting is None:
            return Reply(404)
        if data["joinDirectly"] or not 1 <= data["expirationMinutes"] <= 60:
            return Reply(400)
        if "email" in data and data.get("password") != meeting["password"]:
            return Reply(403)
        self.entered.append(data)
        who = data.get("displayName", "host")
        links = {"joinLink": f"{self.url}/join?token={len(self.entered)}&who={len(who)}"}
        if "email" not in data:
            links["startLink"] = f"{self.url}/start?token={len(self.entered)}"
        return _json(links)


def _json(said: object) -> Reply:
    return Reply(body=json.dumps(said), kind="application/json")


SERVERS: dict[str, type[VideoServer]] = {"jitsi": Jitsi, "livekit": LiveKit, "bbb": BigBlueButton, "webex": Webex}


def settings_for(name: str, url: str) -> dict[str, str]:
    return {
        "jitsi": {"JITSI_URL": url, "JITSI_APP_ID": KEY, "JITSI_SECRET": SECRET},
        "livekit": {"LIVEKIT_URL": url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET},
        "bbb": {"BBB_URL": f"{url}/bigbluebutton", "BBB_SECRET": SECRET},
        "webex": {
            "WEBEX_URL": url,
            "WEBEX_CLIENT_ID": KEY,
            "WEBEX_CLIENT_SECRET": SECRET,
            "WEBEX_REFRESH_TOKEN": "refresh",
        },
    }[name]


@contextmanager
def running(server: VideoServer) -> Iterator[VideoServer]:
    handler = type("Handler", (_Handler,), {"video": server})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    video: VideoServer

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what = f"{self.command} {urlsplit(self.path).path}"
        self.video.asked.append(what)
        match self.video.mood:
            case "silent":
                self.video.stopping.wait(30)
            case "slow":
                self._drip()
            case "half":
                self._send(Reply(body='{"items": ['), length=1000)
            case mood if mood in MOODS:
                self._send(MOODS[mood])
            case _:
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = self.video.answer(self.command, self.path, headers, body)
                if what not in self.video.loses:
                    self._send(reply)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def _send(self, reply: Reply, length: int | None = None) -> None:
        body = reply.body.encode()
        self.send_response_only(reply.status)
        self.send_header("Date", format_datetime(self.video.now(), usegmt=True))
        self.send_header("Content-Type", reply.kind)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        """Sends a header byte by byte, so that no single wait is long."""
        try:
            while not self.video.stopping.is_set():
                self.wfile.write(b"H")
                self.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return

    def log_message(self, *args: object) -> None:
        pass


MOODS = {
    "broken": Reply(500, "an error"),
    "busy": Reply(429),
    "refusing": Reply(403),
    "garbage": Reply(200, "<!DOCTYPE html><title>Maintenance</title>"),
    "long": Reply(200, "x" * 400_000),
    "elsewhere": Reply(302, headers={"Location": "http://127.0.0.1:1/"}),
}
