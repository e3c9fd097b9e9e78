"""What an agency may not save: what a citizen would be misled by, or would miss."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from appointments.messages.texts.checking import LONGEST, STATE, check
from appointments.messages.texts.kinds import EVERY_KEY, Key, Kind, Medium, needed
from appointments.messages.texts.starting import draft

MAIL = Key(Kind.CONFIRMATION, Medium.EMAIL, "el")
SMS = Key(Kind.CONFIRMATION, Medium.SMS, "el")
GOOD = "Στις {when}, {reference}. {link}"


def problems(key: Key, subject: str, body: str) -> dict[str, list[str]]:
    try:
        with translation.override("en"):
            check(key, subject, body)
    except ValidationError as error:
        return error.message_dict
    return {}


@pytest.mark.parametrize("key", EVERY_KEY, ids=str)
def test_draft_of_every_text_may_be_saved(key: Key) -> None:
    assert problems(key, *draft(key)) == {}


@pytest.mark.parametrize("key", EVERY_KEY, ids=str)
def test_text_without_what_it_is_sent_for_is_refused(key: Key) -> None:
    subject, body = draft(key)
    for name in needed(key):
        assert problems(key, subject, body.replace(f"{{{name}}}", "")) == {"body": [f"The text needs {{{name}}}."]}


@pytest.mark.parametrize(
    "more",
    [
        *("{nonsense}", "{when.__class__}", "{0}", "{}", "{when!r}", "{when:>99}", "{ when }", "{ΠΟΤΕ}", "{offer}"),
        *("{", "}", "{{when}}", "{% now %}"),
        *(
            "https://evil.example",
            "http://evil.example/a",
            "HTTPS://EVIL.EXAMPLE",
            "//evil.example/x",
            "www.evil.example",
        ),
        *(
            "evil.example",
            "δείτε:evil.com/x",
            "(evil.gr)",
            "ραντεβού.ελ",
            "xn--e1afmkfd.xn--p1ai",
            "evil。com",
            "evil．com",
        ),
        *(
            "https://gov.gr@evil.example",
            "https://gov.gr\\@evil.example",
            "https://evil.example#gov.gr",
            "ftp://gov.gr/x",
        ),
        *(
            "https://gov.gr.evil.example",
            "https://notgov.gr",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://gov.gr",
        ),
        *("https://{branch}.example", "https://{branch}", "Φέρτε {documents} μαζί", "- {documents}"),
        "α" * LONGEST,
    ],
)
def test_text_that_misleads_or_cannot_be_said_is_refused(more: str) -> None:
    assert problems(MAIL, "Ραντεβού", f"{GOOD}\n{more}").keys() == {"body"}


@pytest.mark.parametrize(
    "more",
    [
        *(
            "https://www.gov.gr/ipiresies/?a=1&b=2",
            f"https://{STATE}",
            "www.gov.gr",
            "gov.gr/x.",
            "(http://localhost:8000/help/)",
        ),
        *(
            "kep@chania.gr",
            "π.μ.",
            "κ.λπ.",
            "10.30",
            "τέλος.Επόμενο",
            "{documents}",
            "**έντονα**",
            "1) α: β",
            "€ 10,00",
        ),
        "https://www.gov.gr/{reference}",
    ],
)
def test_text_of_every_day_may_be_saved(more: str) -> None:
    assert problems(MAIL, "Ραντεβού", f"{GOOD}\n{more}") == {}


@pytest.mark.parametrize("subject", ["", "  ", "{reference}", "{name}", "{documents}", "{link}", "evil.example", "{"])
def test_subject_tells_no_stranger_and_leads_nowhere(subject: str) -> None:
    assert problems(MAIL, subject, GOOD).keys() == {"subject"}


def test_subject_tells_when_where_and_what_for() -> None:
    assert problems(MAIL, "{service}: {when}, {branch}, {agency}", GOOD) == {}


@pytest.mark.parametrize("name", ["link", "name", "documents", "directions", "until"])
def test_sms_has_no_link_and_no_name(name: str) -> None:
    assert problems(SMS, "", f"{{when}} {{reference}} {{{name}}}").keys() == {"body"}
    assert problems(SMS, "", "{when} {reference} {how}") == {}
