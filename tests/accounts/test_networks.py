"""From which network a request comes: what one subscriber can change at will must not make new ones."""

import logging

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.limits import networks
from accounts.limits.networks import network_of


@pytest.fixture(autouse=True)
def _new_process() -> None:
    networks._warn_of_proxy.cache_clear()


def network(address: str, **headers: str) -> str:
    return network_of(RequestFactory().get("/", REMOTE_ADDR=address, **headers))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:0:8000::", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2002:c000:201::1", "2002:c000:201:7::1", True),  # 6to4 of one IPv4 address
        ("2002:c000:201::1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
    ],
)
def test_same_subscriber_is_one_network(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


def test_header_that_anybody_can_send_is_not_believed_and_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        seen = {network("192.0.2.1", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}") for number in range(3)}
    assert seen == {"192.0.2.1"}
    assert [record.message for record in caplog.records if "TRUSTED_PROXIES" in record.message] == [
        "X-Forwarded-For arrives, but TRUSTED_PROXIES is 0: limits count the proxy's address for everybody"
    ]


def test_own_proxy_is_believed(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    given = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7"}
    assert network("10.0.0.1", **given) == "198.51.100.7"
    assert not caplog.records
