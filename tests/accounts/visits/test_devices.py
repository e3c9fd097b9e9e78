"""Tests of what kind of device a browser says it is on."""

from time import process_time

import pytest
from django.test import RequestFactory

from accounts.visits.devices import Device, device_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"


def device(name: str) -> Device | None:
    return device_of(RequestFactory().get("/", headers={"User-Agent": name}))


@pytest.mark.parametrize(
    "name",
    [
        f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 9; CUBOT) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Android 14; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0]",
    ],
)
def test_phone(name: str) -> None:
    assert device(name) == Device.PHONE


@pytest.mark.parametrize(
    "name",
    [
        f"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 13; SM-X906B) {WEBKIT} Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Android 14; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0",
        f"Mozilla/5.0 (Linux; Android 9; KFTRWI) {WEBKIT} Silk/120.3 like Chrome/120.0.0.0 Safari/537.36",
    ],
)
def test_tablet(name: str) -> None:
    assert device(name) == Device.TABLET


@pytest.mark.parametrize(
    "name",
    [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15",
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
    ],
)
def test_computer(name: str) -> None:
    assert device(name) == Device.COMPUTER


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {WEBKIT} Chrome/142.0 Mobile Safari/537.36 (compatible; GPTBot/1.2)",
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36",
        f"Mozilla/5.0 {WEBKIT}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh) AppleWebKit/600.2.5 Safari/600.2.5 (Applebot/0.1)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; ...)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "python-requests/2.32.3",
        "curl/8.5.0",
        "Go-http-client/2.0",
        "WhatsApp/2.23.20.0",
    ],
)
def test_program_is_nobody(name: str) -> None:
    assert device(name) is None


def test_long_name_takes_no_time() -> None:
    begin = process_time()
    for name in ("Mozilla/5.0 " + "Android " * 100_000, "Mozilla/5.0 " + "Silk/" * 100_000):
        device(name)
    assert process_time() - begin < 0.5
