"""Gives every test run its own PostgreSQL and Redis, unless DATABASE_URL or REDIS_URL name others.

It is loaded by name (`-p tests.plugin`), because the settings read the environment before any conftest.py is loaded.
"""

import gc
import os
from collections.abc import Generator
from contextlib import ExitStack

import pytest
from django.conf import settings

from mydesklive.local import places, postgres, redis
from tests import leaks

# The settings of a test run. They replace those of the shell.
ENVIRONMENT = {
    "SECRET_KEY": "a key for tests: long enough and known to everybody",
    "DATA_KEY": "another key for tests, which keeps what tests write",
    "SITE_URL": "http://localhost:8000",
    "ALLOWED_HOSTS": "",
    "TRUSTED_PROXIES": "0",
    "EMAIL_URL": "memorymail:",
    "SMS_URL": "",
    "BOUNCE_URL": "",
    "BOUNCE_ADDRESS": "",
    "SMS_HOOK_SECRET": "",
    "JITSI_URL": "",
    "TURN_URLS": "",
    "TURN_SECRET": "",
    "TURN_ONLY": "0",
    "LIVEKIT_URL": "",
    "BBB_URL": "",
    "WEBEX_TOKEN": "",
    "WEBEX_REFRESH_TOKEN": "",
    "GEOIP_PATH": "",
    "PUBLISHER_NAME_EL": "",
    "PUBLISHER_NAME_EN": "",
    "PUBLISHER_EMAIL": "",
    "SECURITY_CONTACT": "",
    "MYDESK_DEMO": "0",
    "STAFF_IDLE_MINUTES": "720",  # tests move the clock by hours
    "DEBUG": "0",
    "STATIC_MANIFEST": "0",
    "LOG_LEVEL": "WARNING",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",  # Playwright's synchronous API runs inside an event loop
}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Starts the servers before pytest-django reads the settings. Workers of pytest-xdist use those of their parent."""
    services = ExitStack()
    early_config.add_cleanup(services.close)
    os.environ |= ENVIRONMENT
    if not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        _start_services(services)
    elif worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _take_own_redis_database(int(worker.removeprefix("gw")))
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    leaks.listen()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; tests have no real passwords
    settings.SECOND_FACTOR_REQUIRED = False  # officers of tests have none, unless a test is about it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fails a test that has logged what somebody has typed, whatever the test is about."""
    leaks.taken()
    result = yield
    if found := leaks.taken():
        pytest.fail("The log tells of somebody:\n" + "\n".join(found[:5]), pytrace=False)
    return result


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes minutes, so that nobody waits for it alone in the end."""
    items.sort(key=lambda item: item.get_closest_marker("minutes") is None)


def pytest_collection_finish() -> None:
    """Looks for garbage more seldom, and not among what is there for the whole run: modules, settings and tests.

    The collector would go through these million objects again and again, for a tenth of the time of all tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """Returns one worker more than there are cores, because each waits a third of its time for something else."""
    return len(os.sched_getaffinity(0)) + 1


def _start_services(services: ExitStack) -> None:
    place = services.enter_context(places.throw_away("test"))
    os.environ |= place.mark
    for name, service in {"DATABASE_URL": postgres, "REDIS_URL": redis}.items():
        if name not in os.environ:
            os.environ[name] = services.enter_context(service.running(place, throw_away=True))
            services.callback(os.environ.pop, name)


def _take_own_redis_database(number: int) -> None:
    """Gives each worker its own database of Redis, so that caches and queues stay separate."""
    if "mydesklive-test-" in os.environ["REDIS_URL"]:
        os.environ["REDIS_URL"] += f"?db={number + 1}"
