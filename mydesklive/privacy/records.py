"""The record of processing (GDPR, article 30) and the template of an impact assessment (article 35), as Markdown.

What is the same everywhere is written here, and what differs comes from the configuration: agencies, how long each keeps
data, and who else takes part. Both are drafts for the controller, who answers for them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation

from agencies.models import Agency
from mydesklive.privacy.processors import Processor


@dataclass(frozen=True)
class Kind:
    """One kind of data: in words, the columns that hold it, why it is needed, and until when it is kept."""

    what: str
    fields: tuple[str, ...]
    why: str
    until: str


PERIOD = "the agency's period after the appointment"
KINDS = [
    Kind("Full name, also on a ticket", ("name",), "to call the right person and to find the file", PERIOD),
    Kind("E-mail address, and whether mails return", ("email", "returned_from"), "confirmations and reminders", PERIOD),
    Kind("Telephone", ("phone",), "SMS, and appointments by telephone", PERIOD),
    Kind(
        "Tax number, encrypted", ("tax_number_encrypted",), "services that need it; at most so many at a time", PERIOD
    ),
    Kind(
        "Keyed hashes of the person and the request",
        ("person_key", "limit_place", "idempotency_key", "request_digest"),
        "the limit of open appointments, and that a repeated click books once",
        PERIOD,
    ),
    Kind("The citizen's account", ("citizen",), "“My appointments”", "until the citizen deletes it"),
    Kind(
        "For whom somebody else books: name, contact, capacity, consent", (), "to serve and to tell that person", PERIOD
    ),
    Kind("What was declared when booking, with its version", (), "services that ask for it", PERIOD),
    Kind("Time zone", ("timezone",), "so that no reminder comes at night", PERIOD),
    Kind(
        "What the citizen and the officer write",
        ("notes", "cancel_reason", "internal_note", "citizen_note", "park_reason"),
        "to prepare and to finish the case",
        PERIOD,
    ),
    Kind("The index of the officers' search", ("search",), "to find somebody who calls", PERIOD),
    Kind("Who of the agency has looked at the record", (), "so that the citizen can see it", PERIOD),
    Kind("Steps of the history, without names", (), "to tell what happened, and to take a step back", "folded then"),
    Kind("A draft of the details", (), "to come back to what was typed", "ten minutes after the held time"),
    Kind("Who is in a video call", (), "to let people in", "an hour after the room has closed"),
    Kind("Keyed hashes of sessions and networks", (), "so that nobody takes all times", "a day"),
    Kind("Sign-in codes, encrypted", (), "to sign in", "until they are sent; the row a day"),
]
# What could go wrong, what is done against it, and what the controller says of what is left.
RISKS = [
    (
        "an officer looks at records without a reason",
        "every look is written down for ever and shown to the citizen",
        "*who reads the list of looks, and how often?*",
    ),
    (
        "somebody opens the link of somebody else",
        "keys in links are signed, leave the address at once, and end 30 days after the appointment",
        "*low / middle / high*",
    ),
    (
        "a backup is lost",
        "tax numbers are encrypted, and the key is kept elsewhere",
        "*where are backups, and who has them?*",
    ),
    ("the log tells of people", "the log has numbers of rows only; the tests scan it", "*low*"),
    (
        "a shared computer tells the next person",
        "drafts end with the held time, cookies with the browser, and a button forgets all",
        "*low*",
    ),
    (
        "a service of others fails or leaks",
        "it gets what it needs for its work, and nothing else",
        "*contract of each processor above*",
    ),
    ("data is kept too long", "each agency's period, every night", "*is the period above right?*"),
    (
        "one agency sees the citizens of another",
        "rows outside of one's branch do not exist for an officer; tests walk all pages",
        "*low*",
    ),
]
DOCUMENTS = ("processing.md", "impact.md")
NOTE = "<!-- Written by `manage.py privacy_records` from the configuration. Run it in your installation. -->"


def described() -> set[str]:
    return {name for kind in KINDS for name in kind.fields}


def documents(agencies: Iterable[Agency], processors: Sequence[Processor]) -> dict[str, str]:
    """Return the documents by the names of their files, in English."""
    with translation.override("en"):
        parts = {
            "agencies": _agencies(agencies),
            "processors": _processors(processors),
            "kinds": _kinds(),
            "risks": _risks(),
        }
        parts |= {"name": settings.PUBLISHER_NAME_EN, "mail": settings.PUBLISHER_EMAIL or "(set `PUBLISHER_EMAIL`)"}
        texts = {"processing.md": PROCESSING, "impact.md": IMPACT}
        return {name: f"{NOTE}\n\n{texts[name].format(**parts)}" for name in DOCUMENTS}


def _table(*rows: Sequence[object]) -> str:
    head, *others = (f"| {' | '.join(map(str, row))} |" for row in rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *others])


def _agencies(agencies: Iterable[Agency]) -> str:
    rows: list[tuple[object, object]] = [(one.name, one.retention_days) for one in agencies] or [
        ("each agency", "its own; 180 unless it says otherwise")
    ]
    return _table(("controller", "days after the appointment"), *rows)


def _processors(processors: Sequence[Processor]) -> str:
    if not processors:
        return "None: no server of others is configured."
    return _table(("service", "host", "it learns"), *((one.what, one.host, one.learns) for one in processors))


def _risks() -> str:
    return _table(("risk", "what is done", "what is left"), *RISKS)


def _kinds() -> str:
    return _table(("data", "for what", "until"), *((one.what, one.why, one.until) for one in KINDS))


PROCESSING = """# Record of processing

For article 30 of the General Data Protection Regulation. The controller of an appointment is the agency with which it is
booked. {name} runs the platform for the agencies, as their processor. Contact: {mail}.

## Purpose

Appointments with public services, at the counter, by video call and by telephone: booking, reminding, serving, and figures
that name nobody. Legal basis: a task in the public interest (article 6, paragraph 1, point e).

## Controllers, and how long each keeps data

{agencies}

## Whose data, and which

Citizens who book, or for whom somebody books; visitors of a branch; officers, in what they do.

{kinds}

No special categories of data are asked for. What citizens write in free text may contain some.

## Recipients

Officers of the agency and branch that the citizen chose. Operators of the platform, and those who read figures, see nobody's
name. Every look of an officer or of an agency's system at a record is written down, and the citizen reads it.

## Processors

{processors}

Data leaves the European Economic Area only if a host above stands outside of it. Look at each, and note it here.

## Measures

Encryption of tax numbers with keys that are changed while everything runs; keyed hashes for counting; roles that are asked at
every page; a history that the database refuses to change; erasure every night; logs without personal data; TLS
to everything outside of the machine; limits against guessing. See [architecture](architecture.md) and
[operations](operations.md).
"""
IMPACT = """# Data protection impact assessment (template)

For article 35 of the General Data Protection Regulation. The text in *italics* is for the controller to answer. Contact of
the platform: {name}, {mail}.

## What is done

Citizens book appointments with public services. Systematic, and on a large scale; no profiles, no decisions by machines.

{kinds}

{agencies}

## Who takes part

{processors}

## Is it needed, and is it little enough?

An appointment needs a name and a way to reach the person. A tax number is asked for only where the service needs it. Nobody
needs an account. *Which of your services ask for a tax number, and why?*

## What could go wrong

{risks}

## Rights

Citizens see, download and erase their data by themselves, also without an account, by the link of the appointment. Correction
and objection: *name and address of the data protection officer*.

## Result

*Advice of the data protection officer, date, signature, and when it is looked at again.*
"""
