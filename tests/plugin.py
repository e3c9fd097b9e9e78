"""Gives every test run a PostgreSQL and a Redis of its own, unless DATABASE_URL or REDIS_URL name others.

Loaded by name (`-p tests.plugin`), because settings read the environment before any conftest.py is.
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings

from mydesklive.local import places, postgres, redis

# What the settings of a test run are, whatever the shell it was started from says.
ENVIRONMENT = {
    "SECRET_KEY": "a key for tests: long enough and known to everybody",
    "SITE_URL": "http://localhost:8000",
    "EMAIL_URL": "memorymail:",
    "SMS_URL": "",
    "JITSI_URL": "",
    "MYDESK_DEMO": "0",
    "DEBUG": "0",
    "STATIC_MANIFEST": "0",
    "LOG_LEVEL": "WARNING",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",  # Playwright's synchronous API runs inside an event loop
}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Before pytest-django reads the settings. Workers of pytest-xdist inherit what their parent started."""
    services = ExitStack()
    early_config.add_cleanup(services.close)
    os.environ |= ENVIRONMENT
    if not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        _start_services(services)
    elif worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _take_own_redis_database(int(worker.removeprefix("gw")))
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; protects nobody here


def _start_services(services: ExitStack) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mydesklive-test-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user, who passes through
    place = places.prepare(folder)
    services.callback(place.remove)
    for name, service in {"DATABASE_URL": postgres, "REDIS_URL": redis}.items():
        if name not in os.environ:
            os.environ[name] = services.enter_context(service.running(place, throw_away=True))
            services.callback(os.environ.pop, name)


def _take_own_redis_database(number: int) -> None:
    """Each worker clears its cache and reads its queue without touching the others'."""
    if "mydesklive-test-" in os.environ["REDIS_URL"]:
        os.environ["REDIS_URL"] += f"?db={number + 1}"
