"""Who counts as a visitor, and what figures know of one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import RequestFactory

from accounts.visits.visitors import CROWD, Visitor, visitor_of

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
PROGRAMS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1",
    "curl/8.9.1",
    "python-requests/2.32",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0 Safari/537.36",
    "",
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize("agent", PROGRAMS)
def test_programs_are_no_visitors(rf: RequestFactory, agent: str) -> None:
    assert visitor_of(rf.get("/", headers={"User-Agent": agent})) is None


def test_page_that_nobody_looks_at_has_no_visitor(rf: RequestFactory) -> None:
    assert visitor_of(rf.get("/", headers={"User-Agent": PHONE})) is not None
    assert visitor_of(rf.get("/", headers={"User-Agent": PHONE, "Sec-Purpose": "prefetch;prerender"})) is None
    assert visitor_of(rf.head("/", headers={"User-Agent": PHONE})) is None


def test_marks_change_each_day_and_hold_no_address() -> None:
    one, other = Visitor("192.0.2.7", "phone", "el"), Visitor("192.0.2.7", "computer", "el")
    assert one.mark(NOW) == one.mark(NOW + timedelta(hours=16))
    assert one.mark(NOW) != one.mark(NOW + timedelta(days=1))
    assert one.mark(NOW) != other.mark(NOW)
    assert one.network_mark(NOW) == other.network_mark(NOW)
    assert "192" not in one.mark(NOW) + one.network_mark(NOW)


def test_bit_of_a_network_is_always_the_same_and_one_of_few() -> None:
    bits = {Visitor(f"192.0.{number}.7", "phone", "el").network_bit for number in range(256)}
    for alike in (("192.0.2.7", "192.0.2.200"), ("2001:db8:1::", "2001:db8:1:ffff::"), ("unknown", "unknown")):
        assert len({Visitor(one, "tablet", "en").network_bit for one in alike}) == 1
    assert all(bit.bit_count() == 1 and bit < 1 << CROWD for bit in bits)
    assert len(bits) > CROWD / 2
