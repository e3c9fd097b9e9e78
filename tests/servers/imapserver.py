"""A real IMAP server for tests, Debian's Dovecot, on free ports and in a folder of its own; and servers in bad moods."""

import getpass
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
HAS_DOVECOT = DOVECOT is not None and Path("/usr/lib/dovecot/imap").exists()
USER, PASSWORD = "bounces@example.org", "p@ss:/wörd"
URL = "bounces%40example.org:p%40ss%3A%2Fw%C3%B6rd"

CONFIG = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = test-{plain}
listen = 127.0.0.1
mail_location = maildir:{folder}/mail
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
auth_mechanisms = plain login
auth_username_chars =
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {secret}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass
class ImapServer:
    folder: Path
    plain: int
    secret: int

    @property
    def url(self) -> str:
        return f"imap://{URL}@127.0.0.1:{self.plain}/INBOX"

    def address(self, scheme: str) -> str:
        """The mailbox's address with this scheme. The certificate is for `localhost`."""
        return f"{scheme}://{URL}@localhost:{self.secret if scheme == 'imaps' else self.plain}/INBOX"

    def empty(self) -> None:
        with self._signed_in() as imap:
            _kind, (number,) = imap.select("INBOX")
            if number != b"0":
                imap.store("1:*", "+FLAGS", r"(\Deleted)")
                imap.expunge()

    def deliver(self, *mails: bytes) -> None:
        with self._signed_in() as imap:
            for mail in mails:
                assert imap.append("INBOX", None, None, mail)[0] == "OK"  # type: ignore[arg-type]

    def flags(self) -> list[set[str]]:
        """The flags of each mail that is left, in order."""
        with self._signed_in() as imap:
            if imap.select("INBOX", readonly=True)[1] == [b"0"]:
                return []
            _kind, found = imap.fetch("1:*", "(FLAGS)")
            return [{str(flag, "ascii") for flag in imaplib.ParseFlags(one)} for one in found if isinstance(one, bytes)]

    @contextmanager
    def _signed_in(self) -> Iterator[imaplib.IMAP4]:
        imap = imaplib.IMAP4("127.0.0.1", self.plain, timeout=10)
        try:
            imap.authenticate("PLAIN", lambda _challenge: f"\0{USER}\0{PASSWORD}".encode())
            yield imap
        finally:
            imap.logout()


@contextmanager
def running() -> Iterator[ImapServer]:
    folder = Path(mkdtemp(prefix="mydesklive-imap-"))
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    found = pwd.getpwnam(user)
    server = ImapServer(folder, _free_port(), _free_port())
    _make_certificate(folder)
    group = subprocess.run(["id", "-gn", user], capture_output=True, text=True, check=True).stdout.strip()
    for name in ("mail", "run", "state"):
        (folder / name).mkdir()
        if os.geteuid() == 0:
            os.chown(folder / name, found.pw_uid, found.pw_gid)
    folder.chmod(0o755)
    config = folder / "dovecot.conf"
    filled = {"folder": folder, "user": user, "group": group, "password": PASSWORD}
    config.write_text(CONFIG.format(plain=server.plain, secret=server.secret, **filled))
    assert DOVECOT is not None
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(config)])
    try:
        _wait(server.plain, process, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_certificate(folder: Path) -> None:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            if connection.recv(100):
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "Dovecot did not start")
