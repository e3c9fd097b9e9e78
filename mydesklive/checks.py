"""System checks: they report wrong configuration before the first page is served."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.db import connections
from django.utils import timezone

from agencies.wallclock import ZONE_DATA, is_old
from mydesklive.postgresql.pooler import bears_preparing

MIN_JITSI_SECRET = 32  # bytes; shorter HS256 keys can be guessed


@register()
def check_secret_key(**kwargs: object) -> list[CheckMessage]:
    if settings.MYDESK_DEMO or not settings.SECRET_KEY.startswith("insecure:"):
        return []
    return [Error("SECRET_KEY is not set.", hint="Set it to 50 or more random characters.", id="mydesklive.E001")]


@register()
def check_site_url(**kwargs: object) -> list[CheckMessage]:
    site = urlsplit(settings.SITE_URL)
    if site.scheme not in {"http", "https"} or not site.hostname:
        hint = "Give the whole address, e.g. https://rantevou.example.org."
        return [Error(f"SITE_URL {settings.SITE_URL!r} is not an address.", hint=hint, id="mydesklive.E002")]
    if site.scheme == "http" and not _is_local(site.hostname):
        return [Error("SITE_URL is http: people would send their data in the clear.", id="mydesklive.E003")]
    return []


@register()
def check_demo_stays_local(**kwargs: object) -> list[CheckMessage]:
    if not settings.MYDESK_DEMO or _is_local(urlsplit(settings.SITE_URL).hostname or "localhost"):
        return []
    hint = "Anybody can sign in with the password of the demo."
    return [Caution("MYDESK_DEMO is on and SITE_URL is not this machine.", hint=hint, id="mydesklive.W001")]


@register()
def check_email(**kwargs: object) -> list[CheckMessage]:
    if not settings.EMAIL_URL:
        hint = "E.g. smtp+tls://user:password@mail.example.org:587."
        return [Error("EMAIL_URL is not set: no message would be sent.", hint=hint, id="mydesklive.E004")]
    if settings.EMAIL_URL.startswith("demo:") and not settings.MYDESK_DEMO:
        return [
            Error("EMAIL_URL=demo: keeps mail on a page of the demo; it needs MYDESK_DEMO=1.", id="mydesklive.E005")
        ]
    return []


@register()
def check_sms(**kwargs: object) -> list[CheckMessage]:
    if not settings.SMS_URL or "{phone}" in settings.SMS_URL:
        return []
    hint = "E.g. json://gateway.example.org/sms?:to={phone}."
    return [Error("SMS_URL has no {phone} where the recipient's number belongs.", hint=hint, id="mydesklive.E009")]


@register()
def check_database(**kwargs: object) -> list[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        return []
    return [Error("DATABASE_URL must name a PostgreSQL database.", id="mydesklive.E006")]


@register()
def check_jitsi(**kwargs: object) -> list[CheckMessage]:
    if not settings.JITSI_URL:
        return []
    if not settings.JITSI_URL.startswith("https://"):
        return [Error("JITSI_URL must be https: browsers give no camera otherwise.", id="mydesklive.E007")]
    if not settings.JITSI_APP_ID or len(settings.JITSI_SECRET.encode()) < MIN_JITSI_SECRET:
        text = f"JITSI_URL needs JITSI_APP_ID and a JITSI_SECRET of {MIN_JITSI_SECRET} bytes or more."
        return [Error(text, id="mydesklive.E008")]
    return []


@register()
def check_zone_data(**kwargs: object) -> list[CheckMessage]:
    if not is_old(ZONE_DATA, timezone.localdate()):
        return []
    hint = "Install a newer release of the package tzdata, and publish all branches."
    return [Caution(f"The time zone data ({ZONE_DATA}) is old.", hint=hint, id="mydesklive.W002")]


@register()
def check_preparing(**kwargs: object) -> list[CheckMessage]:
    if settings.DATABASE_PREPARE in {"on", "off", "auto"}:
        return []
    return [Error(f"DATABASE_PREPARE is {settings.DATABASE_PREPARE!r}: on, off or auto.", id="mydesklive.E020")]


@register(Tags.database)
def check_pooler(databases: Iterable[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Says what a connection pooler in front of the database does to prepared statements. `migrate` runs this too."""
    if settings.DATABASE_PREPARE == "off" or "default" not in (databases or ()):
        return []
    try:
        bears = bears_preparing(connections["default"].get_connection_params())
    except psycopg.OperationalError:
        return []  # whoever asked learns at once that the database is away
    if bears is None:
        return []
    if settings.DATABASE_PREPARE == "on" and not bears:
        hint = "Set DATABASE_PREPARE=off. PgBouncer from 1.21 on bears them with max_prepared_statements."
        return [Error("The connection pooler loses prepared statements.", hint=hint, id="mydesklive.E021")]
    if settings.DATABASE_PREPARE == "on":
        return []
    hint = "Set DATABASE_PREPARE=" + ("on: this pooler bears them." if bears else "off: this pooler loses them.")
    text = "A connection pooler is in front of the database, so statements are not prepared."
    return [Caution(text, hint=hint, id="mydesklive.W020")]


def _is_local(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
