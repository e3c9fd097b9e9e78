"""The folders of a local stack for data and sockets, and the system user for PostgreSQL."""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mydesklive.local.children import MARK, carries_mark, end_leftovers

SYSTEM_USER = "mydesklive"
IN_USE = "in-use"  # locked while a run uses the folder
# The path of a unix socket has at most 107 bytes; PostgreSQL adds "/.s.PGSQL.5432.lock" to the folder's.
MAX_SOCKET_FOLDER = 85
PLAIN_PATH = re.compile(r"[\w./-]+", re.ASCII)


class LocalStackError(Exception):
    """The local stack can't start. The message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """The folders of one local stack. `owner` is None if PostgreSQL runs as the current user."""

    local: Path
    data: Path
    sockets: Path
    owner: pwd.struct_passwd | None

    @property
    def moved(self) -> bool:
        """Returns whether the data had to go to another folder than the requested one."""
        return self.data != self.local

    @property
    def mark(self) -> dict[str, str]:
        """Returns what the processes of the stack have in their environment."""
        return {MARK: str(self.local)}

    def remove(self) -> None:
        for folder in {self.local, self.data, self.sockets}:
            shutil.rmtree(folder, ignore_errors=True)


def prepare(local: Path) -> Place:
    """Makes the folders. Raises LocalStackError if that is not possible."""
    local = local.resolve()
    local.mkdir(parents=True, exist_ok=True)
    owner = _owner(local) if os.geteuid() == 0 else None
    data = local
    if owner and not reachable(local, owner):
        data = Path("/var/lib/mydesklive") / _mark(local)
        data.mkdir(parents=True, exist_ok=True)
    elif not owner and (keeper := _keeper(local)) and keeper.pw_uid != os.geteuid():
        raise LocalStackError(
            f"The database in {local} belongs to the user {keeper.pw_name}: it was made by an earlier run as root. "
            "Run as root again, remove it, or set LOCAL to another folder."
        )
    return Place(local=local, data=data, sockets=_sockets(data, owner), owner=owner)


@contextmanager
def throw_away(purpose: str) -> Iterator[Place]:
    """Makes the folders of a stack that are removed afterwards. Removes those of killed runs first."""
    for folder in Path(tempfile.gettempdir()).glob(f"mydesklive-{purpose}-*"):
        _remove_unused(folder)
    folder = Path(tempfile.mkdtemp(prefix=f"mydesklive-{purpose}-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user, who has to enter the folder
    with (folder / "new").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Path(lock.name).rename(folder / IN_USE)  # nobody sees it unlocked
        place = prepare(folder)
        try:
            yield place
        finally:
            place.remove()


def _remove_unused(folder: Path) -> None:
    with suppress(OSError, LocalStackError), (folder / IN_USE).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end_stack(folder.resolve())
        prepare(folder).remove()


def end_stack(local: Path) -> None:
    """Ends all processes of a stack whose run was killed."""
    ours = carries_mark(local)
    end_leftovers(lambda process: ours(process) and process.name() != "postgres", signal.SIGTERM, timeout=10)
    end_leftovers(ours, signal.SIGINT)  # PostgreSQL takes SIGTERM for: when the last client has gone


def reachable(folder: Path, user: pwd.struct_passwd) -> bool:
    """Returns whether the user may enter the folder and all folders above it."""
    states = [path.stat() for path in (folder, *folder.parents)]
    return all(state.st_mode & 0o001 or state.st_uid == user.pw_uid for state in states)


def give(folder: Path, owner: pwd.struct_passwd | None) -> Path:
    """Makes the folder private, gives it to the owner, and returns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


def _sockets(data: Path, owner: pwd.struct_passwd | None) -> Path:
    folder = data / "run"
    if len(os.fsencode(folder)) > MAX_SOCKET_FOLDER or not PLAIN_PATH.fullmatch(str(folder)):
        folder = Path(tempfile.gettempdir()) / f"mydesklive-{os.geteuid()}-{_mark(data)}"
    give(folder, owner)
    if folder.stat().st_uid != (owner.pw_uid if owner else os.geteuid()):
        raise LocalStackError(f"{folder} belongs to somebody else; remove it or set LOCAL to another folder.")
    return folder


def _mark(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]


def _owner(local: Path) -> pwd.struct_passwd:
    """Returns an ordinary user for PostgreSQL, which refuses to run as root."""
    if (keeper := _keeper(local)) and keeper.pw_uid:
        return keeper
    if not _known(SYSTEM_USER) and shutil.which("useradd"):
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=False, capture_output=True)
    for name in (SYSTEM_USER, "nobody"):
        if user := _known(name):
            return user
    raise LocalStackError(
        "PostgreSQL does not run as root, and there is no other user to run it as. "
        f"Run as an ordinary user, add the user {SYSTEM_USER}, or set DATABASE_URL."
    )


def _keeper(local: Path) -> pwd.struct_passwd | None:
    """Returns the owner of the data of an earlier run, if there is any."""
    try:
        return pwd.getpwuid((local / "postgres").stat().st_uid)
    except (OSError, KeyError):
        return None


def _known(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
