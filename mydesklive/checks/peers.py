"""The servers that this installation speaks to: mail, the mailbox, SMS, the database and Redis.

What is said to another machine goes through TLS, unless the machine is one of PRIVATE_HOSTS. Addresses with passwords are
never repeated.
"""

import warnings
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any

import apprise
from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution
from redis.connection import parse_url

from accounts.mails.marks import LONGEST_NAME
from mydesklive.checks.places import CONFIGURATION, host_of, is_open_to_others, is_public, wrong

ENCRYPTED = {"require", "verify-ca", "verify-full"}  # values of PostgreSQL's sslmode
SOMEBODY = "6912345678"  # any number, to see whether the gateway's address can be read


@register(CONFIGURATION)
def check_mail(**kwargs: object) -> list[CheckMessage]:
    if not settings.EMAIL_URL:
        return [wrong(4, "EMAIL_URL is not set: no message would be sent.", "E.g. smtp+tls://user:password@host:587.")]
    if settings.EMAIL_URL.startswith("demo:") and not settings.MYDESK_DEMO:
        return [
            wrong(5, "EMAIL_URL=demo: keeps mail on a page of the demo.", "Name a mail server, or set MYDESK_DEMO=1.")
        ]
    is_encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    if settings.EMAIL_URL.startswith("smtp") and not is_encrypted and is_open_to_others(settings.EMAIL_HOST):
        what = (
            "EMAIL_URL is plain SMTP to another machine: names, addresses and sign-in codes could be read on the way."
        )
        to_do = (
            "Use smtp+tls:// (STARTTLS) or smtps://. If nobody else is on that network, add the host to PRIVATE_HOSTS."
        )
        return [wrong(18, what, to_do)]
    return _nowhere() if is_public() else []


@register(CONFIGURATION, deploy=True)
def check_mail_is_sent_when_deployed(**kwargs: object) -> list[CheckMessage]:
    return [] if is_public() or not settings.EMAIL_URL else _nowhere()


def _nowhere() -> list[CheckMessage]:
    if settings.EMAIL_URL.startswith(("smtp", "demo:")) or "EMAIL_URL" in settings.MALFORMED:
        return []
    kind = settings.EMAIL_URL.partition(":")[0]
    return [wrong(19, f"EMAIL_URL={kind}: sends no mail to anybody.", "E.g. smtp+tls://user:password@host:587.")]


@register(CONFIGURATION)
def check_sender(**kwargs: object) -> list[CheckMessage]:
    parts = _address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    if parts.username and parts.domain:
        return []
    to_do = "E.g. myDESKlive <no-reply@rantevou.example.org>."
    return [wrong(26, "DEFAULT_FROM_EMAIL has no e-mail address.", to_do)]


def _address(text: str) -> Address:
    """Returns the parts of the e-mail address. They are empty if it is none."""
    try:
        return Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return Address()


@register(CONFIGURATION)
def check_mailbox(**kwargs: object) -> list[CheckMessage]:
    """BOUNCE_URL that cannot be read at all is told by `malformed`."""
    found: list[CheckMessage] = []
    address = settings.BOUNCE_ADDRESS
    if settings.BOUNCE_URL.startswith("imap:") and is_open_to_others(host_of(settings.BOUNCE_URL)):
        what = "BOUNCE_URL is plain IMAP to another machine: its password and addresses could be read on the way."
        to_do = (
            "Use imaps:// or imap+tls:// (STARTTLS). If nobody else is on that network, add the host to PRIVATE_HOSTS."
        )
        found.append(wrong(32, what, to_do))
    if not address:
        return found
    if not settings.BOUNCE_URL:
        found.append(wrong(33, "BOUNCE_ADDRESS without BOUNCE_URL: nobody would read what arrives there.", "Set both."))
    parts = _address(address)
    if not (parts.domain and parts.username and "+" not in parts.username) or len(parts.username) > LONGEST_NAME:
        to_do = f"E.g. bounces@rantevou.example.org: at most {LONGEST_NAME} characters without + before the @."
        found.append(wrong(34, "BOUNCE_ADDRESS is no address to which a mark can be added.", to_do))
    return found


@register(CONFIGURATION)
def check_sms(**kwargs: object) -> list[CheckMessage]:
    if not settings.SMS_URL:
        return []
    if "{phone}" not in settings.SMS_URL:
        to_do = "E.g. jsons://gateway.example.org/sms?:to={phone}."
        return [wrong(9, "SMS_URL has no {phone} where the recipient's number belongs.", to_do)]
    gateway = _gateway(settings.SMS_URL.replace("{phone}", SOMEBODY))
    if gateway is None:
        return [wrong(27, "SMS_URL is no address that apprise can read.", "See https://github.com/caronc/apprise.")]
    has_choice = bool(getattr(gateway, "secure_protocol", None)) and bool(getattr(gateway, "protocol", None))
    if has_choice and not gateway.secure and is_open_to_others(gateway.host or ""):
        what = "SMS_URL is plain http to another machine: telephone numbers could be read on the way."
        return [wrong(22, what, "Use the form with TLS, e.g. jsons:// for json://, or add the host to PRIVATE_HOSTS.")]
    return []


def _gateway(url: str) -> Any:
    """Returns apprise's gateway, or None. Apprise loads all its plugins for it; some use modules that Python gives up."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return apprise.Apprise.instantiate(url)


@register(CONFIGURATION)
def check_database(**kwargs: object) -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    hosts = str(database["HOST"]).split(",")
    if database["OPTIONS"].get("sslmode") in ENCRYPTED or not any(map(is_open_to_others, hosts)):
        return []
    what = "DATABASE_URL is a connection without TLS to another machine: all data could be read on the way."
    to_do = "Add ?sslmode=verify-full. If nobody else is on that network, add the host to PRIVATE_HOSTS."
    return [wrong(6, what, to_do)]


@register(CONFIGURATION)
def check_redis(**kwargs: object) -> list[CheckMessage]:
    try:
        found = parse_url(settings.REDIS_URL)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        return [
            wrong(
                23,
                "REDIS_URL is no address of Redis.",
                "E.g. redis://localhost:6379/0 or rediss://:password@host:6379/0.",
            )
        ]
    if not is_open_to_others(str(found.get("host", ""))):
        return []
    missing = [
        what
        for what, is_there in (
            ("a password", found.get("password")),
            ("TLS", settings.REDIS_URL.startswith("rediss:")),
        )
        if not is_there
    ]
    if not missing:
        return []
    hint = "Use rediss://:password@host:6379/0, or add the host to PRIVATE_HOSTS if nobody else is on that network."
    text = f"REDIS_URL names another machine without {' and '.join(missing)}: others could read and start tasks."
    return [Caution(text, hint=hint, id="mydesklive.W005")]
