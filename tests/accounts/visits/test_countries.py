"""Tests of the country of a visitor, with files as their publishers make them."""

import os
from pathlib import Path

import pytest
from django.test import RequestFactory
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from pytest_django import Settings

from accounts.visits import countries
from accounts.visits.countries import country_of

NETWORKS = {
    "203.0.113.0/24": {"country": {"iso_code": "GR"}, "continent": {"code": "EU"}},
    "198.51.100.0/24": {"country": "DE", "continent": "EU"},
    "192.0.2.0/24": {"country": {"names": {"en": "Nowhere"}}},
    "100.64.0.0/16": {"country": "Greece"},
    "2001:db8:1::/48": {"country": {"iso_code": "CY"}},
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(countries, "_file", countries._File())
    monkeypatch.setattr(countries, "LOOK", 0.0)


def a_file(path: Path, networks: dict[str, dict] = NETWORKS) -> str:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Country")
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return str(path)


def country(address: str) -> str:
    return country_of(RequestFactory().get("/", REMOTE_ADDR=address))


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("203.0.113.7", "GR"),
        ("::ffff:203.0.113.7", "GR"),
        ("198.51.100.7", "DE"),
        ("2001:db8:1:2::3", "CY"),
        ("192.0.2.1", ""),
        ("100.64.0.1", ""),
        ("10.0.0.1", ""),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_country_is_that_of_the_address(tmp_path: Path, settings: Settings, address: str, code: str) -> None:
    settings.GEOIP_PATH = a_file(tmp_path / "countries.mmdb")
    assert country(address) == code


def test_without_a_file_nothing_is_known(settings: Settings) -> None:
    settings.GEOIP_PATH = ""
    assert country("203.0.113.7") == ""


def test_file_that_cannot_be_read_is_told_once(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "countries.mmdb"
    path.write_bytes(b"no such thing" * 100)
    settings.GEOIP_PATH = str(path)
    assert [country("203.0.113.7") for _ in range(3)] == [""] * 3
    assert caplog.text.count("cannot be read") == 1


def test_file_that_is_missing_is_found_when_it_comes(tmp_path: Path, settings: Settings) -> None:
    settings.GEOIP_PATH = str(tmp_path / "countries.mmdb")
    assert country("203.0.113.7") == ""
    a_file(tmp_path / "countries.mmdb")
    assert country("203.0.113.7") == "GR"


def test_new_file_takes_the_place_of_the_old_one(tmp_path: Path, settings: Settings) -> None:
    settings.GEOIP_PATH = a_file(tmp_path / "countries.mmdb")
    assert country("203.0.113.7") == "GR"
    a_file(tmp_path / "new.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "FR"}}})
    (tmp_path / "new.mmdb").replace(tmp_path / "countries.mmdb")
    assert country("203.0.113.7") == "FR"


def test_file_that_breaks_off_tells_nothing(tmp_path: Path, settings: Settings) -> None:
    whole = Path(a_file(tmp_path / "whole.mmdb")).read_bytes()
    (tmp_path / "half.mmdb").write_bytes(whole[:200] + whole[-200:])
    settings.GEOIP_PATH = str(tmp_path / "half.mmdb")
    assert country("203.0.113.7") in {"", "GR"}


def test_file_that_is_emptied_in_place_ends_nothing(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mapped file would: what is read behind its end is a signal to the process, not an error."""
    settings.GEOIP_PATH = a_file(tmp_path / "countries.mmdb")
    assert country("203.0.113.7") == "GR"
    monkeypatch.setattr(countries, "LOOK", 600.0)
    os.truncate(settings.GEOIP_PATH, 0)
    assert country("203.0.113.7") == "GR"
