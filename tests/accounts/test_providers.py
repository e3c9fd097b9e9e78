import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.typed.providers import PROVIDERS, meant


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("maria@gmail.con", "maria@gmail.com"),
        ("Maria.P@Gmail.Con", "Maria.P@gmail.com"),
        ("maria@gmail.co", "maria@gmail.com"),
        ("maria@gmail.gr", "maria@gmail.com"),
        ("maria@gmai.com", "maria@gmail.com"),
        ("maria@gmial.com", "maria@gmail.com"),
        ("maria@gnail.com", "maria@gmail.com"),
        ("maria@gmail.cm", "maria@gmail.com"),
        ("maria@yaho.gr", "maria@yahoo.gr"),
        ("maria@yahooo.com", "maria@yahoo.com"),
        ("maria@hotmial.com", "maria@hotmail.com"),
        ("maria@hotmail.co", "maria@hotmail.com"),
        ("maria@outlok.com", "maria@outlook.com"),
        ("maria@otenet.con", "maria@otenet.gr"),
        ("maria@otent.gr", "maria@otenet.gr"),
        ("maria@iclud.com", "maria@icloud.com"),
        ("maria@firm.con", "maria@firm.com"),
    ],
)
def test_a_typing_error_is_seen(typed: str, expected: str) -> None:
    assert meant(typed) == expected


@pytest.mark.parametrize(
    "domain",
    [
        *(
            "gmail.com",
            "GMAIL.COM",
            "mail.com",
            "ymail.com",
            "hotmail.be",
            "hotmail.de",
            "yahoo.co.jp",
            "outlook.com.br",
        ),
        *(
            "live.nl",
            "in.gr",
            "hol.gr",
            "sch.gr",
            "me.com",
            "aade.gr",
            "uoc.gr",
            "example.org",
            "example.com",
            "ntua.gr",
        ),
        *("chania.gr", "otoe.gr", "mail.gr", "web.de", "gov.gr", "kep.gov.gr", "proton.me", "gmx.at"),
    ],
)
def test_other_addresses_are_left_alone(domain: str) -> None:
    assert meant(f"maria@{domain}") == ""


@given(st.sampled_from(PROVIDERS), st.data())
def test_two_exchanged_letters_never_pass_for_a_long_name(provider: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(provider.partition(".")[0]) - 2))
    typed = provider[:place] + provider[place + 1] + provider[place] + provider[place + 2 :]
    if typed != provider and len(provider) > 9:
        assert meant(f"maria@{typed}")
        assert meant(meant(f"maria@{typed}")) == ""


@given(st.sampled_from(PROVIDERS))
def test_a_common_provider_is_right(provider: str) -> None:
    assert meant(f"maria@{provider}") == ""
