"""docker-compose.yml and Dockerfile: nobody gets more than they need, and nothing has a password that others know."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

BASE = Path(__file__).parent.parent.parent
TEXT = (BASE / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PINNED = re.compile(r"[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}")
SECRETS = re.compile(r"KEY|PASSWORD|SECRET|TOKEN|AUTH$")
VIDEO = {"JITSI_SECRET", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "BBB_SECRET"}
WEBEX = {"WEBEX_CLIENT_SECRET", "WEBEX_REFRESH_TOKEN", "WEBEX_TOKEN"}
OPTIONAL = {
    "TAXISNET_SECRET",
    "TAXISNET_STAFF_SECRET",
    "OIDC_SECRET",
    "SECRET_KEY_FALLBACKS",
    "DATA_KEY_FALLBACKS",
    "METRICS_TOKEN",
    "TURN_SECRET",
    "SMS_HOOK_SECRET",
    *VIDEO,
    *WEBEX,
}  # empty means none
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@every_service
def test_a_container_has_no_rights_and_writes_nowhere_but_in_memory(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices"} & service.keys() == set()
    assert service.get("image") == "mydesklive" or not service["user"].startswith("0")


def test_only_the_database_keeps_something() -> None:
    written = {
        name: [one for one in service.get("volumes", ()) if not one.endswith(":ro")]
        for name, service in SERVICES.items()
    }
    assert {name: volumes for name, volumes in written.items() if volumes} == {
        "postgres": ["database:/var/lib/postgresql/data"]
    }


def test_the_images_run_as_ordinary_users() -> None:
    users = re.findall(r"^USER (\S+)$", (BASE / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["turnserver", "mydesklive"]


@every_service
def test_ports_are_open_to_this_machine_alone(service: dict[str, Any]) -> None:
    """Unless the operator names another address for the relay, which is for everybody's browsers."""
    ports = [re.sub(r"^\$\{\w+:-([^}]+)\}", r"\1", str(port)) for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_database_and_redis_are_not_reached_from_outside() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert [SERVICES[name]["networks"] for name in ("postgres", "redis", "migrate")] == [["data"]] * 3


@every_service
def test_every_process_is_watched(service: dict[str, Any]) -> None:
    if service["restart"] != "no":
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert "max-size" in service["logging"]["options"]


def test_worker_and_beat_have_checks_of_their_own() -> None:
    tests = {name: SERVICES[name]["healthcheck"]["test"] for name in ("web", "worker", "beat")}
    assert [test[3:] for test in tests.values()] == [[], ["worker"], ["beat"]]


def test_no_secret_has_a_default() -> None:
    for name, default in re.findall(r"\$\{(\w+):?-([^}]*)\}", TEXT):
        assert not SECRETS.search(name) or (name in OPTIONAL and not default), name
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRETS.search(name) and name not in OPTIONAL:
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
            assert not re.search(r"://[^/@$]*:[^/@$]+@", str(value)), name


def test_images_are_named_by_their_content() -> None:
    used = [service["image"] for service in SERVICES.values() if "build" not in service]
    used += re.findall(r"^FROM (\S+)", (BASE / "Dockerfile").read_text(), re.MULTILINE)
    assert len(used) == 6
    assert [image for image in used if not PINNED.fullmatch(image)] == []


def test_the_product_does_not_work_with_the_role_that_owns_the_tables() -> None:
    for name, service in SERVICES.items():
        if service.get("image") == "mydesklive":
            role = re.match(r"postgresql://(\w+):", service["environment"]["DATABASE_URL"])
            assert role
            assert role[1] == ("mydesklive_owner" if name == "migrate" else "mydesklive")
            assert name == "migrate" or "OWNER" not in str(service["environment"])


def test_plain_connections_are_those_of_its_own_network() -> None:
    hosts = {"postgres", "redis", "mail"}
    assert SERVICES["web"]["environment"]["PRIVATE_HOSTS"] == "${PRIVATE_HOSTS:-postgres,redis,mail}"
    assert hosts <= SERVICES.keys()


def filled(value: object) -> str:
    """The value as Compose fills it: what has no default is set, and the inner ones are filled first."""
    text = re.sub(r"\$\{\w+:\?[^}]+\}", lambda _found: secrets.token_urlsafe(48), str(value))
    while "${" in text:
        text = re.sub(r"\$\{\w+:?-([^${}]*)\}", r"\1", text)
    return text


def test_its_configuration_is_right() -> None:
    environment = {name: filled(value) for name, value in SERVICES["web"]["environment"].items()}
    given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "ERROR"]
    checked = subprocess.run(command, cwd=BASE, env=given | environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "mydesklive." not in checked.stderr
